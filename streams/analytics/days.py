"""Pure: the figures of days, from the table's rows: what is written into `ss_analytics`.

{_id: "org/2026-11-23", organizationId, day, upto, log, changes,
 orders: [{currency, orders, cancelled, revenue, refunded}], latency: {replica: {bucket: n}},
 conflicts: [{type, field, count}], couriers: [{courier, delivered, hours: [...]}]}
{_id: "org/stock", organizationId, day: "", upto, log, items: [{entityId, label, quantity,
 threshold, sinceMs}]}
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from schemas.base import split_key
from streams.analytics.facts import Day, Order, Parcel, Row, Stock, day_of, money

NOT_SOLD = frozenset({"failed", "cancelled", "returned", "refunded"})
"""Order statuses that bring in nothing."""
STOCK = ""
"""The `day` of the present stock."""
MOST_ITEMS = 200
"""Low items that are listed."""
HOUR_MS = 3_600_000
Figures = dict[str, Any]


def day_named(key: bytes, row: Row | None, zone: tzinfo) -> str | None:
    """The day whose figures a row is in, or STOCK; None: it is in none."""
    if isinstance(row, Order):
        return day_of(row.placed_ms, zone)
    if isinstance(row, Parcel):
        return day_of(row.delivered_ms, zone) if row.delivered_ms else None
    if isinstance(row, Stock):
        return STOCK if is_low(row) else None
    return split_key(key)[2] if isinstance(row, Day) else None


def day_figures(rows: Iterable[Row]) -> Figures:
    """One day's, from its rows."""
    counted = Day(upto=-1)
    orders: list[Order] = []
    parcels: list[Parcel] = []
    for row in rows:
        if isinstance(row, Order):
            orders.append(row)
        elif isinstance(row, Parcel):
            parcels.append(row)
        elif isinstance(row, Day):
            counted = row
    return {
        "changes": counted.changes,
        "orders": _sales(orders),
        "latency": counted.latency,
        "conflicts": [
            {"type": kind, "field": field, "count": count}
            for name, count in sorted(counted.conflicts.items())
            for kind, _, field in [name.partition(".")]
        ],
        "couriers": _couriers(parcels),
    }


def _sales(orders: Iterable[Order]) -> list[Figures]:
    by_currency: dict[str, list[Order]] = defaultdict(list)
    for order in orders:
        by_currency[order.currency].append(order)
    found = []
    for currency, placed in sorted(by_currency.items()):
        sold = [order for order in placed if order.status not in NOT_SOLD]
        refunded = sum((money(order.refunded) for order in sold), Decimal(0))
        revenue = sum((money(order.total) for order in sold), Decimal(0)) - refunded
        found.append(
            {
                "currency": currency,
                "orders": len(placed),
                "cancelled": len(placed) - len(sold),
                "revenue": format(revenue, "f"),
                "refunded": format(refunded, "f"),
            }
        )
    return found


def _couriers(parcels: Iterable[Parcel]) -> list[Figures]:
    hours: dict[str, list[float]] = defaultdict(list)
    for parcel in parcels:
        if parcel.delivered_ms and parcel.created_ms:
            took_ms = max(parcel.delivered_ms - parcel.created_ms, 0)
            hours[parcel.courier].append(round(took_ms / HOUR_MS, 2))
    return [
        {"courier": courier, "delivered": len(found), "hours": sorted(found)}
        for courier, found in sorted(hours.items())
    ]


def is_low(stock: Stock) -> bool:
    """Nothing left, or no more than the shop wants to be told at."""
    if stock.quantity is None:
        return False
    return stock.quantity <= max(stock.threshold or 0, 0)


def stock_figures(rows: Mapping[bytes, Row]) -> Figures:
    """What is low now, least first."""
    low = [(key, row) for key, row in rows.items() if isinstance(row, Stock)]
    low.sort(key=lambda found: (found[1].quantity or 0, found[1].label, found[0]))
    return {
        "low": len(low),
        "out": sum((row.quantity or 0) <= 0 for _, row in low),
        "items": [
            {
                "entityId": split_key(key)[2],
                "label": row.label,
                "quantity": row.quantity,
                "threshold": row.threshold,
                "sinceMs": row.at_ms,
            }
            for key, row in low[:MOST_ITEMS]
        ],
    }
