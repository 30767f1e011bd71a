"""Amounts as canonical text, so that `==` is the right comparison."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

_PLAIN = re.compile(r"(?:0|[1-9]\d{0,20})(?:\.\d{1,20})?", re.ASCII)
"""Nearly every amount: known without a Decimal, which takes three times as long."""


def money(value: Any) -> str | None:
    """A decimal without trailing zeros or exponent ("1899.50" -> "1899.5"); None for no amount
    (None, ""). Takes text, int, float (by its shortest decimal) and Decimal.

    Raises ValueError for anything else: what is no amount must not become one.
    """
    if value is None or value == "":
        return None
    if type(value) is str and _PLAIN.fullmatch(value):
        return value.rstrip("0").rstrip(".") if "." in value else value
    if isinstance(value, bool):
        raise ValueError(f"not an amount: {value!r}")
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, TypeError, ValueError) as error:
        if isinstance(value, str) and not value.strip():
            return None
        raise ValueError(f"not an amount: {value!r}") from error
    if not number.is_finite() or number.adjusted() > 30:
        raise ValueError(f"not an amount: {value!r}")
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def minor_units(value: str, digits: int) -> str:
    """The amount rounded half up to `digits` decimals, all shown ("1899.5", 2 -> "1899.50")."""
    return f"{Decimal(value).quantize(Decimal(1).scaleb(-digits), rounding='ROUND_HALF_UP'):f}"
