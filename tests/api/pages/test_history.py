"""Searching what happened, one event with everything around it, and an order's timeline."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from api.currencies import Currencies
from api.events import MASK, masked, read_place
from api.pages.differing import parts_of
from schemas.codec import encode
from schemas.feed import FeedLine
from streams.history import HistoryViews
from streams.kafka import Incoming
from streams.sync.record import Agreed, Record

servers = pytest.mark.servers
AT = 1_795_000_000_000


@pytest.fixture
def keep(api: Any, feed_line: Callable[..., FeedLine]) -> Callable[..., Any]:
    """Lines into the history; the version is the offset."""

    async def kept(*versions: int, organization_id: str = "kandy", **named: Any) -> None:
        async def park(_record: Incoming, reason: str) -> None:
            raise AssertionError(reason)

        lines = [feed_line(organization_id, version, **named) for version in versions]
        records = [
            Incoming("feed", 0, line.version, line.at_ms, b"", encode(line)) for line in lines
        ]
        await HistoryViews(api.services.database, park).handle(records)

    return kept


def shown(text: str) -> list[str]:
    """Prices in the order of the page."""
    return [part.partition("</b>")[0] for part in text.split("price: <b>")[1:]]


@servers
async def test_filters_narrow_and_pages_go_on_where_they_ended(api: Any, keep: Any) -> None:
    for version in range(1, 61):
        await keep(version, fields={"price": f"{version}"})
    await keep(70, kind="failed", replica="woocommerce", reason="too long", fields={"name": "x"})
    await keep(80, organization_id="galle", fields={"price": "999"})
    async with api.client("kandy") as client:
        first = await client.get("/events")
        only = await client.get("/events?outcome=failed&source=woocommerce")
        early = await client.get("/events?until=2026-11-18T16:36:40.005%2B05:30")
        none = await client.get("/events?type=order")
        name = await client.get("/events?entity=p1&type=product")
        cursor = first.text.partition("cursor=")[2].partition('"')[0]
        second = await client.get(f"/events?cursor={cursor}")
    assert shown(first.text)[0] == "60.00"
    assert shown(first.text)[-1] == "12.00"  # the failed one is the first of fifty
    assert shown(second.text) == [f"{n}.00" for n in range(11, 0, -1)]
    assert "999" not in first.text
    assert "too long" in only.text
    assert shown(only.text) == []
    assert shown(early.text) == ["4.00", "3.00", "2.00", "1.00"]
    assert "Nothing matches" in none.text
    assert len(shown(name.text)) == 49


@servers
async def test_an_event_tells_before_and_after_causes_and_how_to_repeat_it(
    api: Any, keep: Any
) -> None:
    await keep(3, fields={"price": "1899.5"}, previous={"price": "1700"}, cause="obs-1")
    await keep(4, kind="arrived", replica="mongodb", fields={"price": "1899.5"}, latency_ms=84)
    async with api.client("kandy") as client:
        page = await client.get(f"/events/{AT + 3}-3")
        missing = await client.get(f"/events/{AT + 99}-3")
        nonsense = await client.get("/events/hello")
    async with api.client("galle") as other:
        stranger = await other.get(f"/events/{AT + 3}-3")
    assert page.status_code == 200
    for word in ("1,700.00", "1,899.50", "obs-1", "WooCommerce changed price", "Your app is up"):
        assert word in page.text, word
    assert "curl -X POST http://127.0.0.1:3000/api/events" in page.text
    assert "./smartstore trigger woo.product.updated" in page.text
    assert (missing.status_code, stranger.status_code, nonsense.status_code) == (404, 404, 303)


async def named(api: Any, kind: str, entity_id: str, currency: str) -> None:
    """An item that names its currency."""
    held = {"currency": Agreed(currency, AT, "mongodb")}
    record = Record(organization_id="kandy", type=kind, entity_id=entity_id, fields=held)
    await api.services.database["ss_entities"].insert_one(
        {"_id": f"kandy/{kind}/{entity_id}", "organizationId": "kandy", "type": kind,
         "entityId": entity_id, "record": encode(record)}
    )  # fmt: skip


@servers
async def test_amounts_are_in_the_currency_of_the_item_else_of_the_shop(
    api: Any, keep: Any
) -> None:
    await keep(1, fields={"price": "1899.5"})
    await keep(2, type="order", fields={"total": "20", "currency": "USD"})
    directory = api.services.directory
    await directory.connect("kandy", "woocommerce", {"currency": "LKR"}, {})
    async with api.client("kandy") as client:
        by_connection = await client.get("/events")
        sinhala = await client.get("/events", headers={"accept-language": "si"})
        event = await client.get(f"/events/{AT + 1}-1")
    assert shown(by_connection.text) == ["Rs\xa01,899.50"]
    assert "<b>US$20.00</b>" in by_connection.text
    assert "<b>රු.\xa01,899.50</b>" in sinhala.text
    assert "<td>Rs\xa01,899.50</td>" in event.text


@servers
async def test_where_items_name_several_currencies_none_is_guessed(api: Any) -> None:
    database, directory = api.services.database, api.services.directory
    await directory.connect("kandy", "woocommerce", {"currency": "LKR"}, {})
    await named(api, "product", "p1", "USD")
    assert await Currencies().of(database, directory, "kandy") == "USD"
    await named(api, "order", "o1", "EUR")
    assert await Currencies().of(database, directory, "kandy") == ""
    assert await Currencies().of(database, directory, "galle") == ""


@servers
async def test_an_order_has_one_timeline_of_every_place(api: Any, keep: Any) -> None:
    from schemas.base import Fields
    from streams.entities import EntityViews

    async def park(_record: Incoming, reason: str) -> None:
        raise AssertionError(reason)

    fields: Fields = {"number": "1042", "status": "processing", "total": "4500", "currency": "LKR",
                      "items": [{"name": "Tea <400 g>", "quantity": 2, "total": "4150"}],
                      "discount": "0", "shippingTotal": "350"}  # fmt: skip
    record = Record(
        organization_id="kandy",
        type="order",
        entity_id="o1",
        fields={name: Agreed(value, AT, "woocommerce") for name, value in fields.items()},
    )
    views = EntityViews(api.services.database, "log", park)
    await views.handle([Incoming("entities", 0, 1, AT, b"kandy/order/o1", encode(record))])
    await keep(1, type="order", entity_id="o1", fields={"status": "processing"})
    database = api.services.database
    await database["ss_effects"].insert_one(
        {"organizationId": "kandy", "entityId": "o1", "replica": "whatsapp", "state": "sent",
         "claimedAtMs": AT + 2_000, "effectKey": "k"}
    )  # fmt: skip
    await database["ss_tracking"].insert_one(
        {"organizationId": "kandy", "orderId": "o1", "replica": "courier:dhl", "number": "7",
         "events": [{"at_ms": AT + 9_000, "text": "Handed over", "status": "delivered",
                     "location": "Kandy"}]}
    )  # fmt: skip
    async with api.client("kandy") as client:
        page = await client.get("/orders/o1")
        nothing = await client.get("/orders/9999")
        sinhala = await client.get("/orders/o1", headers={"accept-language": "si"})
    places = [text.partition("</b>")[0] for text in page.text.split('detail"><b>')[1:]]
    assert places == ["DHL", "WhatsApp", "WooCommerce"]
    assert "Rs\xa04,500.00" in page.text
    assert "2 \xd7 Tea &lt;400 g&gt;" in page.text
    assert "Rs\xa04,150.00" in page.text
    assert "Rs\xa0350.00" in page.text
    assert "Discount" not in page.text
    assert ">Items</h2>" in page.text
    assert ">අයිතම</h2>" in sinhala.text
    assert nothing.status_code == 404


def test_people_are_masked_and_products_are_not() -> None:
    assert masked({"name": "Tea", "price": "5"}) == {"name": "Tea", "price": "5"}
    assert masked({"name": "Nimal", "phone": ""}, personal=True) == {"name": MASK, "phone": ""}
    order = {"number": "7", "billing": {"name": "Nimal"}, "items": [{"name": "Tea"}]}
    assert masked(order) == {"number": "7", "billing": MASK, "items": [{"name": "Tea"}]}
    assert json.dumps(masked({"payment": {"email": "n@x.lk"}})) == json.dumps(
        {"payment": {"email": MASK}}
    )


def test_a_place_is_two_numbers() -> None:
    assert read_place("1795000000000-12") == (1_795_000_000_000, 12)
    for wrong in ("", "1-", "a-b", "1-2-3", "9" * 50 + "-1"):
        with pytest.raises(Exception, match="Malformed"):
            read_place(wrong)


def test_only_what_differs_in_long_texts_is_marked() -> None:
    here = "Ceylon black tea from Kandy, packed by hand in small tins"
    there = "Ceylon green tea from Kandy, packed by hand in small tins"
    assert parts_of(here, there)[:2] == [("Ceylon ", False), ("black", True)]
    assert [text for text, changed in parts_of(there, here) if changed] == ["green"]
    assert parts_of("short", "shirt") == []
    assert parts_of(7, "seven") == []
