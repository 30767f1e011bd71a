"""Pure: (record, arrival, context, now) -> decision. The same inputs give the same decision
forever.

No clock, no network, no randomness: that is what makes replay, "what if" and property tests
possible.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.base import EntityWire
from schemas.observation import Edit, Gone, Observation
from schemas.outcome import Erase, Outcome, Relink, Resolution, Resync
from streams.sync.announce import announce
from streams.sync.answer import answered
from streams.sync.brakes import Recall, recall
from streams.sync.context import Context
from streams.sync.decision import Decision, Draft
from streams.sync.edits import edit, resync
from streams.sync.erase import erase, veiled
from streams.sync.observe import gone, observed
from streams.sync.owed import settle
from streams.sync.record import Record
from streams.sync.relink import moved_to, relink
from streams.sync.resolution import resolve


@dataclass(frozen=True, slots=True)
class Tick:
    """The timer: look at what is owed and overdue."""

    id: str = "tick"


Arrival = Observation | Gone | Edit | Outcome | Resolution | Resync | Relink | Erase | Tick | Recall


def decide(record: Record, arrival: Arrival, context: Context, now_ms: int) -> Decision:
    """What this arrival changes, and what must leave because of it."""
    if isinstance(arrival, Observation | Outcome):
        arrival = veiled(record, arrival)
    cause = arrival.id if not isinstance(arrival, Outcome) else _outcome_id(arrival)
    draft = Draft(record, context, now_ms, cause)
    action = "update" if record.version else "create"
    if isinstance(arrival, Observation | Gone) and (now_at := moved_to(record, arrival)):
        draft.forward_to = now_at
    elif isinstance(arrival, Observation):
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
    elif isinstance(arrival, Relink):
        relink(draft, arrival)
    elif isinstance(arrival, Erase):
        erase(draft, arrival.ids)
    elif isinstance(arrival, Recall):
        recall(draft, arrival)
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
