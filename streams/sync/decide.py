"""Pure: (record, arrival, context, now) -> decision. The same inputs give the same decision
forever.

No clock, no network, no randomness: that is what makes replay, "what if" and property tests
possible.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from schemas.base import EntityWire
from schemas.fields import Kind, kind_of
from schemas.observation import Edit, Gone, Observation, Seen
from schemas.outcome import Outcome, Resolution, Resync
from streams.sync.announce import announce
from streams.sync.conflict import advance, candidate, resolve
from streams.sync.context import Context
from streams.sync.decision import Decision, Draft
from streams.sync.learn import differs, learn, vanished
from streams.sync.owed import settle
from streams.sync.record import Flight, Record, Replica, Shadow, Tombstone


@dataclass(frozen=True, slots=True)
class Tick:
    """The timer: look at what is owed and overdue."""

    id: str = "tick"


Arrival = Observation | Gone | Edit | Outcome | Resolution | Resync | Tick


def decide(record: Record, arrival: Arrival, context: Context, now_ms: int) -> Decision:
    """What this arrival changes, and what must leave because of it."""
    cause = arrival.id if not isinstance(arrival, Outcome) else _outcome_id(arrival)
    draft = Draft(record, context, now_ms, cause)
    action = "update" if record.version else "create"
    if isinstance(arrival, Observation):
        draft.origin_at_ms = arrival.received_at_ms
        observed(draft, arrival)
    elif isinstance(arrival, Outcome):
        answered(draft, arrival)
    elif isinstance(arrival, Edit):
        draft.origin_at_ms = arrival.received_at_ms
        edit(draft, arrival)
    elif isinstance(arrival, Gone):
        gone(draft, arrival)
    elif isinstance(arrival, Resolution):
        draft.origin_at_ms = now_ms
        resolve(draft, arrival)
    elif isinstance(arrival, Resync):
        resync(draft)
    draft.tell_changes(action)
    announce(draft)
    return draft.finish(settle(draft))


def new_record(arrival: EntityWire) -> Record:
    """The record of an entity never heard of."""
    return Record(
        organization_id=arrival.organization_id, type=arrival.type, entity_id=arrival.entity_id
    )


def _outcome_id(outcome: Outcome) -> str:
    what = outcome.op or outcome.ticket or outcome.effect_key or ""
    return f"{outcome.replica}:{what}"


# -- observations
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
    if known is not None and known.external_id == seen.external_id:
        if seen.as_of < known.as_of:
            return
        readable = draft.context.type_profile(name, draft.record.type).readable
        if seen.as_of == known.as_of and not _tells_of_flight(known.flight, seen):
            if differs(known, seen, readable):
                draft.replica(name).reread = True
            return
        if not known.exists and draft.record.tombstone is not None:
            draft.replica(name).reread = True
            return
    accept(draft, name, seen, received_at_ms, False)


def _tells_of_flight(flight: Flight | None, seen: Seen) -> bool:
    return flight is not None and seen.mark is not None and seen.mark.op == flight.op


def read_answered(
    draft: Draft, name: str, seen: Seen, ticket: tuple[int, int], received_at_ms: int
) -> None:
    """Counts only if it was asked after the last thing learnt (rule 4)."""
    replica = draft.replica(name)
    if ticket == replica.reading:
        replica.reading = None
    if ticket <= replica.known_at:
        readable = draft.context.type_profile(name, draft.record.type).readable
        replica.reread = replica.reread and differs(replica, seen, readable)
        return
    replica.failures = 0
    accept(draft, name, seen, received_at_ms, True)


def accept(draft: Draft, name: str, seen: Seen, received_at_ms: int, was_read: bool) -> None:
    """Learn, having judged by the mark whether the write in flight is in it (rule 2)."""
    replica = draft.replica(name)
    flight = replica.flight
    wrote = {}
    if flight is not None and flight.totals and _erased(replica, seen) and not was_read:
        # Stock without our mark, while a write of ours is out: only its answer can tell which of
        # the two this is. Then the item is read.
        replica.reread = True
        return
    if flight is not None and seen.exists and _includes(draft, name, flight, seen):
        wrote = flight.want
        landed(draft, name, flight)
    elif (
        flight is not None
        and was_read
        and flight.kind == "write"
        and flight.attempts > 1
        and not draft.context.profiles[name].compares
    ):
        replica.flight = None  # it must be dead by now, and it is not there
    learn(draft, name, seen, received_at_ms, wrote, own_answer=False)


def _includes(draft: Draft, name: str, flight: Flight, seen: Seen) -> bool:
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
    )


def gone(draft: Draft, notice: Gone) -> None:
    """A deletion notice means read by id; an id we do not know as this entity's is nobody's."""
    known = draft.record.replicas.get(notice.replica)
    if known is None or known.external_id != notice.external_id or not known.exists:
        return
    profile = draft.context.profiles.get(notice.replica)
    if profile is not None and profile.reads:
        draft.replica(notice.replica).reread = True


# -- outcomes
def answered(draft: Draft, outcome: Outcome) -> None:
    """What a platform said to a command; it moves the shadow."""
    name = outcome.replica
    if outcome.effect_key is not None:
        effect_answered(draft, outcome)
        return
    known = draft.record.replicas.get(name)
    if known is None:
        return
    if outcome.ticket is not None:
        _read_outcome(draft, outcome)
        return
    flight = known.flight
    if flight is None or flight.op != outcome.op:
        if outcome.seen is not None:
            pushed(draft, name, outcome.seen, outcome.at_ms)
        return
    if outcome.result == "taken":
        taken(draft, outcome, flight)
    elif outcome.result == "refused":
        refused(draft, outcome)
    elif outcome.result == "missing":
        missing(draft, outcome, flight)
    elif outcome.result == "failed":
        failed(draft, outcome, flight)
    else:
        postponed(draft, outcome, flight)


def _read_outcome(draft: Draft, outcome: Outcome) -> None:
    name, ticket = outcome.replica, outcome.ticket
    replica = draft.replica(name)
    if ticket is None or ticket[0] != draft.context.epoch:
        return
    if outcome.result == "taken" and outcome.seen is not None:
        read_answered(draft, name, outcome.seen, ticket, outcome.at_ms)
    elif outcome.result == "missing":
        seen = Seen(external_id=replica.external_id or "", exists=False, as_of=replica.as_of)
        read_answered(draft, name, seen, ticket, outcome.at_ms)
    elif ticket == replica.reading:
        replica.failures += 1
        replica.reading_due_ms = retry_at(draft, outcome, replica.failures)


def taken(draft: Draft, outcome: Outcome, flight: Flight) -> None:
    """Done. Its answer shows what the platform made of our values (rule 9)."""
    name, seen = outcome.replica, outcome.seen
    replica = draft.replica(name)
    landed(draft, name, flight)
    if flight.kind == "delete":
        vanished(draft, name, Seen(external_id=replica.external_id or "", exists=False))
        return
    if seen is not None and (seen.as_of >= replica.as_of or not replica.exists):
        learn(draft, name, seen, outcome.at_ms, flight.want, own_answer=True)
        return
    replica.exists = True
    if seen is not None and replica.external_id is None:
        replica.external_id = seen.external_id
    for field, value in flight.want.items():
        shadow = replica.shadow.get(field)
        if shadow is None or shadow.seen == flight.expected.get(field):
            replica.shadow[field] = Shadow(value, value, flight.op)
    replica.mark = flight.op
    replica.reread = replica.reread or seen is not None


def refused(draft: Draft, outcome: Outcome) -> None:
    """It holds something else, and said what: that is an observation. It is newer than all we know
    unless we have learnt something since the write went out."""
    name, seen = outcome.replica, outcome.seen
    replica = draft.replica(name)
    flight = replica.flight
    replica.flight = None
    draft.tell("refused", replica=name, reason=outcome.reason)
    if seen is None:
        replica.reread = True
    elif flight is not None and replica.known_at[1] <= flight.issued_clock:
        included = flight.attempts > 1 and _includes(draft, name, flight, seen)
        wrote = flight.want if included else {}
        learn(draft, name, seen, outcome.at_ms, wrote, own_answer=False)
    else:
        pushed(draft, name, seen, outcome.at_ms)


def missing(draft: Draft, outcome: Outcome, flight: Flight) -> None:
    """No such item. For what was there, that is its deletion; for what waits for another item (a
    variation for its product), a reason to try later."""
    name = outcome.replica
    replica = draft.replica(name)
    replica.flight = None
    profile = draft.context.profiles.get(name)
    if flight.kind == "delete" or (replica.exists and profile is not None and profile.reads):
        seen = Seen(external_id=replica.external_id or "", exists=False, as_of=replica.as_of)
        vanished(draft, name, seen)
        return
    replica.failures += 1
    replica.retry_at_ms = retry_at(draft, outcome, replica.failures)


def failed(draft: Draft, outcome: Outcome, flight: Flight) -> None:
    """The platform will not take these values: not sent again until they change or a person
    asks."""
    name = outcome.replica
    replica = draft.replica(name)
    replica.flight = None
    replica.rejected = {**replica.rejected, **flight.want}
    draft.tell("failed", replica=name, fields=flight.want, reason=outcome.reason)
    draft.rejected = (
        f"{name} will not take {', '.join(flight.want) or flight.kind}: {outcome.reason}. "
        "Correct the value, or retry once the platform takes it."
    )
    if outcome.seen is not None:
        pushed(draft, name, outcome.seen, outcome.at_ms)


def postponed(draft: Draft, outcome: Outcome, flight: Flight) -> None:
    """Not reached, or nobody knows: the same operation goes out again when it may."""
    replica = draft.replica(outcome.replica)
    replica.failures += 1
    due_at_ms = retry_at(draft, outcome, replica.failures)
    attempts = flight.attempts + (outcome.result == "unknown")
    replica.flight = replace(flight, due_at_ms=due_at_ms, attempts=attempts)


def retry_at(draft: Draft, outcome: Outcome, failures: int) -> int:
    """When to try again: the sink's word, else doubling from one second."""
    if outcome.retry_at_ms is not None:
        return max(outcome.retry_at_ms, draft.now_ms + 50)
    wait: int = 1000 * 2 ** min(failures - 1, 7)
    return draft.now_ms + min(wait, draft.context.timing.longest_ms)


def effect_answered(draft: Draft, outcome: Outcome) -> None:
    """An effect is over when it was done, refused, or nobody can know: it is never sent again
    blindly."""
    key = outcome.effect_key or ""
    effect = draft.record.effects.get(key)
    if effect is None:
        return
    draft.changed = True
    effects = dict(draft.record.effects)
    if outcome.result == "retry":
        due = retry_at(draft, outcome, effect.attempts)
        effects[key] = replace(effect, due_at_ms=due)
    else:
        del effects[key]
        draft.tell(
            "effect",
            action=outcome.result,
            replica=outcome.replica,
            reason=outcome.reason,
            fields=effect.arguments,
        )
    draft.record.effects = effects


# -- edits and people
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
    draft.changed = True
    if arrival.action == "delete":
        if record.tombstone is None:
            record.tombstone = Tombstone(at_ms, arrival.replica)
            draft.tell("deleted", action="delete", source=arrival.replica)
        return
    for field, value in arrival.fields.items():
        _edit_field(draft, arrival, field, value, at_ms)
    for field, delta in arrival.deltas.items():
        draft.agree(field, record.fields[field].value + delta, at_ms, arrival.replica)


def _edit_field(draft: Draft, arrival: Edit, field: str, value: object, at_ms: int) -> None:
    agreed = draft.record.fields.get(field)
    if agreed is None:
        draft.agree(field, value, at_ms, arrival.replica)
    elif field in draft.record.conflicts:
        candidate(draft, arrival.replica, field, value, at_ms)
    elif kind_of(draft.record.type, field) is Kind.LATTICE:
        advance(draft, arrival.replica, field, value, at_ms)
    elif (at_ms, arrival.replica) > agreed.stamp:
        draft.agree(field, value, at_ms, arrival.replica)


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
