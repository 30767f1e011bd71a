"""A whole catalogue and its changes, small: few calls, right at the end, and what is wrong is told.
`smartstore bench catalogue` does it with 20,000 items."""

from __future__ import annotations

import pytest

from benchmarks.catalogue import NUMBER, ORG, measure, opened
from schemas.codec import encode
from streams.database import Database
from streams.entities import EntityViews
from streams.kafka.records import Incoming
from streams.sync.record import Agreed, Record, Replica, Tombstone
from streams.whatsapp.catalogue_errors import errors_of

pytestmark = pytest.mark.servers


async def test_few_calls_and_right_at_the_end(fresh: Database) -> None:
    async with opened(fresh, 0.1, catalog_gap_s="1.5") as shop:
        figures = await measure(shop, items=600, changes=40, minute_s=1.2)
    assert figures.wrong == []
    assert figures.full == figures.full_least == 2
    assert figures.changed <= 2 * figures.changed_least
    assert figures.latest_s < 6


async def test_variations_deleted_ones_and_what_meta_refuses(fresh: Database) -> None:
    async def park(_record: Incoming, reason: str) -> None:
        raise AssertionError(reason)

    def agreed(**fields: object) -> dict[str, Agreed]:
        return {name: Agreed(value, 1, "mongodb") for name, value in fields.items()}

    records = [
        Record(ORG, "product", "p1", 1, 1,
               fields=agreed(sku="SAREE", name="Batik saree", productType="variable", price="1")),
        Record(ORG, "variation", "v1", 1, 1,
               fields=agreed(sku="SAREE-RED", price="12500", parentId="p1",
                             attributes={"Colour": "Red"})),
        Record(ORG, "inventory", "v1", 1, 1, fields=agreed(quantity=0)),
        Record(ORG, "product", "p2", 1, 1, fields=agreed(sku="NO-PRICE", name="Gift")),
        Record(ORG, "product", "p3", 1, 1, fields=agreed(sku="GONE", name="Gone", price="1"),
               tombstone=Tombstone(1, "mongodb"),
               replicas={"whatsapp": Replica(external_id="GONE", exists=True)}),
        Record(ORG, "product", "p4", 1, 1, fields=agreed(sku="WAS", name="Was", price="1"),
               tombstone=Tombstone(1, "mongodb")),
        Record(ORG, "product", "p5", 1, 1,
               fields=agreed(sku="DRAFT", name="Draft", price="5", status="draft")),
        Record(ORG, "inventory", "p5", 1, 1, fields=agreed(quantity=9)),
    ]  # fmt: skip
    views = EntityViews(fresh, "log", park)
    for record in records:
        key = f"{ORG}/{record.type}/{record.entity_id}".encode()
        await views.handle([Incoming("entities-changelog", 0, 1, 1, key, encode(record))])
    async with opened(fresh, 0.0, catalog_gap_s="0") as shop:
        await shop.sync()
        await shop.control.refuse_items(NUMBER, DRAFT="the picture could not be fetched")
        await shop.sync()
        held = await shop.control.catalogue(NUMBER)
    assert sorted(held) == ["DRAFT", "SAREE-RED"]
    red = held["SAREE-RED"]
    assert (red["title"], red["item_group_id"]) == ("Batik saree Red", "p1")
    assert red["availability"] == "out of stock"
    assert held["DRAFT"]["availability"] == "discontinued"  # however much of it there is
    wrong = {one["sku"]: one["reason"] for one in await errors_of(fresh, ORG)}
    assert wrong == {
        "NO-PRICE": "the catalogue wants a price",
        "DRAFT": "the picture could not be fetched",
    }
