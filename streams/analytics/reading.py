"""The figures as tables, from `ss_analytics`; and the SQL that tells the same from the archive."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from streams.analytics.agent import COLLECTION
from streams.analytics.days import NOT_SOLD, STOCK
from streams.analytics.facts import GROWTH
from streams.database import Database, Document

SHARES = (0.5, 0.95, 0.99)
_LOST = ", ".join(f"'{status}'" for status in sorted(NOT_SOLD))

Row = dict[str, Any]


@dataclass(frozen=True)
class Sheet:
    """One table of figures."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    sql: str
    """What tells the same of the archive, in the days shown."""


ORDERS_SQL = f"""SELECT CAST(placed_at AS DATE) AS day, currency, count(*) AS orders,
       count(*) FILTER (status IN ({_LOST})) AS cancelled,
       coalesce(sum(total - refunded) FILTER (status NOT IN ({_LOST})), 0) AS revenue,
       coalesce(sum(refunded) FILTER (status NOT IN ({_LOST})), 0) AS refunded
FROM orders
WHERE CAST(placed_at AS DATE) BETWEEN DATE '{{first}}' AND DATE '{{last}}'
GROUP BY ALL ORDER BY day, currency"""  # noqa: S608 - our own constants
LATENCY_SQL = """SELECT CAST(happened_at AS DATE) AS day, replica, count(*) AS arrived,
       quantile_disc(latency_ms, 0.5) AS p50_ms, quantile_disc(latency_ms, 0.95) AS p95_ms,
       quantile_disc(latency_ms, 0.99) AS p99_ms
FROM latency
WHERE CAST(happened_at AS DATE) BETWEEN DATE '{first}' AND DATE '{last}'
GROUP BY ALL ORDER BY day, replica"""
CONFLICTS_SQL = """SELECT type, field, count(*) AS asked
FROM (SELECT type, unnest(json_keys(fields)) AS field FROM decisions
      WHERE kind = 'conflict'
        AND CAST(happened_at AS DATE) BETWEEN DATE '{first}' AND DATE '{last}')
GROUP BY ALL ORDER BY asked DESC, type, field"""
STOCK_SQL = """SELECT entity_id AS product_id, agreed(record, 'sku') AS label,
       CAST(agreed(record, 'quantity') AS BIGINT) AS quantity,
       CAST(agreed(record, 'lowStockThreshold') AS BIGINT) AS threshold
FROM newest('inventory')
WHERE quantity <= greatest(coalesce(threshold, 0), 0)
  AND json_extract(record, '$.tombstone') IS NULL
ORDER BY quantity, label"""
COURIERS_SQL = """SELECT courier, count(*) AS delivered, median(hours) AS median_hours,
       quantile_disc(hours, 0.9) AS p90_hours
FROM shipments
WHERE CAST(delivered_at AS DATE) BETWEEN DATE '{first}' AND DATE '{last}'
GROUP BY ALL ORDER BY courier"""

COLUMNS: dict[str, tuple[str, ...]] = {
    "orders": ("day", "currency", "orders", "cancelled", "revenue", "refunded"),
    "latency": ("day", "replica", "arrived", "p50_ms", "p95_ms", "p99_ms"),
    "conflicts": ("type", "field", "asked"),
    "stock": ("product_id", "label", "quantity", "threshold"),
    "couriers": ("courier", "delivered", "median_hours", "p90_hours"),
}


@dataclass(frozen=True)
class Figures:
    """An organisation's figures of some days."""

    first: date
    last: date
    sheets: Mapping[str, Sheet]
    low: int
    out: int
    """Items that are low, and those of them that are out of stock, now."""
    changes: int
    latency: Mapping[str, float | None]
    """p50, p95, p99 in ms over all platforms and days; None: nothing arrived."""

    @property
    def days(self) -> list[str]:
        """Every day, also those on which nothing happened."""
        count = (self.last - self.first).days + 1
        return [(self.first + timedelta(days=step)).isoformat() for step in range(count)]


async def read_figures(
    database: Database, organization_id: str, first: date, last: date
) -> Figures:
    """Of these days, both included. Raises PyMongoError."""
    rows = database[COLLECTION].find(
        {
            "organizationId": organization_id,
            "day": {"$gte": first.isoformat(), "$lte": last.isoformat()},
        }
    )
    days = [row async for row in rows.sort("day")]
    stock = await database[COLLECTION].find_one({"organizationId": organization_id, "day": STOCK})
    return figures(days, stock, first, last)


def figures(days: Sequence[Document], stock: Document | None, first: date, last: date) -> Figures:
    """Pure: from the rows of `ss_analytics`."""
    of_stock = stock or {"low": 0, "out": 0, "items": []}
    found: dict[str, Iterable[Row]] = {
        "orders": (
            {**sale, "day": day["day"], "revenue": Decimal(sale["revenue"]),
             "refunded": Decimal(sale["refunded"])}
            for day in days for sale in day["orders"]
        ),
        "latency": (
            {"day": day["day"], "replica": replica, "arrived": sum(buckets.values()),
             **_shares(buckets)}
            for day in days for replica, buckets in sorted(day["latency"].items())
        ),
        "conflicts": _conflicts(days),
        "stock": (
            {"product_id": item["entityId"], "label": item["label"],
             "quantity": item["quantity"], "threshold": item["threshold"]}
            for item in of_stock["items"]
        ),
        "couriers": _couriers(days),
    }  # fmt: skip
    templates = {"orders": ORDERS_SQL, "latency": LATENCY_SQL, "conflicts": CONFLICTS_SQL,
                 "stock": STOCK_SQL, "couriers": COURIERS_SQL}  # fmt: skip
    everything: Counter[str] = Counter()
    for day in days:
        for buckets in day["latency"].values():
            everything.update(buckets)
    return Figures(
        first=first,
        last=last,
        sheets={
            name: Sheet(
                name,
                COLUMNS[name],
                tuple({column: row[column] for column in COLUMNS[name]} for row in rows),
                templates[name].format(first=first.isoformat(), last=last.isoformat()),
            )
            for name, rows in found.items()
        },
        low=of_stock["low"],
        out=of_stock["out"],
        changes=sum(day["changes"] for day in days),
        latency=_shares(everything),
    )


def _shares(buckets: Mapping[str, int]) -> dict[str, float | None]:
    """The percentiles of a histogram, each to within 5%."""
    names = [f"p{round(share * 100)}_ms" for share in SHARES]
    total = sum(buckets.values())
    if not total:
        return dict.fromkeys(names)
    found: dict[str, float | None] = {}
    ranked = sorted((int(bucket), count) for bucket, count in buckets.items())
    for name, share in zip(names, SHARES, strict=True):
        left = share * total
        for bucket, count in ranked:
            left -= count
            if left <= 0:
                found[name] = round(GROWTH**bucket)
                break
        else:
            found[name] = round(GROWTH ** ranked[-1][0])
    return found


def _conflicts(days: Iterable[Document]) -> list[Row]:
    asked: Counter[tuple[str, str]] = Counter()
    for day in days:
        for one in day["conflicts"]:
            asked[one["type"], one["field"]] += one["count"]
    ranked = sorted(asked.items(), key=lambda found: (-found[1], found[0]))
    return [{"type": kind, "field": field, "asked": count} for (kind, field), count in ranked]


def _couriers(days: Iterable[Document]) -> list[Row]:
    hours: dict[str, list[float]] = defaultdict(list)
    for day in days:
        for one in day["couriers"]:
            hours[one["courier"]] += one["hours"]
    return [
        {
            "courier": courier,
            "delivered": len(found),
            "median_hours": round(median(found), 2),
            "p90_hours": sorted(found)[max(0, -(-len(found) * 9 // 10) - 1)],
        }
        for courier, found in sorted(hours.items())
    ]
