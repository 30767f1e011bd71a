"""What is kept with a record of how it came to be, so that the decision can be made again: `now`,
the code, the context and each arrival, in the header `decided` of the changelog's record.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from schemas.codec import encode
from schemas.context import DECIDED, Decided, Step
from schemas.observation import Observation
from schemas.outcome import Outcome
from streams.kafka.records import Incoming
from streams.sync.brakes import Recall
from streams.sync.context import Context
from streams.sync.decide import Arrival
from streams.sync.decision import Alarm

ROOT = Path(__file__).resolve().parents[2]
DECIDING = ("schemas", "connectors", "streams/sync")
"""Folders whose source decides."""
_HEARD = (Observation, Outcome)
"""Whose stamps are corrected by their platform's lag."""


@functools.cache
def code_digest(root: Path = ROOT) -> str:
    """Names the code that decides, with or without git: 12 hexadecimal digits over its source."""
    digest = hashlib.sha256()
    for folder in DECIDING:
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def step_of(incoming: Incoming | None, arrival: Arrival, context: Context) -> Step:
    """One arrival and what of the context was its own."""
    lags: dict[str, int] = {}
    if isinstance(arrival, _HEARD):
        lag = context.lags.get(arrival.replica)
        if lag is not None:
            lags = {arrival.replica: lag}
    braked = tuple(sorted(context.braked)) if context.braked else ()
    if incoming is not None:
        place = incoming.offset
        return Step(topic=incoming.topic, first=place, last=place, lags=lags, braked=braked)
    recall = msgspec.to_builtins(arrival.alarm) if isinstance(arrival, Recall) else None
    return Step(lags=lags, braked=braked, recall=recall)


def joined(steps: list[Step], step: Step) -> None:
    """Put a step behind the others, as one with the last where they are alike."""
    if steps and step.follows(steps[-1]):
        steps[-1] = replace(steps[-1], last=step.last)
    else:
        steps.append(step)


def decided_header(
    now_ms: int, context: Context, steps: Sequence[Step]
) -> tuple[tuple[str, bytes], ...]:
    """The header, in aiokafka's shape."""
    told = Decided(
        at_ms=now_ms,
        code=code_digest(),
        context=context.digest,
        policy_version=context.policies.at(now_ms)[0],
        steps=tuple(steps),
    )
    return ((DECIDED, encode(told)),)


def alarm_of(recall: dict[str, Any]) -> Alarm:
    """The inverse of what a step tells of a recall."""
    return msgspec.convert(recall, Alarm)
