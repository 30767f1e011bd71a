"""Which of the servers that we stand on answer: asked every second, so that no page shows a state
that is not true for long."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

import structlog
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError
from redis.asyncio import Redis

from schemas.settings import Endpoints
from streams.cache import CACHE_ERRORS
from streams.database import Database
from streams.kafka.access import connection_settings

log = structlog.get_logger(__name__)

EVERY_S = 0.7
PATIENCE_S = 2.2
"""With EVERY_S and the push to the pages this is less than five seconds."""

Ping = Callable[[], Awaitable[object]]


class Servers:
    """`away`: names (mongodb, kafka, redis) to when each stopped answering, in ms since 1970."""

    def __init__(
        self,
        pings: Mapping[str, Ping] | None = None,
        clock_ms: Callable[[], int] = lambda: 0,
        *,
        every_s: float = EVERY_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._pings = pings or {}
        self._clock_ms = clock_ms
        self._every_s = every_s
        self._patience_s = patience_s
        self.away: dict[str, int] = {}
        self.moved = asyncio.Event()
        """Set when one went away or came back; whoever tells of it clears it."""

    async def run(self) -> None:
        """Ask until cancelled, each by itself: one that hangs does not hide another."""
        async with asyncio.TaskGroup() as group:
            for name, ping in self._pings.items():
                group.create_task(self._follow(name, ping), name=f"ping {name}")

    async def _follow(self, name: str, ping: Ping) -> None:
        while True:
            asked_ms = self._clock_ms()
            try:
                async with asyncio.timeout(self._patience_s):
                    await ping()
            except (PyMongoError, KafkaError, *CACHE_ERRORS) as error:
                if name not in self.away:
                    log.warning("a server does not answer", server=name, error=repr(error))
                    self.away[name] = asked_ms
                    self.moved.set()
            else:
                if self.away.pop(name, None) is not None:
                    log.warning("a server answers again", server=name)
                    self.moved.set()
            await asyncio.sleep(self._every_s)


def watched(endpoints: Endpoints, database: Database, cache: Redis) -> dict[str, Ping]:
    """How each is asked: a ping; of Kafka what versions a broker speaks."""

    async def mongodb() -> None:
        await database.command("ping")

    async def redis() -> None:
        await cache.ping()

    async def kafka() -> None:
        problem: Exception | None = None
        settings = connection_settings(endpoints)
        for broker in endpoints.bootstrap:
            host, _, port = broker.rpartition(":")
            try:
                connection = await create_conn(
                    host, int(port), request_timeout_ms=int(PATIENCE_S * 1000), **settings
                )
            except (KafkaError, OSError) as error:
                problem = error
                continue
            with contextlib.suppress(KafkaError, OSError):
                connection.close()
            return
        raise problem or OSError("no broker is configured")

    return {"mongodb": mongodb, "kafka": kafka, "redis": redis}
