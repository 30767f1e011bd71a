from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from schemas.money import minor_units, money


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("1899.5", "1899.5"),
        ("1899.50", "1899.5"),
        (" 1899.50 ", "1899.5"),
        ("4850", "4850"),
        ("4850.00", "4850"),
        ("100", "100"),
        (1000, "1000"),
        (11250, "11250"),
        (1709.55, "1709.55"),
        (0.1, "0.1"),
        (1e16, "10000000000000000"),
        (Decimal("1E+3"), "1000"),
        ("-450.00", "-450"),
        ("-0.00", "0"),
        ("0", "0"),
        ("", None),
        (" ", None),
        (None, None),
    ],
)
def test_canonical(given: Any, canonical: str | None) -> None:
    assert money(given) == canonical


@pytest.mark.parametrize("given", ["free", "1,899.50", True, float("nan"), "1e999999", [], {}])
def test_no_amount(given: Any) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        money(given)


def test_minor_units() -> None:
    assert minor_units("1899.5", 2) == "1899.50"
    assert minor_units("1899.005", 2) == "1899.01"
    assert minor_units("1899.5", 0) == "1900"
