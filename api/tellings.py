"""Pure: why a value is what it is, in a shopkeeper's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from api.pages.words import field_word, replica_word, value_word
from api.steps import MOVED, Step
from schemas.fields import Kind, kind_of
from streams.sync.record import Agreed

ORDER_CAUSE = "order:"
"""How the stock edits of orders are named (streams/inbound/normalise.py)."""
MINUS = "\u2212"
_PEOPLE = {"session": "you", "key": "a program with your API key", "suggestion": "a suggestion"}
_RULES = {
    "newest": "the newer one stands",
    "local": "by your rule your app wins",
    "remote": "by your rule the other platform wins",
    "merge": "they were merged",
}


@dataclass(frozen=True)
class Teller:
    """Tells of one field, at one moment, by the clock of one place."""

    entity_type: str
    field: str
    now_ms: int
    zone: tzinfo | None = UTC
    """None: that of this computer."""

    def value(self, value: Any) -> str:
        """The value, short."""
        return value_word(value, self.field)

    def moment(self, at_ms: int) -> str:
        """`14:02:03`, with its day where that is not today."""
        at, now = self._there(at_ms), self._there(self.now_ms)
        clock = f"{at:%H:%M:%S}" + (" UTC" if self.zone is UTC else "")
        if at.date() == now.date():
            return clock
        day = f"{at.day} {at:%b}" + (f" {at.year}" if at.year != now.year else "")
        return f"{clock} on {day}"

    def _there(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.zone)

    def sentence(self, step: Step) -> str:
        """One decision."""
        if step.kind == "deleted":
            return f"Deleted by {who(step.source)} at {self.moment(step.at_ms)}"
        if step.kind == "held":
            return (
                f"{who(step.source, True)} says {self.value(step.value)} where "
                f"{self.value(step.previous)} stands: a person is asked since "
                f"{self.moment(step.at_ms)}"
            )
        return f"{self.value(step.value)} because {self._because(step)}"

    def _because(self, step: Step) -> str:
        source, at = who(step.source), self.moment(step.at_ms)
        ruled = step.ruled
        if step.kind == "resolved":
            was = f" ({self._sides(step)})" if ruled else ""
            return f"{source} decided so at {at}{was}"
        if step.kind == "decided" and ruled is not None:
            how = _RULES.get(ruled.resolution, f"by your rule {source} wins")
            return f"two sides had changed it by {at} ({self._sides(step)}) and {how}"
        if step.delta and kind_of(self.entity_type, self.field) is Kind.COUNTER:
            return f"{source} {self._counted(step)}"
        if step.previous is None:
            first = step.line is not None and step.line.action == "create"
            return f"{source} {'had it so when it was first seen' if first else 'set it'} at {at}"
        return f"{source} changed it at {at} (it was {self.value(step.previous)})"

    def _counted(self, step: Step) -> str:
        cause = step.line.cause if step.line else ""
        count, at = abs(step.delta), self.moment(step.at_ms)
        if step.delta > 0:
            return f"added {count} at {at} ({step.previous} + {count})"
        sum_ = f"{step.previous} {MINUS} {count}"
        if step.order is not None:
            return f"sold {count} at {at} ({sum_}, order {step.order.label})"
        if cause.startswith(ORDER_CAUSE):
            return f"sold {count} at {at} ({sum_})"
        return f"took {count} off at {at} ({sum_})"

    def _sides(self, step: Step) -> str:
        sides = step.ruled.candidates if step.ruled else {}
        return ", ".join(f"{who(side)}: {self.value(value)}" for side, value in sides.items())

    def story(self, agreed: Agreed, steps: Sequence[Step], *, contested: bool) -> str:
        """Why the value is what it is, and what was before. `steps`: newest first."""
        moved = [step for step in steps if step.kind in MOVED]
        told = []
        if contested:
            held = next((step for step in steps if step.kind == "held"), None)
            told.append(self.sentence(held) if held else "A person is asked")
        elif steps and steps[0].kind == "deleted":
            told.append(self.sentence(steps[0]))
        if moved and moved[0].value == agreed.value:
            told.append(self.sentence(moved[0]))
        else:
            told.append(
                f"{self.value(agreed.value)} since {self.moment(agreed.at_ms)}, by "
                f"{who(agreed.source)}; the history reaches back 30 days and holds no more of it"
                if agreed.at_ms
                else f"{self.value(agreed.value)} since before the history, by {who(agreed.source)}"
            )
        story = ". ".join(told) + "."
        before = next((step for step in moved[1:] if step.value != agreed.value), None)
        return f"{story} Before: {self.sentence(before)}." if before else story

    @property
    def heading(self) -> str:
        """`stock`."""
        return field_word(self.field)


def who(source: str, first: bool = False) -> str:
    """Who did it, within a sentence; `first`: at its beginning."""
    if source.startswith("person:"):
        name = source.removeprefix("person:")
        word = _PEOPLE.get(name, name or "you")
    elif source in ("mongodb", "web"):
        word = "your app"
    elif source == "merge":
        word = "a merge of both"
    elif source == "agreed":
        word = "as it stood"
    else:
        word = replica_word(source) if source else "somebody"
    return word[:1].upper() + word[1:] if first else word
