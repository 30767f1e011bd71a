"""An organisation's connections, as the machinery uses them: read on every webhook, so answers are
kept for two seconds in the process.

What environment variables connect has a row only for what a person decided about it (`overlay`).
"""

from __future__ import annotations

import contextlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from connectors.protocol import Connection, Network
from schemas.clock import unix_ms
from streams.apikeys import digest
from streams.database import Database, Document
from streams.formers import accepted
from streams.fresh import Fresh
from streams.integrations import ASK, FIRST_SYNC, MONGODB, check_field, hint_of
from streams.keyring import Keyring, KeyringError
from streams.organizations import FRESH_S, Organizations
from streams.platforms import PlatformEnvironment

DEFAULT_ORGANIZATION = "default"
SETTLE_MS = 5_000
MOST_CLAIMANTS = 20
"""Organisations that may have typed in the same WhatsApp number."""
"""A confirmation lets deliveries in so much later: by then every process has read who wins (it
may be two seconds late, and the engine's contexts two more)."""
ENVIRONMENT = "environment:"
"""How ids of connections made by environment variables begin."""
CHOSEN = ("notifications", "order_statuses")
"""Settings that a person may choose for a connection of the environment too."""
COURIER = "courier:"
"""How replicas of couriers begin."""


class Connections(Organizations):
    """Connections with their secrets. Errors: PyMongo's own when the database is away."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        environment: PlatformEnvironment | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        super().__init__(database, clock)
        self._integrations = database["ss_integrations"]
        self._capabilities = database["ss_capabilities"]
        self._database_name = database.name
        self._keyring = keyring
        self._environment = environment
        self._networks = environment.networks if environment else None
        self._clock_ms = clock_ms
        self._connections: Fresh[tuple[Connection, ...]] = Fresh(FRESH_S, clock)
        self._found: Fresh[tuple[Connection, ...]] = Fresh(FRESH_S, clock)
        self._secrets: Fresh[bool] = Fresh(FRESH_S, clock)
        self._capable: Fresh[Mapping[str, str]] = Fresh(FRESH_S, clock)
        self._troubles: Fresh[str] = Fresh(FRESH_S, clock)

    @property
    def keyring(self) -> Keyring:
        """What secrets are sealed with."""
        return self._keyring

    @property
    def networks(self) -> tuple[Network, ...] | None:
        """Where calls to addresses that people typed may lead (`PlatformEnvironment.networks`)."""
        return self._networks

    async def connections(self, organization_id: str) -> tuple[Connection, ...]:
        """All of the organisation's, secrets decrypted; MongoDB first."""

        async def read() -> tuple[Connection, ...]:
            rows = self._integrations.find({"organizationId": organization_id}).sort("replica")
            return self._with_defaults(organization_id, await rows.to_list())

        return await self._connections.get(organization_id, read)

    async def connection(self, organization_id: str, replica: str) -> Connection | None:
        """The one called `replica`, or None."""
        for found in await self.connections(organization_id):
            if found.replica == replica:
                return found
        return None

    async def find_connections(
        self, platform: str, setting: str, value: str
    ) -> tuple[Connection, ...]:
        """The connections with this setting, whosever they are: a WhatsApp number names its
        organisation, but anybody may have typed it in; the signature tells whose it really is. The
        first to connect come first, and not all of very many: who types it in later cannot keep
        the owner's from being found. A paused one is found too: deliveries are kept while nothing
        is written."""

        async def read() -> tuple[Connection, ...]:
            rows = self._integrations.find(
                {"platform": platform, f"settings.{setting}": value, "overlay": {"$ne": True}}
            )
            rows = rows.sort("connectedMs").limit(MOST_CLAIMANTS)
            stored = [self._opened(row) async for row in rows]
            known = {found.id for found in stored}
            given = await self.connections(DEFAULT_ORGANIZATION)
            stored += [
                found
                for found in given
                if found.platform == platform
                and found.settings.get(setting) == value
                and found.id not in known
            ]
            return tuple(stored)

        if not value or not setting.isidentifier():
            return ()
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
            stored = [self._opened(row) async for row in rows if not is_overlay(row)]
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

    async def trouble(self, organization_id: str, replica: str) -> str:
        """Why the platform takes nothing from us now (an expired token), empty where it does."""
        place = f"{organization_id}/{replica}"

        async def read() -> str:
            found = await self._capabilities.find_one({"_id": place}, {"trouble": 1})
            return str((found or {}).get("trouble", ""))

        return await self._troubles.get(place, read)

    async def note_trouble(self, organization_id: str, replica: str, reason: str) -> None:
        """Shown with the connection until it is well again: an empty reason."""
        place = {"_id": f"{organization_id}/{replica}"}
        await self._capabilities.update_one(place, {"$set": {"trouble": reason[:500]}}, upsert=True)
        self._troubles.clear()

    # Within

    def forget_connections(self) -> None:
        """Ask the database next time: something was changed, here or perhaps elsewhere."""
        for kept in (self._connections, self._found, self._secrets):
            kept.clear()

    def _sealed(self, organization_id: str, record: str, name: str, value: str) -> Document:
        sealed = self._keyring.seal(
            value, organization_id=organization_id, record=record, name=name
        )
        return {**sealed, "hint": hint_of(value), "replacedAtMs": unix_ms()}

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
            former={} if trouble else self._former(row),
            active=bool(row.get("active", True)) and not trouble,
            confirmed=self._counts(row),
            first_sync=row.get("firstSync") or FIRST_SYNC,
            networks=self._networks,
        )

    def _former(self, row: Document) -> dict[str, str]:
        found = {}
        for name in accepted(row, self._clock_ms()):
            with contextlib.suppress(KeyringError):  # its key is gone: so is what it signed
                found[name] = self._open_secret({**row, "secrets": row["former"]}, name)
        return found

    def _counts(self, row: Document) -> bool:
        """Rows of before there was a preview count as confirmed."""
        if not row.get("confirmed", True):
            return False
        return self._clock_ms() >= int(row.get("confirmedAtMs") or 0) + SETTLE_MS

    def _trouble(self, row: Document) -> str:
        try:
            for name in row.get("secrets", {}):
                self._open_secret(row, name)
        except KeyringError as error:
            return str(error)
        return ""

    def _with_defaults(
        self, organization_id: str, rows: Sequence[Document]
    ) -> tuple[Connection, ...]:
        stored = [self._opened(row) for row in rows if not is_overlay(row)]
        overlays = {row["replica"]: row for row in rows if is_overlay(row)}
        names = {connection.replica for connection in stored}
        environment = [
            self._overlaid(connection, overlays.get(connection.replica))
            for connection in self._from_environment(organization_id)
            if connection.replica not in names
        ]
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
        winner = self._environment.first_sync
        return [
            Connection(
                id=f"{ENVIRONMENT}{replica}",
                organization_id=organization_id,
                platform=replica.partition(":")[0],
                replica=replica,
                settings=settings,
                secrets=found,
                # A courier holds nothing that could differ from ours.
                confirmed=winner != ASK or replica.startswith(COURIER),
                first_sync=winner,
                networks=self._networks,
            )
            for replica, (settings, found) in self._environment.given().items()
        ]

    def _overlaid(self, given: Connection, row: Document | None) -> Connection:
        """The environment's connection with what was decided about it; its own values win."""
        if row is None:
            return given
        kept = self._opened(row)
        chosen = {name: kept.settings[name] for name in CHOSEN if name in kept.settings}
        return replace(
            given,
            settings={**given.settings, **chosen},
            secrets={**kept.secrets, **given.secrets},
            former=kept.former,
            active=given.active and kept.active,
            confirmed=kept.confirmed,
            first_sync=kept.first_sync,
        )


def is_overlay(row: Document) -> bool:
    """Whether this row only adds to a connection made by environment variables."""
    return bool(row.get("overlay"))
