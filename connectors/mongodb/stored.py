"""Pure: canonical values to what is stored, in the type the field has already.

Money: Decimal128 in a new field; text, integer or double where the field is one and can hold the
value exactly, else Decimal128. Times: BSON dates, unless the field holds text. Ids: ObjectId where
they are 24 hex digits, unless the field holds text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.objectid import ObjectId

from schemas.fields import Kind, kind_of
from schemas.money import money

_HEX_ID = re.compile(r"[0-9a-f]{24}")
_DIGITS = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_TIMES = {("order", "createdAt"), ("message", "sentAt")}
_IDS = {
    ("order", "customerId"),
    ("message", "customerId"),
    ("inventory", "productId"),
}
_MEASURES = {("product", "weight"), ("variation", "weight")}
_DIMENSIONS = {("product", "dimensions"), ("variation", "dimensions")}
_LONG = 2**31


def id_value(text: str) -> Any:
    """An id of ours as a new `_id`: ObjectId, integer or text."""
    if _HEX_ID.fullmatch(text):
        return ObjectId(text)
    return _integer(int(text)) if _DIGITS.fullmatch(text) else text


def id_values(external_id: str) -> list[Any]:
    """Every `_id` that this external id may stand for."""
    found: list[Any] = [external_id]
    if ObjectId.is_valid(external_id) and _HEX_ID.fullmatch(external_id.lower()):
        found.insert(0, ObjectId(external_id))
    elif _DIGITS.fullmatch(external_id):
        found.insert(0, _integer(int(external_id)))
    return found


def _integer(value: int) -> int:
    return value if -_LONG <= value < _LONG else Int64(value)


def _amount(value: Any, current: Any) -> Any:
    """A canonical decimal in the type of `current`."""
    if value is None:
        return None
    if isinstance(current, str) and current != "":
        return value
    if isinstance(current, float) and money(float(value)) == value:
        return float(value)
    if isinstance(current, int) and not isinstance(current, bool) and "." not in value:
        return _integer(int(value))
    return Decimal128(Decimal(value))


def _measure(value: Any, current: Any) -> Any:
    if isinstance(value, str) and isinstance(current, int | float | Decimal128):
        try:
            return _amount(money(value), current)
        except ValueError:
            return value
    return value


def _reference(value: Any, current: Any) -> Any:
    if value is None or (isinstance(current, str) and current != ""):
        return value
    return id_value(value)


def _first(rows: Any, name: str) -> Any:
    """A value of this name in an existing list of rows, to learn its type from."""
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, Mapping) and row.get(name) not in (None, ""):
            return row[name]
    return None


def _lines(value: Any, current: Any) -> Any:
    if not isinstance(value, list):
        return value
    known = {name: _first(current, name) for name in ("productId", "unitPrice", "total")}
    return [
        {
            **line,
            "productId": _reference(line.get("productId"), known["productId"]),
            "unitPrice": _amount(line.get("unitPrice"), known["unitPrice"]),
            "total": _amount(line.get("total"), known["total"]),
        }
        for line in value
    ]


def _map(value: Any, current: Any, name: str) -> Any:
    """A map of which one entry is an amount."""
    if not isinstance(value, Mapping) or value.get(name) is None:
        return value
    held = current.get(name) if isinstance(current, Mapping) else None
    return {**value, name: _amount(value[name], held)}


def _dimensions(value: Any, current: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    held = current if isinstance(current, Mapping) else {}
    return {name: _measure(size, held.get(name)) for name, size in value.items()}


def stored(entity_type: str, field: str, value: Any, current: Any) -> Any:
    """What to write for a canonical value where `current` (None for nothing) is stored now."""
    place = (entity_type, field)
    if place == ("order", "items"):
        return _lines(value, current)
    if place == ("order", "payment"):
        return _map(value, current, "codAmount")
    if place in _DIMENSIONS:
        return _dimensions(value, current)
    if value is None:
        return None
    if place in _TIMES:
        return value if isinstance(current, str) and current else datetime.fromisoformat(value)
    if place in _IDS:
        return _reference(value, current)
    if place in _MEASURES:
        return _measure(value, current)
    kind = kind_of(entity_type, field)
    if kind is Kind.MONEY:
        return _amount(value, current)
    if kind is Kind.COUNTER:
        return str(value) if isinstance(current, str) and current else _integer(value)
    if (
        isinstance(value, str)
        and isinstance(current, int | float)
        and not isinstance(current, bool)
    ):
        return _measure(value, current)  # an app that keeps SKU 412 as a number
    return value
