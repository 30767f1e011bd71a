"""Pure: what an observation teaches. An edit made on a platform is what was seen minus the
shadow."""

from __future__ import annotations

from typing import Any

from schemas.base import Fields, Operation
from schemas.fields import Kind, kind_of
from schemas.observation import FieldMark, Seen
from streams.sync.conflict import (
    EMPTY,
    advance,
    candidate,
    edited,
    first_seen,
    open_conflict,
)
from streams.sync.decision import Draft
from streams.sync.deletion import changed_after, returned, vanished
from streams.sync.record import Replica, Shadow

CREATED: Operation = (0, 0)
"""The operation in the stock mark of an item that we created empty: counting starts there."""


def differs(replica: Replica, seen: Seen, readable: frozenset[str]) -> bool:
    """Whether this says anything that the shadow does not."""
    if seen.exists != bool(replica.exists) or seen.external_id != replica.external_id:
        return True
    shadow = replica.shadow
    for name, value in seen.fields.items():
        if name in readable and (name not in shadow or shadow[name].seen != value):
            return True
    return False


def learn(
    draft: Draft,
    name: str,
    seen: Seen,
    received_at_ms: int,
    wrote: Fields,
    own_answer: bool,
    op: Operation | None = None,
) -> None:
    """Take in what replica `name` holds. `wrote` is what of ours it is known to include now, by
    operation `op`.

    A second item under one identity is refused: the first keeps the place.
    """
    replica = draft.replica(name)
    if not seen.exists:
        vanished(draft, name, seen)
        return
    holds = replica.exists is not False and replica.external_id is not None
    if holds and replica.external_id != seen.external_id:
        draft.rejected = (
            f"{name} has a second item for this entity: {seen.external_id} beside "
            f"{replica.external_id}. Remove one of them, or give it another SKU."
        )
        return
    if replica.external_id != seen.external_id or not replica.exists:
        appear(replica, seen)
        if not wrote:  # a create of ours that lands is nobody's word
            returned(draft, name)
    replica.masked = seen.masked
    at_ms = platform_time(draft, name, seen, received_at_ms)
    readable = draft.context.type_profile(name, draft.record.type).readable
    marks = seen.mark.fields if seen.mark is not None else {}
    for field, value in seen.fields.items():
        if field not in readable:
            continue
        shadow, mark = replica.shadow.get(field), marks.get(field)
        if (
            shadow is not None
            and shadow.seen == value
            and field not in wrote
            and (mark is None or mark.op == shadow.op)
        ):
            continue  # nothing new, as for most fields of most sightings
        if kind_of(draft.record.type, field) is Kind.COUNTER:
            count(draft, name, field, value, mark, wrote)
        else:
            compare(draft, name, field, value, mark, wrote, own_answer, at_ms, op)
    replica.as_of = max(replica.as_of, seen.as_of)
    if draft.touched_by == name:
        changed_after(draft, name)
    replica.etag = seen.etag
    replica.mark = seen.mark.op if seen.mark is not None else None
    replica.known_at = draft.ticket()
    replica.reread = replica.again or replica.reading is not None


def appear(replica: Replica, seen: Seen) -> None:
    """An item is there that was not: the shadow starts anew, nothing is counted yet (rule 8)."""
    if replica.external_id not in (None, seen.external_id):
        replica.as_of = -1
    replica.exists = True
    replica.external_id = seen.external_id
    replica.shadow = {}
    replica.totals = {}
    replica.rejected = {}
    replica.failures = 0


def platform_time(draft: Draft, name: str, seen: Seen, received_at_ms: int) -> int:
    """The time of the change by our clock: the platform's, corrected by its least lag ever seen,
    never past arrival (rule 12). A first sight without a time is older than any edit."""
    if seen.changed_at_ms is None:
        return received_at_ms if draft.replica(name).shadow else 0
    return min(seen.changed_at_ms + draft.context.lags.get(name, 0), received_at_ms)


def count(
    draft: Draft, name: str, field: str, value: Any, mark: FieldMark | None, wrote: Fields
) -> None:
    """A counter: what the platform itself changed is added to what all agree on.

    Null or no number says nothing of the count, and never makes it zero.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        return
    replica = draft.replica(name)
    shadow = replica.shadow.get(field)
    agreed = draft.record.fields.get(field)
    counted = replica.totals.get(field)
    if mark is not None and mark.total is not None and isinstance(mark.value, int):
        own = mark.total + value - mark.value
        if shadow is None and counted is None and field not in wrote and mark.op != CREATED:
            replica.totals[field] = own
            replica.shadow[field] = Shadow(value, value, mark.op)
            first_seen(draft, name, field, value, draft.now_ms)
            return
        if counted is None:
            counted = 0 if mark.op == CREATED or field in wrote else own
        delta = own - counted
        op: Operation | None = mark.op
        replica.totals[field] = own
    elif shadow is not None or field in wrote:
        before = wrote[field] if field in wrote else shadow.seen if shadow is not None else value
        delta, op = value - before, shadow.op if shadow is not None else None
        replica.totals[field] = (counted or 0) + delta
    else:
        replica.totals[field] = 0
        replica.shadow[field] = Shadow(value, value)
        first_seen(draft, name, field, value, draft.now_ms)
        return
    replica.shadow[field] = Shadow(value, value, op)
    if agreed is None or agreed.value is None:
        draft.agree(field, value, draft.now_ms, name)
    elif delta:
        _moved(draft, name, field, value, delta)


def _moved(draft: Draft, name: str, field: str, value: int, delta: int) -> None:
    """A platform's own change of a count is added, unless a brake holds what it says."""
    agreed = draft.record.fields[field]
    conflict = draft.record.conflicts.get(field)
    if conflict is None:
        emptied = value <= 0 < value - delta and draft.context.policies.brakes.stock_share
        there = agreed.value + delta
        if emptied and draft.alarm(name, "stock", field, there):
            open_conflict(draft, name, field, there, agreed, draft.now_ms, "brake", brake="stock")
            return
    elif conflict.brake and name == conflict.challenger:
        # Its word is in question, and so is what it says next; sales elsewhere go on.
        held = conflict.candidates.get(name, agreed.value)
        candidate(draft, name, field, held + delta, draft.now_ms)
        return
    draft.agree(field, agreed.value + delta, draft.now_ms, name)
    if conflict is None or not conflict.brake:
        shift_candidates(draft, field, delta, **{name: value})
    else:
        shift_candidates(draft, field, delta)


def shift_candidates(draft: Draft, field: str, delta: int, **pinned: int) -> None:
    """Sales go on while a person is asked: the figures to choose from move with them. `pinned`: the
    side that was seen to hold its new figure."""
    conflict = draft.record.conflicts.get(field)
    if conflict is not None:
        candidates = {
            side: pinned.get(side, found + delta) for side, found in conflict.candidates.items()
        }
        draft.hold(field, candidates, conflict.stamps)


def compare(
    draft: Draft,
    name: str,
    field: str,
    value: Any,
    mark: FieldMark | None,
    wrote: Fields,
    own_answer: bool,
    at_ms: int,
    written: Operation | None,
) -> None:
    """A plain field: measured from a mark that is new to us, else from the shadow (rule 2)."""
    replica = draft.replica(name)
    shadow = replica.shadow.get(field)
    normal = draft.context.type_profile(name, draft.record.type).normal
    op = shadow.op if shadow is not None else None
    fresh = mark is not None and mark.op != op
    if own_answer and field in wrote and not (fresh and _compares(draft, name)):
        # The answer to our own write shows what the platform made of it. Not so where it compares:
        # there a repeat of an old operation is answered too, edits since then included.
        base, stands = value, wrote[field]
        op = mark.op if mark is not None else op
    elif mark is not None and fresh:
        stands = mark.value if mark.wanted is None else mark.wanted
        if field in wrote and mark.op == written:
            stands = wrote[field]  # we know what was asked; a mark tells it as it is read back
        base, op = mark.value, mark.op
    elif field in wrote:
        base = stands = wrote[field]
    elif shadow is not None:
        base, stands = shadow.seen, shadow.stands
    else:
        agreed = draft.record.fields.get(field)
        stands = value
        if agreed is not None and normal(field, agreed.value) == value:
            stands = agreed.value  # its own spelling of what all agree on
        replica.shadow[field] = Shadow(value, stands)
        if not wrote or agreed is None or agreed.value in EMPTY:
            first_seen(draft, name, field, value, at_ms)
        return  # else a default beside what we have just written there: nobody's word
    if base != value and (fresh or field in wrote) and normal(field, stands) == value:
        base = value
    if value == base:
        replica.shadow[field] = Shadow(value, stands, op)
        agreed = draft.record.fields.get(field)
        if fresh and agreed is not None and kind_of(draft.record.type, field) is Kind.LATTICE:
            # A write of ours that this record does not know (restored from long ago): forward only.
            advance(draft, name, field, stands, at_ms)
        return
    replica.shadow[field] = Shadow(value, value, op)
    edited(draft, name, field, stands, value, at_ms, rewritten=op is not None)


def _compares(draft: Draft, name: str) -> bool:
    profile = draft.context.profiles.get(name)
    return profile is not None and profile.compares
