"""Orders from the catalogue: what they cost today, and what has to be said about them.

A customer's cart holds the prices that WhatsApp showed, maybe hours ago. The order is made with
those that stand now; where they differ, `cart.repriced` tells both, and so does our answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from schemas.base import Fields
from schemas.money import money
from streams.database import Database
from streams.sync.record import Record
from streams.whatsapp.answering import CartFact
from streams.whatsapp.facts import Facts, price_of, value_of


class Carts:
    """Errors: PyMongoError."""

    def __init__(self, database: Database) -> None:
        self._facts = Facts(database)

    async def priced(self, organization_id: str, fields: Fields) -> Fields:
        """The order's fields with the names and prices of today."""
        skus = {str(line["sku"]) for line in _lines(fields) if line.get("sku")}
        held = {sku: await self._facts.by_sku(organization_id, sku) for sku in sorted(skus)}
        return repriced(fields, held)

    async def told(self, organization_id: str, order_external_id: str, fields: Fields) -> CartFact:
        """What the customer is to hear of an order as it was priced."""
        taken: dict[str, int] = {}
        names: dict[str, str] = {}
        items: dict[str, str] = {}
        for line in _lines(fields):
            sku = str(line.get("sku") or "")
            taken[sku] = taken.get(sku, 0) + int(line.get("quantity") or 0)
            names[sku] = str(line.get("name") or sku)
            items[sku] = str(line.get("productId") or "")
        short = []
        for sku, count in taken.items():
            stock = await self._facts.stock(organization_id, items[sku])
            missing = 0 if stock is None else missing_of(stock, order_external_id, sku, count)
            if missing:
                short.append((names[sku], missing))
        cart = fields.get("cart") or {}
        return CartFact(
            number=str(fields.get("number") or ""),
            total=fields.get("total"),
            currency=str(fields.get("currency") or ""),
            lines=tuple(f"{count} x {names[sku]}" for sku, count in taken.items()),
            repriced=tuple(
                (names.get(one["sku"], one["sku"]), one["seen"], one["now"])
                for one in cart.get("repriced", ())
            ),
            unknown=tuple(cart.get("unknown", ())),
            short=tuple(short),
        )


def repriced(fields: Fields, held: Mapping[str, Record | None]) -> Fields:
    """Pure: an order's lines with the prices of `held` (by SKU). What is unknown, costs nothing
    here, or is sold in another currency, stays as the customer saw it."""
    currency = fields.get("currency")
    changed: list[dict[str, str]] = []
    unknown: list[str] = []
    lines: list[dict[str, Any]] = []
    for line in _lines(fields):
        sku = str(line.get("sku") or "")
        record = held.get(sku)
        if record is None:
            unknown += [sku] if sku not in unknown else []
            lines.append(dict(line))
            continue
        seen, now = line.get("unitPrice"), price_of(record)
        ours = value_of(record, "currency")
        if now is None or (ours and currency and ours != currency):
            now = seen
        if seen is not None and now is not None and seen != now:
            changed.append({"sku": sku, "seen": seen, "now": now})
        name = line.get("name") or value_of(record, "name") or sku
        lines.append({**line, "name": name, "unitPrice": now, "total": _times(now, line)})
    total = money(sum((Decimal(line["total"]) for line in lines if line["total"]), Decimal(0)))
    cart = {name: said for name, said in (("repriced", changed), ("unknown", unknown)) if said}
    told = {**fields, "items": lines, "subtotal": total, "total": total}
    return {**told, "cart": cart} if cart else told


def missing_of(stock: Record, order_external_id: str, sku: str, count: int) -> int:
    """Pure: how many of these pieces are not there. Whether the record already counts this order's
    edit or not, the answer is the same."""
    quantity = value_of(stock, "quantity")
    if not isinstance(quantity, int):
        return 0
    left = quantity if f"order:{order_external_id}:{sku}" in stock.edits else quantity - count
    return min(max(-left, 0), count)


def _times(price: str | None, line: Mapping[str, Any]) -> str | None:
    return None if price is None else money(Decimal(price) * int(line.get("quantity") or 0))


def _lines(fields: Fields) -> Sequence[Mapping[str, Any]]:
    return [line for line in fields.get("items") or () if isinstance(line, Mapping)]
