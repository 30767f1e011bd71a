import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
import pytest
from bson.decimal128 import Decimal128
from bson.objectid import ObjectId

from connectors.mongodb.mapping import parse_event
from connectors.mongodb.position import Positions
from connectors.mongodb.settings import DEFAULT
from schemas.settings import Endpoints
from streams.cdc import ChangeCapture
from streams.database import Database, ensure_indexes, open_database
from streams.kafka.publisher import PublishFailed
from streams.kafka.records import Outgoing
from streams.links import Links

pytestmark = pytest.mark.servers

IMAGES = {"changeStreamPreAndPostImages": {"enabled": True}}


class Recorder:
    """Kafka, as far as capture needs it."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []
        self.arrived = asyncio.Condition()
        self.failures = 0

    async def publish(self, *records: Outgoing) -> None:
        if self.failures:
            self.failures -= 1
            raise PublishFailed("down")
        async with self.arrived:
            self.records += records
            self.arrived.notify_all()

    async def until(self, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(20), self.arrived:
            await self.arrived.wait_for(lambda: len(self.records) >= count)
        return [orjson.loads(record.value or b"{}") for record in self.records]

    async def until_key(self, key: str) -> None:
        async with asyncio.timeout(20), self.arrived:
            await self.arrived.wait_for(
                lambda: any(record.key.decode() == key for record in self.records)
            )

    def told(self) -> list[tuple[str, str]]:
        found = []
        for record in self.records:
            told = dict(record.headers)["ce_type"].decode()
            found.append((record.key.decode(), told.rpartition(".")[2]))
        return found


@pytest.fixture
async def database(servers: Mapping[str, str]) -> AsyncIterator[Database]:
    opened = open_database(Endpoints(DATABASE_URL=servers["DATABASE_URL"]), timeout_ms=None)
    mine = opened.client[f"test_{secrets.token_hex(6)}"]
    await ensure_indexes(mine)
    yield mine
    await opened.client.drop_database(mine.name)
    await opened.client.close()


class Running:
    """A capture that is stopped at the end of the block, as by SIGTERM."""

    def __init__(self, database: Database, kafka: Recorder) -> None:
        self._capture = ChangeCapture(database, kafka)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._capture.run())

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def position_after(database: Database, events: int) -> None:
    """Wait until the position covers so many published records."""
    async with asyncio.timeout(20):
        while True:
            row = await database["ss_checkpoints"].find_one({"_id": "cdc"})
            if row and row["phase"] == "streaming" and row["counts"].get("published", 0) >= events:
                return
            await asyncio.sleep(0.02)


async def test_snapshot_then_changes_of_every_kind(database: Database) -> None:
    for name in ("products", "orders"):
        await database.create_collection(name, **IMAGES)
    oid = ObjectId()
    await database["products"].insert_many(
        [
            {"_id": oid, "organizationId": "org", "price": Decimal128("5.10")},
            {"_id": "text", "organizationId": "org", "price": 1},
            {"_id": 7, "organizationId": "org", "variants": [{"sku": "A"}, {"sku": "B"}]},
            {"_id": 8, "price": 3},
        ]
    )
    kafka = Recorder()
    async with Running(database, kafka):
        await kafka.until(3)
        await position_after(database, 3)
        await database["products"].update_one({"_id": oid}, {"$set": {"price": 6.5}})
        await database["products"].update_one({"_id": 7}, {"$pull": {"variants": {"sku": "A"}}})
        await database["orders"].insert_one({"_id": "o1", "organizationId": "org"})
        await database["ss_links"].insert_one({"_id": "ours"})
        await database["elsewhere"].insert_one({"organizationId": "org"})
        await database["products"].delete_one({"_id": "text"})
        bodies = await kafka.until(7)
    assert sorted(kafka.told()[:3]) == sorted(
        [
            (f"org/mongodb/product/{oid}", "snapshot"),
            ("org/mongodb/product/text", "snapshot"),
            ("org/mongodb/product/7", "snapshot"),
        ]
    )
    assert kafka.told()[3:] == [
        (f"org/mongodb/product/{oid}", "update"),
        ("org/mongodb/product/7", "update"),
        ("org/mongodb/order/o1", "insert"),
        ("org/mongodb/product/text", "delete"),
    ]
    assert bodies[4]["removedVariants"] == ["A"]
    (first,) = parse_event(DEFAULT, kafka.records[3].value or b"").sightings
    assert first.seen is not None
    assert first.seen.fields == {"price": "6.5"}
    snapshot = next(b for b in bodies if b["documentKey"]["_id"] == {"$oid": str(oid)})
    clock = bodies[3]["clusterTime"]
    assert (snapshot["clusterTime"]["t"], snapshot["clusterTime"]["i"]) < (clock["t"], clock["i"])


async def test_a_restart_goes_on_where_kafka_had_acknowledged(database: Database) -> None:
    await database.create_collection("orders", **IMAGES)
    kafka = Recorder()
    async with Running(database, kafka):
        await position_after(database, 0)
        await database["orders"].insert_one({"_id": 1, "organizationId": "org"})
        await position_after(database, 1)
    await database["orders"].insert_one({"_id": 2, "organizationId": "org"})
    again = Recorder()
    async with Running(database, again):
        await again.until(1)
    assert again.told() == [("org/mongodb/order/2", "insert")]


async def test_what_kafka_refuses_is_sent_again(database: Database) -> None:
    kafka = Recorder()
    async with Running(database, kafka):
        await position_after(database, 0)
        kafka.failures = 1
        await database["orders"].insert_one({"_id": 1, "organizationId": "org"})
        await database["orders"].insert_one({"_id": 2, "organizationId": "org"})
        await kafka.until(2)
    assert {key for key, _ in kafka.told()} == {"org/mongodb/order/1", "org/mongodb/order/2"}


@pytest.mark.parametrize("tail", ["00000004", "", "zz"])
async def test_a_lost_token_means_a_new_snapshot_that_notices_deletions(
    database: Database, tail: str
) -> None:
    await database["orders"].insert_many(
        [{"_id": "kept", "organizationId": "org"}, {"_id": "lost", "organizationId": "org"}]
    )
    links = Links(database)
    for external_id in ("kept", "lost"):
        await links.link("org", "mongodb", "order", external_id, external_id)
    kafka = Recorder()
    async with Running(database, kafka):
        await position_after(database, 2)
    await database["orders"].delete_one({"_id": "lost"})
    positions = Positions(database)
    held = await positions.load()
    assert held is not None
    async with await database.watch() as stream:
        await database["orders"].insert_one({"_id": "new", "organizationId": "org"})
        token = (await stream.next())["_id"]["_data"]
    # The token of an event that never was (280), one cut off, and no token at all.
    await positions.save(held.moved(token={"_data": token[:-8] + tail}), 0)
    again = Recorder()
    async with Running(database, again):
        await again.until(3)
    assert ("org/mongodb/order/kept", "snapshot") in again.told()
    assert ("org/mongodb/order/new", "snapshot") in again.told()
    assert ("org/mongodb/order/lost", "delete") in again.told()


async def test_a_deletion_without_a_pre_image_is_found_by_its_link(database: Database) -> None:
    kafka = Recorder()
    await Links(database).link("org-9", "mongodb", "order", "o1", "o1")
    async with Running(database, kafka):
        await position_after(database, 0)
        await database.command("collMod", "orders", changeStreamPreAndPostImages={"enabled": False})
        await database["orders"].insert_one({"_id": "o1", "organizationId": "org-9"})
        await kafka.until(1)
        await database["orders"].delete_one({"_id": "o1"})
        await kafka.until(2)
    assert kafka.told()[1] == ("org-9/mongodb/order/o1", "delete")


async def test_a_dropped_collection_is_noticed(database: Database) -> None:
    await database["orders"].insert_one({"_id": "o1", "organizationId": "org"})
    await Links(database).link("org", "mongodb", "order", "o1", "o1")
    kafka = Recorder()
    async with Running(database, kafka):
        await position_after(database, 1)
        await database["orders"].drop()
        await kafka.until(2)
    assert kafka.told()[1] == ("org/mongodb/order/o1", "delete")


async def test_an_event_over_16_mb_is_replaced_by_its_document(database: Database) -> None:
    await database.create_collection("products", **IMAGES)
    kafka = Recorder()
    async with Running(database, kafka):
        await position_after(database, 0)
        big = {"_id": "big", "organizationId": "org", "price": 1, "blob": "x" * 9_000_000}
        await database["products"].insert_one(big)
        await kafka.until(1)
        await database["products"].update_one(
            {"_id": "big"}, {"$set": {"blob": "y" * 9_000_000, "price": 2}}
        )
        await database["products"].insert_one({"_id": "next", "organizationId": "org"})
        await kafka.until_key("org/mongodb/product/next")
    assert [operation for key, operation in kafka.told() if key.endswith("/next")] == ["insert"]
    assert any(operation == "snapshot" for _, operation in kafka.told())
