"""How few calls a catalogue needs, and what survives gathering."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from connectors.protocol import Answer
from connectors.whatsapp.batches import Batches, sliced
from connectors.whatsapp.catalogue import Item, price_text
from connectors.whatsapp.client import WhatsAppClient
from connectors.whatsapp.graph import Graph
from connectors.whatsapp.pace import Pace
from connectors.whatsapp.settings import account_of
from schemas.command import Create, Write
from support.waiting import until
from tests.connectors.whatsapp.conftest import (
    CATALOGUE,
    NUMBER,
    Bench,
    Known,
    connection,
    create,
    delete,
    write,
)

NOBODY = Known()
WANT: dict[str, Any] = {"name": "Tea", "price": "10", "status": "active"}


def product(number: int, **more: Any) -> Create:
    return create("product", f"p{number}", want={**WANT, "sku": f"S-{number}", **more})


def test_little_goes_at_once_and_much_is_gathered() -> None:
    pace = Pace(60.0)
    assert pace.opens_at(["a"], 100.0) == 100.0
    pace.sent(100.0)
    assert pace.opens_at(["b"], 101.0) == 105.0  # a person who edits waits for seconds
    assert pace.opens_at([f"s{n}" for n in range(40)], 104.0) == 160.0
    assert pace.opens_at(["c"], 161.0) == 161.0
    assert Pace(0.0, sent_at=50.0).opens_at([f"s{n}" for n in range(40)], 50.0) == 50.0


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [("1899.5", "LKR", "1899.50 LKR"), ("1200", "JPY", "1200 JPY"), ("1.2345", "KWD", "1.235 KWD")],
)
def test_digits_of_a_currency(amount: str, currency: str, text: str) -> None:
    account = account_of(connection(currency=currency))
    assert price_text(amount, account) == text


async def test_what_is_gathered_goes_in_one_call_and_every_repeat_is_answered(bench: Bench) -> None:
    await bench.client.apply([product(n) for n in range(20)], NOBODY)
    account = account_of(connection(catalog_gap_s="1"))
    client = WhatsAppClient(account, bench.transport)
    changes = [
        write("product", f"p{n}", f"S-{n}", op=(1, 5), want={"price": f"{n + 20}"})
        for n in range(20)
    ]
    for part in (changes[:1], changes[1:10], changes[10:]):
        assert {one.result for one in await client.apply(part, NOBODY)} == {"retry"}
    answers: list[Answer] = []
    async with asyncio.timeout(10):
        while {one.result for one in answers} != {"taken"}:
            await asyncio.sleep(0.1)  # the sink asks again by the engine's clock
            answers = [
                *await client.apply(changes[:7], NOBODY),
                *await client.apply(changes[7:], NOBODY),
            ]
    items = await bench.items()
    assert {items[f"S-{n}"]["price"] for n in range(20)} == {f"{n + 20}.00 LKR" for n in range(20)}
    handles = {row["handle"] for row in await bench.control.catalogue_writes(NUMBER)}
    assert len(handles) == 3  # all items; the first change; all others
    await client.close()


async def test_what_turns_out_to_be_much_is_put_off(bench: Bench) -> None:
    """The second change seems to be one of few; those that follow show that it is not."""
    await bench.client.apply([product(n) for n in range(20)], NOBODY)
    pace = Pace(1.2, space_s=0.2)
    batches = Batches(Graph(account_of(connection()), bench.transport), CATALOGUE, pace=pace)
    began = time.monotonic()
    for number in range(20):
        item = Item(f"S-{number}", "UPDATE", {"price": "9.00 LKR"})
        await batches.write([item], {item.sku: {("product", f"p{number}"): (1, number)}})
        await asyncio.sleep(0.01)
    await until(bench.items, lambda items: items["S-19"]["price"] == "9.00 LKR", limit_s=5)
    assert time.monotonic() - began >= 1.2
    handles = {row["handle"] for row in await bench.control.catalogue_writes(NUMBER)}
    assert len(handles) == 3  # all items; the first change; all others
    await batches.close()


async def test_a_deleted_item_is_not_brought_back_by_a_late_change(bench: Bench) -> None:
    await bench.client.apply([product(1)], NOBODY)
    await bench.client.apply([delete("product", "p1", "S-1")], NOBODY)
    late: Write = write("product", "p1", "S-1", op=(1, 9), want={"price": "11"})
    (answer,) = await bench.client.apply([late], NOBODY)
    assert answer.result == "missing"
    assert await bench.items() == {}


async def test_a_variable_product_is_a_group_and_no_item(bench: Bench) -> None:
    (answer,) = await bench.client.apply([product(1, productType="variable")], NOBODY)
    assert answer.result == "taken"
    assert await bench.items() == {}


def test_a_newer_change_of_an_item_outdoes_the_gathered_one() -> None:
    item = Item("S-1")
    item.take(0, "CREATE", {"title": "Tea", "price": "1.00 LKR"})
    item.take(0, "UPDATE", {"price": "2.00 LKR"})
    assert (item.method, item.data) == ("CREATE", {"title": "Tea", "price": "2.00 LKR"})


def test_what_is_not_for_sale_is_not_in_stock_whatever_comes_first() -> None:
    draft, active = {"availability": "discontinued"}, {"availability": "in stock"}
    some = {"availability": "in stock", "quantity_to_sell_on_facebook": 3}
    none = {"availability": "out of stock", "quantity_to_sell_on_facebook": 0}
    # What stock says of a product that the views had as a draft.
    blind = {**some, **draft}

    def ends(*told: tuple[dict[str, object], bool]) -> object:
        item, later = Item("S-1"), Item("S-1")
        for place, (data, stock) in enumerate(told):
            item.take(place, "UPDATE", data, stock=stock)
            one = Item("S-1")
            one.take(place, "UPDATE", data, stock=stock)
            later.join(one)
        assert item.data == later.data  # gathered from several calls, or in one
        return item.data["availability"]

    assert ends((draft, False), (some, True)) == ends((some, True), (draft, False))
    assert ends((draft, False), (some, True)) == "discontinued"
    assert ends((none, True), (active, False)) == "out of stock"
    assert ends((draft, False), (active, False)) == "in stock"
    assert ends((draft, False), (none, True), (active, False)) == "out of stock"
    assert ends((blind, True)) == "discontinued"
    assert ends((blind, True), (active, False)) == "in stock"


def test_a_call_is_as_large_as_meta_takes_and_no_larger() -> None:
    small = [Item(f"S-{n}", "CREATE", {"title": "Tea"}) for n in range(7001)]
    assert [len(chunk) for chunk in sliced(small)] == [3000, 3000, 1001]
    large = [Item(f"L-{n}", "CREATE", {"description": "තේ" * 2500}) for n in range(3000)]
    chunks = list(sliced(large))
    assert [item for chunk in chunks for item in chunk] == large
    assert max(sum(len(one.data["description"].encode()) for one in c) for c in chunks) < 28 * 10**6
