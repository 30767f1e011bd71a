"""Organisations: their API keys and their rules."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Sequence
from hashlib import sha256

from pymongo.errors import DuplicateKeyError

from schemas.policy import Policies, Rule
from streams.database import Database, Document
from streams.fresh import Fresh
from streams.integrations import Invalid, NotFound, Taken
from streams.policies import FRESH_S as FRESH_S
from streams.policies import Rulebook

KEY_PREFIX = "ssk_"
READ = "read"
"""Scope of a key that changes nothing; keys without a scope may do everything."""
_ORGANIZATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Organizations:
    """What belongs to an organisation itself. Errors: DirectoryError, and PyMongo's own when the
    database is away."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._organizations = database["ss_organizations"]
        self.rulebook = Rulebook(database, clock)
        self._known: Fresh[bool] = Fresh(FRESH_S, clock)
        self._keys: Fresh[str | None] = Fresh(FRESH_S, clock)

    async def create_organization(self, organization_id: str, name: str = "") -> tuple[str, str]:
        """(organisation id, API key); the key is never shown again. Raises Taken, Invalid."""
        if not _ORGANIZATION.fullmatch(organization_id):
            raise Invalid(
                "An organisation id has 1 to 64 letters, digits, '-', '_' or '.', "
                "and begins with a letter or digit"
            )
        api_key, stored = _new_key()
        try:
            await self._organizations.insert_one(
                {"_id": organization_id, "name": name or organization_id, "apiKeys": [stored]}
            )
        except DuplicateKeyError as error:
            raise Taken(f"There is an organisation {organization_id} already") from error
        self._known.clear()
        return organization_id, api_key

    async def first_key(self, organization_id: str) -> str | None:
        """An API key for an organisation that has none yet; None where it has one, or is not."""
        api_key, stored = _new_key()
        done = await self._organizations.update_one(
            {"_id": organization_id, "apiKeys": []}, {"$push": {"apiKeys": stored}}
        )
        return api_key if done.modified_count else None

    async def ensure_organization(self, organization_id: str, name: str) -> None:
        """Make it, without a key, where it is missing."""
        await self._organizations.update_one(
            {"_id": organization_id},
            {"$setOnInsert": {"name": name, "apiKeys": []}},
            upsert=True,
        )
        self._known.clear()

    async def add_key(self, organization_id: str) -> str:
        """One more API key, for one that was lost. Raises NotFound."""
        api_key, stored = _new_key()
        done = await self._organizations.update_one(
            {"_id": organization_id}, {"$push": {"apiKeys": stored}}
        )
        if not done.matched_count:
            raise NotFound(f"There is no organisation {organization_id}")
        return api_key

    async def admit_key(self, organization_id: str, api_key: str) -> None:
        """From now on this key may read what is the organisation's. Raises NotFound."""
        stored = {**_stored(api_key), "scope": READ}
        done = await self._organizations.update_one(
            {"_id": organization_id}, {"$push": {"apiKeys": stored}}
        )
        self._keys.clear()
        if not done.matched_count:
            raise NotFound(f"There is no organisation {organization_id}")

    async def may_change(self, api_key: str) -> bool:
        """Whether this key may do more than read."""
        hashed = digest(api_key)

        async def read() -> bool:
            found = await self._organizations.find_one(
                {"apiKeys": {"$elemMatch": {"hash": hashed, "scope": READ}}}, {"_id": 1}
            )
            return found is None

        return await self._known.get(f"may change {hashed}", read)

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

    async def organization_of_key(self, api_key: str) -> str | None:
        """Whose key this is. Keys are 256 random bits, so a plain SHA-256 of them is enough."""
        hashed = digest(api_key)

        async def read() -> str | None:
            found = await self._organizations.find_one({"apiKeys.hash": hashed}, {"_id": 1})
            return None if found is None else str(found["_id"])

        return await self._keys.get(hashed, read)

    async def policies(self, organization_id: str) -> Policies:
        """The organisation's rules; none set: version 0, `newest` everywhere."""
        return await self.rulebook.policies(organization_id)

    async def save_policies(
        self, organization_id: str, rules: Sequence[Rule], *, expected: int | None = None
    ) -> Policies:
        """Replace the rules. `expected`: the version they were made from. Raises Stale."""
        return await self.rulebook.save(organization_id, rules, expected=expected)


def _new_key() -> tuple[str, Document]:
    api_key = KEY_PREFIX + secrets.token_urlsafe(32)
    return api_key, _stored(api_key)


def _stored(api_key: str) -> Document:
    return {
        "hash": digest(api_key),
        "prefix": api_key[: len(KEY_PREFIX) + 4],
        "createdAtMs": int(time.time() * 1000),
    }


def digest(api_key: str) -> str:
    """SHA-256 in hex."""
    return sha256(api_key.encode()).hexdigest()
