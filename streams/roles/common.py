"""What most roles open: MongoDB, Redis, Kafka, the directory and identity."""

from __future__ import annotations

import os
from dataclasses import dataclass

from redis.asyncio import Redis

from schemas.settings import Endpoints
from streams.cache import open_cache
from streams.database import Database, ensure_indexes, open_database
from streams.deadletter import DeadLetters
from streams.directory import Directory
from streams.kafka import Publisher
from streams.keyring import open_keyring
from streams.links import Links
from streams.platforms import PlatformEnvironment
from streams.roles import home
from streams.topics import ensure_topics


@dataclass
class Common:
    """Opened once a process, closed in one place."""

    database: Database
    redis: Redis
    publisher: Publisher
    directory: Directory
    links: Links
    dead: DeadLetters

    @classmethod
    async def open(cls, endpoints: Endpoints) -> Common:
        """Connect, and make topics and indexes that are missing."""
        await ensure_topics(endpoints)
        database = open_database(endpoints)
        await ensure_indexes(database)
        keyring = open_keyring(os.environ, home())
        redis = open_cache(endpoints)
        publisher = Publisher(endpoints)
        await publisher.start()
        return cls(
            database=database,
            redis=redis,
            publisher=publisher,
            directory=Directory(database, keyring, PlatformEnvironment()),
            links=Links(database, redis),
            dead=DeadLetters(publisher),
        )

    async def close(self) -> None:
        """Send what is buffered, then let go."""
        await self.publisher.stop()
        await self.database.client.close()
        await self.redis.aclose()
