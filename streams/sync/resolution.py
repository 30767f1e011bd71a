"""Pure: what a person decides about a conflict, and takes back (rule 11)."""

from __future__ import annotations

from typing import Any

from schemas.canonical import canonical
from schemas.fields import EXISTENCE, Kind, kind_of
from schemas.outcome import Resolution
from streams.sync.decision import Draft
from streams.sync.merge import merge, mergeable
from streams.sync.policy import LOCAL
from streams.sync.record import Conflict

KEPT, DELETED = "kept", "deleted"
"""The values of the field `existence`."""


def resolve(draft: Draft, resolution: Resolution) -> None:
    """A decision, if it is about the conflict as it now is. Of two people the first one wins, and
    the other is told so."""
    field = resolution.field
    if resolution.resolution == "undo":
        _undo(draft, resolution)
        return
    conflict = draft.record.conflicts.get(field)
    if conflict is None or conflict.id != resolution.conflict_id:
        _refuse(draft, resolution, "this conflict is already settled")
        return
    if conflict.candidates != resolution.candidates:
        _refuse(draft, resolution, "the values have changed; look again")
        draft.conflict_line(field, conflict)
        return
    if resolution.resolution == "keep" and resolution.side not in conflict.candidates:
        _refuse(draft, resolution, f"{resolution.side} is not one of the sides")
        return
    try:
        value = chosen(draft, conflict, resolution)
    except ValueError as error:
        _refuse(draft, resolution, f"not a value of {field}: {error}")
        return
    if field == EXISTENCE and value not in (KEPT, DELETED):
        _refuse(draft, resolution, f"an item is {KEPT} or {DELETED}, not {value!r}")
        return
    draft.release(
        field,
        value,
        resolution.at_ms,
        f"person:{resolution.by}",
        resolution=resolution.resolution,
        resolution_id=resolution.id,
        by=resolution.by,
    )


def chosen(draft: Draft, conflict: Conflict, resolution: Resolution) -> Any:
    """The value a resolution stands for. Raises ValueError where a person gave one that the field
    cannot have."""
    sides = conflict.candidates
    if resolution.resolution == "manual":
        return canonical(draft.record.type, resolution.field, resolution.value)
    if resolution.resolution == "keep":
        return sides[resolution.side]
    newest_first = sorted(
        sides, key=lambda side: (conflict.stamps.get(side, 0), side), reverse=True
    )
    if resolution.resolution == "local":
        if LOCAL in sides or resolution.field == EXISTENCE:
            return sides.get(LOCAL, KEPT)
        return draft.record.fields[resolution.field].value
    if resolution.resolution == "remote":
        return next((sides[side] for side in newest_first if side != LOCAL), sides[newest_first[0]])
    values = [sides[side] for side in reversed(newest_first)]
    kind = kind_of(draft.record.type, resolution.field)
    if resolution.resolution == "merge" and mergeable(kind, *values):
        empty: Any = {Kind.LIST: [], Kind.MAP: {}}.get(kind, values[0])
        base = empty if conflict.base is None else conflict.base
        merged = values[0]
        for value in values[1:]:
            merged, _ = merge(kind, base, merged, value)
        return merged
    return sides[newest_first[0]]


def _undo(draft: Draft, resolution: Resolution) -> None:
    """Back to what stood before, if nothing has changed it since: a person's word opens the
    conflict again, a rule's decision gives way to the value that it had overridden."""
    record, field = draft.record, resolution.field
    if field in record.conflicts:
        _refuse(draft, resolution, "it is open already")
        return
    if field == EXISTENCE:
        stands: Any = KEPT if record.tombstone is None else DELETED
    else:
        agreed = record.fields.get(field)
        stands = None if agreed is None else agreed.value
    if stands != resolution.value:
        _refuse(draft, resolution, "it has changed since; change the value itself")
        return
    conflict = Conflict(
        id=resolution.conflict_id,
        candidates=dict(resolution.candidates),
        stamps=dict(resolution.stamps),
        policy="undone",
        challenger=resolution.challenger,
        opened_at_ms=draft.now_ms,
        base=resolution.base,
        brake=resolution.brake,
    )
    record.conflicts = {**record.conflicts, field: conflict}
    draft.changed = True
    if resolution.reopen:
        if field == EXISTENCE:
            record.tombstone = None
        draft.conflict_line(field, conflict)
        draft.tell("conflict", source=f"person:{resolution.by}", fields={field: stands})
        return
    draft.release(
        field,
        resolution.previous,
        resolution.at_ms,
        f"person:{resolution.by}",
        resolution="undo",
        resolution_id=resolution.id,
        by=resolution.by,
    )


def _refuse(draft: Draft, resolution: Resolution, reason: str) -> None:
    draft.changed = True  # a line of the feed has the version in its id
    draft.tell("refused", fields={resolution.field: None}, reason=reason)
