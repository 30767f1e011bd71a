"""Put a backup back into an empty MongoDB and an empty Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer, TopicPartition
from pymongo import IndexModel

from schemas.settings import Endpoints
from schemas.topics import ENTITIES, Topic
from streams.archive.location import Location
from streams.backup.layout import (
    COMPACTED,
    FLUSH_BYTES,
    NOT_KEPT,
    BackupError,
    Manifest,
    check,
    documents,
)
from streams.database import Database, ensure_indexes
from streams.kafka import Outgoing, Publisher
from streams.kafka.access import client_settings
from streams.sync.epochs import raise_floor
from streams.topics import ensure_topics, history_of

BATCH = 500
Only = Literal["", "mongodb", "kafka"]
Progress = Callable[[str, int], None]


async def verify(location: Location, manifest: Manifest) -> None:
    """Read every file once. Raises OSError, BackupError for a damaged one."""
    for file in manifest.files:
        await asyncio.to_thread(check, location, manifest.stamp, file)


async def restore(
    location: Location,
    manifest: Manifest,
    database: Database,
    endpoints: Endpoints,
    *,
    archive: Location | None = None,
    only: Only = "",
    force: bool = False,
    progress: Progress = lambda *_: None,
) -> None:
    """All of it, or one half where the other is still there. Nothing of ours may run meanwhile.
    Raises BackupError, OSError, PyMongoError, PublishFailed. Safe to repeat with `force`."""
    await verify(location, manifest)
    if only != "kafka":
        await _refuse_full_database(database, force)
    if only != "mongodb":
        await ensure_topics(endpoints)
        await _refuse_full_topics(endpoints, force)
    if only != "kafka":
        await _collections(location, manifest, database, progress)
    if only != "mongodb":
        await _topics(location, manifest, endpoints, progress)
        await raise_floor(database, await history_of(endpoints), manifest.epoch_floor)
    if archive is not None and not only:
        await _archive(location, manifest, archive, progress)


async def _refuse_full_database(database: Database, force: bool) -> None:
    if force:
        return
    for name in await database.list_collection_names():
        if not name.startswith("system.") and name not in NOT_KEPT:
            if await database[name].find_one({}, {"_id": 1}) is not None:
                raise BackupError(
                    f"the database {database.name} is not empty ({name}): name another in "
                    "DATABASE_URL, or repeat with --force to replace its collections"
                )


async def _refuse_full_topics(endpoints: Endpoints, force: bool) -> None:
    """Records there would stand beside those of the backup."""
    if force:
        return
    real = endpoints.topic(ENTITIES.name)
    places = [TopicPartition(real, number) for number in range(endpoints.kafka_partitions)]
    consumer = AIOKafkaConsumer(**client_settings(endpoints))
    await consumer.start()
    try:
        ends = await consumer.end_offsets(places)
    finally:
        await consumer.stop()
    if any(ends.values()):
        raise BackupError(
            f"the topic {real} is not empty: give an empty Kafka or another KAFKA_TOPIC_PREFIX, or "
            "repeat with --force where a restore was broken off"
        )


async def _collections(
    location: Location, manifest: Manifest, database: Database, progress: Progress
) -> None:
    for file in manifest.files:
        if not file.name.startswith("mongodb/"):
            continue
        name = file.name.removeprefix("mongodb/").removesuffix(".bson.gz")
        collection = database[name]
        await collection.drop()
        async for batch in _batches(location, f"{manifest.stamp}/{file.name}"):
            await collection.insert_many(batch, ordered=False)
        indexes = manifest.indexes.get(name, ())
        models = [
            IndexModel([(field, way) for field, way in index["key"]], **_options(index))
            for index in indexes
        ]
        if models:
            await collection.create_indexes(models)
        progress(name, file.items)
    await ensure_indexes(database)


def _options(index: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in index.items() if name != "key"}


async def _topics(
    location: Location, manifest: Manifest, endpoints: Endpoints, progress: Progress
) -> None:
    publisher = Publisher(endpoints)
    try:
        for topic in COMPACTED:
            name = f"{manifest.stamp}/kafka/{topic.name}.bson.gz"
            count = 0
            async for batch in _batches(location, name):
                await publisher.publish(*(_record(topic, kept) for kept in batch))
                count += len(batch)
            progress(topic.name, count)
    finally:
        await publisher.stop()


def _record(topic: Topic, kept: dict[str, Any]) -> Outgoing:
    """By its key: the new Kafka may have another number of partitions."""
    headers = [(name, bytes(value)) for name, value in kept["h"]]
    value = None if kept["v"] is None else bytes(kept["v"])
    return Outgoing(topic, bytes(kept["k"]), value, headers)


async def _batches(location: Location, name: str) -> AsyncIterator[list[dict[str, Any]]]:
    """Lists of documents, each read in a thread when it is asked for."""
    rows = documents(location, name)
    while batch := await asyncio.to_thread(_some, rows):
        yield batch


def _some(rows: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return list(islice(rows, BATCH))


async def _archive(
    location: Location, manifest: Manifest, archive: Location, progress: Progress
) -> None:
    def copy(name: str) -> None:
        source = location.files.open_input_stream(
            location.path(f"{manifest.stamp}/{name}"), compression=None
        )
        with source, archive.writing(name.removeprefix("archive/")) as out:
            while piece := source.read(FLUSH_BYTES):
                out.write(piece)

    names = [file.name for file in manifest.files if file.name.startswith("archive/")]
    for name in names:
        await asyncio.to_thread(copy, name)
    progress("archive", len(names))
