"""A cart that a customer sends is an order placed here. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connectors.protocol import Sighting, StockTaken
from connectors.whatsapp import wire
from connectors.whatsapp.contents import some
from connectors.whatsapp.wire import Record, part, records, text
from schemas.base import Fields
from schemas.envelope import rfc3339
from schemas.money import money
from schemas.observation import Seen


def order_of(
    message: Record, phone: str | None, user: str | None, people: Mapping[str, str]
) -> tuple[Sighting, tuple[StockTaken, ...]]:
    """The order, and the stock it takes. Its prices are what the customer saw. `productId` is the
    catalogue's id, which is the SKU; whoever knows identities and prices puts ours there."""
    wamid = str(message["id"])
    at_ms = wire.seconds(message.get("timestamp"))
    order = part(message, "order")
    lines: list[Fields] = []
    taken: dict[str, int] = {}
    total, currency = Decimal(0), None
    for item in records(order.get("product_items")):
        sku = text(item.get("product_retailer_id"))
        quantity, price = _count(item.get("quantity")), _price(item.get("item_price"))
        if sku is None or not quantity:
            continue
        worth = None if price is None else Decimal(price) * quantity
        total += worth or 0
        currency = currency or text(item.get("currency"))
        taken[sku] = taken.get(sku, 0) + quantity
        lines.append(
            {
                "productId": sku,
                "sku": sku,
                "name": None,
                "quantity": quantity,
                "unitPrice": price,
                "total": money(worth),
            }
        )
    name = people.get(text(message.get("from")) or "") or people.get(user or "")
    person = some(name=name, phone=phone, whatsapp=user)
    fields: Fields = {
        "number": f"WA-{wamid[-10:].rstrip('=')}",
        "status": "pending",
        "placedOn": "whatsapp",
        "items": lines,
        "subtotal": money(total),
        "total": money(total),
        "currency": currency,
        "billing": person,
        "shipping": person,
        "note": text(order.get("text")),
    }
    if at_ms is not None:
        fields["createdAt"] = rfc3339(at_ms)
    sighting = Sighting(
        type="order",
        external_id=wamid,
        seen=Seen(external_id=wamid, fields=fields, as_of=at_ms or 0, changed_at_ms=at_ms),
    )
    return sighting, tuple(StockTaken(wamid, sku, quantity) for sku, quantity in taken.items())


def _count(value: Any) -> int:
    """A whole number over zero, however written; 0 for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return 0
    return int(number) if number.is_integer() and number > 0 else 0


def _price(value: Any) -> str | None:
    try:
        return money(value)
    except ValueError:
        return None
