"""A Kafka log, a database and a folder of a test's own."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from schemas.archive import ArchivedEvent
from schemas.settings import Endpoints
from streams.archive.archiver import Archiver
from streams.archive.erasures import Erasures
from streams.archive.keeping import Keeper
from streams.archive.location import Location, locate
from streams.archive.manifest import Manifest
from streams.archive.reading import Archive, open_archive
from streams.archive.retention import Retention
from streams.database import Database
from streams.kafka import Outgoing, Publisher
from streams.keyring import Keyring
from streams.topics import admin, ensure_topics

KEYS = Keyring([b"k" * 32])


@dataclass
class Store:
    """Everything an archive stands on."""

    endpoints: Endpoints
    database: Database
    location: Location
    publisher: Publisher
    erasures: Erasures

    def archiver(self, every_s: float = 0.05) -> Archiver:
        return Archiver(
            self.endpoints, self.database, self.location, self.erasures, every_s=every_s, spare_mb=0
        )

    def keeper(self, retention: Retention | None = None) -> Keeper:
        return Keeper(self.database, self.location, retention or Retention())

    @property
    def manifest(self) -> Manifest:
        return Manifest(self.database, self.location.name)

    async def open(self) -> Archive:
        return await open_archive(self.database, self.location)

    async def archive(self, rows: int) -> None:
        """Until so many more rows are in files."""
        rounds = self.archiver().rounds()
        async for landed in rounds:
            rows -= landed
            if rows <= 0:
                break
        await rounds.aclose()

    async def publish(self, *records: Outgoing) -> None:
        await self.publisher.publish(*records)


@pytest.fixture
async def store(
    servers: Mapping[str, str], fresh: Database, tmp_path: Path
) -> AsyncIterator[Store]:
    prefix = f"a{secrets.token_hex(4)}."
    endpoints = Endpoints.model_validate(
        {**servers, "KAFKA_PARTITIONS": 2, "KAFKA_TOPIC_PREFIX": prefix}
    )
    await ensure_topics(endpoints)
    publisher = Publisher(endpoints)
    yield Store(endpoints, fresh, locate("", tmp_path), publisher, Erasures(fresh, KEYS))
    await publisher.stop()
    async with admin(endpoints) as client:
        mine = [name for name in await client.list_topics() if name.startswith(prefix)]
        await client.delete_topics(mine)


def places(events: list[ArchivedEvent]) -> list[tuple[str, int, int]]:
    """Where they stand in Kafka."""
    return [(event.topic, event.partition, event.offset) for event in events]
