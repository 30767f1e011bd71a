"""Figures of days: right sums, and the same sums however often and late lines come again."""

from __future__ import annotations

import random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.feed import FeedLine
from streams.analytics.days import day_figures, day_named, stock_figures
from streams.analytics.facts import GROWTH, Day, Rows, bucket_of, day_of, take

COLOMBO = ZoneInfo("Asia/Colombo")
T0 = 1_795_000_000_000
"""2026-11-18T11:06:40Z: 16:36:40 in Colombo."""


def line(kind: str, type_: str, entity_id: str, version: int, **more: Any) -> FeedLine:
    return FeedLine(
        organization_id="kandy",
        type=type_,
        entity_id=entity_id,
        id=f"{type_}/{entity_id}/{version}/0",
        kind=kind,  # type: ignore[arg-type]
        version=version,
        at_ms=more.pop("at_ms", T0),
        **more,
    )


def order(entity_id: str, version: int, **fields: Any) -> FeedLine:
    return line("changed", "order", entity_id, version, fields=fields)


def counted(*lines: FeedLine) -> Rows:
    rows: Rows = {}
    for offset, one in enumerate(lines):
        list(take(rows, one, offset, COLOMBO))
    return rows


def figures(rows: Rows, day: str) -> dict[str, Any]:
    return day_figures(row for key, row in rows.items() if day_named(key, row, COLOMBO) == day)


LINES = (
    order("1", 1, total="1000.5", currency="LKR", status="processing",
          createdAt="2026-11-18T18:29:59.000Z"),
    order("2", 1, total="250", currency="LKR", status="pending",
          createdAt="2026-11-18T18:30:00.000Z"),
    order("3", 1, total="99.99", currency="USD", status="processing",
          createdAt="2026-11-18T01:00:00.000Z"),
    order("1", 4, total="1200.75"),
    order("3", 2, status="cancelled"),
    order("1", 5, refunds=[{"id": "9", "total": "200.25"}]),
    order("unheard", 7, status="completed"),
    line("arrived", "product", "p", 1, replica="woocommerce", latency_ms=84),
    line("arrived", "product", "p", 2, replica="woocommerce", latency_ms=90_000),
    line("conflict", "product", "p", 3, fields={"price": "10"}),
    line("changed", "inventory", "p", 1, label="Tea",
         fields={"quantity": 5, "lowStockThreshold": 5}),
    line("changed", "inventory", "q", 1, label="Rice", fields={"quantity": 0}),
    line("changed", "inventory", "r", 1, label="Salt", fields={"quantity": 7}),
    line("changed", "shipment", "s", 1, fields={"courierCode": "aramex",
         "createdAt": "2026-11-17T12:00:00.000Z", "status": "created"}),
    line("changed", "shipment", "s", 2, at_ms=T0 + 9_000_000, fields={"status": "delivered",
         "events": [{"status": "delivered", "timestamp": "2026-11-18T18:00:00.000Z"}]}),
)  # fmt: skip


def test_sums_by_the_shops_day() -> None:
    """18:29:59Z is 23:59:59 in Colombo, one second later is the next day there."""
    rows = counted(*LINES)
    day = figures(rows, "2026-11-18")
    assert day["orders"] == [
        {"currency": "LKR", "orders": 1, "cancelled": 0, "revenue": "1000.50",
         "refunded": "200.25"},
        {"currency": "USD", "orders": 1, "cancelled": 1, "revenue": "0", "refunded": "0"},
    ]  # fmt: skip
    assert figures(rows, "2026-11-19")["orders"] == [
        {"currency": "LKR", "orders": 1, "cancelled": 0, "revenue": "250", "refunded": "0"}
    ]
    assert day["conflicts"] == [{"type": "product", "field": "price", "count": 1}]
    assert day["couriers"] == [{"courier": "aramex", "delivered": 1, "hours": [30.0]}]
    low = {key: row for key, row in rows.items() if day_named(key, row, COLOMBO) == ""}
    stock = stock_figures(low)
    assert [(item["label"], item["quantity"]) for item in stock["items"]] == [
        ("Rice", 0),
        ("Tea", 5),
    ]
    assert (stock["low"], stock["out"]) == (2, 1)


@pytest.mark.parametrize("seed", range(20))
def test_repeats_count_nothing(seed: int) -> None:
    """A consumer that dies is given again what it had, from any line on."""
    dice = random.Random(seed)
    rows: Rows = {}
    reached = 0
    while reached < len(LINES):
        start = dice.randint(0, reached)
        end = dice.randint(start, len(LINES))
        for offset in range(start, end):
            list(take(rows, LINES[offset], offset, COLOMBO))
        reached = max(reached, end)
    assert rows == counted(*LINES)


def test_what_is_deleted_is_out_of_stock_for_nobody() -> None:
    rows = counted(*LINES, line("deleted", "inventory", "q", 2))
    assert b"kandy/stock/q" not in rows
    assert b"kandy/order/1" in counted(*LINES, line("deleted", "order", "1", 9))


@pytest.mark.parametrize("latency_ms", [0, 1, 9, 84, 500, 15_000, 3_600_000])
def test_a_bucket_is_near_its_latency(latency_ms: int) -> None:
    assert GROWTH ** int(bucket_of(latency_ms)) == pytest.approx(max(latency_ms, 1), rel=0.05)


def test_values_of_any_shape_do_no_harm() -> None:
    """A shop may send anything; what is no amount counts nothing."""
    rows = counted(
        order("1", 1, total=None, currency=7, refunds="?", createdAt="2026-11-18T01:00:00Z"),
        order(
            "2", 1, total="NaN", refunds=["x", {"total": "1e"}], createdAt="2026-11-18T01:00:00Z"
        ),
        line("changed", "inventory", "p", 1, fields={"quantity": True}),
        line("changed", "shipment", "s", 1, fields={"status": "delivered", "events": [None]}),
    )
    assert figures(rows, "2026-11-18")["orders"] == [
        {"currency": "", "orders": 2, "cancelled": 0, "revenue": "0", "refunded": "0"}
    ]
    day = rows[b"kandy/day/" + day_of(T0, COLOMBO).encode()]
    assert isinstance(day, Day)
    assert day.changes == 4
