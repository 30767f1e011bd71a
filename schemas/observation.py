"""What arrives at an entity from outside: topic `observations`."""

from __future__ import annotations

from typing import Any

from schemas.base import EntityWire, Fields, Operation, Ticket, Wire


class FieldMark(Wire, frozen=True, kw_only=True):
    """What we last wrote into one field of a platform's record."""

    op: Operation
    value: Any
    """As the platform stored it."""
    wanted: Any = None
    """As we asked for it; equal to `value` unless the platform rewrites."""
    total: int | None = None
    """Counters: the platform's own changes that we had counted when we wrote."""


class Mark(Wire, frozen=True, kw_only=True):
    """Our mark in a platform's own record (DESIGN: rule 2)."""

    op: Operation
    fields: dict[str, FieldMark] = {}
    entity: str = ""


class Seen(Wire, frozen=True, kw_only=True):
    """What a platform was seen to hold of an entity."""

    external_id: str
    exists: bool = True
    fields: Fields = {}
    as_of: int = 0
    """The platform's own order (clock, revision); compared within one replica only."""
    changed_at_ms: int | None = None
    """The platform's time of the last change in ms since 1970 UTC; None when it tells none."""
    mark: Mark | None = None
    """None: the record holds no mark of ours."""
    masked: tuple[str, ...] = ()
    """Fields this item cannot hold (unmanaged stock, the price of a variable parent)."""
    etag: str = ""
    """The platform's own digest of the item as it was seen, where it makes one: a drift sweep
    compares these instead of contents."""


class Observation(EntityWire, frozen=True, kw_only=True, tag="seen", tag_field="kind"):
    """Platform `replica` was seen to hold this. A read's answer carries its ticket."""

    id: str
    replica: str
    seen: Seen
    ticket: Ticket | None = None
    received_at_ms: int


class Gone(EntityWire, frozen=True, kw_only=True, tag="gone", tag_field="kind"):
    """Platform `replica` says the item is deleted: a reason to read it, never a fact."""

    id: str
    replica: str
    external_id: str
    received_at_ms: int


class Edit(EntityWire, frozen=True, kw_only=True, tag="edit", tag_field="kind"):
    """What should be, said by `queueEvent`, by the side `replica` ("web" is "mongodb")."""

    id: str
    replica: str
    action: str = "update"
    """create, update or delete"""
    fields: Fields = {}
    deltas: dict[str, int] = {}
    """Counters: changes to add."""
    timestamp_ms: int
    received_at_ms: int


Arrival = Observation | Gone | Edit
