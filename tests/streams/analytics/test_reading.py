"""The figures that are kept up live, and the SQL that is shown beside them, tell the same."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.codec import decode
from schemas.feed import FeedLine
from streams.analysts.tables import opened
from streams.analytics.days import STOCK, day_figures, day_named, stock_figures
from streams.analytics.facts import Row, take
from streams.analytics.reading import Figures, figures
from support.archived import T0, Shelf

COLOMBO = ZoneInfo("Asia/Colombo")
HOUR_MS = 3_600_000
FIRST, LAST = date(2026, 11, 18), date(2026, 11, 20)


def history() -> Shelf:
    shelf = Shelf()
    states: dict[tuple[str, str], dict[str, Any]] = {}

    def happens(type_: str, entity_id: str, hours: float, **fields: Any) -> None:
        """A line of the feed and the record behind it."""
        at_ms = T0 + int(hours * HOUR_MS)
        state = states.setdefault((type_, entity_id), {})
        state.update(fields)
        shelf.line("changed", type_, entity_id, at_ms, fields=fields, label=state.get("sku", ""))
        shelf.record(type_, entity_id, at_ms, len(shelf.events), **state)

    happens("order", "1", 0, createdAt="2026-11-18T18:29:59.000Z", total="1000.5", currency="LKR",
            status="processing")  # fmt: skip
    happens("order", "2", 1, createdAt="2026-11-18T18:30:00.000Z", total="99.99", currency="USD",
            status="pending")  # fmt: skip
    happens("order", "3", 1, createdAt="2026-11-19T01:00:00.000Z", total="5", currency="LKR",
            status="pending")  # fmt: skip
    happens("order", "1", 2, refunds=[{"id": "r", "total": "200.25"}])
    happens("order", "3", 30, status="cancelled")
    happens("inventory", "a", 0, sku="TEA", quantity=4, lowStockThreshold=5)
    happens("inventory", "b", 0, sku="RICE", quantity=3)
    happens("inventory", "b", 3, quantity=0)
    happens("inventory", "c", 0, sku="SALT", quantity=9, lowStockThreshold=2)
    for number, hours in (("1", 30.0), ("2", 10.0), ("3", 20.0)):
        arrived = T0 + int(hours * HOUR_MS)
        happens("shipment", number, 0, courierCode="aramex", status="created",
                createdAt="2026-11-18T11:06:40.000Z")  # fmt: skip
        happens("shipment", number, 40, status="delivered",
                events=[{"status": "delivered", "timestamp": _utc(arrived)}])  # fmt: skip
    for number in range(100):
        shelf.line("arrived", "product", "a", T0 + number, replica="woocommerce",
                   latency_ms=20 + 10 * number)  # fmt: skip
    shelf.line("arrived", "product", "a", T0 + 24 * HOUR_MS, replica="mongodb", latency_ms=33)
    for field in ("price", "price", "name"):
        shelf.line("conflict", "product", "a", T0, fields={field: "?"})
    return shelf


def _utc(at_ms: int) -> str:
    from schemas.envelope import rfc3339

    return rfc3339(at_ms)


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    return history()


@pytest.fixture(scope="module")
def kept_up(shelf: Shelf) -> Figures:
    """As the agent keeps them."""
    rows: dict[bytes, Row] = {}
    for event in shelf.events:
        if event.topic == "feed":
            list(take(rows, decode(event.body or b"", FeedLine), event.offset, COLOMBO))
    placed: dict[str, dict[bytes, Row]] = {}
    for key, row in rows.items():
        if (day := day_named(key, row, COLOMBO)) is not None:
            placed.setdefault(day, {})[key] = row
    stock = stock_figures(placed.pop(STOCK))
    days = [{"day": day, **day_figures(mine.values())} for day, mine in sorted(placed.items())]
    return figures(days, stock, FIRST, LAST)


@pytest.mark.parametrize("name", ["orders", "latency", "conflicts", "stock", "couriers"])
def test_live_figures_and_sql_agree(shelf: Shelf, kept_up: Figures, name: str) -> None:
    sheet = kept_up.sheets[name]
    connection = opened(shelf.table(), "Asia/Colombo")
    found = connection.sql(sheet.sql).to_arrow_table()
    assert tuple(found.column_names) == sheet.columns
    asked = found.to_pylist()
    assert len(asked) == len(sheet.rows) > 0
    for mine, theirs in zip(sheet.rows, asked, strict=True):
        for column in sheet.columns:
            if column.startswith("p") and column.endswith("_ms"):
                assert mine[column] == pytest.approx(theirs[column], rel=0.06)
            else:
                assert mine[column] == _same(theirs[column])


def _same(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def test_known_sums(kept_up: Figures) -> None:
    assert [(r["day"], r["currency"], r["revenue"]) for r in kept_up.sheets["orders"].rows] == [
        ("2026-11-18", "LKR", Decimal("800.25")),
        ("2026-11-19", "LKR", Decimal(0)),
        ("2026-11-19", "USD", Decimal("99.99")),
    ]
    assert (kept_up.low, kept_up.out) == (2, 1)
    assert kept_up.sheets["couriers"].rows == (
        {"courier": "aramex", "delivered": 3, "median_hours": 20.0, "p90_hours": 30.0},
    )
    assert kept_up.latency["p50_ms"] == pytest.approx(510, rel=0.06)
    assert kept_up.days == ["2026-11-18", "2026-11-19", "2026-11-20"]


def test_a_shop_where_nothing_happened_yet() -> None:
    empty = figures([], None, FIRST, LAST)
    assert all(sheet.rows == () for sheet in empty.sheets.values())
    assert empty.latency == {"p50_ms": None, "p95_ms": None, "p99_ms": None}
