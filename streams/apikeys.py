"""API keys of organisations: hashed, with a role, rotated with an overlap.

Kept in their organisation's document, `ss_organizations.apiKeys`:
{hash, prefix, name, role, createdAtMs, lastUsedMs?, expiresAtMs?}
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from schemas.clock import unix_ms
from streams.access import Role
from streams.database import Database, Document
from streams.fresh import Fresh
from streams.integrations import Invalid, NotFound

KEY_PREFIX = "ssk_"
FRESH_S = 2.0
"""A key that was taken away works on for so long."""
USED_EVERY_S = 60.0
"""The last use is noted at most so often."""
MOST_KEYS = 50
MAX_NAME = 80
ID_CHARACTERS = 16
LONGEST_OVERLAP_MS = 30 * 86_400_000


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What may be shown of a key."""

    id: str
    organization_id: str
    prefix: str
    name: str
    role: Role
    created_at_ms: int
    last_used_ms: int | None = None
    expires_at_ms: int | None = None


class ApiKeys:
    """Errors: DirectoryError, and PyMongo's own when the database is away. A whole key is returned
    by what makes it, once; the database has its SHA-256 (a key is 256 random bits)."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float] = time.monotonic,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._organizations = database["ss_organizations"]
        self._known: Fresh[ApiKey | None] = Fresh(FRESH_S, clock)
        self._noted: Fresh[None] = Fresh(USED_EVERY_S, clock)
        self._clock_ms = clock_ms

    async def find(self, api_key: str) -> ApiKey | None:
        """Whose key this is; None for one that is wrong, ended or taken away."""
        if not api_key.startswith(KEY_PREFIX) or len(api_key) > 200:
            return None
        hashed = digest(api_key)

        async def read() -> ApiKey | None:
            row = await self._organizations.find_one(
                {"apiKeys.hash": hashed}, {"apiKeys": {"$elemMatch": {"hash": hashed}}}
            )
            return None if row is None else _shown(row["_id"], row["apiKeys"][0])

        found = await self._known.get(hashed, read)
        if found is None or self._ended(found):
            return None
        await self._noted.get(hashed, lambda: self._note_use(found, hashed))
        return found

    async def stands(self, key_id: str, organization_id: str) -> bool:
        """Whether a key that was used a while ago may still be used."""
        listed = await self.list(organization_id)
        return any(key.id == key_id and not self._ended(key) for key in listed)

    async def list(self, organization_id: str) -> list[ApiKey]:
        """Newest first; those that ended too, for a day."""
        row = await self._organizations.find_one({"_id": organization_id}, {"apiKeys": 1})
        keys = [_shown(organization_id, kept) for kept in (row or {}).get("apiKeys", ())]
        day_ago = self._clock_ms() - 86_400_000
        alive = [key for key in keys if not key.expires_at_ms or key.expires_at_ms > day_ago]
        return sorted(alive, key=lambda key: -key.created_at_ms)

    async def add(
        self, organization_id: str, name: str = "", role: Role = Role.OWNER
    ) -> tuple[str, ApiKey]:
        """(the key, shown once; what is kept of it). Raises NotFound, Invalid."""
        api_key = KEY_PREFIX + secrets.token_urlsafe(32)
        return api_key, await self.admit(organization_id, api_key, name, role)

    async def admit(self, organization_id: str, api_key: str, name: str, role: Role) -> ApiKey:
        """Take a key that was made elsewhere (a pairing code's). Raises NotFound, Invalid."""
        stored = stored_key(api_key, name, role, self._clock_ms())
        done = await self._organizations.update_one(
            {"_id": organization_id, f"apiKeys.{MOST_KEYS - 1}": {"$exists": False}},
            {"$push": {"apiKeys": stored}},
        )
        self._known.clear()
        if not done.matched_count:
            if await self._organizations.find_one({"_id": organization_id}, {"_id": 1}):
                raise Invalid(f"An organisation has at most {MOST_KEYS} API keys: remove one first")
            raise NotFound(f"There is no organisation {organization_id}")
        return _shown(organization_id, stored)

    async def first(self, organization_id: str) -> str | None:
        """An owner's key for an organisation that has none yet; else None."""
        api_key = KEY_PREFIX + secrets.token_urlsafe(32)
        stored = stored_key(api_key, "first key", Role.OWNER, self._clock_ms())
        done = await self._organizations.update_one(
            {"_id": organization_id, "apiKeys": []}, {"$push": {"apiKeys": stored}}
        )
        return api_key if done.modified_count else None

    async def rotate(
        self, organization_id: str, key_id: str, overlap_ms: int
    ) -> tuple[str, ApiKey]:
        """A new key with the same name and role; the old one works for `overlap_ms` more. Raises
        NotFound, Invalid."""
        if not 0 <= overlap_ms <= LONGEST_OVERLAP_MS:
            raise Invalid("The old key may go on for at most 30 days")
        old = await self._one(organization_id, key_id)
        made = await self.add(organization_id, old.name, old.role)
        await self._change(
            organization_id, key_id, {"apiKeys.$.expiresAtMs": self._clock_ms() + overlap_ms}
        )
        return made

    async def remove(self, organization_id: str, key_id: str) -> ApiKey:
        """Take a key away: it works for at most FRESH_S more. Raises NotFound."""
        key = await self._one(organization_id, key_id)
        await self._organizations.update_one(
            {"_id": organization_id},
            {"$pull": {"apiKeys": {"hash": {"$regex": f"^{key_id}"}}}},
        )
        self._known.clear()
        return key

    async def _one(self, organization_id: str, key_id: str) -> ApiKey:
        for key in await self.list(organization_id):
            if key.id == key_id and not self._ended(key):
                return key
        raise NotFound(f"There is no API key {key_id}")

    async def _change(self, organization_id: str, key_id: str, values: Document) -> None:
        await self._organizations.update_one(
            {"_id": organization_id, "apiKeys.hash": {"$regex": f"^{key_id}"}}, {"$set": values}
        )
        self._known.clear()

    async def _note_use(self, key: ApiKey, hashed: str) -> None:
        await self._organizations.update_one(
            {"_id": key.organization_id, "apiKeys.hash": hashed},
            {"$set": {"apiKeys.$.lastUsedMs": self._clock_ms()}},
        )

    def _ended(self, key: ApiKey) -> bool:
        return key.expires_at_ms is not None and key.expires_at_ms <= self._clock_ms()


def stored_key(api_key: str, name: str, role: Role, now_ms: int) -> Document:
    """What the database has of a key."""
    return {
        "hash": digest(api_key),
        "prefix": api_key[: len(KEY_PREFIX) + 4],
        "name": name.strip()[:MAX_NAME],
        "role": role.value,
        "createdAtMs": now_ms,
    }


def digest(api_key: str) -> str:
    """SHA-256 in hex."""
    return sha256(api_key.encode()).hexdigest()


def _shown(organization_id: str, kept: dict[str, Any]) -> ApiKey:
    role = kept.get("role") or ("analyst" if kept.get("scope") == "read" else "owner")
    return ApiKey(
        id=kept["hash"][:ID_CHARACTERS],
        organization_id=organization_id,
        prefix=kept["prefix"],
        name=kept.get("name", ""),
        role=Role(role),
        created_at_ms=kept.get("createdAtMs", 0),
        last_used_ms=kept.get("lastUsedMs"),
        expires_at_ms=kept.get("expiresAtMs"),
    )
