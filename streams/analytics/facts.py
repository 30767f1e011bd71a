"""Pure: what a line of the feed says for the figures.

Every row is safe under repeats. Of an order, an item's stock and a parcel the table holds the last
known state, guarded by the entity's version: figures are sums over states, never increments. What
is counted (latencies, conflicts) lies in one row a day with the offset of the last line counted:
an organisation's lines are in one partition, so what is not behind that offset was counted before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, MutableMapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from schemas.base import entity_key
from schemas.envelope import epoch_ms
from schemas.feed import FeedLine

GROWTH = 1.1
"""Between two buckets of a latency: percentiles are right to within 5%."""
DELIVERED = "delivered"


class Order(msgspec.Struct, array_like=True, frozen=True, tag="order"):
    """One order as it stands."""

    version: int
    placed_ms: int
    currency: str
    total: str
    """Decimal text."""
    refunded: str
    status: str


class Stock(msgspec.Struct, array_like=True, frozen=True, tag="stock"):
    """One item's stock as it stands."""

    version: int
    label: str
    quantity: int | None
    threshold: int | None
    at_ms: int
    """When it came to be so."""


class Parcel(msgspec.Struct, array_like=True, frozen=True, tag="parcel"):
    """One shipment as it stands."""

    version: int
    courier: str
    created_ms: int
    delivered_ms: int
    """0: not yet."""


class Day(msgspec.Struct, array_like=True, tag="day"):
    """What was counted on one day."""

    upto: int
    """Offset of the last line counted."""
    latency: dict[str, dict[str, int]] = {}
    """Replica to bucket to count of deliveries."""
    conflicts: dict[str, int] = {}
    """`type.field` to how often a person had to be asked."""
    changes: int = 0


Row = Order | Stock | Parcel | Day
Rows = MutableMapping[bytes, Row]
_KINDS = {"order": "order", "inventory": "stock", "shipment": "parcel"}


def row_key(organization_id: str, kind: str, name: str) -> bytes:
    """`org/order/id`, `org/day/2026-11-23`."""
    return entity_key(organization_id, kind, name)


def day_of(at_ms: int, zone: tzinfo) -> str:
    """The shop's day: 2026-11-23."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date().isoformat()


def bucket_of(latency_ms: int) -> str:
    """The bucket of a latency, as a name in JSON."""
    return str(round(math.log(max(latency_ms, 1), GROWTH)))


def take(rows: Rows, line: FeedLine, offset: int, zone: tzinfo) -> Iterator[bytes]:
    """Let a line count. The keys of the rows that it changed or, where they are gone, removed."""
    counted = _count(rows, line, offset, zone)
    if counted is not None:
        yield counted
    kind = _KINDS.get(line.type)
    if kind is None or line.kind not in ("changed", "deleted"):
        return
    key = row_key(line.organization_id, kind, line.entity_id)
    held = rows.get(key)
    if held is not None and not isinstance(held, Day) and line.version <= held.version:
        return
    if line.kind == "deleted":
        if kind == "stock" and rows.pop(key, None) is not None:
            yield key  # an order stays in the books, and what was delivered stays delivered
        return
    fact = _FACTS[kind](held, line)
    if fact is not None and fact != held:
        rows[key] = fact
        yield key


def _count(rows: Rows, line: FeedLine, offset: int, zone: tzinfo) -> bytes | None:
    arrived = line.kind == "arrived" and line.latency_ms is not None
    if not arrived and line.kind not in ("conflict", "changed"):
        return None
    key = row_key(line.organization_id, "day", day_of(line.at_ms, zone))
    day = rows.get(key)
    if not isinstance(day, Day):
        day = Day(upto=-1, latency={}, conflicts={})
    if offset <= day.upto:
        return None
    day.upto = offset
    if line.kind == "changed":
        day.changes += 1
    elif line.kind == "conflict":
        for name in line.fields:
            place = f"{line.type}.{name}"
            day.conflicts[place] = day.conflicts.get(place, 0) + 1
    elif line.latency_ms is not None:
        buckets = day.latency.setdefault(line.replica, {})
        bucket = bucket_of(line.latency_ms)
        buckets[bucket] = buckets.get(bucket, 0) + 1
    rows[key] = day
    return key


def _order(held: Row | None, line: FeedLine) -> Order | None:
    """None: its beginning was not heard, so it is in no day's figures."""
    old = held if isinstance(held, Order) else None
    told = line.fields
    placed_ms = epoch_ms(str(told.get("createdAt") or "")) or (old.placed_ms if old else 0)
    if not placed_ms:
        return None
    refunds = told.get("refunds")
    return Order(
        version=line.version,
        placed_ms=placed_ms,
        currency=_text(told, "currency", old.currency if old else ""),
        total=_text(told, "total", old.total if old else "0"),
        refunded=str(sum(map(_refund, refunds), Decimal(0)))
        if isinstance(refunds, list)
        else (old.refunded if old else "0"),
        status=_text(told, "status", old.status if old else ""),
    )


def _stock(held: Row | None, line: FeedLine) -> Stock:
    old = held if isinstance(held, Stock) else None
    told = line.fields
    return Stock(
        version=line.version,
        label=line.label or (old.label if old else ""),
        quantity=_number(told, "quantity", old.quantity if old else None),
        threshold=_number(told, "lowStockThreshold", old.threshold if old else None),
        at_ms=line.at_ms,
    )


def _parcel(held: Row | None, line: FeedLine) -> Parcel:
    old = held if isinstance(held, Parcel) else None
    told = line.fields
    created_ms = epoch_ms(str(told.get("createdAt") or "")) or (old.created_ms if old else 0)
    delivered_ms = old.delivered_ms if old else 0
    if told.get("status") == DELIVERED and not delivered_ms:
        delivered_ms = _delivered_at(told.get("events")) or line.at_ms
    return Parcel(
        version=line.version,
        courier=_text(told, "courierCode", old.courier if old else ""),
        created_ms=created_ms,
        delivered_ms=delivered_ms,
    )


_FACTS = {"order": _order, "stock": _stock, "parcel": _parcel}


def _delivered_at(events: Any) -> int:
    """When the courier says that it was handed over; 0 where it does not."""
    found = [
        epoch_ms(str(event.get("timestamp") or ""))
        for event in (events if isinstance(events, list) else ())
        if isinstance(event, dict) and event.get("status") == DELIVERED
    ]
    return max(found, default=0)


def _refund(entry: Any) -> Decimal:
    return money(str(entry.get("total") or "0")) if isinstance(entry, dict) else Decimal(0)


def money(text: str) -> Decimal:
    """The amount; what is none counts nothing."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return Decimal(0)
    return found if found.is_finite() else Decimal(0)


def _text(fields: dict[str, Any], name: str, otherwise: str) -> str:
    if name not in fields:
        return otherwise
    value = fields[name]
    return value if isinstance(value, str) else ""


def _number(fields: dict[str, Any], name: str, otherwise: int | None) -> int | None:
    if name not in fields:
        return otherwise
    value = fields[name]
    return value if isinstance(value, int) and not isinstance(value, bool) else None
