"""Pure: the decisions about one field, put together from the feed's lines and the conflicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.feed import ConflictLine, FeedLine

ORDER_MS = 15_000
"""An order and the stock that it takes are told apart by no more than this."""

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
    order: FeedLine | None = None
    """The order that took this from the stock."""

    @property
    def delta(self) -> int:
        """How far a number moved; 0 for anything else."""
        if isinstance(self.value, int) and isinstance(self.previous, int):
            return self.value - self.previous
        return 0


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


def name_orders(
    steps: Sequence[Step], orders: Sequence[FeedLine], entity_id: str, sku: str
) -> None:
    """Find the order behind every sale of an item: placed on the platform whose stock fell, at that
    time, with so many of it. Each order is named once."""
    pairs = [
        (abs(order.at_ms - step.at_ms), place, number)
        for place, step in enumerate(steps)
        for number, order in enumerate(orders)
        if step.kind == "changed"
        and step.delta < 0
        and abs(order.at_ms - step.at_ms) <= ORDER_MS
        and order.fields.get("placedOn") == step.source
        and _ordered(order, entity_id, sku) == -step.delta
    ]
    named: set[int] = set()
    for _, place, number in sorted(pairs):  # the nearest in time belong together
        if steps[place].order is None and number not in named:
            steps[place].order = orders[number]
            named.add(number)


def _ordered(order: FeedLine, entity_id: str, sku: str) -> int:
    """How many of the item an order holds."""
    lines = order.fields.get("items")
    return sum(
        line["quantity"]
        for line in (lines if isinstance(lines, list) else ())
        if isinstance(line, dict)
        and (line.get("productId") == entity_id or (sku and line.get("sku") == sku))
        and isinstance(line.get("quantity"), int)
    )
