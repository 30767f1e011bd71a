"""Pure: a decision made again from what is kept of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from schemas.base import EntityWire, split_key
from schemas.codec import Undecodable, decode
from schemas.context import Decided, Step
from schemas.observation import Arrival as Observed
from schemas.outcome import Erase, Outcome, Reply, Resolution, Resync
from schemas.topics import OBSERVATIONS
from streams.sync.brakes import Recall
from streams.sync.context import Context
from streams.sync.decide import Arrival, Tick, decide
from streams.sync.decided import alarm_of
from streams.sync.decision import Decision
from streams.sync.record import Record

TICK = Tick()
OBSERVED: Any = Observed
REPLIES: Any = Reply


@dataclass(frozen=True, slots=True)
class Arrived:
    """A record of `observations`, `outcomes` or `resolutions`."""

    topic: str
    offset: int
    value: bytes

    def arrival(self) -> Arrival:
        """What came. Raises Undecodable."""
        found: Arrival = decode(
            self.value, OBSERVED if self.topic == OBSERVATIONS.name else REPLIES
        )
        return found


@dataclass(frozen=True, slots=True)
class Kept:
    """One record of the changelog with what led to it."""

    key: bytes
    before: bytes | None
    """The record it was made from; None: there was none."""
    after: bytes
    decided: Decided
    arrivals: Sequence[Arrived]
    """Of the entity, at least those that its steps name."""


@dataclass(frozen=True, slots=True)
class Made:
    """One decision with what it was made from."""

    before: Record
    arrival: Arrival
    context: Context
    now_ms: int
    decision: Decision


def remake(kept: Kept, context: Context) -> Iterator[Made]:
    """Every decision that led from `before` to `after`, in their order, by this code and context;
    `context.epoch` and what each step has of its own are set. What cannot be decoded was parked,
    and is passed by. Raises Undecodable for a record that is none, and what `decide` raises."""
    record = None if kept.before is None else decode(kept.before, Record)
    epoch = decode(kept.after, Record).epoch
    for step, arrival in _arrivals(kept):
        before = record
        if before is None:
            if not isinstance(arrival, EntityWire) or isinstance(arrival, _ANSWERS):
                continue  # nothing is known that this could be about
            organization_id, entity_type, entity_id = split_key(kept.key)
            before = Record(organization_id=organization_id, type=entity_type, entity_id=entity_id)
        own = replace(context, epoch=epoch, lags=step.lags, braked=frozenset(step.braked))
        decision = decide(before, arrival, own, kept.decided.at_ms)
        if decision.changed:
            record = decision.record
        yield Made(before, arrival, own, kept.decided.at_ms, decision)


_ANSWERS = (Outcome, Resolution, Resync, Erase)


def _arrivals(kept: Kept) -> Iterator[tuple[Step, Arrival]]:
    for step in kept.decided.steps:
        if step.recall is not None:
            yield step, Recall(alarm_of(step.recall))
        elif not step.topic:
            yield step, TICK
        else:
            for one in kept.arrivals:
                if one.topic == step.topic and step.first <= one.offset <= step.last:
                    with contextlib.suppress(Undecodable):
                        yield step, one.arrival()
