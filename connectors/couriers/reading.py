"""Couriers' JSON, read leniently: every part may be absent, null, or one thing in place of a list.
Pure."""

from __future__ import annotations

from typing import Any

from connectors.couriers.errors import Unavailable, by_status
from connectors.errors import Malformed
from connectors.http import Reply

Record = dict[str, Any]


def text(value: Any) -> str:
    """Text without blanks around it, a number as text; "" for anything else."""
    if isinstance(value, str):
        return value.strip()
    if value is None or isinstance(value, bool | dict | list):
        return ""
    return str(value)


def part(holder: Any, *names: str) -> Record:
    """The object found by going down these names; empty where there is none."""
    for name in names:
        holder = holder.get(name) if isinstance(holder, dict) else None
    return holder if isinstance(holder, dict) else {}


def records(value: Any) -> list[Record]:
    """The objects of a list, or one object as a list of one."""
    if isinstance(value, dict):
        return [value] if value else []
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def texts(value: Any) -> list[str]:
    """The texts of a list, or one text as a list of one."""
    found = [text(one) for one in value] if isinstance(value, list) else [text(value)]
    return [one for one in found if one]


def joined(*parts: Any) -> str:
    """`KANDY, LK`: what there is of these."""
    return ", ".join(one for one in map(text, parts) if one)


def document(reply: Reply) -> Record:
    """The answer's JSON object. Raises the error its status means, or Unavailable: a maintenance
    page comes with any status, 200 included."""
    try:
        found = reply.json()
    except Malformed as error:
        if reply.status in (401, 403, 429):
            raise by_status(reply) from None
        raise Unavailable(
            str(error), code=str(reply.status), retry_after_s=reply.retry_after_s()
        ) from None
    if isinstance(found, dict):
        return found
    raise Unavailable(f"HTTP {reply.status} with an answer of another shape")
