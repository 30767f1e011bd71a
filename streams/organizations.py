"""Organisations: their names, keys and rules."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence

from pymongo.errors import DuplicateKeyError

from schemas.clock import unix_ms
from schemas.policy import Policies, Rule
from streams.access import Role
from streams.apikeys import KEY_PREFIX, ApiKeys, stored_key
from streams.database import Database
from streams.fresh import Fresh
from streams.integrations import Invalid, Taken
from streams.policies import FRESH_S as FRESH_S
from streams.policies import Rulebook

_ORGANIZATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Organizations:
    """What belongs to an organisation itself. Errors: DirectoryError, and PyMongo's own when the
    database is away."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._organizations = database["ss_organizations"]
        self.rulebook = Rulebook(database, clock)
        self.keys = ApiKeys(database, clock)
        self._known: Fresh[bool] = Fresh(FRESH_S, clock)

    async def create_organization(self, organization_id: str, name: str = "") -> tuple[str, str]:
        """(organisation id, API key); the key is never shown again. Raises Taken, Invalid."""
        if not _ORGANIZATION.fullmatch(organization_id):
            raise Invalid(
                "An organisation id has 1 to 64 letters, digits, '-', '_' or '.', "
                "and begins with a letter or digit"
            )
        api_key = KEY_PREFIX + secrets.token_urlsafe(32)
        stored = stored_key(api_key, "first key", Role.OWNER, unix_ms())
        try:
            await self._organizations.insert_one(
                {"_id": organization_id, "name": name or organization_id, "apiKeys": [stored]}
            )
        except DuplicateKeyError as error:
            raise Taken(f"There is an organisation {organization_id} already") from error
        self._known.clear()
        return organization_id, api_key

    async def ensure_organization(self, organization_id: str, name: str) -> None:
        """Make it, without a key, where it is missing."""
        await self._organizations.update_one(
            {"_id": organization_id},
            {"$setOnInsert": {"name": name, "apiKeys": []}},
            upsert=True,
        )
        self._known.clear()

    async def exists(self, organization_id: str) -> bool:
        """Whether the organisation is known."""

        async def read() -> bool:
            return (
                await self._organizations.find_one({"_id": organization_id}, {"_id": 1}) is not None
            )

        return await self._known.get(organization_id, read)

    async def organizations(self) -> list[str]:
        """Ids of all organisations, sorted."""
        return [
            found["_id"] async for found in self._organizations.find({}, {"_id": 1}).sort("_id")
        ]

    async def name_of(self, organization_id: str) -> str:
        """The organisation's name for people; its id where it has none."""
        found = await self._organizations.find_one({"_id": organization_id}, {"name": 1})
        return str((found or {}).get("name") or organization_id)

    async def policies(self, organization_id: str) -> Policies:
        """The organisation's rules; none set: version 0, `newest` everywhere."""
        return await self.rulebook.policies(organization_id)

    async def save_policies(
        self, organization_id: str, rules: Sequence[Rule], *, expected: int | None = None
    ) -> Policies:
        """Replace the rules. `expected`: the version they were made from. Raises Stale."""
        return await self.rulebook.save(organization_id, rules, expected=expected)
