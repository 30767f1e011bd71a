"""A whole catalogue and its changes, small: few calls, right at the end, and what is wrong is told.
`smartstore bench catalogue` does it with 20,000 items."""

from __future__ import annotations

from itertools import count

import pytest

from benchmarks.catalogue import NUMBER, ORG, measure, opened
from connectors.protocol import StateCommand
from connectors.whatsapp.client import WhatsAppClient
from connectors.whatsapp.settings import account_of
from schemas.codec import encode
from schemas.command import Create, Write
from streams.database import Database
from streams.directory import Directory
from streams.entities import EntityViews
from streams.kafka.records import Incoming
from streams.keyring import Keyring
from streams.sync.record import Agreed, Record, Replica, Tombstone
from streams.whatsapp.catalogue_errors import errors_of
from streams.whatsapp.service import NotConnected, WhatsAppService
from streams.whatsapp.shelf import Shelf
from tests.streams.conftest import KafkaLog

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


async def test_stock_of_what_is_not_for_sale_does_not_show_it_in_stock(fresh: Database) -> None:
    async def park(_record: Incoming, reason: str) -> None:
        raise AssertionError(reason)

    async def known(product: str, item: str) -> None:
        """As the engine has them: two products and a variation of the second."""
        rows: list[tuple[str, str, dict[str, object]]] = [
            ("product", "p1", {"sku": "POT", "status": product}),
            ("product", "p2", {"sku": "SAREE", "status": product, "productType": "variable"}),
            ("variation", "v1", {"sku": "SAREE-RED", "parentId": "p2", "status": item}),
        ]
        for number, (kind, entity_id, values) in enumerate(rows):
            fields = {name: Agreed(value, 1, "mongodb") for name, value in values.items()}
            record = Record(ORG, kind, entity_id, next(offsets), 1, fields=fields)
            key = f"{ORG}/{kind}/{entity_id}".encode()
            await views.handle([Incoming("l", 0, next(offsets), number, key, encode(record))])

    offsets = count(1)
    views, shelf = EntityViews(fresh, "log", park), Shelf(fresh)
    await known("draft", "active")
    assert await shelf.unsold(ORG, ["p1", "v1", "nobody's"]) == {"p1", "v1"}
    async with opened(fresh, 0.0, catalog_gap_s="0") as shop:
        client = WhatsAppClient(account_of(shop.account()), shop.calls, shelf=shelf)

        async def stands(*commands: StateCommand) -> str:
            answers = await client.apply(commands, shop)
            assert {one.result for one in answers} == {"taken"}
            return str((await shop.control.catalogue(NUMBER))["POT"]["availability"])

        product = {"sku": "POT", "name": "Pot", "price": "1", "status": "draft"}
        stock = change("inventory", quantity=9)
        assert await stands(make(product)) == "discontinued"
        assert await stands(stock) == "discontinued"
        # For sale again, which the views do not know yet.
        assert await stands(change("product", status="active")) == "in stock"
        assert await stands(change("inventory", quantity=8)) == "in stock"
        await client.close()


async def test_the_service_has_the_whole_catalogue_written(
    fresh: Database, kafka: KafkaLog
) -> None:
    directory = Directory(fresh, Keyring([bytes(32)]))
    await directory.create_organization(ORG, "Kandy Crafts")
    service = WhatsAppService(fresh, directory, kafka)
    with pytest.raises(NotConnected, match="has a catalogue"):
        await service.update_catalog(ORG)
    settings = {"phone_number_id": NUMBER, "catalog_id": "1083364729915520"}
    await directory.connect(ORG, "whatsapp", settings, {"access_token": "t"}, first_sync="newest")
    (job,) = await service.update_catalog(ORG)
    assert (job.kind, job.state) == ("catalogue", "queued")
    assert [one.id for one in await service.update_catalog(ORG)] == [job.id]


def make(want: dict[str, object]) -> Create:
    return Create(
        organization_id=ORG, type="product", entity_id="p1", replica="whatsapp", op=(1, 1),
        want=want, issued_at_ms=0,
    )  # fmt: skip


def change(kind: str, **want: object) -> Write:
    return Write(
        organization_id=ORG, type=kind, entity_id="p1", replica="whatsapp", op=(1, next(OPS)),
        external_id="POT", want=want, issued_at_ms=0,
    )  # fmt: skip


OPS = count(2)
