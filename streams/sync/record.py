"""The record of one entity: the value of the Faust table `entities`.

Structures are mutable for speed, but only `Draft` changes them, and only its own copies.
"""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.base import Fields, Operation, Ticket


class Agreed(msgspec.Struct, array_like=True, frozen=True):
    """The value all replicas should hold, and who said so when."""

    value: Any
    at_ms: int
    source: str

    @property
    def stamp(self) -> tuple[int, str]:
        """Orders edits; ties fall to the source's name, so every replay agrees."""
        return self.at_ms, self.source


class Shadow(msgspec.Struct, array_like=True, frozen=True):
    """What a replica was last known to hold in one field."""

    seen: Any
    stands: Any
    """The agreed value it stands for: a shop that rounds or rewrites is not editing (rule 9)."""
    op: Operation | None = None
    """Our last write into this field that the replica's mark has told of."""


class Flight(msgspec.Struct, frozen=True, omit_defaults=True):
    """The write that is out. Durable before it is sent (rule 3)."""

    op: Operation
    kind: str
    """write, create or delete"""
    want: Fields
    expected: Fields
    totals: dict[str, int]
    after: Operation | None
    issued_at_ms: int
    issued_clock: int
    """The entity's clock when it was first sent: what was learnt later is newer than its
    refusal."""
    due_at_ms: int
    """When it is sent again if nothing was heard."""
    attempts: int = 1
    epoch: int = 0
    """Of the owner that sent it last. Sinks drop what a former owner sent, so a new one sends at
    once."""
    origin_at_ms: int = 0
    """When the change it carries reached us, for the latency shown."""


class Replica(msgspec.Struct, omit_defaults=True):
    """One platform's copy of the entity."""

    external_id: str | None = None
    exists: bool | None = None
    """None: never seen there."""
    shadow: dict[str, Shadow] = {}
    masked: tuple[str, ...] = ()
    as_of: int = -1
    etag: str = ""
    """The platform's own digest of the item as last seen."""
    mark: Operation | None = None
    """The last operation of ours that the item is known to include."""
    totals: dict[str, int] = {}
    """Counters: the platform's own changes counted so far."""
    flight: Flight | None = None
    known_at: Ticket = (0, 0)
    reading: Ticket | None = None
    reading_due_ms: int = 0
    reread: bool = False
    """It must be read before anything is written to it."""
    again: bool = False
    """Doubted since the read that is out was asked for: its answer alone settles nothing. After a
    notice of deletion nothing but a read does."""
    retry_at_ms: int = 0
    """The platform asked for a pause, or refused values: nothing is sent before."""
    failures: int = 0
    rejected: Fields = {}
    """Values it will not take: owed again only when they change, or by force sync. The name `-`: it
    will not delete the item."""
    apart: bool = False
    """It refused several values at once: they go one at a time, so that the good ones arrive."""
    rewrites: dict[str, tuple[Any, int]] = {}

    def doubt(self, *, gone: bool = False) -> None:
        """What it holds is not known any more, and nobody guesses. `gone`: told to be deleted; what
        is pushed afterwards may have been built before."""
        self.reread = True
        self.again = self.again or gone or self.reading is not None


class Conflict(msgspec.Struct, omit_defaults=True):
    """A contested field: held where it stands, owed nowhere (rule 11)."""

    id: str
    candidates: dict[str, Any]
    """Replica to value; `agreed` is what stands."""
    stamps: dict[str, int]
    policy: str
    opened_at_ms: int
    base: Any = None
    """What both sides started from, where it is known."""
    challenger: str = ""
    """The replica whose change is in question."""
    brake: str = ""
    """Which brake holds it (`stock`, `price`, `deletes`), if one does."""


class Tombstone(msgspec.Struct, array_like=True, frozen=True):
    """Deleted by `source` at `at_ms`."""

    at_ms: int
    source: str


class OwedEffect(msgspec.Struct, omit_defaults=True, frozen=True):
    """An effect decided but not yet heard of."""

    replica: str
    effect: str
    arguments: Fields
    due_at_ms: int
    attempts: int = 0
    epoch: int = 0


class Record(msgspec.Struct, omit_defaults=True):
    """Everything the engine knows of one entity."""

    organization_id: str
    type: str
    entity_id: str
    epoch: int = 0
    """Of the owner that wrote this; recovery skips what a woken former owner wrote (rule 5)."""
    version: int = 0
    counter: int = 0
    clock: int = 0
    fields: dict[str, Agreed] = {}
    replicas: dict[str, Replica] = {}
    conflicts: dict[str, Conflict] = {}
    tombstone: Tombstone | None = None
    former: dict[str, str] = {}
    """`replica external id` of items that a person took away, to the entity they belong to now."""
    edits: dict[str, int] = {}
    """Applied edit ids and their timestamps, for 7 days (rule 7)."""
    effects: dict[str, OwedEffect] = {}


FORMAT = 0
"""Raised with a change of `Record` that an older worker must not forget: it decodes what it knows
and writes only that again. So it refuses partitions that a higher format has claimed, and newer
workers take them over (docs/production.md, "Upgrades")."""


class ClaimMark(msgspec.Struct, tag="claim", tag_field="kind", frozen=True):
    """In the changelog: a new owner began here. The epoch is one above this record's own offset."""

    owner: str
    at_ms: int
    format: int = 0
    """FORMAT of that owner's version."""


CLAIM_KEY_PREFIX = b"\x00claim/"
"""Claims are kept under unique keys, so that compaction never drops one that still fences."""
