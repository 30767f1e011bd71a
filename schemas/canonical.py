"""Values in canonical form, so that `==` is the right comparison (see `schemas/fields.py`).

Absent, null, empty and zero stay four things: nothing here turns one into another, except that an
amount or a count written as empty text is no amount (None).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from schemas.envelope import epoch_ms, rfc3339
from schemas.fields import Kind, kind_of
from schemas.money import money

LINE = ("productId", "sku", "name", "quantity", "unitPrice", "total")
"""The keys of an order's line, all always present."""

Converter = Callable[[Any], Any]


def count(value: Any) -> int | None:
    """A whole number from int, integral float or Decimal, or digits; None for None and "".

    Raises ValueError: half a piece is not a count, and must not become one."""
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float | str | Decimal):
        try:
            number = Decimal(repr(value) if isinstance(value, float) else value)
        except InvalidOperation as error:
            raise ValueError(f"not a count: {value!r}") from error
        if number.is_finite() and number == number.to_integral_value():
            return int(number)
    raise ValueError(f"not a count: {value!r}")


def word(value: Any) -> str | None:
    """Text; a number becomes its digits (an app may keep SKU 412 as an integer)."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return money(value)
    raise ValueError(f"not text: {value!r}")


def moment(value: Any) -> str | None:
    """RFC 3339 in UTC with milliseconds, from RFC 3339 or epoch milliseconds."""
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return rfc3339(value)
    if isinstance(value, str):
        at_ms = epoch_ms(value)
        if at_ms or value.startswith("1970-01-01"):
            return rfc3339(at_ms)
    raise ValueError(f"not a time: {value!r}")


def measure(value: Any) -> Any:
    """A weight or length: a number as decimal text, any other text as it is, None for none."""
    if value is None or value == "":
        return None
    try:
        return money(value)
    except ValueError:
        if isinstance(value, str):
            return value
        raise


def measures(value: Any) -> dict[str, Any] | None:
    """Length, width, height."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ValueError(f"not a map: {value!r}")
    return {str(name): measure(size) for name, size in value.items()}


def lines(value: Any) -> list[dict[str, Any]] | None:
    """An order's lines, each with exactly the keys of LINE."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise ValueError(f"not a list of lines: {value!r}")
    return [_line(item) for item in value]


def _line(item: Any) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise ValueError(f"not a line of an order: {item!r}")
    return {
        "productId": word(item.get("productId")),
        "sku": word(item.get("sku")),
        "name": word(item.get("name")),
        "quantity": count(item.get("quantity")),
        "unitPrice": money(item.get("unitPrice")),
        "total": money(item.get("total")),
    }


def payment(value: Any) -> Any:
    """`{method, status, codAmount}`, the amount as money."""
    if isinstance(value, Mapping) and "codAmount" in value:
        return {**value, "codAmount": money(value["codAmount"])}
    return value


def names(value: Any) -> Any:
    """A list of categories or tags as names."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise ValueError(f"not a list: {value!r}")
    return [word(name) if not isinstance(name, Mapping) else dict(name) for name in value]


def same(value: Any) -> Any:
    """As it is."""
    return value


_BY_NAME: dict[tuple[str, str], Converter] = {
    ("order", "items"): lines,
    ("order", "payment"): payment,
    ("order", "createdAt"): moment,
    ("message", "sentAt"): moment,
    ("product", "weight"): measure,
    ("product", "dimensions"): measures,
    ("variation", "weight"): measure,
    ("variation", "dimensions"): measures,
    ("product", "categories"): names,
    ("product", "tags"): names,
    ("customer", "tags"): names,
    ("inventory", "reserved"): count,
    ("inventory", "lowStockThreshold"): count,
    ("inventory", "backorders"): same,
    ("variation", "image"): same,
}
_BY_KIND: dict[Kind, Converter] = {
    Kind.VALUE: word,
    Kind.MONEY: money,
    Kind.TEXT: word,
    Kind.LIST: same,
    Kind.MAP: same,
    Kind.COUNTER: count,
    Kind.LATTICE: word,
}


def converter(entity_type: str, field: str) -> Converter:
    """The function that brings values of this field into canonical form. It raises ValueError."""
    return _BY_NAME.get((entity_type, field)) or _BY_KIND[kind_of(entity_type, field)]


def canonical(entity_type: str, field: str, value: Any) -> Any:
    """The canonical form of one value (plain JSON in, plain JSON out). Raises ValueError."""
    return converter(entity_type, field)(value)
