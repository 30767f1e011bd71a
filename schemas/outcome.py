"""What a platform answered: topic `outcomes`; and a person's word on a conflict: `resolutions`."""

from __future__ import annotations

from typing import Any, Literal

from schemas.base import EntityWire, Fields, Operation, Ticket
from schemas.observation import Seen

Result = Literal["taken", "refused", "missing", "retry", "failed", "unknown"]
"""taken: done now or before · refused: the item holds something else (see `seen`) · missing: no
such item · retry: not reached, try again at `retry_at_ms` · failed: the platform will not take
these values, do not repeat them · unknown: an effect may or may not have happened."""


class Outcome(EntityWire, frozen=True, kw_only=True, tag="outcome", tag_field="kind"):
    """The answer to one command."""

    replica: str
    op: Operation | None = None
    """Of a write, create or delete."""
    ticket: Ticket | None = None
    """Of a read."""
    effect_key: str | None = None
    """Of an effect."""
    result: Result
    seen: Seen | None = None
    """What the item holds now, where the platform told."""
    reason: str = ""
    """A platform's code or our own, for people and for the dead letter."""
    retry_at_ms: int | None = None
    at_ms: int


class Resolution(EntityWire, frozen=True, kw_only=True, tag="resolution", tag_field="kind"):
    """A person decided a held conflict, having seen exactly these candidates."""

    id: str
    conflict_id: str
    field: str
    resolution: Literal["local", "remote", "merge", "manual", "newest", "keep", "undo"]
    """keep: the value of the side named in `side`. undo: take back what `conflict_id` decided, if
    the field still holds `value`: a person's word opens the conflict again, a rule's puts
    `previous` back."""
    side: str = ""
    """For `keep`: a key of `candidates`."""
    value: Any = None
    """For `manual`, the value; for `undo`, what the resolution had set."""
    previous: Any = None
    base: Any = None
    challenger: str = ""
    brake: str = ""
    """For `undo`, of the conflict as it was: it opens again as what it had been."""
    reopen: bool = False
    candidates: Fields
    """Replica name to value, as they were shown to the person."""
    stamps: dict[str, int] = {}
    by: str
    at_ms: int


class Resync(EntityWire, frozen=True, kw_only=True, tag="resync", tag_field="kind"):
    """Force sync: read every replica of this entity and send what is owed now."""

    id: str
    at_ms: int


class Relink(EntityWire, frozen=True, kw_only=True, tag="relink", tag_field="kind"):
    """A person says which item of a platform this entity is, and which it is not. Both in one
    event, so that nothing is made in between."""

    id: str
    replica: str
    gives: str = ""
    """External id of an item that is not this entity's any more ..."""
    gives_to: str = ""
    """... but that one's."""
    takes: str = ""
    """External id of the item that is this entity's from now on."""
    delete: bool = False
    """What is left of this entity after that is a double: it is deleted."""
    by: str
    at_ms: int


class Erase(EntityWire, frozen=True, kw_only=True, tag="erase", tag_field="kind"):
    """A person asked for their data to be erased: it goes from this entity, and from wherever it
    may be written. Amounts, dates and numbers stay."""

    id: str
    by: str
    at_ms: int
    ids: tuple[str, ...] = ()
    """Digests of platforms' ids that tell who it is (`streams.sync.erase.sealed`)."""


Reply = Outcome | Resolution | Resync | Relink | Erase
