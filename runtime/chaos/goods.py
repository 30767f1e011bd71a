"""What a seed's shop sells, the same in MongoDB and in WooCommerce, and the values people put in.
Pure.

Each value carries the number of its change, so that whoever holds it tells whose it is. Prices stay
near each other: a jump by half of itself would be held for a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bson.decimal128 import Decimal128

FIRST_NUMBER = 1000
START = 1_000
"""Of each item in stock: more than anybody buys in a seed."""
PRICE = "1999"
CURRENCY = "LKR"
RANK = {"pending": 0, "processing": 2, "shipped": 3, "out-for-delivery": 4, "completed": 6,
        "cancelled": 7}  # fmt: skip
"""Of the statuses of orders: an order only goes forward."""
_CATEGORY_STEP = 1_000
"""Between the numbers of categories that the shopkeeper makes: the shop itself gives those above
the highest to categories that we make."""

Document = dict[str, Any]


@dataclass
class Item:
    """A product. `app_id` and `shop_id` are known where the load needs them."""

    sku: str
    app_id: str = ""
    shop_id: str = ""
    doomed: bool = False
    """Somebody deletes it, so only those who have it before them act on it."""
    gone: bool = False


def item(organization_id: str, place: int, *, doomed: bool = False) -> Item:
    """One of those that are there from the beginning."""
    number = FIRST_NUMBER + place
    return Item(f"ITEM-{place:03d}", f"{organization_id}-{number}", str(number), doomed)


def price(number: int) -> str:
    """2000, 2000.5, 2001, ..."""
    return f"{Decimal(4_000 + number) / 2:f}"


def sale_price(number: int) -> str:
    """1000, 1000.5, ...: below every price."""
    return f"{Decimal(2_000 + number) / 2:f}"


def phone(kind: int, number: int) -> str:
    """E.164, of one kind of person; nobody else has it."""
    return f"+947{kind}{number:07d}"


def category(number: int) -> tuple[int, str]:
    """Its number in the shop, and its name."""
    return _CATEGORY_STEP * (number + 1), f"Category {number}"


def resource(one: Item) -> Document:
    """For the shop."""
    return {
        "id": int(one.shop_id), "name": f"Item {one.sku}", "sku": one.sku, "type": "simple",
        "status": "publish", "description": "", "regular_price": PRICE, "manage_stock": True,
        "stock_quantity": START,
    }  # fmt: skip


def document(organization_id: str, one: Item, name: str, amount: str) -> Document:
    """For MongoDB's `products`."""
    return {
        "_id": one.app_id, "organizationId": organization_id, "sku": one.sku, "name": name,
        "description": "", "shortDescription": "", "price": Decimal128(amount),
        "currency": CURRENCY, "status": "active", "images": [], "variants": [],
    }  # fmt: skip


def stock_document(organization_id: str, one: Item) -> Document:
    """For MongoDB's `inventory`."""
    return {
        "_id": one.app_id, "organizationId": organization_id, "productId": one.app_id,
        "sku": one.sku, "quantity": START,
    }  # fmt: skip


def order_document(
    organization_id: str, number: int, one: Item, note: str, now: datetime
) -> Document:
    """An order that a customer placed in the app, for MongoDB's `orders`."""
    person = {"name": f"Buyer {number}", "phone": phone(6, number)}
    line = {
        "productId": one.app_id, "sku": one.sku, "name": one.sku, "quantity": 1,
        "unitPrice": Decimal128(PRICE), "total": Decimal128(PRICE),
    }  # fmt: skip
    return {
        "_id": f"{organization_id}-o{number}", "organizationId": organization_id,
        "number": f"APP-{number}", "status": "processing", "placedOn": "mongodb", "items": [line],
        "createdAt": now, "subtotal": Decimal128(PRICE), "total": Decimal128(PRICE),
        "currency": CURRENCY, "billing": person, "shipping": person, "note": note,
    }  # fmt: skip
