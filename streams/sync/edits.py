"""Pure: what people and programs say should be: queued edits, and force sync."""

from __future__ import annotations

from schemas.fields import Kind, kind_of
from schemas.observation import Edit
from streams.sync.conflict import advance, candidate, overruled
from streams.sync.decision import Draft
from streams.sync.deletion import deleted_by_edit, edited_after
from streams.sync.learn import shift_candidates

EDITS_KEPT = 8_000
"""The newest ones, so that a record stays well below the largest that Kafka takes."""


def edit(draft: Draft, arrival: Edit) -> None:
    """What should be, said from outside: applied once, against the agreed values (rule 7)."""
    record, timing = draft.record, draft.context.timing
    if arrival.id in record.edits:
        return
    if arrival.timestamp_ms < draft.now_ms - timing.edit_memory_ms:
        draft.rejected = (
            "this event is older than 7 days, too old to know whether it was applied before. "
            "Send it again with a new id and a current timestamp if it still holds."
        )
        return
    at_ms = min(arrival.timestamp_ms, arrival.received_at_ms)
    for field in arrival.deltas:
        agreed = record.fields.get(field)
        if agreed is None or not isinstance(agreed.value, int):
            draft.rejected = (
                f"{field} of {record.type} {record.entity_id} is not known yet, so it cannot be "
                "changed by a difference. Send the full value, or retry when it is known."
            )
            return
    oldest = draft.now_ms - timing.edit_memory_ms
    record.edits = {id_: at for id_, at in record.edits.items() if at >= oldest}
    record.edits[arrival.id] = arrival.timestamp_ms
    while len(record.edits) > EDITS_KEPT:
        del record.edits[next(iter(record.edits))]
    draft.changed = True
    if arrival.action == "delete":
        deleted_by_edit(draft, arrival, at_ms)
        return
    if not edited_after(draft, arrival, at_ms):
        return
    for field, value in arrival.fields.items():
        _edit_field(draft, arrival, field, value, at_ms)
    for field, delta in arrival.deltas.items():
        draft.agree(field, record.fields[field].value + delta, at_ms, arrival.replica)
        shift_candidates(draft, field, delta)


def _edit_field(draft: Draft, arrival: Edit, field: str, value: object, at_ms: int) -> None:
    agreed = draft.record.fields.get(field)
    if agreed is None:
        draft.agree(field, value, at_ms, arrival.replica)
    elif field in draft.record.conflicts:
        conflict = draft.record.conflicts[field]
        if at_ms > conflict.stamps.get(arrival.replica, -1):
            candidate(draft, arrival.replica, field, value, at_ms)
        else:
            overruled(draft, arrival.replica, field, value, at_ms)
    elif kind_of(draft.record.type, field) is Kind.LATTICE:
        advance(draft, arrival.replica, field, value, at_ms)
    elif (at_ms, arrival.replica) > agreed.stamp:
        draft.agree(field, value, at_ms, arrival.replica)
    elif value != agreed.value:
        overruled(draft, arrival.replica, field, value, at_ms)


def resync(draft: Draft) -> None:
    """Force sync: read every replica, and forget pauses and refusals."""
    for name, known in draft.record.replicas.items():
        profile = draft.context.profiles.get(name)
        replica = draft.replica(name)
        replica.retry_at_ms = 0
        replica.rejected = {}
        replica.failures = 0
        replica.reading = None
        replica.reread = profile is not None and profile.reads and known.external_id is not None
