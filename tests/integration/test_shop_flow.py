"""What happens in a shop from day to day, as it was also run against a real one
(tests/real_store/test_both_ways.py): with the sandbox's shop, imported first."""

from __future__ import annotations

from typing import Any

import pytest
from bson.decimal128 import Decimal128

from runtime.demo.merchant import Merchant, Platforms
from support.small_shop import sku
from support.waiting import until

from .conftest import OpenMerchant
from .test_import import confirmed, fill, imported, resource

pytestmark = pytest.mark.timeout(240)

Record = dict[str, Any]
SAREE, RED, BLUE = "SAREE-1", "SAREE-1-RED", "SAREE-1-BLUE"


async def rest(merchant: Merchant, method: str, path: str, body: Any = None) -> Any:
    """As the shop's keeper; its JSON."""
    pair = (merchant.shop.consumer_key, merchant.shop.consumer_secret)
    query = f"consumer_key={pair[0]}&consumer_secret={pair[1]}"
    url = f"{merchant.shop.url}/wp-json/wc/v3/{path}?{query}"
    answer = await merchant.web.request(method, url, json=body)
    answer.raise_for_status()
    return answer.json()


async def in_app(merchant: Merchant, collection: str, **wanted: Any) -> Record:
    mine = {"organizationId": merchant.organization_id, **wanted}

    async def look() -> Record:
        return await merchant.collection(collection).find_one(mine) or {}

    return await until(look, bool, limit_s=60)


async def in_shop(merchant: Merchant, path: str, name: str, value: Any) -> Record:
    async def look() -> Record:
        found: Record = await rest(merchant, "GET", path)
        return found

    return await until(look, lambda found: found[name] == value, limit_s=60)


async def variations_go_both_ways(merchant: Merchant, place: str, number: int, red: Record) -> None:
    held = await in_app(merchant, "products", **{"variants.sku": RED})
    assert (held["sku"], held["variants"][0]["attributes"]) == (SAREE, {"Colour": "Red"})
    await in_app(merchant, "inventory", sku=RED, quantity=4)
    blue = {**red, "sku": BLUE, "attributes": [{"name": "Colour", "option": "Blue"}]}
    await rest(merchant, "POST", place, blue)
    await in_app(merchant, "products", **{"variants.sku": BLUE})
    await merchant.collection("products").update_one(
        {"organizationId": merchant.organization_id, "variants.sku": RED},
        {"$set": {"variants.$.price": Decimal128("950"), "variants.$.weight": "0.65"}},
    )
    await in_shop(merchant, f"{place}/{number}", "regular_price", "950")
    await in_shop(merchant, f"{place}/{number}", "weight", "0.65")
    await rest(merchant, "PUT", f"{place}/{number}", {"dimensions": {"length": "28"}})
    await in_app(merchant, "products", **{"variants.dimensions.length": "28"})


async def test_variations_orders_and_refunds_go_both_ways(new_merchant: OpenMerchant) -> None:
    platforms = Platforms(number=False, load=False, first_sync=None, webhooks=False)
    async with new_merchant(platforms) as merchant:
        saree = resource(
            1, sku=SAREE, type="variable", regular_price="", manage_stock=False,
            stock_quantity=None,
            attributes=[{"name": "Colour", "options": ["Red", "Blue"], "variation": True}],
        )  # fmt: skip
        await fill(merchant, [resource(0), saree])
        place = f"products/{saree['id']}/variations"
        red = {"sku": RED, "regular_price": "900", "manage_stock": True, "stock_quantity": 4}
        colour = {"attributes": [{"name": "Colour", "option": "Red"}]}
        made = await rest(merchant, "POST", place, {**red, **colour})
        await confirmed(merchant)
        await imported(merchant)

        await variations_go_both_ways(merchant, place, made["id"], red)
        order = await merchant.sandbox.sell(merchant.shop.name, sku(0), 2)
        number = str(order["id"])
        await in_app(merchant, "orders", number=number)
        await in_app(merchant, "inventory", sku=sku(0), quantity=3)
        body = {"amount": "50.00", "reason": "Broken", "api_refund": False}
        await rest(merchant, "POST", f"orders/{number}/refunds", body)
        kept = await in_app(merchant, "orders", number=number, **{"refunds.reason": "Broken"})
        more = [*kept["refunds"], {"id": "RF-1", "reason": "Late", "total": "25"}]
        mine = {"_id": kept["_id"], "organizationId": merchant.organization_id}
        notes = [{"text": "Call before delivery"}]
        await merchant.collection("orders").update_one(
            mine, {"$set": {"refunds": more, "notes": notes}}
        )

        async def shown() -> set[tuple[str, str]]:
            found = (await rest(merchant, "GET", f"orders/{number}"))["refunds"]
            return {(one["reason"], one["total"]) for one in found}

        await until(shown, lambda told: told == {("Broken", "-50.00"), ("Late", "-25.00")})

        async def said() -> list[str]:
            found = await rest(merchant, "GET", f"orders/{number}/notes")
            return [one["note"] for one in found]

        assert await until(said, bool) == ["Call before delivery"]
        await merchant.sandbox.write_note(merchant.shop.name, order["id"], "At the gate")
        told = {"staffNotes.text": "At the gate", "notes.text": "Call before delivery"}
        kept = await in_app(merchant, "orders", number=number, **told)
        assert [one["text"] for one in kept["staffNotes"]] == ["At the gate"]
        assert sorted(await said()) == ["At the gate", "Call before delivery"]
