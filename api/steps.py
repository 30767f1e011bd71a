"""Pure: the decisions about one field, put together from the feed's lines and the conflicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.feed import ConflictLine, FeedLine

MOVED = ("changed", "decided", "resolved")
_KINDS = {"changed": "changed", "resolved": "resolved", "conflict": "held", "deleted": "deleted"}


@dataclass
class Step:
    """One decision, from what caused it to where it went."""

    kind: str
    """changed · decided (by a rule) · resolved (by a person) · held (for a person) · deleted"""
    at_ms: int
    source: str
    """The replica, or person, whose value this is."""
    value: Any
    previous: Any
    version: int
    """Of the entity, after it."""
    line: FeedLine | None = None
    ruled: ConflictLine | None = None
    deliveries: list[FeedLine] = field(default_factory=list)
    """What became of the commands that carried the value: arrived, refused, failed."""


def steps_of(lines: Sequence[FeedLine], conflicts: Sequence[ConflictLine], name: str) -> list[Step]:
    """The decisions about field `name`, newest first. Lines and conflicts are of one entity, in any
    order."""
    steps: list[Step] = []
    refused: dict[str, list[FeedLine]] = {}
    for line in sorted(lines, key=_order):
        if line.kind == "refused":
            refused.setdefault(line.replica, []).append(line)
        elif line.kind in ("arrived", "failed"):
            before = refused.pop(line.replica, [])
            if name in line.fields:
                _carry(steps, [*before, line], line.fields[name])
        elif line.kind == "deleted" or name in line.fields:
            _take(steps, line, name)
    for conflict in sorted(conflicts, key=lambda one: (one.at_ms, one.version)):
        if conflict.field == name:
            _rule(steps, conflict)
    steps.sort(key=lambda step: (step.at_ms, step.version), reverse=True)
    return steps


def _order(line: FeedLine) -> tuple[int, int, int]:
    place = line.id.rpartition("/")[2]
    return line.at_ms, line.version, int(place) if place.isdecimal() else 0


def _take(steps: list[Step], line: FeedLine, name: str) -> None:
    kind = _KINDS.get(line.kind)
    if kind is None:
        return
    value, previous = line.fields.get(name), line.previous.get(name)
    last = steps[-1] if steps else None
    if (
        last is not None
        and (last.version, last.at_ms) == (line.version, line.at_ms)
        and {last.kind, kind} == {"resolved", "changed"}
    ):
        # A resolution tells of itself, and of the value that moved by it.
        last.kind = "resolved"
        last.previous = previous if kind == "changed" else last.previous
        return
    steps.append(Step(kind, line.at_ms, line.source, value, previous, line.version, line))


def _carry(steps: Sequence[Step], told: Sequence[FeedLine], value: Any) -> None:
    """To the newest decision for this value. A command may have been refused before it arrived; one
    that was sent before the decision says nothing of it."""
    for step in reversed(steps):
        if step.kind in MOVED and step.value == value:
            step.deliveries += [line for line in told if line.at_ms >= step.at_ms]
            return


def _rule(steps: list[Step], conflict: ConflictLine) -> None:
    """Put a conflict to the step that opened it, and to the one that decided it."""
    moment = conflict.version, conflict.at_ms
    for step in steps:
        if step.kind == "held" and step.at_ms == conflict.opened_at_ms:
            step.ruled = conflict
        elif step.kind in MOVED and (step.version, step.at_ms) == moment:
            step.ruled = conflict
            step.kind = "decided" if conflict.automatic else "resolved"
            return
    if conflict.automatic:  # what stood has won, so that no value moved
        sides = conflict.candidates
        winner = next((side for side in sides if sides[side] == conflict.value), "")
        value, version = conflict.value, conflict.version
        steps.append(Step("decided", conflict.at_ms, winner, value, value, version, ruled=conflict))
