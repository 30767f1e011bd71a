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


@pytest.fixture(scope="session")
def database_name() -> str:
    """One for all tests here: a database for each would leave mongod without open files, and
    making its indexes takes longer than most tests."""
    return f"test_{secrets.token_hex(6)}"


@pytest.fixture
async def fresh(servers: Mapping[str, str], database_name: str) -> AsyncIterator[Database]:
    """An empty database with our indexes."""
    opened = open_database(Endpoints(DATABASE_URL=servers["DATABASE_URL"]))
    mine = opened.client[database_name]
    await ensure_indexes(mine)
    yield mine
    for name in await mine.list_collection_names():
        await mine[name].delete_many({})
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
