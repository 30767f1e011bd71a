"""Products of a test's own, the same in MongoDB and in the sandbox's shop."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from bson.decimal128 import Decimal128

from runtime.convergence import Judgement, wait_until_same
from runtime.demo.merchant import Merchant
from support.waiting import PATIENCE

FIRST_NUMBER = 1000


def sku(place: int) -> str:
    return f"ITEM-{place:04d}"


def item(merchant: Merchant, place: int) -> str:
    """Its id in MongoDB, where all tests share the collections."""
    return f"{merchant.organization_id}-{FIRST_NUMBER + place}"


async def stock_up(merchant: Merchant, count: int, quantity: int) -> None:
    """`count` products, in the shop 1000, 1001, ..."""
    await merchant.sandbox.load(
        merchant.shop.name,
        {
            "products": [_resource(place, quantity) for place in range(count)],
            "next_ids": {"post": FIRST_NUMBER + count + 1000},
        },
    )
    rows = [_document(merchant, place) for place in range(count)]
    stock = [_stock(merchant, place, quantity) for place in range(count)]
    await merchant.collection("products").insert_many(rows)
    await merchant.collection("inventory").insert_many(stock)
    await merchant.sandbox.announce(merchant.shop.name)
    await settled(merchant, 60)


async def settled(merchant: Merchant, limit_s: float = 30.0) -> Judgement:
    """Everything is the same everywhere, or the test fails with what differs."""
    found = await wait_until_same(merchant.places, limit_s * PATIENCE)
    assert found.converged, "\n".join(str(one) for one in found.differences[:20])
    return found


async def quantities(merchant: Merchant, place: int) -> tuple[Any, Any]:
    """(MongoDB's, the shop's)."""
    document = await merchant.collection("inventory").find_one(
        {"_id": item(merchant, place), "organizationId": merchant.organization_id}
    )
    shown = await merchant.sandbox.product(merchant.shop.name, sku(place))
    return (document or {}).get("quantity"), shown["stock_quantity"]


def _resource(place: int, quantity: int) -> dict[str, Any]:
    return {
        "id": FIRST_NUMBER + place,
        "name": f"Item {place}",
        "sku": sku(place),
        "type": "simple",
        "status": "publish",
        "description": "",
        "regular_price": "100",
        "manage_stock": True,
        "stock_quantity": quantity,
    }


def _document(merchant: Merchant, place: int) -> dict[str, Any]:
    return {
        "_id": item(merchant, place),
        "organizationId": merchant.organization_id,
        "sku": sku(place),
        "name": f"Item {place}",
        "description": "",
        "shortDescription": "",
        "price": Decimal128(Decimal(100)),
        "currency": "LKR",
        "status": "active",
        "images": [],
        "variants": [],
    }


def _stock(merchant: Merchant, place: int, quantity: int) -> dict[str, Any]:
    number = item(merchant, place)
    return {
        "_id": number,
        "organizationId": merchant.organization_id,
        "productId": number,
        "sku": sku(place),
        "quantity": quantity,
    }


async def nimal_buys(merchant: Merchant) -> dict[str, Any]:
    """Two of the first item."""
    await merchant.sandbox.create_customer(
        merchant.shop.name,
        email="nimal@example.com",
        first_name="Nimal",
        billing={
            "phone": "+94771234567", "address_1": "18 Temple Street", "city": "Kandy",
            "postcode": "20000", "country": "LK", "first_name": "Nimal",
        },
    )  # fmt: skip
    sold: dict[str, Any] = await merchant.sandbox.sell(
        merchant.shop.name, sku(0), 2, customer="nimal@example.com"
    )
    return sold
