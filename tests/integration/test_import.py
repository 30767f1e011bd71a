"""A shop is connected: a preview first, then an import that bears being killed, and webhooks that
mend themselves. On real servers, with the sandbox's shop."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.demo.merchant import Merchant, Platforms
from runtime.demo.system import System
from support.small_shop import FIRST_NUMBER, sku
from support.waiting import until

from .conftest import OpenMerchant

pytestmark = pytest.mark.timeout(240)

Record = dict[str, Any]
NEW = Platforms(plugin=False, number=False, load=False, first_sync=None, webhooks=False)


def resource(place: int, **fields: Any) -> Record:
    return {
        "id": FIRST_NUMBER + place,
        "name": f"Item {place}",
        "sku": sku(place),
        "type": "simple",
        "status": "publish",
        "description": "",
        "regular_price": "100",
        "manage_stock": True,
        "stock_quantity": 5,
        **fields,
    }


async def fill(merchant: Merchant, products: list[Record]) -> None:
    last = max(product["id"] for product in products)
    await merchant.sandbox.load(
        merchant.shop.name, {"products": products, "next_ids": {"post": last + 1000}}
    )


async def the_shop(merchant: Merchant) -> Record:
    listed = await merchant.ask("GET", "/api/integrations")
    found: Record = listed["integrations"][0]
    return found


async def previewed(merchant: Merchant, integration_id: str, **query: Any) -> Record:
    path = f"/api/integrations/{integration_id}/preview"
    begun = await merchant.ask("POST", path)

    async def look() -> Record:
        found: Record = await merchant.ask("GET", path + "?limit=200")
        return found

    return await until(
        look,
        lambda found: found["job"]["id"] == begun["id"] and found["job"]["state"] == "done",
        limit_s=60,
    )


async def in_mongodb(merchant: Merchant) -> list[Record]:
    mine = {"organizationId": merchant.organization_id}
    return await merchant.collection("products").find(mine).to_list()


async def imported(merchant: Merchant) -> Record:
    async def look() -> Record | None:
        mine = {"organizationId": merchant.organization_id, "kind": "import"}
        return await merchant.database["ss_jobs"].find_one(mine)

    found = await until(look, lambda job: job is not None and job["state"] == "done", limit_s=90)
    assert found is not None
    return found


async def test_nothing_moves_before_the_preview_is_confirmed(new_merchant: OpenMerchant) -> None:
    async with new_merchant(NEW) as merchant:
        await fill(
            merchant,
            [resource(0), resource(1, regular_price="120"), resource(2)],
        )
        await merchant.add_product("own-0", sku(0), 5, name="Item 0", price="100")
        await merchant.add_product("own-1", sku(1), 5, name="Item 1", price="100")
        await merchant.add_product("own-9", sku(9), 5, name="Item 9", price="100")
        mine = {"organizationId": merchant.organization_id, "type": "product"}
        await until(
            lambda: merchant.database["ss_entities"].count_documents(mine),
            lambda count: count == 3,
            limit_s=60,
        )
        shop = await the_shop(merchant)
        assert shop["confirmed"] is False
        found = await previewed(merchant, shop["id"])
        assert found["counts"]["product"] == {
            "matched": 2, "differing": 1, "onlyHere": 1, "onlyThere": 1
        }  # fmt: skip
        rows = {(row["kind"], row["type"], row["sku"]): row for row in found["rows"]}
        assert rows["differing", "product", sku(1)]["differences"] == [
            {"field": "price", "here": "100", "there": "120"}
        ]
        assert rows["onlyHere", "product", sku(9)]["entityId"] == "own-9"
        assert rows["onlyThere", "product", sku(2)]["externalId"] == str(FIRST_NUMBER + 2)
        assert await merchant.sandbox.writes(merchant.shop.name) == []
        assert len(await in_mongodb(merchant)) == 3
        assert await merchant.database["ss_links"].count_documents(
            {"organizationId": merchant.organization_id, "replica": "woocommerce"}
        ) == 0  # fmt: skip

        await merchant.ask(
            "POST", f"/api/integrations/{shop['id']}/confirm", {"winner": "mongodb"}
        )
        await imported(merchant)
        await until(
            lambda: merchant.sandbox.product(merchant.shop.name, sku(1)),
            lambda product: product["regular_price"] == "100",
            limit_s=60,
        )
        assert len(await until(lambda: in_mongodb(merchant), lambda rows: len(rows) == 4)) == 4
