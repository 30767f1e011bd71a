"""People decide: two at once, one takes it back, and a shop that says everything is sold out."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from runtime.demo.merchant import Merchant, Platforms
from schemas.policy import Rule
from support.small_shop import item, quantities, settled, sku, stock_up
from support.waiting import until
from tests.integration.conftest import OpenMerchant

ASK = Rule(type="product", field="price", policy="manual")
TRIES = 10
ITEMS, STOCK = 15, 20

pytestmark = pytest.mark.timeout(300)


async def contested(merchant: Merchant) -> dict[str, Any]:
    """Both sides set a price at once, until neither has seen the other's."""
    for n in range(TRIES):
        here, there = f"{200 + n}", f"{300 + n}"
        await asyncio.gather(
            merchant.set_product(item(merchant, 0), price=here),
            merchant.sandbox.edit_product(merchant.shop.name, sku(0), regular_price=there),
        )

        async def looks() -> list[dict[str, Any]]:
            return await merchant.open_conflicts()

        try:
            (found,) = await until(looks, lambda seen: len(seen) == 1, limit_s=3)
        except AssertionError:
            continue  # the second had seen the first: an edit, no conflict
        return found
    raise AssertionError(f"no conflict in {TRIES} tries")


async def decide(merchant: Merchant, conflict: dict[str, Any], **body: Any) -> httpx.Response:
    return await merchant.web.post(
        f"/api/conflicts/{conflict['id']}/resolve",
        json=body,
        headers={"X-API-Key": merchant.api_key},
    )


async def test_of_two_who_decide_at_once_one_wins_and_can_be_undone(
    new_merchant: OpenMerchant,
) -> None:
    async with new_merchant(Platforms(load=False, number=False, rules=(ASK,))) as merchant:
        await stock_up(merchant, 1, 10)
        conflict = await contested(merchant)
        nimal, kamala = await asyncio.gather(
            decide(merchant, conflict, resolution="keep", side="mongodb", by="Nimal"),
            decide(merchant, conflict, resolution="keep", side="woocommerce", by="Kamala"),
        )
        assert sorted((nimal.status_code, kamala.status_code)) == [200, 409]
        winner, loser = (nimal, kamala) if nimal.status_code == 200 else (kamala, nimal)
        name, side = ("Nimal", "mongodb") if winner is nimal else ("Kamala", "woocommerce")
        assert winner.json()["conflict"]["value"] == conflict["candidates"][side]
        assert loser.json()["detail"].startswith(f"{name} decided this ")
        assert loser.json()["conflict"]["value"] == conflict["candidates"][side]
        await settled(merchant)

        undone = await merchant.ask("POST", f"/api/conflicts/{conflict['id']}/undo")
        assert undone["settled"]
        assert undone["conflict"]["status"] == "open"
        other = "woocommerce" if side == "mongodb" else "mongodb"
        again = await decide(merchant, undone["conflict"], resolution="keep", side=other)
        assert again.status_code == 200
        await settled(merchant)
        document = await merchant.collection("products").find_one({"_id": item(merchant, 0)})
        assert document is not None
        assert str(document["price"]) == conflict["candidates"][other]


async def test_a_shop_that_says_all_is_sold_out_is_not_believed(
    new_merchant: OpenMerchant,
) -> None:
    async with new_merchant(Platforms(load=False, number=False)) as merchant:
        await stock_up(merchant, ITEMS, STOCK)
        shop, last = merchant.shop.name, ITEMS - 1
        for place in range(last):
            await merchant.sandbox.edit_product(shop, sku(place), stock_quantity=0)

        async def batches() -> list[dict[str, Any]]:
            found: dict[str, Any] = await merchant.ask("GET", "/api/batches")
            return list(found["batches"])

        await until(batches, lambda seen: len(seen) == 1, limit_s=60)
        await merchant.sandbox.edit_product(shop, sku(last), stock_quantity=0)
        (batch,) = await until(
            batches, lambda seen: len(seen) == 1 and seen[0]["count"] == ITEMS, limit_s=60
        )
        assert batch["title"] == f"WooCommerce reports {ITEMS} of {ITEMS} products at 0"
        assert (batch["sample"][0]["before"], batch["sample"][0]["after"]) == (STOCK, 0)
        assert (await quantities(merchant, last))[0] == STOCK, "the last was never applied"
        body = {"until": batch["lastAt"]}
        started = await merchant.ask("POST", f"/api/batches/{batch['id']}/reject", body)

        async def progress() -> dict[str, Any]:
            path = f"/api/conflicts/actions/{started['actionId']}"
            found: dict[str, Any] = await merchant.ask("GET", path)
            return found

        done = await until(progress, lambda seen: seen["state"] == "done", limit_s=60)
        assert done["counts"] == {"settled": ITEMS}
        await settled(merchant, 60)
        for place in range(ITEMS):
            assert await quantities(merchant, place) == (STOCK, STOCK)
