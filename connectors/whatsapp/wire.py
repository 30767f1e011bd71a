"""Meta's webhook documents, read leniently: every part may be absent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from connectors.errors import Malformed

Record = dict[str, Any]

_decoder = msgspec.json.Decoder()


def decode_object(body: bytes) -> Record:
    """The body's JSON object. Raises Malformed."""
    try:
        value = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"the body is no JSON: {error}") from error
    if not isinstance(value, dict) or not isinstance(value.get("entry"), list):
        raise Malformed("the body is no webhook document of Meta: it has no list `entry`")
    return value


def records(value: Any) -> list[Record]:
    """The objects of a list; anything else in it is passed over."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def part(holder: Record, name: str) -> Record:
    """An object inside another; empty where it is missing."""
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    """Text, numbers as text; None for blank."""
    if isinstance(value, str):
        return value or None
    if value is None or isinstance(value, bool | dict | list):
        return None
    return str(value)


def values_of(document: Record) -> Iterator[tuple[str, str, Record]]:
    """(entry id, phone number id or empty, value) of each change of the field `messages`."""
    for entry in records(document.get("entry")):
        identity = text(entry.get("id")) or ""
        for change in records(entry.get("changes")):
            value = part(change, "value")
            if change.get("field") == "messages" and value:
                number = text(part(value, "metadata").get("phone_number_id"))
                yield identity, number or "", value


def phone_number_ids(body: bytes) -> frozenset[str]:
    """Whose document this is: the number of every change, or its entry's id where metadata is
    missing. Raises Malformed."""
    found = {number or identity for identity, number, _ in values_of(decode_object(body))}
    return frozenset(one for one in found if one)


def seconds(value: Any) -> int | None:
    """A unix time in seconds (text, sometimes a number) to ms; None if absent or unreadable."""
    try:
        return int(value) * 1000
    except (TypeError, ValueError):
        return None
