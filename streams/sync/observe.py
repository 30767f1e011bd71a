"""Pure: sightings of what a platform holds, pushed or read (DESIGN: rules 2 and 4)."""

from __future__ import annotations

from typing import Any

from schemas.base import Fields
from schemas.fields import EXISTENCE
from schemas.observation import Gone, Observation, Seen
from streams.sync.decision import Draft
from streams.sync.learn import differs, learn
from streams.sync.record import Flight, Replica


def observed(draft: Draft, observation: Observation) -> None:
    """A push, or the answer to a read of ours."""
    name, seen = observation.replica, observation.seen
    ticket = observation.ticket
    if ticket is not None and ticket[0] == draft.context.epoch:
        read_answered(draft, name, seen, ticket, observation.received_at_ms)
    else:
        pushed(draft, name, seen, observation.received_at_ms)


def pushed(draft: Draft, name: str, seen: Seen, received_at_ms: int) -> None:
    """Stale news is ignored, a repeat changes nothing, and where times are equal but the content is
    not, nobody guesses: the platform is read again (rule 4)."""
    known = draft.record.replicas.get(name)
    deleted = draft.record.tombstone is not None or EXISTENCE in draft.record.conflicts
    if known is None and deleted and seen.exists and _readable(draft, name):
        # Maybe an old sighting of what is gone by now: it is looked at, not believed.
        replica = draft.replica(name)
        replica.external_id = seen.external_id
        replica.doubt()
        return
    if known is not None and known.external_id == seen.external_id:
        if seen.as_of < known.as_of:
            return
        readable = draft.context.type_profile(name, draft.record.type).readable
        if seen.as_of == known.as_of and not _tells_of_flight(known.flight, seen):
            if differs(known, seen, readable):
                draft.replica(name).doubt()
            elif seen.etag != known.etag:
                draft.replica(name).etag = seen.etag  # something that we do not follow
            return
        if not known.exists and deleted:
            draft.replica(name).doubt()
            return
    accept(draft, name, seen, received_at_ms, False)


def _readable(draft: Draft, name: str) -> bool:
    profile = draft.context.profiles.get(name)
    return profile is not None and profile.reads and name in draft.context.writable


def _tells_of_flight(flight: Flight | None, seen: Seen) -> bool:
    return flight is not None and seen.mark is not None and seen.mark.op == flight.op


def read_answered(
    draft: Draft, name: str, seen: Seen, ticket: tuple[int, int], received_at_ms: int
) -> None:
    """Counts only if it was asked after the last thing learnt (rule 4). What came too late and
    tells of something newer, or of an end, is asked for once more."""
    replica = draft.replica(name)
    if ticket == replica.reading:
        replica.reading = None
        replica.reread = replica.again
    if ticket <= replica.known_at:
        newer = seen.as_of > replica.as_of if seen.exists else bool(replica.exists)
        readable = draft.context.type_profile(name, draft.record.type).readable
        replica.reread = replica.reread or (newer and differs(replica, seen, readable))
        return
    replica.failures = 0
    accept(draft, name, seen, received_at_ms, True)


def accept(draft: Draft, name: str, seen: Seen, received_at_ms: int, was_read: bool) -> None:
    """Learn, having judged by the mark whether the write in flight is in it (rule 2)."""
    replica = draft.replica(name)
    flight = replica.flight
    wrote: Fields = {}
    if flight is not None and flight.totals and _erased(replica, seen) and not was_read:
        # Stock without our mark, while a write of ours is out: only its answer can tell which of
        # the two this is. Then the item is read.
        replica.doubt()
        return
    if flight is not None and seen.exists and includes(draft, name, flight, seen):
        wrote = flight.want
        landed(draft, name, flight)
    elif flight is not None and was_read and flight.attempts > 1 and _dead(draft, name, flight):
        replica.flight = None  # it must be dead by now, and it is not there
    op = None if flight is None else flight.op
    learn(draft, name, seen, received_at_ms, wrote, own_answer=False, op=op)


def _dead(draft: Draft, name: str, flight: Flight) -> bool:
    """Whether an unanswered write, not seen in what was read, is given up for a new one."""
    if flight.kind == "delete" and draft.record.tombstone is None:
        return True
    return flight.kind in ("write", "delete") and not draft.context.profiles[name].compares


def includes(draft: Draft, name: str, flight: Flight, seen: Seen) -> bool:
    """Whether the write in flight is in what was seen."""
    if seen.mark is not None:
        return seen.mark.op == flight.op
    if flight.kind == "delete" or not flight.want or not _erased(draft.replica(name), seen):
        # A record that never held our mark does not hold this write: equal stock is a coincidence.
        return False
    normal = draft.context.type_profile(name, draft.record.type).normal
    return all(
        field in seen.fields
        and (seen.fields[field] == value or seen.fields[field] == normal(field, value))
        for field, value in flight.want.items()
    )


def _erased(replica: Replica, seen: Seen) -> bool:
    """Whether somebody has replaced the record, our mark with it."""
    return seen.exists and seen.mark is None and replica.mark is not None


def landed(draft: Draft, name: str, flight: Flight) -> None:
    """Our write is known to be in: the feed tells how long it took."""
    replica = draft.replica(name)
    replica.flight = None
    replica.failures = 0
    draft.tell(
        "arrived",
        action={"write": "update"}.get(flight.kind, flight.kind),
        replica=name,
        fields=flight.want,
        latency_ms=max(0, draft.now_ms - flight.origin_at_ms),
        **sent(flight),
    )


def sent(flight: Flight | None) -> dict[str, Any]:
    """Which write a line of the feed is about."""
    return {} if flight is None else {"op": flight.op, "issued_at_ms": flight.issued_at_ms}


def gone(draft: Draft, notice: Gone) -> None:
    """A deletion notice means read by id; an id we do not know as this entity's is nobody's."""
    known = draft.record.replicas.get(notice.replica)
    if known is None or known.external_id != notice.external_id or not known.exists:
        return
    profile = draft.context.profiles.get(notice.replica)
    if profile is not None and profile.reads:
        draft.replica(notice.replica).doubt(gone=True)
