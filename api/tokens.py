"""Short-lived single-use tokens. Stores see only their hash."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from pymongo.errors import PyMongoError
from redis.asyncio import Redis

from streams.cache import CACHE_ERRORS
from streams.database import Database

TICKET_S = 30
"""Life of a WebSocket ticket (OWASP ASVS 4.4: a minute at most)."""


def hashed(token: str) -> str:
    """What the stores keep of a token of 256 random bits."""
    return sha256(token.encode()).hexdigest()


def new_token() -> str:
    """256 random bits, safe in URLs and in `Sec-WebSocket-Protocol`."""
    return secrets.token_urlsafe(32)


class OneTime:
    """Tokens in MongoDB, taken once: for what must outlive a restart of Redis."""

    def __init__(self, database: Database, kind: str) -> None:
        self._tokens = database["ss_tokens"]
        self._kind = kind

    async def issue(self, payload: str, life_s: float) -> str:
        """A token that `take` exchanges for `payload` once, within `life_s`."""
        token = new_token()
        expires = datetime.now(UTC) + timedelta(seconds=life_s)
        await self._tokens.insert_one(
            {"_id": f"{self._kind}:{hashed(token)}", "payload": payload, "expiresAt": expires}
        )
        return token

    async def peek(self, token: str) -> str | None:
        """The payload without using the token up."""
        row = await self._tokens.find_one(
            {"_id": f"{self._kind}:{hashed(token)}", "expiresAt": {"$gt": datetime.now(UTC)}}
        )
        return None if row is None else str(row["payload"])

    async def take(self, token: str) -> str | None:
        """The payload, the first time and in time; else None."""
        row = await self._tokens.find_one_and_delete(
            {"_id": f"{self._kind}:{hashed(token)}", "expiresAt": {"$gt": datetime.now(UTC)}}
        )
        return None if row is None else str(row["payload"])


class Tickets:
    """WebSocket tickets: in Redis, and in MongoDB when Redis is away."""

    def __init__(self, cache: Redis, database: Database) -> None:
        self._cache = cache
        self._slow = OneTime(database, "ticket")

    async def issue(self, payload: str) -> str:
        """A ticket, good for TICKET_S. Raises PyMongoError when both stores are away."""
        token = new_token()
        try:
            await self._cache.set(_place(token), payload, ex=TICKET_S)
        except CACHE_ERRORS:
            return await self._slow.issue(payload, TICKET_S)
        return token

    async def take(self, token: str) -> str | None:
        """The payload, once. None for anything else."""
        try:
            found = await self._cache.getdel(_place(token))
        except CACHE_ERRORS:
            found = None
        if found is not None:
            return str(found)
        try:
            return await self._slow.take(token)
        except PyMongoError:
            return None


def _place(token: str) -> str:
    return f"ss:ticket:{hashed(token)}"
