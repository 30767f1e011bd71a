"""What was kept is put back: documents, indexes, records, and an epoch above all old ones."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import faust
import pytest

from schemas.base import entity_key
from schemas.codec import encode
from schemas.settings import Endpoints
from schemas.topics import CONFLICTS, ENTITIES
from streams.archive.location import Location, locate
from streams.backup.layout import BackupError, Manifest, backups, read_manifest
from streams.backup.restoring import restore, verify
from streams.backup.schedule import turn
from streams.backup.taking import Source, keep, take
from streams.database import Database, ensure_indexes, open_database
from streams.kafka import Outgoing, Publisher
from streams.kafka.table import restore as read_records
from streams.sync.epochs import floor_of, raise_floor
from streams.sync.record import Record
from streams.sync.table import EntityStore, claim
from streams.topics import ensure_topics, history_of

pytestmark = pytest.mark.servers


def endpoints_of(servers: dict[str, str], partitions: int = 2) -> Endpoints:
    """Topics of our own on the shared Kafka: as good as another Kafka."""
    prefix = f"{uuid.uuid4().hex[:8]}."
    names = {"KAFKA_PARTITIONS": partitions, "KAFKA_TOPIC_PREFIX": prefix}
    return Endpoints.model_validate({**servers, **names})


@pytest.fixture
async def databases(servers: dict[str, str]) -> AsyncIterator[tuple[Database, Database]]:
    opened = open_database(endpoints_of(servers))
    pair = tuple(opened.client[f"test_{uuid.uuid4().hex}"] for _ in range(2))
    yield pair  # type: ignore[misc]
    for database in pair:
        await opened.client.drop_database(database.name)
    await opened.client.close()


def new_store() -> EntityStore:
    app: Any = faust.App("test", broker="kafka://", store="memory://")
    return EntityStore("memory://", app, app.Table("entities"))


def record_of(number: int, epoch: int) -> Record:
    return Record(
        organization_id="kandy", type="product", entity_id=f"p{number}", version=3, epoch=epoch
    )


def key_of(record: Record) -> bytes:
    return entity_key(record.organization_id, record.type, record.entity_id)


async def written(endpoints: Endpoints, floor: int = 0) -> int:
    """Claims, a few records and a conflict, as an owner writes them; the epoch."""
    await ensure_topics(endpoints)
    publisher = Publisher(endpoints)
    epochs = await claim(publisher, range(endpoints.kafka_partitions), "owner", floor)
    epoch = max(epochs.values())
    records = [record_of(number, epoch) for number in range(20)]
    await publisher.publish(
        *(Outgoing(ENTITIES, key_of(found), encode(found), [("made", b"so")]) for found in records),
        Outgoing(CONFLICTS, b"kandy/product/p1/price", b'{"status":"open"}'),
    )
    await publisher.stop()
    return epoch


async def filled(database: Database) -> None:
    await ensure_indexes(database)
    await database["products"].insert_many([{"_id": n, "sku": f"TEA-{n}"} for n in range(1_200)])
    await database["ss_sessions"].insert_one({"_id": "a way in"})
    await database["ss_checkpoints"].insert_one({"_id": "a place in a log"})


async def taken(
    servers: dict[str, str], database: Database, folder: Path
) -> tuple[Location, Manifest, int]:
    endpoints = endpoints_of(servers)
    epoch = await written(endpoints)
    await filled(database)
    location = locate(str(folder / "backups"), folder)
    archive = locate(str(folder / "archive"), folder)
    with archive.writing("kandy/feed/2026-11-22/1.parquet") as stream:
        stream.write(b"PAR1")
    return location, await take(Source(database, endpoints, archive), location), epoch


async def test_everything_is_back_in_another_database_and_kafka(
    servers: dict[str, str], databases: tuple[Database, Database], tmp_path: Path
) -> None:
    source, target = databases
    location, manifest, epoch = await taken(servers, source, tmp_path)
    assert manifest.snapshot
    elsewhere = endpoints_of(servers, partitions=3)
    archive = locate(str(tmp_path / "other"), tmp_path)
    await restore(location, manifest, target, elsewhere, archive=archive)

    rows = await target["products"].find().sort("_id").to_list()
    assert [row["sku"] for row in rows] == [f"TEA-{n}" for n in range(1_200)]
    assert await target["ss_sessions"].find_one({}) is None
    for name in ("ss_links", "ss_effects"):
        there, here = [await d[name].index_information() for d in (source, target)]
        assert there == here
    assert (tmp_path / "other/kandy/feed/2026-11-22/1.parquet").read_bytes() == b"PAR1"

    store = new_store()
    await read_records(store, elsewhere, ENTITIES, range(3))
    assert sorted(store.data) == sorted(key_of(record_of(n, 0)) for n in range(20))
    # A new owner's records are above the restored ones, though its Kafka begins at offset 0.
    floor = await floor_of(target, await history_of(elsewhere))
    assert floor > epoch
    publisher = Publisher(elsewhere)
    epochs = await claim(publisher, range(3), "new", floor)
    await publisher.stop()
    assert min(epochs.values()) > max(found.epoch for found in store.data.values())


async def test_a_backup_of_what_was_restored_stands_higher_still(
    servers: dict[str, str], databases: tuple[Database, Database], tmp_path: Path
) -> None:
    database, _ = databases
    endpoints = endpoints_of(servers)
    await ensure_topics(endpoints)
    await raise_floor(database, await history_of(endpoints), 5_000)
    epoch = await written(endpoints, 5_000)
    manifest = await take(Source(database, endpoints), locate(str(tmp_path / "b"), tmp_path))
    assert manifest.epoch_floor > epoch > 5_000


async def test_nothing_is_overwritten_unasked(
    servers: dict[str, str], databases: tuple[Database, Database], tmp_path: Path
) -> None:
    source, target = databases
    location, manifest, _ = await taken(servers, source, tmp_path)
    full, empty = endpoints_of(servers), endpoints_of(servers)
    await written(full)
    with pytest.raises(BackupError, match=r"topic .* is not empty"):
        await restore(location, manifest, target, full)
    await target["products"].insert_one({"_id": 0})
    with pytest.raises(BackupError, match=r"is not empty \(products\)"):
        await restore(location, manifest, target, empty)
    await restore(location, manifest, target, empty, force=True)
    assert await target["products"].count_documents({}) == 1_200


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


async def test_a_damaged_file_is_found_before_anything_is_written(
    servers: dict[str, str], databases: tuple[Database, Database], tmp_path: Path
) -> None:
    source, target = databases
    location, manifest, _ = await taken(servers, source, tmp_path)
    damage(Path(location.path(f"{manifest.stamp}/mongodb/products.bson.gz")))
    with pytest.raises(BackupError, match=r"products\.bson\.gz .* is damaged"):
        await restore(location, manifest, target, endpoints_of(servers))
    assert await target.list_collection_names() == []


async def test_without_its_manifest_it_is_none_and_old_ones_go(
    servers: dict[str, str],
    databases: tuple[Database, Database],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, _ = databases
    location, first, _ = await taken(servers, source, tmp_path)
    assert backups(location) == [first.stamp]
    assert read_manifest(location, first.stamp) == first
    await verify(location, first)

    async def broken(*_: Any) -> None:
        raise OSError("the disk is full")

    elsewhere = endpoints_of(servers)
    await ensure_topics(elsewhere)
    with monkeypatch.context() as patched:
        patched.setattr("streams.backup.taking._collections", broken)
        patched.setattr("streams.backup.taking.time.time", lambda: first.taken_at_ms / 1000 + 60)
        with pytest.raises(OSError, match="disk is full"):
            await take(Source(source, elsewhere), location)
    assert backups(location) == [first.stamp]
    assert {name.partition("/")[0] for name, _ in location.listed()} == {first.stamp}
    assert await keep(location, 1) == []
    assert await keep(location, 0) == []


async def test_one_process_takes_a_backup_that_is_due(
    databases: tuple[Database, Database],
) -> None:
    database, _ = databases
    hour = 3_600_000
    assert [await turn(database, 1, now) for now in (0, 0, hour - 1, hour, hour)] == [
        True, False, False, True, False,
    ]  # fmt: skip
