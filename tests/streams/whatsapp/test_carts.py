"""Carts at the prices of today. Pure."""

from __future__ import annotations

from typing import Any

import pytest

from streams.sync.record import Agreed, Record
from streams.whatsapp.carts import missing_of, repriced


def record(**fields: Any) -> Record:
    agreed = {name: Agreed(value, 1, "mongodb") for name, value in fields.items()}
    return Record("kandy", "product", "p1", fields=agreed)


def order(*lines: tuple[str, int, str | None]) -> dict[str, Any]:
    items = [
        {"sku": sku, "productId": sku, "name": None, "quantity": count, "unitPrice": price,
         "total": None}
        for sku, count, price in lines
    ]  # fmt: skip
    return {"items": items, "currency": "LKR", "total": "0", "subtotal": "0"}


def test_todays_price_counts_and_both_are_told() -> None:
    held = {"A": record(name="Tea", price="2000", salePrice="1950.5"), "B": record(price="10")}
    found = repriced(order(("A", 2, "1899.5"), ("B", 3, "10")), held)
    assert [(one["name"], one["unitPrice"], one["total"]) for one in found["items"]] == [
        ("Tea", "1950.5", "3901"), ("B", "10", "30"),
    ]  # fmt: skip
    assert (found["total"], found["subtotal"]) == ("3931", "3931")
    assert found["cart"] == {"repriced": [{"sku": "A", "seen": "1899.5", "now": "1950.5"}]}


def test_what_is_unknown_or_in_other_money_stays_as_it_was_seen() -> None:
    held = {"A": None, "B": record(name="Tea", price="5", currency="USD")}
    given = order(("A", 1, "100"), ("B", 2, "900"))
    given["items"][0]["total"] = "100"
    found = repriced(given, held)
    assert [one["unitPrice"] for one in found["items"]] == ["100", "900"]
    assert (found["total"], found["cart"]) == ("1900", {"unknown": ["A"]})


@pytest.mark.parametrize(
    ("quantity", "counted", "missing"),
    [(5, False, 0), (2, True, 0), (1, False, 2), (-2, True, 2), (-9, True, 3), (None, False, 0)],
)
def test_what_is_missing_is_the_same_before_and_after_the_stock_is_taken(
    quantity: int | None, counted: bool, missing: int
) -> None:
    stock = record(quantity=quantity)
    stock.edits = {"order:w1:A": 1} if counted else {}
    assert missing_of(stock, "w1", "A", 3) == missing
