"""Pure: what a platform answered to a command. It moves the shadow, or says when to try again."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.observation import Seen
from schemas.outcome import Outcome
from streams.sync.decision import Draft
from streams.sync.deletion import vanished
from streams.sync.learn import learn
from streams.sync.observe import includes, landed, pushed, read_answered, sent
from streams.sync.owed import UNDELETABLE
from streams.sync.record import Flight, Shadow
from streams.sync.relink import given_away


def answered(draft: Draft, outcome: Outcome) -> None:
    """What a platform said to a command; it moves the shadow."""
    name = outcome.replica
    if outcome.effect_key is not None:
        effect_answered(draft, outcome)
        return
    known = draft.record.replicas.get(name)
    if known is None or (outcome.seen is not None and given_away(draft.record, name, outcome.seen)):
        return
    if outcome.ticket is not None:
        _read_outcome(draft, outcome)
        return
    flight = known.flight
    if flight is None or flight.op != outcome.op:
        if outcome.result == "failed" and known.rejected:
            # An old refusal comes again: its dead letter was retried. The values are owed anew.
            draft.replica(name).rejected = {}
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
        end = Seen(external_id=replica.external_id or "", exists=False)
        vanished(draft, name, end, ours=True)
        return
    if seen is not None and (seen.as_of >= replica.as_of or not replica.exists):
        learn(draft, name, seen, outcome.at_ms, flight.want, own_answer=True, op=flight.op)
        return
    replica.exists = True
    if seen is not None and replica.external_id is None:
        replica.external_id = seen.external_id
    for field, value in flight.want.items():
        shadow = replica.shadow.get(field)
        if shadow is None or shadow.seen == flight.expected.get(field):
            replica.shadow[field] = Shadow(value, value, flight.op)
    replica.mark = flight.op
    if seen is not None:
        replica.doubt()


def refused(draft: Draft, outcome: Outcome) -> None:
    """It holds something else, and said what: that is an observation. It is newer than all we know
    unless we have learnt something since the write went out."""
    name, seen = outcome.replica, outcome.seen
    replica = draft.replica(name)
    flight = replica.flight
    if flight is not None and flight.kind == "create" and (seen is None or not seen.exists):
        failed(draft, outcome, flight)  # our own item lies in its trash: a person decides
        return
    replica.flight = None
    draft.tell(
        "refused",
        replica=name,
        fields={} if flight is None else flight.want,
        reason=outcome.reason,
        **sent(flight),
    )
    if seen is None:
        replica.doubt()
    elif flight is not None and replica.known_at[1] <= flight.issued_clock:
        included = flight.attempts > 1 and includes(draft, name, flight, seen)
        wrote = flight.want if included else {}
        learn(draft, name, seen, outcome.at_ms, wrote, own_answer=False, op=flight.op)
    else:
        pushed(draft, name, seen, outcome.at_ms)


def missing(draft: Draft, outcome: Outcome, flight: Flight) -> None:
    """No such item. For what was there, that is its deletion; for what waits for another item (a
    variation for its product), a reason to try later."""
    name = outcome.replica
    replica = draft.replica(name)
    replica.flight = None
    profile = draft.context.profiles.get(name)
    if flight.kind == "create" and replica.exists:
        return  # a push has shown it meanwhile: what is owed is written to it
    if flight.kind == "delete" or (replica.exists and profile is not None and profile.reads):
        seen = Seen(external_id=replica.external_id or "", exists=False, as_of=replica.as_of)
        vanished(draft, name, seen, ours=flight.kind == "delete")
        return
    if flight.kind == "write":
        # Taken out of a catalogue that is only written: it is made anew.
        replica.exists, replica.shadow, replica.mark = False, {}, None
    replica.failures += 1
    replica.retry_at_ms = retry_at(draft, outcome, replica.failures)


def failed(draft: Draft, outcome: Outcome, flight: Flight) -> None:
    """The platform will not take these values: not sent again before they change or one asks."""
    name = outcome.replica
    replica = draft.replica(name)
    replica.flight = None
    if flight.kind == "write" and len(flight.want) > 1:
        replica.apart = True  # which of them is wrong shows when they go one at a time
        return
    replica.rejected = {**replica.rejected, **(flight.want or {UNDELETABLE: True})}
    draft.tell("failed", replica=name, fields=flight.want, reason=outcome.reason, **sent(flight))
    draft.rejected = (
        f"{name} will not take {', '.join(flight.want) or flight.kind}: {outcome.reason}. "
        "Correct the value, or retry once the platform takes it."
    )
    if outcome.seen is not None and outcome.seen.exists:
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
