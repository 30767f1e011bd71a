"""Real checks of what we stand on and of the platforms, kept a moment so that asking is cheap."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from pymongo.errors import PyMongoError
from redis.asyncio import Redis

from api.feed import Feed
from connectors.errors import ConnectorError
from connectors.protocol import Connection
from connectors.registry import UnknownPlatform, connector
from streams.cache import CACHE_ERRORS
from streams.database import Database
from streams.fresh import Fresh
from streams.kafka.lag import Lag, LagUnknown

SERVER_FRESH_S = 2.0
PLATFORM_FRESH_S = 30.0
SERVER_PATIENCE_S = 2.0
PLATFORM_PATIENCE_S = 8.0
ARCHIVE_SILENT_S = 300.0


@dataclass(frozen=True)
class Check:
    """What one check found."""

    word: str
    """healthy, degraded, unhealthy or paused"""
    detail: str
    latency_ms: float


class Checks:
    """MongoDB, Redis, Kafka, the live feed, and each connection by its own `probe`."""

    def __init__(self, database: Database, cache: Redis, feed: Feed, lag: Lag) -> None:
        self._database = database
        self._cache = cache
        self._feed = feed
        self._lag = lag
        self._servers: Fresh[Check] = Fresh(SERVER_FRESH_S, time.monotonic)
        self._platforms: Fresh[Check] = Fresh(PLATFORM_FRESH_S, time.monotonic)

    async def database(self) -> Check:
        """A ping of MongoDB's primary."""

        async def ping() -> str:
            await self._database.command("ping")
            return "MongoDB answers"

        return await self._servers.get("database", lambda: _timed(ping, SERVER_PATIENCE_S))

    async def redis(self) -> Check:
        """A ping of Redis. Without it we are slower, never wrong."""

        async def ping() -> str:
            await self._cache.ping()
            return "Redis answers"

        return await self._servers.get("redis", lambda: _timed(ping, SERVER_PATIENCE_S))

    async def kafka(self) -> Check:
        """Asks the brokers for offsets; tells how many records wait."""

        async def ask() -> str:
            waiting = {name: n for name, n in (await self._lag.by_topic()).items() if n}
            told = ", ".join(f"{name} {n}" for name, n in sorted(waiting.items()))
            return f"Kafka answers; waiting: {told or 'nothing'}"

        return await self._servers.get("kafka", lambda: _timed(ask, SERVER_PATIENCE_S + 2))

    async def waiting(self) -> Mapping[str, int]:
        """Topic to records that wait in it. Raises LagUnknown."""
        return await self._lag.by_topic()

    async def queued(self) -> Mapping[str, int]:
        """Topic to records that are not read yet. Raises LagUnknown."""
        return await self._lag.by_topic()

    async def archive(self) -> Check | None:
        """How the archiver is; None where there is none. Nothing else depends on it."""
        try:
            match = {"kind": "status"}
            told = await self._database["ss_archive"].find_one(match, sort=[("atMs", -1)])
        except PyMongoError:
            return None  # told by `database`
        if told is None:
            return None
        silent_s = time.time() - told["atMs"] / 1000
        if told["alarm"]:
            return Check("degraded", told["alarm"], 0.0)
        if silent_s > ARCHIVE_SILENT_S:
            return Check("degraded", f"the archiver has said nothing for {silent_s:.0f} s", 0.0)
        return Check("healthy", f"{told.get('waiting', 0)} events wait to be archived", 0.0)

    async def websocket(self) -> Check:
        """Whether live clients get what happens."""
        watching = sum(self._feed.watching().values())
        if self._feed.ready.is_set():
            return Check("healthy", f"the feed is read; {watching} clients", 0.0)
        return Check("unhealthy", "the feed is not being read: Kafka does not answer", 0.0)

    async def probe(self, connection: Connection, *, fresh: bool = False) -> Check:
        """One authenticated call to the platform; `fresh` does not take a kept answer."""
        place = connection.place
        if fresh:
            return await _probe(connection)
        if not connection.active:
            return Check("paused", "paused: nothing is written to it", 0.0)
        return await self._platforms.get(place, lambda: _probe(connection))


async def _probe(connection: Connection) -> Check:
    async def call() -> str:
        client = connector(connection.platform).client(connection)
        try:
            return await client.probe()
        finally:
            await client.close()

    return await _timed(call, PLATFORM_PATIENCE_S)


async def _timed(call: Callable[[], Awaitable[str]], patience_s: float) -> Check:
    begun = time.perf_counter()

    def since() -> float:
        return (time.perf_counter() - begun) * 1000

    try:
        async with asyncio.timeout(patience_s):
            detail = await call()
    except TimeoutError:
        return Check("unhealthy", f"no answer within {patience_s:g} s", since())
    except (PyMongoError, LagUnknown, ConnectorError, UnknownPlatform, *CACHE_ERRORS) as error:
        return Check("unhealthy", str(error) or repr(error), since())
    return Check("healthy", detail, since())
