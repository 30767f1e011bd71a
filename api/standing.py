"""Pure: where one field stands on each platform, as the engine would judge it now."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from api.pages.words import replica_word
from connectors.protocol import TypeProfile
from schemas.base import Operation
from streams.sync.context import Context
from streams.sync.decision import Draft
from streams.sync.owed import UNDELETABLE, owed_fields
from streams.sync.record import Record, Replica

AGREED = "agreed"
OWED = "owed"
IN_FLIGHT = "in flight"
CONTESTED = "contested"
CANNOT_HOLD = "cannot hold"
REJECTED = "rejected"
PAUSED = "paused"


@dataclass(frozen=True)
class Standing:
    """One field on one platform."""

    state: str
    reason: str = ""
    since_ms: int = 0
    """Of a write in flight: when it was first sent."""
    attempts: int = 0
    operation: Operation | None = None
    until_ms: int = 0
    """When it is tried again."""
    sees: Any = None
    """What the platform was last seen to hold."""
    stands: Any = None
    """The agreed value that this stands for: a shop that rounds or rewrites is not editing."""
    known: bool = False
    """Whether it was ever seen there; else `sees` and `stands` say nothing."""


def standing(record: Record, context: Context, name: str, field: str, now_ms: int) -> Standing:
    """Where `field` stands on replica `name`."""
    replica = record.replicas.get(name) or Replica()
    shadow = replica.shadow.get(field)
    state, reason = _state(record, context, name, replica, field, now_ms)
    flight = replica.flight if state == IN_FLIGHT else None
    return Standing(
        state,
        reason,
        since_ms=flight.issued_at_ms if flight else 0,
        attempts=flight.attempts if flight else 0,
        operation=flight.op if flight else None,
        until_ms=flight.due_at_ms if flight else replica.retry_at_ms if state == PAUSED else 0,
        sees=shadow.seen if shadow else None,
        stands=shadow.stands if shadow else None,
        known=shadow is not None,
    )


def _state(
    record: Record,
    context: Context,
    name: str,
    replica: Replica,
    field: str,
    now_ms: int,
) -> tuple[str, str]:
    profile = context.profiles.get(name)
    where = replica_word(name)
    if profile is None:
        return CANNOT_HOLD, f"{where} is not connected"
    can = profile.types.get(record.type, TypeProfile())
    if field not in can.readable | can.writable | can.initial:
        return CANNOT_HOLD, f"{where} keeps no such field"
    if field in replica.masked:
        return CANNOT_HOLD, f"this item of {where} cannot hold it"
    if field in record.conflicts:
        return CONTESTED, "a person is asked"
    flight = replica.flight
    if flight is not None and (field in flight.want or flight.kind == "delete"):
        return IN_FLIGHT, f"{flight.kind} sent"
    owed, reason = _owed(record, context, name, replica, can, field, now_ms)
    if owed != OWED:
        return owed, reason
    if name not in context.writable:
        return PAUSED, f"{where} is paused, so nothing is written to it"
    if replica.retry_at_ms > now_ms:
        return PAUSED, f"{where} asked us to wait"
    return OWED, reason


def _owed(
    record: Record,
    context: Context,
    name: str,
    replica: Replica,
    can: TypeProfile,
    field: str,
    now_ms: int,
) -> tuple[str, str]:
    """As `streams.sync.owed` would send it."""
    if record.tombstone is not None:
        if not replica.exists:
            return AGREED, "deleted there too"
        if UNDELETABLE in replica.rejected:
            return REJECTED, "it will not delete the item"
        return (OWED, "its deletion") if can.deletes else (CANNOT_HOLD, "it keeps deleted items")
    if not replica.exists:
        if not can.creates:
            return CANNOT_HOLD, "it has no such item, and new ones are not made there"
        if replica.rejected:
            return REJECTED, "it would not take the item"
        return OWED, "the item is not there yet"
    draft = Draft(record, context, now_ms, "")
    eager = copy.copy(replica)
    eager.rejected = {}
    if field in owed_fields(draft, can, eager):
        if field in owed_fields(draft, can, replica):
            return OWED, "it holds another value"
        return REJECTED, "it will not take this value"
    agreed, shadow = record.fields.get(field), replica.shadow.get(field)
    if field not in can.writable:
        if shadow is None:
            return CANNOT_HOLD, "it is given once, when the item is made there"
        if agreed is not None and agreed.value not in (shadow.seen, shadow.stands):
            return CANNOT_HOLD, "it is read there and never written"
    return AGREED, ""
