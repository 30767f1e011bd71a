"""Everything a shop holds, page by page, while it changes."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.protocol import Listed, Page, Sweeps, digest_of
from connectors.woocommerce.parsing import parse_delivery
from tests.connectors.woocommerce.conftest import Bench


def shelf(count: int, first: int = 3000) -> dict[str, Any]:
    return {
        "products": [
            {"id": first + n, "name": f"Tea {n}", "sku": f"L-{n}", "regular_price": "900"}
            for n in range(count)
        ]
    }


async def everything(client: Sweeps, entity_type: str, **more: Any) -> list[Listed]:
    found: list[Listed] = []
    cursor = ""
    while True:
        page = await client.page(entity_type, cursor, **more)
        found += page.items
        cursor = page.next
        if not cursor:
            return found


def ids(items: list[Listed] | tuple[Listed, ...]) -> list[str]:
    return [item.external_id for item in items]


async def test_pages_hold_every_product_once_in_rising_order(bench: Bench) -> None:
    await bench.control.load("shop", shelf(250))
    found = await everything(bench.client, "product")
    assert ids(found) == ["412", "430", *(str(3000 + n) for n in range(250))]
    assert (await bench.client.page("product")).total == 252


async def test_what_is_deleted_meanwhile_hides_nothing(bench: Bench) -> None:
    """Core knows offsets only: everything behind a deleted item moves forward by one."""
    await bench.control.load("shop", shelf(230))
    page = await bench.client.page("product", limit=100)
    found = [*page.items]
    for number in (412, 3000, 3001, 3002):  # of the first page
        await bench.control.trash_product("shop", number)
    await bench.control.create_product("shop", name="New", sku="NEW")
    while page.next:
        page = await bench.client.page("product", page.next, limit=100)
        found += page.items
    shown = ids(found)
    assert shown[:-1] == ["412", "430", *(str(3000 + n) for n in range(230))]
    assert len(shown) == len(set(shown)) == 233, "the new one is last"


async def test_when_all_before_is_deleted_the_rest_is_still_shown(bench: Bench) -> None:
    await bench.control.load("shop", shelf(20))
    page = await bench.client.page("product", limit=10)
    for item in page.items:
        await bench.control.trash_product("shop", item.external_id, force=True)
    rest: list[str] = []
    while page.next:
        page = await bench.client.page("product", page.next, limit=10)
        rest += ids(page.items)
    assert rest == [str(3000 + n) for n in range(8, 20)]


async def test_a_page_is_understood_as_deliveries_are(bench: Bench) -> None:
    [item] = (await bench.client.page("product", limit=2)).items[:1]
    told = parse_delivery(item.topic, {}, item.body)
    assert [(one.type, one.external_id) for one in told.sightings] == [
        ("product", "412"),
        ("inventory", "412"),
    ]
    [order] = (await bench.client.page("order")).items
    assert parse_delivery(order.topic, {}, order.body).sightings[0].type == "order"
    [customer] = (await bench.client.page("customer")).items
    assert parse_delivery(customer.topic, {}, customer.body).sightings[0].type == "customer"


async def test_variations_bring_their_parent(bench: Bench) -> None:
    found = await everything(bench.client, "variation", limit=2)
    assert ids(found) == ["430:431", "430:432", "430:433"]
    told = parse_delivery(found[0].topic, {}, found[0].body).sightings
    assert [(one.type, one.external_id, one.parent) for one in told] == [
        ("variation", "430:431", "430"),
        ("inventory", "430:431", None),
    ]


@pytest.mark.parametrize("plugin", [False], ids=["plain"])
async def test_many_parents_and_many_variations(bench: Bench) -> None:
    parents = [{"id": 5000 + n, "type": "variable", "name": f"P{n}"} for n in range(3)]
    children = [
        {"id": 6000 + n, "parent_id": 5001, "sku": f"V{n}", "regular_price": "1"}
        for n in range(130)
    ]
    children.append({"id": 7000, "parent_id": 5002, "sku": "W", "regular_price": "1"})
    await bench.control.load("shop", {"products": parents, "variations": children})
    found = ids(await everything(bench.client, "variation", limit=50))
    assert found == [
        *(f"430:{number}" for number in (431, 432, 433)),
        *(f"5001:{6000 + n}" for n in range(130)),
        "5002:7000",
    ]


async def test_stock_has_no_pages_of_its_own(bench: Bench) -> None:
    assert await bench.client.page("inventory") == Page(())
    assert await bench.client.page("message") == Page(())


async def test_only_what_changed_since_with_two_minutes_to_spare(bench: Bench) -> None:
    now = await bench.control.set_clock(freeze="2026-11-22T10:00:00+00:00")
    await bench.control.edit_product("shop", 412, name="Changed")
    now_ms = int(now * 1000)
    changed = await everything(bench.client, "product", since_ms=now_ms + 119_000)
    assert ids(changed) == ["412"]
    assert await everything(bench.client, "product", since_ms=now_ms + 121_000) == []


async def test_items_are_read_by_id_in_the_order_asked(bench: Bench) -> None:
    found = await bench.client.read("product", ["430", "9999", "412"])
    assert ids(found) == ["430", "412"]
    assert ids(await bench.client.read("variation", ["430:433", "430:431"])) == [
        "430:433",
        "430:431",
    ]
    await bench.control.trash_product("shop", 412)
    assert await bench.client.read("product", ["412"]) == ()


@pytest.mark.parametrize("plugin", [True], ids=["plugin"])
async def test_a_digest_equals_the_one_of_the_etags_that_were_shown(bench: Bench) -> None:
    told = await bench.client.ids("product")
    assert told is not None
    assert (told.ids, told.next, told.total) == (("412", "430"), "", 2)
    items = await bench.client.read("product", told.ids)
    etags = {}
    for item in items:
        seen = parse_delivery(item.topic, {}, item.body).sightings[0].seen
        assert seen is not None
        etags[item.external_id] = seen.etag
    assert await bench.client.digest("product", told.ids) == {"": digest_of(etags)}
    assert await bench.client.digest("product", told.ids, each=True) == etags
    await bench.control.write_database("shop", 412, name="By another plugin")
    assert await bench.client.digest("product", told.ids) != {"": digest_of(etags)}
    await bench.control.trash_product("shop", 430)
    gone = await bench.client.digest("product", ["430"])
    assert gone == {"": digest_of({"430": ""})}


@pytest.mark.parametrize("plugin", [False], ids=["plain"])
async def test_a_plain_shop_makes_no_digests(bench: Bench) -> None:
    assert await bench.client.ids("product") is None
    assert await bench.client.digest("product", ["412"]) is None


async def test_the_client_can_be_swept(bench: Bench) -> None:
    assert isinstance(bench.client, Sweeps)
