"""Take a backup while everything runs: the topics that hold state first, then MongoDB, so that
identities are never older than the records that use them."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import bson
import msgspec
import structlog
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import OperationFailure

from schemas.clock import unix_ms
from schemas.settings import Endpoints
from schemas.topics import ENTITIES
from streams.archive.location import Location
from streams.backup.layout import (
    COMPACTED,
    FLUSH_BYTES,
    MANIFEST,
    NOT_KEPT,
    BackupFile,
    Manifest,
    Sink,
    backups,
    remove,
    writing,
)
from streams.database import Database
from streams.kafka.reading import Take, read_to_end
from streams.rotation import counted
from streams.sync.epochs import floor_of
from streams.sync.record import CLAIM_KEY_PREFIX
from streams.topics import history_of

log = structlog.get_logger(__name__)

TOO_OLD = frozenset({239, 246})
"""MongoDB's SnapshotTooOld and SnapshotUnavailable."""
Progress = Callable[[str, int], None]
"""Told what is being kept (a name) and how many items of it there are."""
RAW: CodecOptions[Any] = CodecOptions(document_class=RawBSONDocument)


@dataclass(frozen=True)
class Source:
    """What is backed up."""

    database: Database
    endpoints: Endpoints
    archive: Location | None = None
    """None: not copied (a bucket keeps itself)."""


async def take(source: Source, target: Location, progress: Progress = lambda *_: None) -> Manifest:
    """A whole backup. Raises OSError, PyMongoError, KafkaError; then none is there."""
    begun_s, now_ms = time.monotonic(), unix_ms()
    stamp = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    files: list[BackupFile] = []
    try:
        ends = await _topics(source, target, stamp, files, progress)
        snapshot = await _collections(source.database, target, stamp, files, progress)
        if source.archive is not None:
            await _archive(source.archive, target, stamp, files, progress)
        floor = await floor_of(source.database, await history_of(source.endpoints))
        found = Manifest(
            stamp=stamp,
            taken_at_ms=now_ms,
            took_s=round(time.monotonic() - begun_s, 2),
            files=files,
            indexes=await _indexes(source.database),
            partitions=source.endpoints.kafka_partitions,
            epoch_floor=floor + max(ends, default=0) + 1,
            key_ids=sorted(await counted(source.database)),
            snapshot=snapshot,
        )
        with target.writing(f"{stamp}/{MANIFEST}") as stream:
            stream.write(msgspec.json.format(msgspec.json.encode(found), indent=1))
        return found
    except BaseException:
        await asyncio.to_thread(remove, target, stamp)
        raise


async def _topics(
    source: Source, target: Location, stamp: str, files: list[BackupFile], progress: Progress
) -> list[int]:
    """The topics that hold state; where each partition of the records' changelog ended."""
    ends: list[int] = []
    for topic in COMPACTED:
        name = f"kafka/{topic.name}.bson.gz"
        async with writing(target, f"{stamp}/{name}") as sink:
            found = await read_to_end(
                source.endpoints, topic, range(source.endpoints.kafka_partitions), _kept_by(sink)
            )
        if topic is ENTITIES:
            ends = list(found.values())
        files.append(sink.described(name))
        progress(topic.name, sink.items)
    return ends


def _kept_by(sink: Sink) -> Take:
    """Puts records into a file; claims are of a log that a restored server does not have."""

    async def take(records: Sequence[Any]) -> None:
        for record in records:
            if not record.key.startswith(CLAIM_KEY_PREFIX):
                headers = [[name, value] for name, value in record.headers]
                kept = {"k": record.key, "v": record.value, "h": headers}
                await sink.put(bson.encode({"p": record.partition, **kept}))

    return take


async def _collections(
    database: Database, target: Location, stamp: str, files: list[BackupFile], progress: Progress
) -> bool:
    """Every collection; whether all of them as of one moment."""
    snapshot = True
    listed = await database.list_collections(filter={"type": "collection"})
    names = sorted([one["name"] async for one in listed])
    async with database.client.start_session(snapshot=True) as session:
        for collection in names:
            if collection in NOT_KEPT or collection.startswith("system."):
                continue
            name = f"mongodb/{collection}.bson.gz"
            try:
                held = session if snapshot else None
                file = await _collection(database, target, stamp, name, collection, held)
            except OperationFailure as error:
                if error.code not in TOO_OLD or not snapshot:
                    raise
                log.warning("the backup takes longer than MongoDB's snapshot", at=collection)
                snapshot = False
                file = await _collection(database, target, stamp, name, collection, None)
            files.append(file)
            progress(collection, file.items)
    return snapshot


async def _collection(
    database: Database,
    target: Location,
    stamp: str,
    name: str,
    collection: str,
    session: AsyncClientSession | None,
) -> BackupFile:
    async with writing(target, f"{stamp}/{name}") as sink:
        rows = database[collection].with_options(RAW).find({}, session=session, batch_size=1_000)
        async for row in rows:
            await sink.put(row.raw)
    return sink.described(name)


async def _indexes(database: Database) -> dict[str, list[dict[str, Any]]]:
    listed = await database.list_collections(filter={"type": "collection"})
    found: dict[str, list[dict[str, Any]]] = {}
    for name in sorted([one["name"] async for one in listed]):
        if name in NOT_KEPT or name.startswith("system."):
            continue
        indexes = [dict(index) async for index in await database[name].list_indexes()]
        found[name] = [
            {"key": [list(pair) for pair in index["key"].items()], **_options(index)}
            for index in indexes
            if index["name"] != "_id_"
        ]
    return found


def _options(index: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in index.items() if name not in ("v", "key", "ns")}


async def _archive(
    archive: Location, target: Location, stamp: str, files: list[BackupFile], progress: Progress
) -> None:
    """Parquet files never change: they are copied as they are. One that retention removes
    meanwhile is left out; its manifest row in MongoDB was read before, and is then swept."""

    def copy(name: str) -> BackupFile | None:
        found, size = hashlib.sha256(), 0
        try:
            stream = archive.files.open_input_stream(archive.path(name), compression=None)
        except FileNotFoundError:
            return None
        with stream, target.writing(f"{stamp}/archive/{name}") as out:
            while piece := stream.read(FLUSH_BYTES):
                found.update(piece)
                size += len(piece)
                out.write(piece)
        return BackupFile(f"archive/{name}", size, found.hexdigest(), 1)

    count = 0
    for name, _ in await asyncio.to_thread(archive.listed):
        if name.endswith(".parquet"):
            file = await asyncio.to_thread(copy, name)
            if file is not None:
                files.append(file)
                count += 1
    progress("archive", count)


async def keep(target: Location, most: int) -> list[str]:
    """Remove all but the newest so many; what was removed. Raises OSError."""
    old = (await asyncio.to_thread(backups, target))[most:] if most else []
    for stamp in old:
        await asyncio.to_thread(remove, target, stamp)
    return old
