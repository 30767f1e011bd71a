"""Aramex's JSON, which is its SOAP in disguise: lists come as lists, as objects holding a list, as
one object, or as `{}`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from connectors.couriers.errors import (
    AuthError,
    CourierError,
    InvalidRequest,
    RateLimited,
    by_status,
)
from connectors.couriers.reading import Record, document, part, records, text, texts
from connectors.couriers.times import Moment, moment_of, zone_offset_min
from connectors.http import Reply

_DATE = re.compile(r"\\?/Date\((-?\d+)([+-]\d{4})?\)\\?/")
_WRAPPED = re.compile(r"KeyValueOf\w+")
_TOO_FAST = re.compile(r"too many|rate limit|throttl", re.IGNORECASE)


def date_of(value: Any, zone_name: str) -> Moment | None:
    """`/Date(1722924060000+0300)/`: the milliseconds are the instant, the offset is for display.
    SOAP's form is a local time without offset."""
    written = text(value)
    found = _DATE.fullmatch(written)
    if found is None:
        return moment_of(written, zone_name)
    at_ms, offset = int(found[1]), found[2]
    if offset is None:
        return Moment(at_ms, zone_offset_min(at_ms, zone_name))
    minutes = int(offset[1:3]) * 60 + int(offset[3:])
    return Moment(at_ms, -minutes if offset[0] == "-" else minutes)


def wire_date(at_ms: int, zone_name: str) -> str:
    """The same form, outwards."""
    minutes = zone_offset_min(at_ms, zone_name)
    sign = "-" if minutes < 0 else "+"
    return f"/Date({at_ms}{sign}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d})/"


def results(found: Record) -> Iterable[tuple[str, list[Record]]]:
    """(what was asked, its updates)"""
    listed = found.get("TrackingResults")
    if isinstance(listed, dict):
        inner = [value for name, value in listed.items() if _WRAPPED.fullmatch(name)]
        listed = inner[0] if inner else listed
    for entry in records(listed):
        held = entry.get("Value")
        if isinstance(held, dict) and "TrackingResult" in held:
            held = held["TrackingResult"]
        if "Key" in entry:
            yield text(entry["Key"]), records(held)


def strings(value: Any) -> list[str]:
    """`[...]`, `{"string": [...]}`, `{"string": "..."}` or `{}`."""
    return texts(value.get("string") if isinstance(value, dict) else value)


def notifications(holder: Record) -> list[tuple[str, str]]:
    """(code, words) of each."""
    listed = holder.get("Notifications")
    if isinstance(listed, dict) and "Notification" in listed:
        listed = listed["Notification"]
    return [(text(one.get("Code")), text(one.get("Message"))) for one in records(listed)]


def failure(holder: Record, reference: str = "") -> CourierError:
    """What the notifications mean: HTTP says 200 to everything. Every message is kept."""
    noted = notifications(holder)
    code = noted[0][0] if noted else ""
    kind: type[CourierError] = InvalidRequest
    if any(one == "ERR01" for one, _ in noted):
        kind, code = AuthError, "ERR01"
    elif any(_TOO_FAST.search(words) for _, words in noted):
        kind = RateLimited
    return kind([words for _, words in noted], code=code, reference=reference)


def answer(reply: Reply) -> Record:
    """The JSON of an answer that Aramex itself made. Raises CourierError for HTTP's own errors."""
    found = document(reply)
    if reply.status < 300:
        return found
    if reply.status < 500 and notifications(found):
        raise failure(found)
    raise by_status(reply, [words for _, words in notifications(found)])


def failed(found: Record) -> bool:
    """Aramex says that something, not necessarily all, went wrong."""
    return found.get("HasErrors") is True or text(found.get("HasErrors")).lower() == "true"


def label_part(holder: Record) -> Record:
    """The part of an answer that holds a label."""
    return part(holder, "ShipmentLabel")
