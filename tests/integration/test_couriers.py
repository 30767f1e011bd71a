"""A parcel in the whole product: from an order to the door, on every platform."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.demo.merchant import Merchant
from runtime.demo.system import System
from support.small_shop import nimal_buys, stock_up
from support.waiting import until
from tests.support.courier_bench import connected

pytestmark = pytest.mark.timeout(240)

DELIVERY = {
    "name": "Nimal", "phone": "+94771234567", "address": "18 Temple Street", "city": "Kandy",
    "postalCode": "20000",
}  # fmt: skip


async def told_when_delivered(merchant: Merchant) -> None:
    """The shop tells of orders and of parcels that are delivered; this customer may be written to
    freely."""
    settings = await merchant.ask("GET", "/api/whatsapp/notifications")
    settings.pop("month")
    both = {"orders": {"delivered": {}}, "shipments": {"delivered": {}}, "waitS": 3}
    await merchant.ask("PUT", "/api/whatsapp/notifications", {**settings, **both})
    await merchant.sandbox.customer_writes(merchant.number, DELIVERY["phone"], "Hello")


async def test_a_parcel_goes_from_the_order_to_the_door_and_the_customer_is_told_once(
    merchant: Merchant, system: System
) -> None:
    await told_when_delivered(merchant)
    await stock_up(merchant, 1, 10)
    account = await connected(merchant, system)
    sold = await nimal_buys(merchant)

    async def order() -> dict[str, Any]:
        where = {"organizationId": merchant.organization_id, "number": str(sold["id"])}
        return await merchant.collection("orders").find_one(where) or {}

    copied = await until(order, bool)

    async def known() -> int:
        where = {"organizationId": merchant.organization_id, "type": "order"}
        return await merchant.collection("ss_entities").count_documents(where)

    await until(known, bool)
    body = {"orderId": str(copied["_id"]), "courierCode": "aramex"}

    async def asked() -> Any:
        return await merchant.ask("POST", "/api/shipments", {**body, "deliveryAddress": DELIVERY})

    answer = await asked()
    shipment_id = answer["shipments"][0]["id"]

    async def shown() -> dict[str, Any]:
        where = {"organizationId": merchant.organization_id, "reference": str(sold["id"])}
        return await merchant.collection("shipments").find_one(where) or {}

    document = await until(shown, bool, limit_s=60)
    assert (document["status"], document["courierCode"]) == ("created", "aramex")
    again = await asked()
    assert again["shipments"][0]["id"] == shipment_id

    async def due() -> dict[str, Any]:
        """As if its time had come."""
        tracking = merchant.collection("ss_tracking")
        await tracking.update_one({"shipmentId": shipment_id}, {"$set": {"dueAtMs": 0}})
        return await shown()

    for _ in range(4):
        await merchant.sandbox.advance(account)
    await until(due, lambda found: found.get("status") == "delivered", limit_s=60)
    # What is delivered is completed in a shop, which may have told so by now.
    ended = ("delivered", "completed")
    await until(order, lambda found: found.get("status") in ended, limit_s=30)

    async def in_shop() -> dict[str, Any]:
        return await merchant.sandbox.order(merchant.shop.name, sold["id"])

    await until(in_shop, lambda found: found["status"] == "completed", limit_s=30)
    assert len(await merchant.sandbox.shipments(account)) == 1
    await delivered_once(merchant, str(sold["id"]))


async def delivered_once(merchant: Merchant, number: str) -> None:
    """News of the order and news of its parcel are one message."""
    mine = {"organizationId": merchant.organization_id, "purpose": "notification"}

    async def news() -> list[dict[str, Any]]:
        return await merchant.collection("ss_sends").find(mine).to_list()

    def over(found: list[dict[str, Any]]) -> bool:
        # The bell of both has rung, and nothing waits any more.
        kinds = {row["kind"] for row in found}
        open_ones = [row for row in found if row["state"] in ("waiting", "held")]
        return kinds == {"order_status", "shipment_status"} and not open_ones

    found = await until(news, over, limit_s=60)
    assert sorted((row["state"], row["why"]) for row in found) == [
        ("dropped", "newer"),
        ("sent", ""),
    ]
    sent = [
        one["body"]["text"]["body"]
        for one in await merchant.sandbox.messages(merchant.number)
        if one["type"] == "text" and number in one["body"]["text"]["body"]
    ]
    assert len(sent) == 1
    assert "delivered" in sent[0].lower()


async def test_a_shipment_of_the_merchants_own_app_is_followed(
    merchant: Merchant, system: System
) -> None:
    account = await connected(merchant, system)
    made = await merchant.sandbox.load_shipment(account, number="5041777001", reference="own-1")
    shipments = merchant.collection("shipments")
    written = await shipments.insert_one(
        {
            "organizationId": merchant.organization_id,
            "courierCode": "Aramex",
            "trackingNumber": made["number"],
            "note": "the app's own",
            "codAmount": "4500",
            "currency": "LKR",
        }
    )
    for _ in range(2):
        await merchant.sandbox.advance(account)

    async def document() -> dict[str, Any]:
        return await shipments.find_one({"_id": written.inserted_id}) or {}

    moved = await until(document, lambda one: one.get("status") == "in_transit", limit_s=60)
    assert (moved["courierCode"], moved["note"]) == ("Aramex", "the app's own")
    assert moved["events"]
    (listed,) = (await merchant.ask("GET", "/api/shipments?q=5041777001"))["shipments"]
    assert (listed["madeBy"], listed["tracking"]["statusCode"]) == ("app", "in_transit")
    (due,) = (await merchant.ask("GET", "/api/cod"))["shipments"]
    assert (due["trackingNumber"], due["expected"], due["state"]) == (
        "5041777001", "4500", "expected",
    )  # fmt: skip
    assert await shipments.count_documents({"organizationId": merchant.organization_id}) == 1
