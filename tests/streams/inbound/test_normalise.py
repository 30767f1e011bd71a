from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from connectors.errors import Malformed
from connectors.mongodb import MongoDBConnector
from connectors.protocol import Connection, EffectSettled, Parsed, Profile, Sighting, StockTaken
from schemas.codec import decode
from schemas.envelope import Envelope, read_envelope
from schemas.event import QueuedEvent
from schemas.observation import Arrival, Edit, Gone, Observation, Seen
from schemas.outcome import Outcome
from streams.database import Database
from streams.inbound import Normaliser
from streams.inbox import Inbox
from streams.kafka.records import Incoming, Outgoing
from streams.links import Links
from streams.queueing import event_record
from tests.streams.conftest import KafkaLog

pytestmark = pytest.mark.servers

HEX = "65f0c0ffee65f0c0ffee65f0"


class Shop:
    """A platform whose deliveries say what the test wants."""

    platform = "shop"

    def __init__(self, parsed: Parsed | Exception) -> None:
        self.parsed = parsed
        self.reads = True

    def profile(self, *_: Any) -> Profile:
        return Profile("shop", {}, reads=self.reads)

    def parse(self, *_: Any) -> Parsed:
        if isinstance(self.parsed, Exception):
            raise self.parsed
        return self.parsed


class Everyone:
    async def connection(self, organization_id: str, replica: str) -> Connection | None:
        if replica == "nobody":
            return None
        return Connection(
            replica, organization_id, replica, replica, confirmed=replica != "unconfirmed"
        )


class Parked:
    def __init__(self) -> None:
        self.reasons: list[str] = []

    async def park(self, incoming: Incoming | None, **told: str) -> None:
        assert told["stage"] == "inbound"
        self.reasons.append(told["reason"])


class Ledger:
    async def evidence(
        self, organization_id: str, settled: EffectSettled, now_ms: int
    ) -> Outcome | None:
        return Outcome(
            organization_id=organization_id,
            type="order",
            entity_id="o1",
            replica="shop",
            effect_key=settled.effect_key,
            result="taken",
            at_ms=0,
        )


class Rig:
    """A normaliser and everything around it."""

    def __init__(self, database: Database, kafka: KafkaLog) -> None:
        self.kafka, self.dead, self.links = kafka, Parked(), Links(database)
        self.database = database
        self.shop: Any = Shop(Parsed())
        self.normaliser = Normaliser(
            publisher=kafka,
            links=self.links,
            connections=Everyone(),
            inbox=Inbox(database),
            dead=self.dead,
            effects=Ledger(),
            find=lambda platform: MongoDBConnector() if platform == "mongodb" else self.shop,
        )

    async def take(self, *records: Incoming) -> list[Any]:
        self.kafka.records.clear()
        await self.normaliser.handle(records)
        return [
            decode(record.value or b"", Arrival if record.topic.name == "observations" else Outcome)
            for record in self.kafka.records
        ]


@pytest.fixture
def rig(fresh: Database, kafka: KafkaLog) -> Rig:
    return Rig(fresh, kafka)


def incoming(record: Outgoing, offset: int = 0) -> Incoming:
    return Incoming(
        "inbound", 0, offset, 1_795_339_801_000, record.key, record.value or b"", record.headers
    )


def delivery(kind: str, key: str, body: Any, offset: int = 0) -> Incoming:
    envelope = Envelope(
        id=f"d{offset}",
        type=kind,
        source="t",
        organization_id=key.split("/")[0],
        traceparent="00-x",
    )
    return Incoming(
        "inbound", 0, offset, 1000, key.encode(), orjson.dumps(body), envelope.headers()
    )


def change(
    collection: str, kind: str, document: Mapping[str, Any], operation: str = "insert", n: int = 0
) -> Incoming:
    body = {
        "operationType": operation,
        "clusterTime": {"t": 100, "i": n},
        "wallTime": 99,
        "ns": {"db": "d", "coll": collection},
        "documentKey": {"_id": document["_id"]},
        "fullDocument": None if operation == "delete" else document,
    }
    return delivery(
        f"inbound.mongodb.{collection}.{operation}",
        f"org/mongodb/{kind}/{document['_id']}",
        body,
        n,
    )


def queued(data: dict[str, Any], kind: str = "product", action: str = "update") -> Incoming:
    event = QueuedEvent.model_validate(
        {
            "id": "e1",
            "type": kind,
            "action": action,
            "data": data,
            "timestamp": 1_795_339_800_000,
            "organizationId": "org",
        }
    )
    return incoming(event_record(event, 0), 50)


async def test_a_document_becomes_observations_with_our_ids(rig: Rig) -> None:
    product = {
        "_id": {"$oid": HEX},
        "organizationId": "org",
        "sku": "TEA",
        "price": {"$numberDecimal": "5.10"},
        "variants": [{"sku": "TEA-1", "price": 2}],
    }
    stock = {"_id": HEX, "productId": HEX, "organizationId": "org", "sku": "TEA", "quantity": 3}
    order = {"_id": "o1", "organizationId": "org", "items": [{"productId": HEX, "quantity": 1}]}
    seen = await rig.take(
        change("products", "product", product, n=1),
        change("inventory", "inventory", stock, n=2),
        change("orders", "order", order, n=3),
    )
    assert [(one.type, one.entity_id) for one in seen] == [
        ("product", HEX),
        ("variation", f"{HEX}#TEA-1"),
        ("inventory", HEX),
        ("order", "o1"),
    ]
    assert isinstance(seen[0], Observation)
    assert seen[0].seen.fields == {"sku": "TEA", "price": "5.1"}
    assert (seen[0].id, seen[1].id) == ("d1", "d1:1")
    assert (seen[0].seen.as_of, seen[0].seen.changed_at_ms) == ((100 << 32) | 1, 99)
    assert seen[1].seen.fields["parentId"] == HEX
    assert seen[3].seen.fields["items"][0]["productId"] == HEX
    first = rig.kafka.records[0]
    assert first.key == f"org/product/{HEX}".encode()
    assert read_envelope(first.headers).traceparent == "00-x"


async def test_a_foreign_shops_ids_become_ours(rig: Rig) -> None:
    await rig.links.resolve(
        "org", "mongodb", [Sighting("product", "p1", Seen(external_id="p1"), ("sku:TEA",))]
    )
    fields = {"items": [{"productId": "412", "sku": "TEA"}, {"productId": "9", "sku": None}]}
    rig.shop.parsed = Parsed(
        sightings=(
            Sighting("product", "412", Seen(external_id="412"), ("sku:TEA",)),
            Sighting("order", "7", Seen(external_id="7", fields=fields)),
            Sighting("variation", "13:14", Seen(external_id="13:14"), parent="13"),
        )
    )
    product, order, variation = await rig.take(
        delivery("inbound.shop.x", "org/shop/product/412", 1)
    )
    assert product.entity_id == "p1"
    assert [line["productId"] for line in order.seen.fields["items"]] == ["p1", "9"]
    assert "parentId" not in variation.seen.fields


async def test_deletions_are_notices(rig: Rig) -> None:
    await rig.take(change("orders", "order", {"_id": "o1", "organizationId": "org"}))
    (gone,) = await rig.take(change("orders", "order", {"_id": "o1"}, "delete"))
    assert isinstance(gone, Gone)
    assert (gone.entity_id, gone.external_id) == ("o1", "o1")


async def test_a_notice_of_what_nobody_knows_leaves_nothing(rig: Rig) -> None:
    """A shop sends `product.deleted` for an order that is trashed, too."""
    rig.shop.parsed = Parsed(
        sightings=(
            Sighting("product", "1041", None),
            Sighting("inventory", "1041", None, item_of="1041"),
        )
    )
    assert (
        await rig.take(delivery("inbound.shop.product.deleted", "org/shop/product/1041", 1)) == []
    )
    assert await rig.database["ss_links"].count_documents({}) == 0


async def test_an_order_without_stock_of_its_own_takes_ours(rig: Rig) -> None:
    await rig.take(
        change("inventory", "inventory", {"_id": "p1", "organizationId": "org", "sku": "TEA"})
    )
    rig.shop.parsed = Parsed(
        stock_taken=(StockTaken("wamid.1", "TEA", 2),),
        settled=(EffectSettled("key", "v", "delivered"),),
    )
    edit, outcome = await rig.take(delivery("inbound.shop.webhook", "org/shop/order/wamid.1", 1))
    assert isinstance(edit, Edit)
    assert (edit.id, edit.type, edit.entity_id) == ("order:wamid.1:TEA", "inventory", "p1")
    assert edit.deltas == {"quantity": -2}
    assert (outcome.effect_key, outcome.result) == ("key", "taken")


async def test_a_queued_event_becomes_edits(rig: Rig) -> None:
    await rig.take(
        change("products", "product", {"_id": "p1", "organizationId": "org", "sku": "T"})
    )
    product, stock = await rig.take(queued({"id": "p1", "price": "7.50", "stock": 3}))
    assert (product.type, product.entity_id, product.fields) == ("product", "p1", {"price": "7.5"})
    assert (stock.id, stock.entity_id, stock.fields) == ("e1:inventory", "p1", {"quantity": 3})
    assert (product.replica, product.timestamp_ms) == ("mongodb", 1_795_339_800_000)
    (by_sku,) = await rig.take(queued({"sku": "T", "delta": -1}))
    assert (by_sku.entity_id, by_sku.deltas) == ("p1", {"quantity": -1})
    (direct,) = await rig.take(queued({"entityId": "x9", "price": 1}))
    assert direct.entity_id == "x9"
    (made,) = await rig.take(queued({"sku": "NEW", "name": "Tea"}, action="create"))
    assert len(made.entity_id) == 24
    assert rig.dead.reasons == []


async def test_what_cannot_be_understood_is_parked_and_the_rest_goes_on(rig: Rig) -> None:
    rig.shop.parsed = Malformed("no JSON")
    good = change("orders", "order", {"_id": "o1", "organizationId": "org"}, n=9)
    (seen,) = await rig.take(
        delivery("inbound.shop.x", "org/shop/product/1", 1, 1),
        delivery("inbound.shop.x", "org/nobody/product/1", 1, 2),
        Incoming("inbound", 0, 3, 0, b"junk", b"junk"),
        delivery("inbound.event.product.update", "org/mongodb/product/1", {"id": "e"}, 4),
        queued({"sku": "UNKNOWN", "price": 1}),
        change("orders", "order", {"_id": "o2", "organizationId": "org", "total": "lots"}, n=6),
        good,
    )
    assert seen.entity_id == "o1"
    assert len(rig.dead.reasons) == 6
    rig.shop.parsed = KeyError("unforeseen")
    assert await rig.take(delivery("inbound.shop.x", "org/shop/product/1", 1, 1)) == []
    assert "unforeseen" in rig.dead.reasons[-1]


async def test_nothing_enters_before_somebody_said_who_wins(rig: Rig) -> None:
    rig.shop = Shop(Parsed((Sighting("product", "412", Seen(external_id="412")),)))
    waiting = delivery("inbound.shop.product.updated", "org/unconfirmed/product/412", {})
    assert await rig.take(waiting) == []
    assert rig.dead.reasons == []
    assert await rig.links.entity_id("org", "unconfirmed", "product", "412") is None
    rig.shop.reads = False  # nothing could read it again: a customer's message
    assert len(await rig.take(waiting)) == 1
