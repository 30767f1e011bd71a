"""Who is there: organisations with their API keys, their connections and their policies.

Read on every webhook, so answers are kept for two seconds in the process. A change is seen at once
where it was made, and everywhere else within those two seconds.
"""

from __future__ import annotations

import hmac
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pymongo import ReturnDocument

from connectors.protocol import Connection
from streams.database import Database, Document
from streams.fresh import Fresh
from streams.integrations import (
    MONGODB,
    DirectoryError,
    Integration,
    Invalid,
    NotFound,
    Stale,
    Taken,
    check_field,
    check_replica,
    hint_of,
    shown,
    shown_environment,
)
from streams.keyring import Keyring, KeyringError
from streams.organizations import FRESH_S, Organizations, digest
from streams.platforms import PlatformEnvironment

DEFAULT_ORGANIZATION = "default"


class Directory(Organizations):
    """Organisations, connections and policies in MongoDB. Errors: DirectoryError, KeyringError, and
    PyMongo's own when the database is away."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        environment: PlatformEnvironment | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(database, clock)
        self._integrations = database["ss_integrations"]
        self._capabilities = database["ss_capabilities"]
        self._database_name = database.name
        self._keyring = keyring
        self._environment = environment
        self._connections: Fresh[tuple[Connection, ...]] = Fresh(FRESH_S, clock)
        self._found: Fresh[Connection | None] = Fresh(FRESH_S, clock)
        self._secrets: Fresh[bool] = Fresh(FRESH_S, clock)
        self._capable: Fresh[Mapping[str, str]] = Fresh(FRESH_S, clock)

    # Connections, as the machinery uses them

    async def connections(self, organization_id: str) -> tuple[Connection, ...]:
        """All of the organisation's, secrets decrypted; MongoDB first."""

        async def read() -> tuple[Connection, ...]:
            rows = self._integrations.find({"organizationId": organization_id}).sort("replica")
            stored = [self._opened(row) async for row in rows]
            return self._with_defaults(organization_id, stored)

        return await self._connections.get(organization_id, read)

    async def connection(self, organization_id: str, replica: str) -> Connection | None:
        """The one called `replica`, or None."""
        for found in await self.connections(organization_id):
            if found.replica == replica:
                return found
        return None

    async def find_connection(self, platform: str, setting: str, value: str) -> Connection | None:
        """The connection with this setting, whosever it is (a WhatsApp number names its
        organisation). A paused one is found too: deliveries are kept while nothing is written."""

        async def read() -> Connection | None:
            row = await self._integrations.find_one(
                {"platform": platform, f"settings.{setting}": value}
            )
            if row is not None:
                return self._opened(row)
            for found in await self.connections(DEFAULT_ORGANIZATION):
                if found.platform == platform and found.settings.get(setting) == value:
                    return found
            return None

        if not value or not setting.isidentifier():
            return None
        return await self._found.get(f"{platform}|{setting}|{value}", read)

    async def knows_secret(self, platform: str, name: str, value: str) -> bool:
        """Whether any connection to the platform has this secret (WhatsApp's hub challenge brings a
        verify token and no organisation)."""
        check_field(name)

        async def read() -> bool:
            given = value.encode()
            for found in self._from_environment(DEFAULT_ORGANIZATION):
                held = found.secrets.get(name, "") if found.platform == platform else ""
                if held and hmac.compare_digest(held.encode(), given):
                    return True
            rows = self._integrations.find(
                {"platform": platform, f"secrets.{name}": {"$exists": True}},
                {"organizationId": 1, f"secrets.{name}": 1},
            )
            async for row in rows:
                try:
                    held = self._open_secret(row, name)
                except KeyringError:
                    continue  # that connection shows its trouble on its own page
                if hmac.compare_digest(held.encode(), given):
                    return True
            return False

        return bool(value) and await self._secrets.get(f"{platform}|{name}|{digest(value)}", read)

    async def platform_connections(self, platform: str, most: int = 200) -> tuple[Connection, ...]:
        """Connections to one platform, of all organisations, at most so many: for a delivery that
        names none of them."""

        async def read() -> tuple[Connection, ...]:
            rows = self._integrations.find({"platform": platform}).limit(most)
            stored = [self._opened(row) async for row in rows]
            given = await self.connections(DEFAULT_ORGANIZATION)
            known = {found.id for found in stored}
            return (*stored, *(c for c in given if c.platform == platform and c.id not in known))

        return await self._connections.get(f"|{platform}", read)

    async def capabilities(self, organization_id: str, replica: str) -> Mapping[str, str]:
        """What the platform was found to support, `{}` before it was asked."""
        place = f"{organization_id}/{replica}"

        async def read() -> Mapping[str, str]:
            found = await self._capabilities.find_one({"_id": place})
            return dict((found or {}).get("found", {}))

        return await self._capable.get(place, read)

    async def save_capabilities(
        self, organization_id: str, replica: str, found: Mapping[str, str]
    ) -> None:
        """Keep what was found."""
        await self._capabilities.update_one(
            {"_id": f"{organization_id}/{replica}"}, {"$set": {"found": dict(found)}}, upsert=True
        )
        self._capable.clear()

    # Integrations, as people manage them

    async def integrations(self, organization_id: str) -> list[Integration]:
        """All but MongoDB, which is always there."""
        found = []
        async for row in self._integrations.find({"organizationId": organization_id}).sort(
            "replica"
        ):
            capabilities = await self.capabilities(organization_id, row["replica"])
            found.append(shown(row, capabilities, self._trouble(row)))
        names = {integration.replica for integration in found}
        for connection in self._from_environment(organization_id):
            if connection.replica not in names:
                capabilities = await self.capabilities(organization_id, connection.replica)
                found.append(shown_environment(connection, capabilities))
        return found

    async def integration(self, organization_id: str, integration_id: str) -> Integration:
        """One of them. Raises NotFound, for another organisation's too."""
        for found in await self.integrations(organization_id):
            if found.id == integration_id:
                return found
        raise NotFound(f"There is no integration {integration_id}")

    async def connect(
        self,
        organization_id: str,
        platform: str,
        settings: Mapping[str, str],
        secrets: Mapping[str, str],
        active: bool = True,
        replica: str | None = None,
    ) -> Connection:
        """A new connection, or a change of the one called `replica` (default: the platform's name);
        secrets not named stay. Raises NotFound, Invalid."""
        name = replica or platform
        check_replica(platform, name)
        if not await self.exists(organization_id):
            raise NotFound(f"There is no organisation {organization_id}")
        place = {"organizationId": organization_id, "replica": name}
        await self._integrations.update_one(
            place,
            {
                "$setOnInsert": {
                    "_id": uuid.uuid4().hex,
                    "platform": platform,
                    "settings": {},
                    "secrets": {},
                    "active": active,
                    "version": 0,
                }
            },
            upsert=True,
        )
        row = await self._integrations.find_one(place, {"_id": 1})
        if row is None:
            raise NotFound(f"{name} was removed at this moment; connect it again")
        await self.change(
            organization_id, row["_id"], settings=settings, secrets=secrets, active=active
        )
        connection = await self.connection(organization_id, name)
        if connection is None:
            raise NotFound(f"{name} was removed at this moment; connect it again")
        return connection

    async def change(
        self,
        organization_id: str,
        integration_id: str,
        *,
        settings: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        active: bool | None = None,
    ) -> Integration:
        """Set what is given; an empty setting or secret removes it. Raises NotFound."""
        assign: dict[str, Any] = {}
        remove: dict[str, str] = {}
        for name, value in (settings or {}).items():
            check_field(name)
            if value:
                assign[f"settings.{name}"] = value
            else:
                remove[f"settings.{name}"] = ""
        for name, value in (secrets or {}).items():
            check_field(name)
            if value:
                assign[f"secrets.{name}"] = self._sealed(
                    organization_id, integration_id, name, value
                )
            else:
                remove[f"secrets.{name}"] = ""
        if active is not None:
            assign["active"] = active
        update: Document = {"$inc": {"version": 1}}
        if assign:
            update["$set"] = assign
        if remove:
            update["$unset"] = remove
        row = await self._integrations.find_one_and_update(
            {"_id": integration_id, "organizationId": organization_id},
            update,
            return_document=ReturnDocument.AFTER,
        )
        self._forget_connections()
        if row is None:
            raise NotFound(f"There is no integration {integration_id} that can be changed")
        return shown(row, {}, self._trouble(row))

    async def remove(self, organization_id: str, integration_id: str) -> None:
        """Forget the connection and its secrets. Raises NotFound."""
        row = await self._integrations.find_one_and_delete(
            {"_id": integration_id, "organizationId": organization_id}
        )
        self._forget_connections()
        if row is None:
            raise NotFound(f"There is no integration {integration_id} that can be removed")
        await self._capabilities.delete_one({"_id": f"{organization_id}/{row['replica']}"})

    # Within

    def _forget_connections(self) -> None:
        for kept in (self._connections, self._found, self._secrets):
            kept.clear()

    def _sealed(self, organization_id: str, record: str, name: str, value: str) -> Document:
        sealed = self._keyring.seal(
            value, organization_id=organization_id, record=record, name=name
        )
        return {**sealed, "hint": hint_of(value), "replacedAtMs": int(time.time() * 1000)}

    def _open_secret(self, row: Document, name: str) -> str:
        return self._keyring.open(
            row["secrets"][name],
            organization_id=row["organizationId"],
            record=row["_id"],
            name=name,
        )

    def _opened(self, row: Document) -> Connection:
        """With secrets that do not open it is observed by nobody and written by nobody, while the
        organisation's other connections go on."""
        trouble = self._trouble(row)
        names = () if trouble else row.get("secrets", {})
        return Connection(
            id=row["_id"],
            organization_id=row["organizationId"],
            platform=row["platform"],
            replica=row["replica"],
            settings=dict(row.get("settings", {})),
            secrets={name: self._open_secret(row, name) for name in names},
            active=bool(row.get("active", True)) and not trouble,
        )

    def _trouble(self, row: Document) -> str:
        try:
            for name in row.get("secrets", {}):
                self._open_secret(row, name)
        except KeyringError as error:
            return str(error)
        return ""

    def _with_defaults(
        self, organization_id: str, stored: Sequence[Connection]
    ) -> tuple[Connection, ...]:
        names = {connection.replica for connection in stored}
        environment = [c for c in self._from_environment(organization_id) if c.replica not in names]
        mongodb = Connection(
            id=f"{organization_id}:{MONGODB}",
            organization_id=organization_id,
            platform=MONGODB,
            replica=MONGODB,
            settings={"database": self._database_name},
        )
        return (mongodb, *stored, *environment)

    def _from_environment(self, organization_id: str) -> list[Connection]:
        if self._environment is None or organization_id != DEFAULT_ORGANIZATION:
            return []
        return [
            Connection(
                id=f"environment:{platform}",
                organization_id=organization_id,
                platform=platform,
                replica=platform,
                settings=settings,
                secrets=found,
            )
            for platform, (settings, found) in self._environment.given().items()
        ]


async def ensure_default_organization(directory: Directory, *, show: bool = True) -> str | None:
    """Make `default` where it is missing. Its first API key, to be shown once; None if it has one.
    `show` False: for a process whose output is a log; the key is left for one with a reader."""
    await directory.ensure_organization(DEFAULT_ORGANIZATION, "My shop")
    return await directory.first_key(DEFAULT_ORGANIZATION) if show else None


__all__ = [
    "DEFAULT_ORGANIZATION",
    "Directory",
    "DirectoryError",
    "Integration",
    "Invalid",
    "NotFound",
    "Stale",
    "Taken",
    "ensure_default_organization",
]
