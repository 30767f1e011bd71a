"""Pure: one item, as its platform holds it and as our record believes.

The leaf of an item is the hash of what it holds, in agreed values: ours of what all agree on, as
far as this replica can hold it; theirs of what was seen to stand for that. Equal leaves, equal
content.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from connectors.protocol import TypeProfile
from schemas.base import Fields
from schemas.fields import EXISTENCE
from schemas.observation import Seen
from streams.sync.conflict import EMPTY
from streams.sync.learn import differs
from streams.sync.owed import UNDELETABLE
from streams.sync.record import Record, Replica

State = Literal[
    "same", "drift", "unknown", "gone", "double", "moving", "owed", "asked", "refused", "paused"
]
"""same · drift: holds something else than we believe · unknown: is there and nowhere with us ·
gone: we believe it is there · double: a second item for one entity of ours · moving: a write is on
its way, or it changed while we looked · owed: we know that it differs and a write is due · asked: a
person is asked · refused: the platform will not take it · paused: nothing is written there."""

DRIFTED: frozenset[State] = frozenset(("drift", "unknown", "gone"))
"""What a sweep has found, and the engine is then told of."""

_ABSENT: Any = object()


@dataclass(frozen=True)
class Judged:
    """One item."""

    type: str
    external_id: str
    entity_id: str
    state: State
    ours: bytes = b""
    """Empty: by our record nothing should be there."""
    theirs: bytes = b""
    """Empty: nothing is there."""
    fields: tuple[str, ...] = ()
    """Those that differ, where that can be said."""


def leaf(external_id: str, fields: Mapping[str, Any]) -> bytes:
    """The hash of an item."""
    content = json.dumps([external_id, fields], sort_keys=True, separators=(",", ":"))
    return sha256(content.encode()).digest()


def judge(
    record: Record, name: str, profile: TypeProfile, seen: Seen | None, *, writable: bool = True
) -> Judged:
    """`seen`: what the item holds, with our ids in it; None: just what we last saw, as its etag
    proves. The record's replica `name` has this item. `writable`: whether it is written at all."""
    replica = record.replicas[name]
    external_id = replica.external_id or ""
    ours, theirs = holdings(record, replica, profile, seen)
    apart = tuple(
        field
        for field in sorted(ours.keys() | theirs.keys())
        if ours.get(field, _ABSENT) != theirs.get(field, _ABSENT)
    )
    state = _state(record, replica, profile, seen, apart)
    if state == "owed" and not writable:
        state = "paused"
    mine, held = leaf(external_id, ours), leaf(external_id, theirs)
    if record.tombstone is not None:
        mine = b"" if profile.deletes else held
    return Judged(record.type, external_id, record.entity_id, state, mine, held, apart)


def holdings(
    record: Record, replica: Replica, profile: TypeProfile, seen: Seen | None
) -> tuple[Fields, Fields]:
    """(ours, theirs): the fields that this item can be made to hold. Where what is held stands for
    the agreed value, it is told as that value (`streams.sync.owed` asks the same)."""
    masked = replica.masked if seen is None else seen.masked
    ours: Fields = {}
    theirs: Fields = {}
    for field, agreed in record.fields.items():
        if field not in profile.writable or field in masked:
            continue
        value, shadow = agreed.value, replica.shadow.get(field)
        held = shadow.seen if shadow is not None else _ABSENT
        if seen is not None:
            held = seen.fields.get(field, held)
        if held is _ABSENT:
            if value not in EMPTY:
                ours[field] = value
            continue
        believed = shadow is not None and shadow.seen == held
        stands = believed and shadow is not None and value in (shadow.stands, shadow.seen)
        ours[field] = value
        theirs[field] = (
            value if stands or held == value or profile.normal(field, value) == held else held
        )
    return ours, theirs


def _state(
    record: Record,
    replica: Replica,
    profile: TypeProfile,
    seen: Seen | None,
    apart: tuple[str, ...],
) -> State:
    if seen is not None and differs(replica, seen, profile.readable):
        late = seen.as_of < replica.as_of
        return "moving" if replica.flight is not None or late else "drift"
    if EXISTENCE in record.conflicts:
        return "asked"
    if record.tombstone is not None:
        if not profile.deletes:
            return "same"
        if replica.flight is not None:
            return "moving"
        return "refused" if UNDELETABLE in replica.rejected else "owed"
    waiting = [field for field in apart if field not in record.conflicts]
    if not apart:
        return "same"
    if not waiting:
        return "asked"
    if replica.flight is not None:
        return "moving"
    rejected = [
        field
        for field in waiting
        if replica.rejected.get(field, _ABSENT) == record.fields[field].value
    ]
    return "refused" if len(rejected) == len(waiting) else "owed"


def unknown(
    entity_type: str,
    external_id: str,
    seen: Seen | None,
    profile: TypeProfile,
    *,
    entity_id: str = "",
    double: bool = False,
) -> Judged:
    """An item that no record of ours has. `double`: its entity has another one there."""
    fields = {} if seen is None else seen.fields
    held = {name: value for name, value in fields.items() if name in profile.writable}
    state: State = "double" if double else "unknown"
    return Judged(entity_type, external_id, entity_id, state, b"", leaf(external_id, held))


def gone(record: Record, name: str, profile: TypeProfile) -> Judged:
    """The platform does not have it, and our record believes that it does."""
    replica = record.replicas[name]
    external_id = replica.external_id or ""
    ours, _ = holdings(record, replica, profile, None)
    state: State = "moving" if replica.flight is not None else "gone"
    mine = b"" if record.tombstone is not None else leaf(external_id, ours)
    return Judged(record.type, external_id, record.entity_id, state, mine, b"")


def lacking(
    record: Record, name: str, profile: TypeProfile, *, writable: bool = True
) -> Judged | None:
    """An entity of ours that this platform should have and has not; None where it need not
    (`streams.sync.owed` creates by the same rule)."""
    if record.tombstone is not None or not profile.creates:
        return None
    replica = record.replicas.get(name) or Replica()
    if replica.exists:
        return None
    given = profile.writable | profile.initial
    want = {
        field: agreed.value
        for field, agreed in record.fields.items()
        if field in given and agreed.value not in EMPTY and field not in record.conflicts
    }
    if not want or not all(field in want for field in profile.required):
        return None
    state: State = "owed" if writable else "paused"
    if EXISTENCE in record.conflicts:
        state = "asked"
    elif replica.flight is not None:
        state = "moving"
    elif replica.rejected and all(
        replica.rejected.get(field, _ABSENT) == value for field, value in want.items()
    ):
        state = "refused"
    ours = {field: value for field, value in want.items() if field in profile.writable}
    return Judged(record.type, "", record.entity_id, state, leaf(record.entity_id, ours), b"")
