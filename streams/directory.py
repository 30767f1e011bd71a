"""Who is there: organisations with their API keys, their connections and their policies.

A change is seen at once where it was made, and everywhere else within two seconds.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from connectors.protocol import Connection
from streams.connections import CHOSEN, DEFAULT_ORGANIZATION, Connections, is_overlay
from streams.database import Document
from streams.formers import is_signed_with, retired
from streams.integrations import (
    ASK,
    DirectoryError,
    Integration,
    Invalid,
    NotFound,
    Stale,
    Taken,
    check_field,
    check_replica,
    check_winner,
    shown,
    shown_environment,
)

ACCOUNT = frozenset(("site_url", "base_url", "phone_number_id", "catalog_id"))
"""Settings that say whose account it is."""
INBOUND = frozenset(("webhook_secret", "app_secret", "verify_token"))
"""Secrets that others prove themselves with: not sent to the platform's address with a call."""


def _same(name: str, held: str | None, given: str) -> bool:
    """Whether a setting still names the same account; a first value always does."""
    if not held or held == given:
        return True
    if not name.endswith("_url"):
        return False
    old, new = urlsplit(held), urlsplit(given)
    paths = (old.path.rstrip("/"), new.path.rstrip("/")) if name == "site_url" else ("", "")
    return old.netloc.lower() == new.netloc.lower() and paths[0] == paths[1]


class Directory(Connections):
    """Organisations, connections and policies in MongoDB. Errors: DirectoryError, KeyringError, and
    PyMongo's own when the database is away."""

    # Integrations, as people manage them

    async def integrations(self, organization_id: str) -> list[Integration]:
        """All but MongoDB, which is always there."""
        found: list[Integration] = []
        overlays: dict[str, Document] = {}
        rows = self._integrations.find({"organizationId": organization_id}).sort("replica")
        async for row in rows:
            if is_overlay(row):
                overlays[row["replica"]] = row
                continue
            capabilities = await self.capabilities(organization_id, row["replica"])
            trouble = self._trouble(row) or await self.trouble(organization_id, row["replica"])
            found.append(shown(row, capabilities, trouble))
        names = {integration.replica for integration in found}
        for given in self._from_environment(organization_id):
            if given.replica not in names:
                over = overlays.get(given.replica)
                capabilities = await self.capabilities(organization_id, given.replica)
                told = shown_environment(self._overlaid(given, over), capabilities)
                confirmed = told.confirmed if over is None else bool(over.get("confirmed"))
                trouble = await self.trouble(organization_id, given.replica)
                found.append(replace(told, confirmed=confirmed, trouble=trouble))
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
        *,
        first_sync: str | None = None,
    ) -> Connection:
        """A new connection, or a change of the one called `replica` (default: the platform's name);
        secrets not named stay. A new one waits for `confirm` unless `first_sync` says already who
        wins. Raises NotFound, Invalid."""
        name = replica or platform
        check_replica(platform, name)
        if first_sync is not None:
            check_winner(first_sync)
        if not await self.exists(organization_id):
            raise NotFound(f"There is no organisation {organization_id}")
        place = {"organizationId": organization_id, "replica": name}
        await self._integrations.update_one(
            place,
            {
                "$setOnInsert": {
                    "_id": uuid.uuid4().hex,
                    "platform": platform,
                    "connectedMs": self._clock_ms(),
                    "settings": {},
                    "secrets": {},
                    "active": active,
                    "version": 0,
                    "confirmed": first_sync is not None,
                    "firstSync": first_sync or ASK,
                },
                "$unset": {"overlay": ""},
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
        """Set what is given; an empty setting or secret removes it. Raises NotFound, Invalid."""
        given = await self._ensure_overlay(organization_id, integration_id)
        fixed = set(settings or {}) - set(CHOSEN)
        if given is not None and (fixed or given.secrets.keys() & (secrets or {}).keys()):
            raise Invalid("This connection is set up by environment variables; change them there")
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
                remove |= {f"secrets.{name}": "", f"former.{name}": ""}
        assign |= await self._retired(organization_id, integration_id, secrets or {})
        if active is not None:
            assign["active"] = active
        if await self._moves(organization_id, integration_id, settings or {}, secrets or {}):
            assign |= {"confirmed": False, "firstSync": ASK}
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
        self.forget_connections()
        if row is None:
            raise NotFound(f"There is no integration {integration_id} that can be changed")
        return shown(row, {}, self._trouble(row))

    async def _retired(
        self, organization_id: str, integration_id: str, given: Mapping[str, str]
    ) -> dict[str, Any]:
        """The secrets that these replace, for as long as they are still accepted."""
        replaced = {name: value for name, value in given.items() if is_signed_with(name)}
        if not replaced:
            return {}
        place = {"_id": integration_id, "organizationId": organization_id}
        row = await self._integrations.find_one(place)
        if row is None:
            return {}
        now = self._opened(row).secrets
        other = {name: value for name, value in replaced.items() if now.get(name) != value}
        return retired(row, other, self._clock_ms())

    async def end_former(self, organization_id: str, integration_id: str, name: str) -> Integration:
        """A replaced secret counts no longer. Raises NotFound, Invalid."""
        check_field(name)
        row = await self._integrations.find_one_and_update(
            {"_id": integration_id, "organizationId": organization_id},
            {"$unset": {f"former.{name}": ""}, "$inc": {"version": 1}},
        )
        self.forget_connections()
        if row is None:
            raise NotFound(f"There is no integration {integration_id}")
        return await self.integration(organization_id, integration_id)

    async def _moves(
        self,
        organization_id: str,
        integration_id: str,
        settings: Mapping[str, str],
        secrets: Mapping[str, str],
    ) -> bool:
        """Whether the connection is to another account from now on: its items may be others, so
        nothing is written before the preview is confirmed again. Raises Invalid where it would take
        stored secrets along to an address that they were not given for."""
        places = {name for name in settings if name in ACCOUNT}
        if not places:
            return False
        row = await self._integrations.find_one(
            {"_id": integration_id, "organizationId": organization_id}
        )
        held = (row or {}).get("settings", {})
        if all(_same(name, held.get(name), settings[name]) for name in places):
            return False
        stored = set((row or {}).get("secrets", {})) - INBOUND
        kept = sorted(stored - set(secrets))
        if kept:
            raise Invalid(
                f"This is another account. Give its secrets with it ({', '.join(kept)}), "
                "or connect it as a second platform."
            )
        return True

    async def confirm(self, organization_id: str, integration_id: str, winner: str) -> Integration:
        """A person has seen the preview and says who wins. Again: a new choice for what is first
        seen from now on. Raises NotFound, Invalid."""
        check_winner(winner)
        await self._ensure_overlay(organization_id, integration_id)
        place = {"_id": integration_id, "organizationId": organization_id}
        row = await self._integrations.find_one_and_update(
            place,
            [
                {
                    "$set": {
                        "firstSync": winner,
                        "version": {"$add": [{"$ifNull": ["$version", 0]}, 1]},
                        "confirmedAtMs": {
                            "$cond": [
                                {"$eq": ["$confirmed", False]}, self._clock_ms(), "$confirmedAtMs"
                            ]
                        },
                        "confirmed": True,
                    }
                }
            ],
        )  # fmt: skip
        self.forget_connections()
        if row is None:
            raise NotFound(f"There is no integration {integration_id}")
        return await self.integration(organization_id, integration_id)

    async def keep_secret(
        self, organization_id: str, integration_id: str, name: str, value: str
    ) -> None:
        """Keep a secret that we made ourselves, for a connection of the environment too. Raises
        NotFound, Invalid."""
        await self.change(organization_id, integration_id, secrets={name: value})

    async def _ensure_overlay(self, organization_id: str, integration_id: str) -> Connection | None:
        """The environment's connection with this id, with a row for what is decided about it; None
        for one of our own."""
        for given in self._from_environment(organization_id):
            if given.id != integration_id:
                continue
            row: Document = {
                "_id": given.id, "organizationId": organization_id, "platform": given.platform,
                "replica": given.replica, "settings": {}, "secrets": {}, "active": True,
                "version": 0, "overlay": True, "confirmed": given.confirmed,
                "firstSync": given.first_sync,
            }  # fmt: skip
            try:
                await self._integrations.insert_one(row)
            except DuplicateKeyError:
                kept = await self._integrations.find_one({"_id": given.id}, {"overlay": 1})
                return given if kept is not None and is_overlay(kept) else None
            return given
        return None

    async def remove(self, organization_id: str, integration_id: str) -> None:
        """Forget the connection and its secrets. Raises NotFound."""
        row = await self._integrations.find_one_and_delete(
            {"_id": integration_id, "organizationId": organization_id}
        )
        self.forget_connections()
        if row is None:
            raise NotFound(f"There is no integration {integration_id} that can be removed")
        await self._capabilities.delete_one({"_id": f"{organization_id}/{row['replica']}"})


async def ensure_default_organization(directory: Directory, *, show: bool = True) -> str | None:
    """Make `default` where it is missing. Its first API key, to be shown once; None if it has one.
    `show` False: for a process whose output is a log; the key is left for one with a reader."""
    await directory.ensure_organization(DEFAULT_ORGANIZATION, "My shop")
    return await directory.keys.first(DEFAULT_ORGANIZATION) if show else None


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
