"""Imports, previews, polls and webhooks on a real MongoDB; the platform is pretended, Kafka a
list."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from connectors import registry
from connectors.errors import Retry
from connectors.protocol import Sighting
from schemas.codec import encode
from schemas.observation import Seen
from streams.database import Database
from streams.directory import Directory
from streams.keyring import Keyring
from streams.links import Links
from streams.sync.record import Agreed, Record, Replica, Shadow
from streams.upkeep import deliveries, imports, polling, preview
from streams.upkeep.jobs import Job
from streams.upkeep.runner import Runner, Tools
from support import pretend
from support.pretend import Pretend
from tests.streams.conftest import KafkaLog

pytestmark = pytest.mark.servers


class Rig:
    """A runner with everything around it, and one connection of `kandy`."""

    def __init__(self, database: Database, kafka: KafkaLog, shop: Pretend) -> None:
        self.database, self.kafka, self.shop = database, kafka, shop
        self.clock_ms = 1_795_000_000_000
        self.directory = Directory(
            database, Keyring([b"k" * 32]), clock=lambda: 0.0, clock_ms=lambda: self.clock_ms
        )
        self.links = Links(database)
        self.waiting: list[int] = []
        self.runner = Runner(
            Tools(
                database=database,
                directory=self.directory,
                publisher=kafka,
                links=self.links,
                waiting=self._waits,
            )
        )
        imports.register(self.runner)
        preview.register(self.runner)
        polling.register(self.runner, 5)

    async def _waits(self) -> int:
        return self.waiting.pop(0) if self.waiting else 0

    async def connect(self, first_sync: str | None = "newest") -> str:
        await self.directory.create_organization("kandy")
        made = await self.directory.connect("kandy", "pretend", {}, {}, first_sync=first_sync)
        return made.id

    async def run(self, kind: str, **arguments: Any) -> Job:
        """The job after one attempt."""
        queued = await self.runner.jobs.queue("kandy", kind, "pretend", arguments=arguments)
        return await self.go_on(queued.id)

    async def go_on(self, job_id: str) -> Job:
        await self.database["ss_jobs"].update_one({"_id": job_id}, {"$set": {"notBeforeMs": 0}})
        assert await self.runner.start_waiting()
        await self.runner.settled()
        found = await self.runner.jobs.get("kandy", job_id)
        assert found is not None
        return found

    @property
    def keys(self) -> list[str]:
        return [record.key.decode() for record in self.kafka.records]

    async def hold(
        self, kind: str, entity_id: str, there: Replica | None = None, **fields: Any
    ) -> None:
        """An entity of ours, as the engine and the links know it."""
        record = Record(
            organization_id="kandy",
            type=kind,
            entity_id=entity_id,
            fields={name: Agreed(value, 0, "mongodb") for name, value in fields.items()},
            replicas={} if there is None else {"pretend": there},
        )
        places = [] if there is None else [f"pretend/{there.external_id}"]
        await self.database["ss_entities"].insert_one(
            {"_id": f"kandy/{kind}/{entity_id}", "organizationId": "kandy", "type": kind,
             "entityId": entity_id, "label": fields.get("name", ""), "sku": fields.get("sku", ""),
             "places": places, "record": encode(record)}
        )  # fmt: skip
        keys = tuple(f"{name}:{fields[name]}" for name in ("sku", "phone") if fields.get(name))
        seen = Seen(external_id=entity_id)
        await self.links.resolve("kandy", "mongodb", [Sighting(kind, entity_id, seen, keys)])


@pytest.fixture
async def rig(
    fresh: Database, kafka: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Rig]:
    shop = Pretend()
    monkeypatch.setitem(registry.PLATFORMS, "pretend", "support.pretend")
    monkeypatch.setattr(pretend, "CONNECTOR", shop)
    registry.forget("pretend")
    monkeypatch.setattr(imports, "LOOK_S", 0.01)
    monkeypatch.setattr(deliveries, "LOOK_S", 0.01)
    monkeypatch.setattr(imports, "FRESH_S", 0.0)
    rig = Rig(fresh, kafka, shop)
    yield rig
    await rig.runner.stop()
    registry.forget("pretend")


def products(count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"id": 1000 + place, "sku": f"S-{place}", "name": f"Item {place}", "price": "100", **more}
        for place in range(count)
    ]


def failing(at: tuple[str, str], error: Exception) -> Callable[[str, str], None]:
    """Fails once, at this page."""
    left = [error]

    def before(kind: str, cursor: str) -> None:
        if (kind, cursor) == at and left:
            raise left.pop()

    return before


async def test_an_import_brings_everything_and_tells_how_far_it_is(rig: Rig) -> None:
    await rig.connect()
    rig.shop.items = {"product": products(250), "customer": [{"id": 1, "phone": "+94771234567"}]}
    job = await rig.run("import")
    assert (job.state, job.done, job.total) == ("done", 251, 251)
    assert job.details["types"]["product"] == {"done": 250, "total": 250}
    assert len(set(rig.keys)) == len(rig.keys) == 251
    assert rig.keys[:2] == ["kandy/pretend/customer/1", "kandy/pretend/product/1000"]
    polls = await rig.database["ss_polls"].find_one({"_id": "kandy/pretend"})
    assert polls is not None


async def test_an_import_that_was_cut_off_goes_on_where_it_was(rig: Rig) -> None:
    await rig.connect()
    rig.shop.items = {"product": products(350)}
    rig.shop.before = failing(("product", "200"), Retry("the shop is away"))
    job = await rig.run("import")
    assert (job.state, job.reason, job.done) == ("queued", "the shop is away", 200)
    rig.shop.calls.clear()
    job = await rig.go_on(job.id)
    assert (job.state, job.done, job.total) == ("done", 350, 350)
    assert ("product", "0") not in rig.shop.calls
    assert rig.shop.calls[0] == ("product", "200")
    assert len(set(rig.keys)) == len(rig.keys) == 350


async def test_a_page_that_was_sent_but_not_noted_is_sent_again_as_the_same(rig: Rig) -> None:
    await rig.connect()
    rig.shop.items = {"product": products(150)}
    job = await rig.run("import")
    first = {dict(record.headers)["ce_id"] for record in rig.kafka.records}
    cursor = {**job.cursor, "type": "product", "page": "", "done": {}}
    await rig.database["ss_jobs"].update_one(
        {"_id": job.id}, {"$set": {"state": "queued", "cursor": cursor, "open": True}}
    )
    await rig.go_on(job.id)
    assert {dict(record.headers)["ce_id"] for record in rig.kafka.records} == first
    assert len(rig.kafka.records) == 300


async def test_no_more_is_fetched_than_the_engine_can_take(rig: Rig) -> None:
    await rig.connect()
    rig.shop.items = {"product": products(200)}
    rig.waiting = [deliveries.AHEAD_MOST + 1] * 5
    job = await rig.run("import")
    assert job.state == "done"
    assert rig.waiting == []


async def test_an_import_can_be_paused_and_resumed(rig: Rig) -> None:
    await rig.connect()
    rig.shop.items = {"product": products(300)}
    queued = await rig.runner.jobs.queue("kandy", "import", "pretend")
    reached, may_go_on = asyncio.Event(), asyncio.Event()

    async def waits() -> int:
        reached.set()
        return 0 if may_go_on.is_set() else deliveries.AHEAD_MOST + 1

    rig.runner.tools = Tools(rig.database, rig.directory, rig.kafka, rig.links, waits)
    assert await rig.runner.start_waiting()
    await reached.wait()
    assert await rig.runner.jobs.steer("kandy", queued.id, "pause") is not None
    may_go_on.set()
    await rig.runner.settled()  # it hears of it when it notes its page
    paused = await rig.runner.jobs.get("kandy", queued.id)
    assert paused is not None
    assert paused.state == "paused"
    assert await rig.runner.jobs.steer("kandy", queued.id, "resume") is not None
    assert (await rig.go_on(queued.id)).state == "done"
    assert set(rig.keys) == {f"kandy/pretend/product/{1000 + place}" for place in range(300)}


async def test_what_is_not_confirmed_is_not_imported(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "SETTLE_MS", 10)
    await rig.connect(first_sync=None)
    rig.shop.items = {"product": products(1)}
    job = await rig.run("import")
    assert job.state == "failed"
    assert "preview" in job.reason
    assert rig.keys == []


async def test_a_preview_says_who_holds_what_and_moves_nothing(rig: Rig) -> None:
    await rig.connect(first_sync=None)
    await rig.hold("product", "p0", sku="S-0", name="Item 0", price="100")
    await rig.hold("inventory", "p0", quantity=7)
    await rig.hold("product", "p1", sku="S-1", name="Item 1", price="120")
    await rig.hold("product", "p9", sku="S-9", name="Only ours", price="1")
    await rig.hold("product", "nameless", sku="S-8")
    await rig.hold("customer", "c1", name="Nimal", phone="+94771234567")
    rig.shop.items = {
        "product": [
            {**products(1)[0], "quantity": 5},
            {"id": 1001, "sku": "S-1", "name": "Item 1", "price": "100"},
            {"id": 1002, "sku": "S-2", "name": "Only theirs"},
            {"id": 1003, "sku": "S-0", "name": "Item 0 again"},
            {"id": 1004, "broken": True},
        ],
        "customer": [{"id": 5, "name": "Nimal P.", "phone": "+94771234567"}],
    }
    before = await rig.database["ss_links"].count_documents({})
    job = await rig.run("preview")
    assert job.state == "done"
    counts = job.details["counts"]
    assert counts["product"] == {"matched": 2, "differing": 1, "onlyThere": 2, "onlyHere": 1}
    assert counts["inventory"] == {"matched": 1, "differing": 1}
    assert counts["customer"] == {"matched": 1, "differing": 1}
    rows = {
        (row["type"], row["externalId"] or row["entityId"]): row
        async for row in rig.database["ss_previews"].find({"jobId": job.id})
    }
    assert rows["inventory", "1000"]["differences"] == [
        {"field": "quantity", "here": 7, "there": 5}
    ]
    assert rows["product", "1001"]["differences"] == [
        {"field": "price", "here": "120", "there": "100"}
    ]
    assert rows["product", "1003"]["kind"] == "onlyThere"
    assert rows["product", "1003"]["note"]
    assert rows["product", "p9"]["kind"] == "onlyHere"
    assert ("product", "nameless") not in rows  # it could not be made there
    assert rig.keys == []
    assert await rig.database["ss_links"].count_documents({}) == before


async def test_a_preview_that_was_cut_off_counts_each_item_once(rig: Rig) -> None:
    await rig.connect(first_sync=None)
    for place in range(120):
        await rig.hold("product", f"p{place}", sku=f"S-{place}", name=f"Item {place}", price="100")
    rig.shop.items = {"product": products(250)}
    rig.shop.before = failing(("product", "100"), Retry("away"))
    job = await rig.run("preview")
    assert job.state == "queued"
    job = await rig.go_on(job.id)
    assert job.details["counts"]["product"] == {"matched": 120, "onlyThere": 130}


async def test_a_poll_asks_for_what_is_new_by_the_platforms_own_clock(rig: Rig) -> None:
    await rig.connect()
    long_ago, skewed = 1_000, 1_700_000_000_000
    rig.shop.items = {"product": [{"id": 1, "sku": "A", "name": "A", "changed": long_ago}]}
    await rig.database["ss_polls"].insert_one(
        {"_id": "kandy/pretend", "seen": {"product": skewed, "order": 0, "variation": 0,
         "customer": 0}, "slowAtMs": 0}
    )  # fmt: skip
    rig.shop.items["product"].append({"id": 2, "sku": "B", "name": "B", "changed": skewed + 5_000})
    assert (await rig.run("poll")).done == 1
    assert rig.keys == ["kandy/pretend/product/2"]
    row = await rig.database["ss_polls"].find_one({"_id": "kandy/pretend"})
    assert row is not None
    assert row["seen"]["product"] == skewed + 5_000
    rig.kafka.records.clear()
    await rig.run("poll")
    assert rig.keys == []


async def test_a_poll_tells_nothing_that_is_known(rig: Rig) -> None:
    """After a bulk edit every item is as new as the newest: all are read, none is told again."""
    await rig.connect()
    at_ms = 1_700_000_000_000
    await rig.database["ss_polls"].insert_one(
        {"_id": "kandy/pretend", "seen": {"product": at_ms, "order": 0}, "slowAtMs": 10**15}
    )
    rig.shop.items = {"product": [{**item, "changed": at_ms} for item in products(600)]}
    rig.shop.window_ms = 120_000
    known = products(599)
    for place, item in enumerate(known):
        shadow = {name: Shadow(item[name], item[name]) for name in ("sku", "name", "price")}
        there = Replica(external_id=str(item["id"]), exists=True, shadow=shadow)
        await rig.hold("product", f"p{place}", there=there, sku=item["sku"], name=item["name"])
    assert (await rig.run("poll")).done == 1
    assert rig.keys == ["kandy/pretend/product/1599"]
    last = rig.shop.items["product"][599]
    shadow = {name: Shadow(last[name], None) for name in ("sku", "name", "price")}
    there = Replica(external_id="1599", exists=True, shadow=shadow)
    await rig.hold("product", "p599", there=there, sku="S-599", name="Item 599")
    rig.kafka.records.clear()
    assert (await rig.run("poll")).done == 0
    rig.shop.calls.clear()
    await rig.run("poll")
    assert [kind for kind, _ in rig.shop.calls] == ["order"]  # it rests after so much for nothing


async def test_nothing_is_polled_while_everything_is_imported(rig: Rig) -> None:
    await rig.connect()
    await rig.runner.jobs.queue("kandy", "import", "pretend")
    poll = await rig.runner.jobs.queue("kandy", "poll", "pretend")
    await rig.database["ss_jobs"].update_one({"kind": "import"}, {"$set": {"notBeforeMs": 10**15}})
    assert (await rig.go_on(poll.id)).state == "done"
    assert rig.shop.calls == []


async def test_a_gap_is_asked_for_from_where_it_began(rig: Rig) -> None:
    await rig.connect()
    now_ms = 1_795_000_000_000
    await polling.begin_polling(rig.database, await connection(rig), now_ms + polling.SKEW_MS)
    rig.shop.items = {
        "product": [{"id": 1, "sku": "A", "name": "A", "changed": now_ms - 60_000}],
        "customer": [{"id": 5, "phone": "+94771234567", "changed": now_ms - 60_000}],
    }
    assert (await rig.run("poll")).done == 0
    job = await rig.run("poll", sinceMs=now_ms - 90_000)
    assert job.done == 2
    assert rig.keys == ["kandy/pretend/product/1", "kandy/pretend/customer/5"]


async def test_a_gap_is_not_lost_where_a_poll_waits_already(rig: Rig) -> None:
    await rig.connect()
    now_ms = 1_795_000_000_000
    held = await connection(rig)
    await polling.begin_polling(rig.database, held, now_ms + polling.SKEW_MS)
    rig.shop.items = {"customer": [{"id": 5, "phone": "+94771234567", "changed": now_ms - 60_000}]}
    assert (await rig.run("poll")).done == 0
    waiting = await rig.runner.jobs.queue("kandy", "poll", "pretend")
    await polling.ask_for_gap(rig.database, rig.runner.jobs, held, now_ms - 90_000)
    job = await rig.go_on(waiting.id)
    assert (dict(job.arguments), job.done) == ({}, 1)
    assert rig.keys == ["kandy/pretend/customer/5"]
    rows = await rig.database["ss_jobs"].find({"kind": "poll"}).to_list()
    assert [row["_id"] for row in rows] == [
        waiting.id
    ]  # of what comes every minute the last is kept
    held_row = await rig.database["ss_polls"].find_one({})
    assert held_row is not None
    assert "gapMs" not in held_row


async def test_who_wins_is_said_of_what_the_import_reads(rig: Rig) -> None:
    await rig.connect("mongodb")
    rig.shop.items = {"product": products(3)}
    assert (await rig.run("import")).state == "done"
    (found,) = await rig.directory.integrations("kandy")
    assert found.first_sync == "newest"


async def connection(rig: Rig) -> Any:
    found = await rig.directory.connection("kandy", "pretend")
    assert found is not None
    return found
