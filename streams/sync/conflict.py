"""Pure: two sides, one field. Which value stands, and when a person is asked."""

from __future__ import annotations

from typing import Any

from schemas.fields import Kind, kind_of
from schemas.outcome import Resolution
from streams.sync.decision import Draft
from streams.sync.merge import merge, mergeable, rank
from streams.sync.record import Agreed

LOCAL = "mongodb"
"""`local` means the merchant's own database, `remote` the other side."""

REWRITES_BEFORE_ASKING = 3

EMPTY: tuple[Any, ...] = (None, "", [], {})


def first_seen(draft: Draft, name: str, field: str, value: Any, at_ms: int) -> None:
    """The first sight of a field on a replica is a baseline, never a change (rule 8)."""
    agreed = draft.record.fields.get(field)
    if agreed is None or (agreed.value in EMPTY and value not in EMPTY):
        draft.agree(field, value, at_ms, name)
        return
    if agreed.value == value or value in EMPTY:
        return
    if kind_of(draft.record.type, field) is Kind.COUNTER:
        open_conflict(draft, name, field, value, agreed, at_ms, "first sight")
        return
    normal = draft.context.type_profile(name, draft.record.type).normal
    if normal(field, agreed.value) != value:
        contested(draft, name, field, None, value, at_ms)


def edited(
    draft: Draft, name: str, field: str, stood: Any, value: Any, at_ms: int, rewritten: bool
) -> None:
    """Replica `name` changed a field from what stood for `stood` to `value`."""
    agreed = draft.record.fields.get(field)
    if agreed is None:
        draft.agree(field, value, at_ms, name)
    elif field in draft.record.conflicts:
        candidate(draft, name, field, value, at_ms)
    elif agreed.value == value:
        return
    elif rewritten and rewriting(draft, name, field, value):
        open_conflict(draft, name, field, value, agreed, at_ms, "rewritten")
    elif kind_of(draft.record.type, field) is Kind.LATTICE:
        advance(draft, name, field, value, at_ms)
    elif agreed.value == stood:
        draft.agree(field, value, at_ms, name)
    else:
        contested(draft, name, field, stood, value, at_ms)


def advance(draft: Draft, name: str, field: str, value: Any, at_ms: int) -> None:
    """A status moves forward only; a word that its lattice does not list changes nothing."""
    agreed = draft.record.fields[field]
    old, new = rank(draft.record.type, agreed.value), rank(draft.record.type, value)
    if new is None:
        return
    if old is None or new > old or (new == old and (at_ms, name) > agreed.stamp):
        draft.agree(field, value, at_ms, name)


def rewriting(draft: Draft, name: str, field: str, value: Any) -> bool:
    """Whether this platform has put the same value over ours three times (rule 9)."""
    replica = draft.replica(name)
    before, times = replica.rewrites.get(field, (None, 0))
    times = times + 1 if before == value else 1
    replica.rewrites = {**replica.rewrites, field: (value, times)}
    return times > REWRITES_BEFORE_ASKING


def contested(draft: Draft, name: str, field: str, base: Any, value: Any, at_ms: int) -> None:
    """Both sides changed it: the organisation's policy decides, or a person."""
    agreed = draft.record.fields[field]
    rule = draft.context.rule(draft.record.type, field)
    if rule.winner:
        if name == rule.winner:
            draft.agree(field, value, at_ms, name)
        elif agreed.source != rule.winner:
            newest(draft, name, field, value, at_ms)
        return
    if rule.policy == "manual":
        open_conflict(draft, name, field, value, agreed, at_ms, "manual")
    elif rule.policy == "merge":
        kind = kind_of(draft.record.type, field)
        if base is not None and mergeable(kind, base, agreed.value, value):
            merged, _ = merge(kind, base, *by_age(agreed, name, value, at_ms))
            draft.agree(field, merged, max(at_ms, agreed.at_ms), "merge")
        else:
            newest(draft, name, field, value, at_ms)
    elif rule.policy in ("local", "remote") and LOCAL in (name, agreed.source):
        if (name == LOCAL) == (rule.policy == "local"):
            draft.agree(field, value, at_ms, name)
    else:
        newest(draft, name, field, value, at_ms)


def by_age(agreed: Agreed, name: str, value: Any, at_ms: int) -> tuple[Any, Any]:
    """(older value, newer value): where a merge is not clean the newer wins."""
    if (at_ms, name) > agreed.stamp:
        return agreed.value, value
    return value, agreed.value


def newest(draft: Draft, name: str, field: str, value: Any, at_ms: int) -> None:
    """The later stamp wins; the loser is owed the winner's value."""
    if (at_ms, name) > draft.record.fields[field].stamp:
        draft.agree(field, value, at_ms, name)


def open_conflict(
    draft: Draft, name: str, field: str, value: Any, agreed: Agreed, at_ms: int, policy: str
) -> None:
    """Hold the field where it stands until a person has chosen."""
    standing = agreed.source if agreed.source != name else "agreed"
    draft.hold(
        field,
        {standing: agreed.value, name: value},
        {standing: agreed.at_ms, name: at_ms},
        policy=policy,
    )
    draft.tell("conflict", source=name, fields={field: value}, previous={field: agreed.value})


def candidate(draft: Draft, name: str, field: str, value: Any, at_ms: int) -> None:
    """A contested field moved again: a person who saw the old values is asked anew. Sides that have
    come to agree by themselves need nobody."""
    conflict = draft.record.conflicts[field]
    candidates = {**conflict.candidates, name: value}
    if all(found == value for found in candidates.values()):
        draft.release(field, value, at_ms, name, resolution="agreed", by=name)
        return
    draft.hold(field, candidates, {**conflict.stamps, name: at_ms})


def resolve(draft: Draft, resolution: Resolution) -> None:
    """A person's decision, if it is about the conflict as it now is (rule 11)."""
    field = resolution.field
    conflict = draft.record.conflicts.get(field)
    if conflict is None or conflict.id != resolution.conflict_id:
        draft.tell("refused", fields={field: None}, reason="this conflict is already settled")
        return
    if conflict.candidates != resolution.candidates:
        draft.tell("refused", fields={field: None}, reason="the values have changed; look again")
        draft.conflict_line(field, conflict)
        return
    value = chosen(draft, resolution)
    draft.release(
        field,
        value,
        resolution.at_ms,
        f"person:{resolution.by}",
        resolution=resolution.resolution,
        by=resolution.by,
    )


def chosen(draft: Draft, resolution: Resolution) -> Any:
    """The value a resolution stands for."""
    conflict = draft.record.conflicts[resolution.field]
    sides = conflict.candidates
    if resolution.resolution == "manual":
        return resolution.value
    newest_first = sorted(
        sides, key=lambda side: (conflict.stamps.get(side, 0), side), reverse=True
    )
    if resolution.resolution == "local":
        return sides.get(LOCAL, draft.record.fields[resolution.field].value)
    if resolution.resolution == "remote":
        return next(sides[side] for side in newest_first if side != LOCAL)
    values = [sides[side] for side in reversed(newest_first)]
    kind = kind_of(draft.record.type, resolution.field)
    if resolution.resolution == "merge" and mergeable(kind, *values):
        empty: Any = {Kind.LIST: [], Kind.MAP: {}}.get(kind, values[0])
        merged = values[0]
        for value in values[1:]:
            merged, _ = merge(kind, empty, merged, value)
        return merged
    return sides[newest_first[0]]
