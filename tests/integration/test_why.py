"""Why a value is what it is, asked of the running product."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.demo.merchant import Merchant
from runtime.demo.system import System
from support.small_shop import item, quantities, settled, sku, stock_up
from support.waiting import until

pytestmark = pytest.mark.timeout(180)


async def why(merchant: Merchant) -> dict[str, Any]:
    answer: dict[str, Any] = await merchant.ask(
        "GET", f"/api/entities/product/{sku(0)}/why?field=quantity"
    )
    return answer


def complete(answer: dict[str, Any]) -> bool:
    """The newest step has arrived in the app, and nothing is on its way."""
    step = answer["steps"][0]
    arrived = [one["replica"] for one in step["deliveries"] if one["result"] == "arrived"]
    states = {one["replica"]: one["state"] for one in answer["replicas"]}
    ours = states["mongodb"] == states["woocommerce"] == "agreed"
    return ours and "mongodb" in arrived and step["orderNumber"] != ""


async def test_a_sale_is_explained_from_its_order_to_its_arrival(
    merchant: Merchant, system: System
) -> None:
    await stock_up(merchant, 1, 9)
    order = await merchant.sandbox.sell(merchant.shop.name, sku(0), 2)
    await until(lambda: quantities(merchant, 0), lambda found: found == (7, 7))
    await settled(merchant)
    answer = await until(lambda: why(merchant), complete)
    assert answer["value"] == 7
    assert answer["sentence"].startswith("7 because WooCommerce sold 2 at ")
    newest, first = answer["steps"][0], answer["steps"][-1]
    assert (newest["previous"], newest["value"], newest["source"]) == (9, 7, "woocommerce")
    assert newest["orderNumber"] == str(order["id"])
    assert newest["cause"] != ""
    assert newest["receivedAt"] <= newest["at"]
    assert (first["value"], first["previous"]) == (9, None)
    # What was projected stays through the death of the projector, and goes on behind it.
    system.kill("sinks")
    await merchant.take_stock(item(merchant, 0), 1)
    await until(lambda: quantities(merchant, 0), lambda found: found == (6, 6), limit_s=60)
    after = await until(lambda: why(merchant), lambda found: found["value"] == 6, limit_s=60)
    assert [step["value"] for step in after["steps"]] == [6, 7, 9]


async def test_what_there_is_can_be_searched_and_read(merchant: Merchant) -> None:
    await stock_up(merchant, 2, 3)
    listed = await until(
        lambda: merchant.ask("GET", f"/api/entities?type=product&q={sku(1)}"),
        lambda found: len(found["entities"]) == 1,
    )
    (row,) = listed["entities"]
    assert row["sku"] == sku(1)
    found = await merchant.ask("GET", f"/api/entities/product/{row['entityId']}")
    assert found["fields"]["name"]["value"] == "Item 1"
    there = {one["replica"] for one in found["replicas"] if one["exists"]}
    assert there >= {"mongodb", "woocommerce"}
    history = await until(
        lambda: merchant.ask("GET", f"/api/entities/product/{row['entityId']}/history"),
        lambda told: told["events"] != [],
    )
    assert history["events"][-1]["event"]["kind"] == "changed"
