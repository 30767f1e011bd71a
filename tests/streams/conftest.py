"""A database, a cache and stand-ins for Kafka, for the tests of streams."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping

import pytest
from redis.asyncio import Redis

from schemas.settings import Endpoints
from streams.cache import open_cache
from streams.database import Database, ensure_indexes, open_database
from streams.kafka.publisher import PublishFailed
from streams.kafka.records import Outgoing


@pytest.fixture
async def fresh(servers: Mapping[str, str]) -> AsyncIterator[Database]:
    """A database of its own, with our indexes."""
    opened = open_database(Endpoints(DATABASE_URL=servers["DATABASE_URL"]))
    mine = opened.client[f"test_{secrets.token_hex(6)}"]
    await ensure_indexes(mine)
    yield mine
    await opened.client.drop_database(mine.name)
    await opened.client.close()


@pytest.fixture
async def redis(servers: Mapping[str, str]) -> AsyncIterator[Redis]:
    cache = open_cache(Endpoints(REDIS_URL=servers["REDIS_URL"]))
    yield cache
    await cache.aclose()


class KafkaLog:
    """Kafka, as far as a producer sees it; `down` makes it refuse."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []
        self.down = False
        self.asked = 0

    async def publish(self, *records: Outgoing) -> None:
        self.asked += 1
        if self.down:
            raise PublishFailed("down")
        self.records += records


@pytest.fixture
def kafka() -> KafkaLog:
    return KafkaLog()
