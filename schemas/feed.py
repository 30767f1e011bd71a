"""What people and clients are shown: topic `feed`, and the conflicts' own topic."""

from __future__ import annotations

from typing import Any, Literal

from schemas.base import EntityWire, Fields, Operation

FeedKind = Literal[
    "changed",
    "sent",
    "arrived",
    "refused",
    "conflict",
    "resolved",
    "deleted",
    "failed",
    "effect",
    "relinked",
    "unlinked",
]
"""changed: the agreed values moved · sent: a write went out · arrived: a replica now holds the
agreed values · refused: a compare-and-set met something else · conflict / resolved · deleted ·
failed: a platform will not take a value · effect: a message went out or could not · relinked /
unlinked: a person said which item of a platform this is."""


class FeedLine(EntityWire, frozen=True, kw_only=True):
    """One line of the live feed. Its Kafka key is the organisation, so an organisation has one
    order; its cursor is `partition-offset`."""

    id: str
    """Unique and repeatable: entity version and place within the decision."""
    kind: FeedKind
    label: str = ""
    """What a person calls the entity: its name, SKU or number."""
    action: str = "update"
    source: str = ""
    """The replica whose edit caused it."""
    replica: str = ""
    """The replica it reached, where it is about one."""
    fields: Fields = {}
    """New agreed values (changed), or the fields that arrived."""
    previous: Fields = {}
    version: int
    origin_at_ms: int | None = None
    """When the change that caused it was made, in the platform's time."""
    at_ms: int
    latency_ms: int | None = None
    """From the arrival of the change at us (or its platform time, if later) to this line."""
    op: Operation | None = None
    """Of the write that arrived, was refused or failed."""
    issued_at_ms: int | None = None
    """When that write was first sent."""
    reason: str = ""
    cause: str = ""
    """Id of the observation, outcome or resolution behind it."""


class ConflictLine(EntityWire, frozen=True, kw_only=True):
    """The state of one conflict: topic `conflicts`, compacted by `entity key/field`."""

    id: str
    field: str
    label: str = ""
    """What a person calls the entity."""
    status: Literal["open", "resolved"]
    policy: str
    candidates: dict[str, Any]
    """Replica name to value; `agreed` is the value that stands."""
    stamps: dict[str, int]
    """Replica name to platform time in ms."""
    base: Any = None
    """What both sides started from, where it is known."""
    challenger: str = ""
    """The replica whose change is in question; the other side is what stands."""
    brake: str = ""
    """`stock`, `price` or `deletes` where a brake holds it: one of a batch for review."""
    automatic: bool = False
    """Decided by a rule, not by a person: listed, and can be reversed."""
    previous: Any = None
    """What undoing it brings back: the agreed value before, or the other side's where the agreed
    one stood."""
    policy_version: int = 0
    resolution: str = ""
    resolution_id: str = ""
    """Of the `Resolution` that closed it; empty for a rule's."""
    value: Any = None
    by: str = ""
    opened_at_ms: int
    at_ms: int
    version: int
