"""A variation's own weight and dimensions, which core shows only where it has some."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.woocommerce.client import WooCommerceClient
from connectors.woocommerce.mapping import MEASURES, seen_of
from connectors.woocommerce.parsing import parse_delivery
from connectors.woocommerce.rest import Rest
from connectors.woocommerce.settings import shop_of
from schemas.observation import Seen
from tests.connectors.woocommerce.conftest import Bench, Known, create, read, sample, write

NOBODY = Known()
RED = "430:431"
SIZE = {"length": "30", "width": "20", "height": "3"}
NO_SIZE = {"length": "", "width": "", "height": ""}
NONE = {"weight": None, "dimensions": None}
OWN = {"weight": "0.65", "dimensions": {"length": "28", "height": "2"}}


def red(**fields: Any) -> Seen:
    return seen_of("variation", RED, {**sample("product_updated_variation_body"), **fields})


def test_what_is_shown_of_its_product_is_not_its_own() -> None:
    shown = {"weight": "0.9", "dimensions": SIZE}
    assert red(**shown).masked == MEASURES
    assert not set(MEASURES) & red(**shown).fields.keys()
    none = red(**shown, smartstore_own={"weight": "", "dimensions": NO_SIZE})
    assert none.masked == ()
    assert {name: none.fields[name] for name in MEASURES} == NONE
    some = red(**shown, smartstore_own={"weight": "0.65", "dimensions": {**NO_SIZE, "width": "7"}})
    assert (some.fields["weight"], some.fields["dimensions"]) == ("0.65", {"width": "7"})


def test_what_is_not_sent_has_none() -> None:
    own = {"weight": "", "dimensions": NO_SIZE}
    found = red(virtual=True, smartstore_own=own)
    assert found.masked == MEASURES
    assert not set(MEASURES) & found.fields.keys()


async def heavy_product(bench: Bench) -> None:
    await bench.control.edit_product("shop", 430, weight="0.9", dimensions=SIZE)


def told(seen: Seen | None) -> dict[str, Any]:
    assert seen is not None
    return {name: seen.fields[name] for name in MEASURES if name in seen.fields}


async def shown(bench: Bench, number: int) -> tuple[str, dict[str, str]]:
    """By core's route of variations, even to editors."""
    rest = Rest(shop_of(bench.connection), bench.transport)
    found = await rest.get(f"/products/430/variations/{number}", {"context": "edit"})
    await rest.close()
    return found["weight"], found["dimensions"]


async def listed(client: WooCommerceClient) -> Seen:
    """As an import reads it."""
    page = await client.page("variation")
    (item,) = [one for one in page.items if one.external_id == RED]
    found = parse_delivery(item.topic, {}, item.body).sightings[0].seen
    assert found is not None
    return found


async def test_they_are_read_as_stored(bench: Bench, plugin: bool) -> None:
    await heavy_product(bench)
    assert await shown(bench, 431) == ("0.9", SIZE), "core shows its product's"
    (answer,) = await bench.client.apply([read("variation", RED)], NOBODY)
    for seen in (answer.seen, await listed(bench.client)):
        assert told(seen) == (NONE if plugin else {})
        assert seen is not None
        assert seen.masked == (() if plugin else MEASURES)


@pytest.mark.parametrize("plugin", [True], ids=["plugin"])
async def test_they_are_written_and_taken_away(bench: Bench) -> None:
    """Without the plugin nobody knows what to expect there: a masked field is not written."""
    await heavy_product(bench)
    first = write("variation", RED, expected=NONE, want=OWN)
    (answer,) = await bench.client.apply([first], NOBODY)
    assert (answer.result, answer.reason) == ("taken", "")
    assert told(answer.seen) == told(await listed(bench.client)) == OWN
    assert await shown(bench, 431) == ("0.65", {**SIZE, "length": "28", "height": "2"})
    await bench.control.edit_product("shop", 430, weight="1.1")
    (answer,) = await bench.client.apply([read("variation", RED)], NOBODY)
    assert told(answer.seen) == OWN
    assert answer.seen is not None
    assert answer.seen.mark is not None
    marked = {name: answer.seen.mark.fields[name].value for name in MEASURES}
    assert marked == OWN
    other = write("variation", RED, op=(1, 2), after=(1, 1), expected=NONE, want={"weight": "2"})
    (answer,) = await bench.client.apply([other], NOBODY)
    assert (answer.result, answer.reason) == ("refused", "expected")
    back = write("variation", RED, op=(1, 2), after=(1, 1), expected=OWN, want=NONE)
    (answer,) = await bench.client.apply([back], NOBODY)
    assert (answer.result, told(answer.seen)) == ("taken", NONE)
    assert (await shown(bench, 431))[0] == "1.1"


async def test_a_new_variation_has_its_own(bench: Bench, plugin: bool) -> None:
    await heavy_product(bench)
    links = Known(product_p1="430")
    want = {
        "parentId": "p1", "sku": "HL-SAREE-001-GOLD", "price": "900",
        "attributes": {"Colour": "Gold"}, **OWN,
    }  # fmt: skip
    (made,) = await bench.client.apply([create("variation", "v1", want=want)], links)
    assert made.result == "taken"
    assert made.external_id is not None
    assert told(made.seen) == (OWN if plugin else {})
    number = int(made.external_id.partition(":")[2])
    assert await shown(bench, number) == ("0.65", {**SIZE, "length": "28", "height": "2"})
