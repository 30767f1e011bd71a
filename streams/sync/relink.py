"""Pure: a person takes an item of a platform from one entity and gives it to another."""

from __future__ import annotations

from schemas.observation import Gone, Observation, Seen
from schemas.outcome import Relink
from streams.sync.decision import Draft
from streams.sync.deletion import bury
from streams.sync.record import Record, Replica


def moved_to(record: Record, sighting: Observation | Gone) -> str:
    """The entity that the item belongs to by now, where this one is only its former: whoever sent
    the sighting had not heard of the move yet."""
    if not record.former:
        return ""
    item = sighting.seen.external_id if isinstance(sighting, Observation) else sighting.external_id
    return record.former.get(_place(sighting.replica, item), "")


def given_away(record: Record, replica: str, seen: Seen) -> bool:
    """Whether an answer is about an item that is another entity's by now."""
    return bool(record.former) and _place(replica, seen.external_id) in record.former


def relink(draft: Draft, arrival: Relink) -> None:
    """Give an item away, take another on, or both. What is taken is read before anything is
    compared: its first sight is a baseline (rule 8)."""
    record, name = draft.record, arrival.replica
    known = record.replicas.get(name)
    if arrival.gives:
        record.former = {**record.former, _place(name, arrival.gives): arrival.gives_to}
        draft.changed = True
        if known is not None and known.external_id == arrival.gives:
            _forget(draft, name, arrival.by)
            known = None
    if arrival.takes and known is not None and known.exists:
        if known.external_id == arrival.takes:
            return
        draft.rejected = (
            f"{record.type} {record.entity_id} has {known.external_id} on {name}: "
            "give that one away first, or exchange the two."
        )
        return
    draft.changed = True
    if arrival.takes:
        place = _place(name, arrival.takes)
        record.former = {item: to for item, to in record.former.items() if item != place}
        profile = draft.context.profiles.get(name)
        reads = profile is None or profile.reads
        taken = Replica(arrival.takes, reread=True) if reads else Replica(arrival.takes, True)
        record.replicas = {**record.replicas, name: taken}
        draft.tell("relinked", replica=name, source=f"person:{arrival.by}", reason=arrival.takes)
    living = any(replica.exists for replica in record.replicas.values())
    if arrival.delete or (arrival.gives and not arrival.takes and not living):
        bury(draft, f"person:{arrival.by}", draft.now_ms)


def _forget(draft: Draft, name: str, by: str) -> None:
    """The replica is not ours any more; what it had in question is settled as it stands."""
    record = draft.record
    replica = record.replicas[name]
    for field, conflict in list(record.conflicts.items()):
        agreed = record.fields.get(field)
        if name in conflict.candidates and agreed is not None:
            draft.release(
                field, agreed.value, agreed.at_ms, agreed.source, resolution="unlinked", by=by
            )
    item = replica.external_id or ""
    draft.forget(name)
    draft.tell("unlinked", replica=name, source=f"person:{by}", reason=item)


def _place(replica: str, external_id: str) -> str:
    return f"{replica} {external_id}"
