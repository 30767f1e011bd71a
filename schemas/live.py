"""What a client of the live connection is sent, in the user's own names (docs/websocket.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from schemas.base import Fields

_CURSOR = re.compile(r"([0-9]{1,9})-([0-9]{1,18}|start)")
_START = "start"


@dataclass(frozen=True, order=True)
class Cursor:
    """The place of a line in the feed, `partition-offset` as text (`0-start`: before the first).
    Orders within one partition."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}-{_START if self.offset < 0 else self.offset}"


def read_cursor(text: str) -> Cursor | None:
    """The inverse of `str(cursor)`; None for anything else."""
    found = _CURSOR.fullmatch(text)
    if found is None:
        return None
    return Cursor(int(found[1]), -1 if found[2] == _START else int(found[2]))


class Shown(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """camelCase JSON with every name always there: clients need not ask."""


class LiveEvent(Shown, frozen=True, kw_only=True):
    """One line of the feed: the user's seven names, and what we know besides."""

    id: str
    type: str
    action: str
    data: Fields
    """New agreed values (kind `changed`), or the fields that arrived."""
    source: str
    timestamp: str
    organization_id: str
    entity_id: str
    kind: str
    cursor: str
    label: str = ""
    """What a person calls the entity: its name, SKU or number; empty while nobody knows."""
    replica: str = ""
    previous: Fields = msgspec.field(default_factory=dict)
    version: int = 0
    latency_ms: int | None = None
    reason: str = ""
    cause: str = ""


class LiveSuggestion(Shown, frozen=True, kw_only=True):
    """What people usually decided here."""

    resolution: str
    side: str
    """For `keep`."""
    confidence: float
    accuracy: float | None
    """Of the last suggestions like this, the share that people agreed with; null where none has
    been tested yet."""
    based_on: int
    reason: str


class LiveConflict(Shown, frozen=True, kw_only=True):
    """One conflict."""

    id: str
    type: str
    entity_id: str
    field: str
    label: str
    status: str
    policy: str
    candidates: dict[str, Any]
    """Replica name to value; `agreed` is the value that stands."""
    changed_at: dict[str, str]
    opened_at: str
    updated_at: str
    version: int
    base: Any = None
    """What both sides started from, where it is known."""
    brake: str = ""
    """stock, price or deletes: one of a batch at GET /api/batches."""
    automatic: bool = False
    """Decided without a person, by a rule or a suggestion."""
    policy_version: int = 0
    resolution: str = ""
    resolution_id: str = ""
    value: Any = None
    previous: Any = None
    """What undoing brings back."""
    by: str = ""
    decided: str = ""
    """Who decided what, as a sentence; empty while it is open."""
    suggestion: LiveSuggestion | None = None


class ReplicaStatus(Shown, frozen=True, kw_only=True):
    """One platform, as the feed shows it."""

    replica: str
    platform: str
    active: bool
    last_sync: str | None


class SyncStatus(Shown, frozen=True, kw_only=True):
    """`syncStatus` of the live client, and the answer of GET /api/sync/status."""

    state: str
    """synced · syncing (changes are on their way) · conflict (a person is needed) · waiting
    (nothing moved for a while) · unknown (the reconcile worker does not report) · away (a server of
    ours does not answer)"""
    sentence: str
    last_sync: str | None
    pending_events: int
    """Writes owed to platforms, and records not yet read."""
    owed: int
    in_flight: int
    queued: int
    """Records not yet read, of all organisations on these servers."""
    oldest_pending_s: float
    open_conflicts: int
    active_connections: int
    replicas: tuple[ReplicaStatus, ...]
    away: tuple[str, ...] = ()
    """Servers that do not answer: mongodb, kafka, redis. Figures are those of before."""
    timestamp: str
