"""A change made anywhere shows up everywhere, once."""

from __future__ import annotations

import asyncio
import json

import pytest

from connectors.woocommerce.signature import native_signature
from runtime.demo.merchant import Merchant
from runtime.demo.system import System
from support.small_shop import item, quantities, settled, sku, stock_up
from support.waiting import until

pytestmark = pytest.mark.timeout(180)


async def test_two_sales_at_once(merchant: Merchant) -> None:
    await stock_up(merchant, 1, 10)
    await asyncio.gather(
        merchant.take_stock(item(merchant, 0), 2),
        merchant.sandbox.sell(merchant.shop.name, sku(0), 3),
    )
    await until(lambda: quantities(merchant, 0), lambda found: found == (5, 5))
    await settled(merchant)
    assert await quantities(merchant, 0) == (5, 5)


async def test_an_order_takes_stock_once_and_cancelling_gives_it_back(merchant: Merchant) -> None:
    await stock_up(merchant, 1, 10)
    await merchant.sandbox.create_customer(
        merchant.shop.name,
        email="nimal@example.com",
        first_name="Nimal",
        billing={"phone": "+94771234567"},
    )
    order = await merchant.sandbox.sell(merchant.shop.name, sku(0), 2, customer="nimal@example.com")

    async def copied() -> dict[str, object] | None:
        return await merchant.collection("orders").find_one(
            {"organizationId": merchant.organization_id, "number": str(order["id"])}
        )

    found = await until(copied, lambda document: document is not None)
    assert found is not None
    await until(lambda: quantities(merchant, 0), lambda found: found == (8, 8))
    await settled(merchant)
    assert await quantities(merchant, 0) == (8, 8)
    await merchant.sandbox.cancel_order(merchant.shop.name, int(order["id"]))
    await until(copied, lambda document: (document or {}).get("status") == "cancelled")
    await until(lambda: quantities(merchant, 0), lambda found: found == (10, 10))
    await settled(merchant)
    assert await quantities(merchant, 0) == (10, 10)


async def test_a_cart_on_whatsapp_takes_stock_once(merchant: Merchant) -> None:
    await stock_up(merchant, 1, 10)
    line = {"sku": sku(0), "quantity": 2, "item_price": "100"}
    await merchant.sandbox.customer_orders(merchant.number, "94771234567", [line])
    await until(lambda: quantities(merchant, 0), lambda found: found == (8, 8))

    async def orders() -> int:
        shop = await merchant.sandbox.dump_shop(merchant.shop.name)
        return len(shop["orders"])

    await until(orders, lambda count: count == 1)
    await settled(merchant)
    assert await quantities(merchant, 0) == (8, 8)


async def test_the_same_event_five_times(merchant: Merchant, system: System) -> None:
    """With the worker killed between: it counts once."""
    await stock_up(merchant, 1, 10)
    event = {"id": "sale-1", "type": "inventory", "data": {"sku": sku(0), "delta": -1}}
    event["timestamp"] = "2026-11-22T09:30:00Z"
    for repeat in range(5):
        await merchant.queue_event(**event)
        if repeat % 2:
            system.kill("reconcile")
    await until(lambda: quantities(merchant, 0), lambda found: found == (9, 9), limit_s=60)
    await merchant.queue_event(id="sale-2", type="inventory", data={"sku": sku(0), "delta": -1})
    await until(lambda: quantities(merchant, 0), lambda found: found == (8, 8), limit_s=60)
    await settled(merchant)


async def test_stock_that_is_not_told_is_not_zero(merchant: Merchant) -> None:
    await stock_up(merchant, 2, 10)
    for place, told in ((0, {}), (1, {"stock_quantity": None, "manage_stock": True})):
        resource = await merchant.sandbox.product(merchant.shop.name, sku(place))
        cut = {name: resource[name] for name in ("id", "type", "sku", "date_modified_gmt")}
        await deliver(merchant, {**cut, **told, "name": f"Item {place}", "status": "publish"})
    inventory = merchant.collection("inventory")
    mine = {"organizationId": merchant.organization_id}
    await inventory.update_one({"_id": item(merchant, 0), **mine}, {"$unset": {"quantity": ""}})
    await inventory.update_one({"_id": item(merchant, 1), **mine}, {"$set": {"quantity": None}})
    for place in (0, 1):  # a later change of the same item has arrived: those before it have too
        await inventory.update_one(
            {"_id": item(merchant, place), **mine}, {"$set": {"lowStockThreshold": 3}}
        )

    async def thresholds() -> list[object]:
        shown = [await merchant.sandbox.product(merchant.shop.name, sku(n)) for n in (0, 1)]
        return [one["low_stock_amount"] for one in shown]

    await until(thresholds, lambda found: found == [3, 3])
    assert [(await quantities(merchant, place))[1] for place in (0, 1)] == [10, 10]


async def deliver(merchant: Merchant, resource: dict[str, object]) -> None:
    """As WooCommerce would."""
    body = json.dumps(resource).encode()
    signature = native_signature(merchant.shop.webhook_secret, body)
    answer = await merchant.web.post(
        f"/api/webhooks/woocommerce/{merchant.organization_id}",
        content=body,
        headers={
            "X-WC-Webhook-Topic": "product.updated",
            "X-WC-Webhook-Signature": signature,
        },
    )
    assert answer.status_code == 200
