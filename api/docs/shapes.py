"""JSON Schema made from structures, and small words for what has none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from schemas.live import Shown

Schema = dict[str, Any]

REF = "#/components/schemas/{name}"
TEXT: Schema = {"type": "string"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
TIME: Schema = {"type": "string", "format": "date-time"}
MAYBE_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
MONEY: Schema = {"type": "string", "description": "decimal text, never a float"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
ANY: Schema = {}
MAP: Schema = {"type": "object"}
NEXT: Schema = {"type": "string", "description": "`cursor` of the next page; empty at the end"}


def fields(**named: Schema) -> Schema:
    """An object that always has these names; others may be beside them."""
    return {"type": "object", "properties": named, "required": list(named)}


def some(**named: Schema) -> Schema:
    """An object that may have these names."""
    return {"type": "object", "properties": named}


def many(one: Schema | type[Any]) -> Schema:
    """A list."""
    return {"type": "array", "items": of(one)}


def maybe(one: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [one, {"type": "null"}]}


def one_of(*words: str) -> Schema:
    """One of these words."""
    return {"type": "string", "enum": list(words)}


def of(shape: Schema | type[Any]) -> Schema:
    """Where a structure's schema stands."""
    return shape if isinstance(shape, dict) else {"$ref": REF.format(name=shape.__name__)}


def components(structures: Iterable[type[Any]]) -> dict[str, Schema]:
    """The schemas of these structures and of all within them, by name. What clients are sent has
    every name always; other structures leave out what is as by default."""
    wanted = tuple(dict.fromkeys(structures))
    _, found = msgspec.json.schema_components(wanted, ref_template=REF)
    complete = _complete(wanted)
    for name, schema in found.items():
        if name in complete and "properties" in schema:
            schema["required"] = list(schema["properties"])
    return found


def _complete(structures: Iterable[type[Any]]) -> set[str]:
    """Names of the `Shown` structures among these and within them."""
    found: set[str] = set()
    waiting = [msgspec.inspect.type_info(one) for one in structures]
    while waiting:
        info = waiting.pop()
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls.__name__ in found or not issubclass(info.cls, Shown):
                continue
            found.add(info.cls.__name__)
            waiting += [field.type for field in info.fields]
        elif isinstance(info, msgspec.inspect.UnionType):
            waiting += info.types
        else:
            waiting += [
                inner
                for name in ("item_type", "value_type")
                if isinstance(inner := getattr(info, name, None), msgspec.inspect.Type)
            ]
    return found
