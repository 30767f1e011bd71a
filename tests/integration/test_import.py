"""A shop is connected: a preview first, then an import that bears being killed, and webhooks that
mend themselves. On real servers, with the sandbox's shop."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from runtime.demo.merchant import Merchant, Platforms
from runtime.demo.system import System
from streams.upkeep.jobs import Jobs
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

        await merchant.ask("POST", f"/api/integrations/{shop['id']}/confirm", {"winner": "mongodb"})
        await imported(merchant)
        await until(
            lambda: merchant.sandbox.product(merchant.shop.name, sku(1)),
            lambda product: product["regular_price"] == "100",
            limit_s=60,
        )
        assert len(await until(lambda: in_mongodb(merchant), lambda rows: len(rows) == 4)) == 4


async def confirmed(merchant: Merchant, winner: str = "newest") -> Record:
    shop = await the_shop(merchant)
    path = f"/api/integrations/{shop['id']}/confirm"
    found: Record = await merchant.ask("POST", path, {"winner": winner})
    return found


async def test_an_import_that_is_killed_goes_on_and_makes_nothing_twice(
    new_merchant: OpenMerchant, system: System
) -> None:
    count = 900
    async with new_merchant(NEW) as merchant:
        await fill(merchant, [resource(place) for place in range(count)])
        job_id = (await confirmed(merchant))["import"]["id"]

        async def job() -> Record:
            return await merchant.database["ss_jobs"].find_one({"_id": job_id}) or {}

        halfway = await until(job, lambda found: found["done"] >= 300, limit_s=60)
        assert halfway["done"] < count
        system.kill("upkeep")
        done = await until(job, lambda found: found["state"] == "done", limit_s=120, every_s=0.5)
        assert done["done"] == count
        await until(lambda: in_mongodb(merchant), lambda rows: len(rows) == count, limit_s=60)
        mine = {"organizationId": merchant.organization_id, "type": "product"}
        links = merchant.database["ss_links"]
        assert await links.count_documents({**mine, "replica": "woocommerce"}) == count
        assert len(await links.distinct("entityId", mine)) == count
        assert len({row["sku"] for row in await in_mongodb(merchant)}) == count


async def test_webhooks_are_made_mended_and_taken_away(new_merchant: OpenMerchant) -> None:
    async with new_merchant(NEW) as merchant:
        await fill(merchant, [resource(0), resource(1)])
        await confirmed(merchant)
        await imported(merchant)

        async def told() -> Record:
            return (await the_shop(merchant))["webhooks"] or {}

        made = await until(told, lambda found: found.get("state") == "active", limit_s=60)
        assert made["badge"] == "Live"
        assert len(made["topics"]) == 11
        name = merchant.shop.name
        await merchant.sandbox.edit_product(name, sku(0), regular_price="150")
        await until(lambda: price(merchant, 0), lambda found: found == "150")

        await switch_off(merchant, "product.updated")
        await merchant.sandbox.edit_product(name, sku(1), regular_price="160")
        await merchant.sandbox.drain()
        jobs = Jobs(merchant.database)
        await jobs.queue(merchant.organization_id, "webhooks", "woocommerce")
        mended = await until(told, lambda found: bool(found["mended"]), limit_s=60)
        assert mended["mended"] == ["product.updated was disabled"]
        await until(lambda: price(merchant, 1), lambda found: found == "160", limit_s=60)

        shop = await the_shop(merchant)
        path = f"/api/integrations/{shop['id']}"
        headers = {"X-API-Key": merchant.api_key}
        assert (await merchant.web.delete(path, headers=headers)).status_code == 204
        assert (await merchant.sandbox.dump_shop(name))["webhooks"] == []


async def price(merchant: Merchant, place: int) -> str:
    mine = {"organizationId": merchant.organization_id, "sku": sku(place)}
    row = await merchant.collection("products").find_one(mine) or {}
    return str(row.get("price"))


async def switch_off(merchant: Merchant, topic: str) -> None:
    """As WooCommerce does after failures in a row."""
    pair = (merchant.shop.consumer_key, merchant.shop.consumer_secret)
    hooks = (await merchant.sandbox.dump_shop(merchant.shop.name))["webhooks"]
    number = next(hook["id"] for hook in hooks if hook["topic"] == topic)
    query = f"consumer_key={pair[0]}&consumer_secret={pair[1]}"
    url = f"{merchant.shop.url}/wp-json/wc/v3/webhooks/{number}?{query}"
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.put(url, json={"status": "disabled"})
        answer.raise_for_status()
