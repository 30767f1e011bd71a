"""Meta's webhook documents, read leniently: every part may be absent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from connectors.errors import Malformed

Record = dict[str, Any]

MESSAGES = "messages"
"""The field of messages and statuses; a change without one is of it."""

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


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a document: whose it is, what it is about."""

    identity: str
    """The entry's id: of the account, in old documents of the number."""
    phone_number_id: str
    """Empty where it names no number."""
    field: str
    value: Record
    at_ms: int | None


def changes_of(document: Record) -> Iterator[Change]:
    """Every change of every entry that says anything."""
    for entry in records(document.get("entry")):
        for change in records(entry.get("changes")):
            value = part(change, "value")
            if value:
                yield Change(
                    identity=text(entry.get("id")) or "",
                    phone_number_id=text(part(value, "metadata").get("phone_number_id")) or "",
                    field=text(change.get("field")) or MESSAGES,
                    value=value,
                    at_ms=seconds(entry.get("time")),
                )


def seconds(value: Any) -> int | None:
    """A unix time in seconds (text, sometimes a number) to ms; None if absent or unreadable."""
    try:
        return int(value) * 1000
    except (TypeError, ValueError):
        return None
