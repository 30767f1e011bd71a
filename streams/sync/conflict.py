"""Pure: two sides, one field. Which value stands, and when a person is asked."""

from __future__ import annotations

from typing import Any

from schemas.fields import Kind, kind_of
from streams.sync.decision import Draft
from streams.sync.merge import rank
from streams.sync.policy import Side, rule_for, verdict
from streams.sync.record import Agreed

REWRITES_BEFORE_ASKING = 3
ASK = "ask"
"""Of a first synchronisation: a person decides what differs."""

EMPTY: tuple[Any, ...] = (None, "", [], {})
PRICES = frozenset(("price", "salePrice"))


def first_seen(draft: Draft, name: str, field: str, value: Any, at_ms: int) -> None:
    """The first sight of a field on a replica is a baseline, never a change (rule 8). Where it
    differs from what stands, the choice made when the platform was connected decides; unequal stock
    asks a person unless that choice names a side."""
    agreed = draft.record.fields.get(field)
    if agreed is None or (agreed.value in EMPTY and value not in EMPTY):
        draft.agree(field, value, at_ms, name)
        return
    if agreed.value == value or value in EMPTY:
        return
    if field in draft.record.conflicts:
        candidate(draft, name, field, value, at_ms)
        return
    normal = draft.context.type_profile(name, draft.record.type).normal
    if normal(field, agreed.value) == value:
        return
    chosen = draft.context.first_sync.get(name, "")
    counts = kind_of(draft.record.type, field) is Kind.COUNTER
    if chosen in draft.context.profiles:
        if chosen == name:
            draft.agree(field, value, at_ms, name)
    elif counts or chosen == ASK:
        open_conflict(draft, name, field, value, agreed, at_ms, "first sight")
    else:
        contested(draft, name, field, None, value, at_ms)


def edited(
    draft: Draft, name: str, field: str, stood: Any, value: Any, at_ms: int, rewritten: bool
) -> None:
    """Replica `name` changed a field from what stood for `stood` to `value`."""
    agreed = draft.record.fields.get(field)
    draft.touched_by = name
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
    elif field in PRICES and _leaps(draft, name, field, agreed.value, value):
        open_conflict(draft, name, field, value, agreed, at_ms, "brake", brake="price")
    elif agreed.value == stood:
        draft.agree(field, value, at_ms, name)
    else:
        contested(draft, name, field, stood, value, at_ms)


def _leaps(draft: Draft, name: str, field: str, old: Any, new: Any) -> bool:
    """Whether a price moves so far that it counts towards the brake, and the brake is on. No price
    at all is the farthest of moves."""
    limit = draft.context.policies.brakes.price_change
    if not limit or not old:
        return False
    if new is not None and abs(float(new) - float(old)) <= limit * abs(float(old)):
        return False
    return draft.alarm(name, "price", field, new)


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
    """Both sides changed it: the organisation's rule decides, and what it overrode is listed; or a
    person is asked."""
    entity_type, agreed = draft.record.type, draft.record.fields[field]
    _, rules = draft.context.policies.at(draft.now_ms)
    rule = rule_for(rules, entity_type, field, (name, agreed.source))
    standing = Side(agreed.value, agreed.at_ms, agreed.source)
    found = verdict(rule, entity_type, field, base, standing, Side(value, at_ms, name))
    if found is None:
        open_conflict(draft, name, field, value, agreed, at_ms, "manual", base=base)
        return
    if found.value != agreed.value or found.source == name:
        draft.agree(field, found.value, found.at_ms, found.source)
    draft.decided(field, agreed, name, value, at_ms, base=base, value=found.value, how=found.how)


def overruled(draft: Draft, name: str, field: str, value: Any, at_ms: int) -> None:
    """A change that comes too late to stand: listed, so that nothing is lost without a word."""
    agreed = draft.record.fields[field]
    draft.decided(field, agreed, name, value, at_ms, base=None, value=agreed.value, how="newest")


def open_conflict(
    draft: Draft,
    name: str,
    field: str,
    value: Any,
    agreed: Agreed,
    at_ms: int,
    policy: str,
    *,
    base: Any = None,
    brake: str = "",
) -> None:
    """Hold the field where it stands until a person has chosen."""
    standing = agreed.source if agreed.source != name else "agreed"
    draft.hold(
        field,
        {standing: agreed.value, name: value},
        {standing: agreed.at_ms, name: at_ms},
        policy=policy,
        base=base,
        challenger=name,
        brake=brake,
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
