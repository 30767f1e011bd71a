"""Pure: why a value is what it is, in a shopkeeper's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from babel.dates import format_date

from api.pages.i18n import N_, _, locale
from api.pages.words import field_word, first_big, side_word, value_word
from api.steps import MOVED, Step
from schemas.fields import Kind, kind_of
from streams.sync.record import Agreed

ORDER_CAUSE = "order:"
"""How the stock edits of orders are named (streams/inbound/normalise.py)."""
MINUS = "\u2212"
_PEOPLE = {
    "session": N_("you"),
    "key": N_("a program with your API key"),
    "suggestion": N_("a suggestion"),
}
_RULES = {
    "newest": N_("the newer one stands"),
    "local": N_("by your rule your app wins"),
    "remote": N_("by your rule the other platform wins"),
    "merge": N_("they were merged"),
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
        day = f"{at.day} {format_date(at, 'MMM', locale=locale())}"
        day += f" {at.year}" if at.year != now.year else ""
        return _("%(clock)s on %(day)s", clock=clock, day=day)

    def _there(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.zone)

    def sentence(self, step: Step) -> str:
        """One decision."""
        at = self.moment(step.at_ms)
        if step.kind == "deleted":
            return _("Deleted by %(who)s at %(at)s", who=who(step.source), at=at)
        if step.kind == "held":
            return _(
                "%(who)s says %(value)s where %(previous)s stands: a person is asked since %(at)s",
                who=who(step.source, True),
                value=self.value(step.value),
                previous=self.value(step.previous),
                at=at,
            )
        return _(
            "%(value)s because %(cause)s", value=self.value(step.value), cause=self._because(step)
        )

    def _because(self, step: Step) -> str:
        source, at = who(step.source), self.moment(step.at_ms)
        ruled = step.ruled
        if step.kind == "resolved":
            was = f" ({self._sides(step)})" if ruled else ""
            return _("%(who)s decided so at %(at)s", who=source, at=at) + was
        if step.kind == "decided" and ruled is not None:
            rule = _RULES.get(ruled.resolution)
            return _(
                "two sides had changed it by %(at)s (%(sides)s) and %(rule)s",
                at=at,
                sides=self._sides(step),
                rule=_(rule) if rule else _("by your rule %(who)s wins", who=source),
            )
        if step.delta and kind_of(self.entity_type, self.field) is Kind.COUNTER:
            return self._counted(step)
        if step.previous is None:
            if step.line is not None and step.line.action == "create":
                return _("%(who)s had it so when it was first seen at %(at)s", who=source, at=at)
            return _("%(who)s set it at %(at)s", who=source, at=at)
        was = self.value(step.previous)
        return _(
            "%(who)s changed it at %(at)s (it was %(previous)s)", who=source, at=at, previous=was
        )

    def _counted(self, step: Step) -> str:
        cause = step.line.cause if step.line else ""
        told = {
            "who": who(step.source),
            "count": abs(step.delta),
            "at": self.moment(step.at_ms),
            "sum": f"{step.previous} {'+' if step.delta > 0 else MINUS} {abs(step.delta)}",
        }
        if step.delta > 0:
            return _("%(who)s added %(count)s at %(at)s (%(sum)s)", **told)
        if step.order is not None:
            told["order"] = step.order.label
            return _("%(who)s sold %(count)s at %(at)s (%(sum)s, order %(order)s)", **told)
        if cause.startswith(ORDER_CAUSE):
            return _("%(who)s sold %(count)s at %(at)s (%(sum)s)", **told)
        return _("%(who)s took %(count)s off at %(at)s (%(sum)s)", **told)

    def _sides(self, step: Step) -> str:
        sides = step.ruled.candidates if step.ruled else {}
        return ", ".join(f"{who(side)}: {self.value(value)}" for side, value in sides.items())

    def story(self, agreed: Agreed, steps: Sequence[Step], *, contested: bool) -> str:
        """Why the value is what it is, and what was before. `steps`: newest first."""
        moved = [step for step in steps if step.kind in MOVED]
        told = []
        if contested:
            held = next((step for step in steps if step.kind == "held"), None)
            told.append(self.sentence(held) if held else _("A person is asked"))
        elif steps and steps[0].kind == "deleted":
            told.append(self.sentence(steps[0]))
        if moved and moved[0].value == agreed.value:
            told.append(self.sentence(moved[0]))
        else:
            told.append(self._old(agreed))
        story = ". ".join(told) + "."
        before = next((step for step in moved[1:] if step.value != agreed.value), None)
        if before is None:
            return story
        return _("%(story)s Before: %(before)s.", story=story, before=self.sentence(before))

    def _old(self, agreed: Agreed) -> str:
        """A value that the history does not tell of."""
        told = {"value": self.value(agreed.value), "who": who(agreed.source)}
        if not agreed.at_ms:
            return _("%(value)s since before the history, by %(who)s", **told)
        return _(
            "%(value)s since %(at)s, by %(who)s; the history reaches back 30 days and holds no "
            "more of it",
            at=self.moment(agreed.at_ms),
            **told,
        )

    @property
    def heading(self) -> str:
        """`stock`."""
        return field_word(self.field)


def who(source: str, first: bool = False) -> str:
    """Who did it, within a sentence; `first`: at its beginning."""
    if source.startswith("person:"):
        name = source.removeprefix("person:")
        word = _(_PEOPLE[name]) if name in _PEOPLE else name or _("you")
    elif source == "merge":
        word = _("a merge of both")
    elif source == "agreed":
        word = _("as it stood")
    else:
        word = side_word(source) if source else _("somebody")
    return first_big(word) if first else word
