"""One customer erased, over all that keeps anything; beside it, who was not."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from bson import json_util

from schemas.codec import decode, encode
from schemas.outcome import Erase
from schemas.topics import ENTITIES, FEED, INBOUND, RESOLUTIONS
from streams.archive.erasure import Desk, NobodyFound, begin, carry_out, preview
from streams.archive.joined import Sources, history
from streams.archive.reading import Query
from streams.cache import open_cache
from streams.entities import EntityViews
from streams.history import HistoryViews
from streams.inbox import MAX_INLINE, Inbox
from streams.kafka import Incoming, Outgoing
from streams.sync.decision import Decision
from support.desk import Item, park
from support.engine import context
from tests.streams.archive.conftest import KEYS, Store

pytestmark = pytest.mark.servers

PHONE, MAIL = "+94771234567", "nimal@example.lk"
WAMID = "wamid.HBgLOTQ3NzEyMzQ1NjcVAgARGBI0NDAzRkM2RDc2RTI3QzVDNTkA"
"""Meta's id of a message: the number is in it, in base64."""
SECRETS = ("771234567", "OTQ3NzEyMzQ1Njc", "nimal@", "Nimal", "Temple")
BILLING = {"firstName": "Nimal", "address1": "5 Temple Road", "phone": PHONE}


@dataclass
class Shop:
    """The engine, its topics and its views."""

    store: Store
    items: dict[bytes, Item] = field(default_factory=dict)
    offset: int = 0

    async def hears(self, kind: str, name: str, /, **fields: Any) -> None:
        item = Item(context(kind, replicas=("mongodb",)), kind, entity_id=name)
        self.items[f"kandy/{kind}/{name}".encode()] = item
        await self._told(item, item.sees("mongodb", 1, **fields))

    async def publish(self, *records: Outgoing) -> None:
        await self.store.publish(*records)
        for record in records:
            item = self.items.get(record.key)
            if record.topic is RESOLUTIONS and item is not None:
                await self._told(item, item.take(decode(record.value or b"", Erase)))
                item.settles()
                await self._told(item, item.last)

    async def _told(self, item: Item, decision: Decision) -> None:
        self.offset += 1
        entity = (item.organization_id, item.type, item.entity_id)
        row = Outgoing(ENTITIES, "/".join(entity).encode(), encode(item.record))
        lines = [Outgoing(FEED, b"kandy", encode(line)) for line in decision.feed]
        await self.store.publish(row, *lines)
        shown = Incoming(ENTITIES.name, 0, self.offset, 1, row.key, row.value or b"")
        await EntityViews(self.store.database, "log", park).handle([shown])
        told = [Incoming("feed", 0, self.offset, 1, b"", one.value or b"") for one in lines]
        await HistoryViews(self.store.database, park).handle(told)


@pytest.fixture
async def shop(store: Store) -> Shop:
    made = Shop(store)
    await made.hears("customer", "c1", name="Nimal Perera", phone=PHONE, email=MAIL)
    await made.hears("customer", "c2", name="Kamala", phone="+94712223334")
    await made.hears("order", "o1", total="1899.5", customerId="c1", billing=BILLING)
    await made.hears("order", "o2", total="100", customerId="c2", billing={"firstName": "Kamala"})
    await store.database["ss_links"].insert_one(
        {"_id": f"c|kandy|customer|phone:{PHONE}", "organizationId": "kandy", "entityId": "c1"}
    )
    await store.database["ss_links"].insert_one(
        {"_id": f"l|kandy|whatsapp|message|{WAMID}", "organizationId": "kandy",
         "externalId": WAMID, "entityId": "m1"}
    )  # fmt: skip
    hook = (
        b'{"messages": [{"from": "94771234567", "text": {"body": "' + b"x" * MAX_INLINE + b'"}}]}'
    )
    delivery = Outgoing(INBOUND, f"kandy/whatsapp/message/{WAMID}".encode(), hook)
    await Inbox(store.database).inlined(delivery)
    await store.database["ss_effects"].insert_one(
        {"organizationId": "kandy", "effectKey": "k", "arguments": {"to": PHONE, "words": "Nimal"}}
    )
    return made


def sources(store: Store) -> Sources:
    return Sources(store.endpoints, store.database, store.location, KEYS)


async def replayed(store: Store) -> str:
    batches = history(sources(store), Query())
    return "\n".join([repr(event) async for batch in batches for event in batch])


async def sold(store: Store) -> Decimal:
    """What all orders come to, from history alone."""
    totals = {}
    async for batch in history(sources(store), Query(topics=frozenset({"entities-changelog"}))):
        for event in batch:
            fields = decode(event.value or "{}", dict).get("fields", {})
            if "total" in fields:
                totals[event.key] = Decimal(fields["total"][0])
    return sum(totals.values(), Decimal(0))


async def kept(store: Store) -> str:
    """Every document of every collection."""
    found = []
    for name in await store.database.list_collection_names():
        found += [
            json_util.dumps(row) + "".join(str(row.get(n, "")) for n in ("record", "line", "value"))
            async for row in store.database[name].find()
        ]
    return "\n".join(found)


def on_disk(store: Store) -> str:
    """Every file, as it is and as it reads, whatever the manifest says."""
    found = []
    for name, _ in store.location.listed():
        path = Path(store.location.path(name))
        found += [path.read_bytes().decode("latin-1"), repr(pq.read_table(path).to_pylist())]
    return "\n".join(found)


def left_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


async def test_nothing_tells_of_them_and_the_books_add_up(shop: Shop) -> None:
    store = shop.store
    await store.archive(4)
    await shop.hears("order", "o3", total="20", customerId="c1", note=f"Nimal's {WAMID}")
    cache = open_cache(store.endpoints)
    cached = f"ss:link:{store.database.name}:l|kandy|whatsapp|message|{WAMID}"
    await cache.set(cached, '["m1"]', ex=600)
    assert len(left_in(await replayed(store))) == len(left_in(await kept(store))) == len(SECRETS)
    before = await sold(store)
    told = await preview(sources(store), "kandy", "0771234567")
    assert told["entities"] == {"customer": 1, "order": 2}
    assert told["archive"]["events"] > 0
    assert left_in(await replayed(store))  # a dry run changes nothing

    async def tell(_step: str) -> None:
        return None

    desk = Desk(sources(store), shop, tell, "test")
    person = await begin(desk.sources, "kandy", "0771234567")
    proof = await carry_out(desk, person)
    assert not any(proof["left"].values()), proof["left"]
    assert proof["archive"]["events"] == told["archive"]["events"]
    assert left_in(await replayed(store)) == []
    assert left_in(await kept(store)) == []
    assert await cache.get(cached) is None
    await cache.aclose()
    await store.archive(1)  # what Kafka still holds lands without them
    assert left_in(on_disk(store)) == []
    assert left_in(await replayed(store)) == []
    assert await sold(store) == before == Decimal("2019.5")
    assert "Kamala" in await replayed(store)
    with pytest.raises(NobodyFound):
        await preview(sources(store), "kandy", "nobody")
