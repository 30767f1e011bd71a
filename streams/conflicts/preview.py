"""Pure: what the conflicts of the past would have become under other rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from schemas.feed import ConflictLine
from schemas.fields import EXISTENCE
from schemas.policy import Rule
from streams.conflicts.words import AGREED
from streams.sync.policy import Side, Verdict, rule_for, verdict

Kind = Literal[
    "same", "stillAsks", "savedAsking", "againstAPerson", "differently", "asksNow", "settlesOpen"
]
KINDS: dict[Kind, str] = {
    "againstAPerson": "A person had decided otherwise.",
    "differently": "A rule had decided otherwise.",
    "asksNow": "A rule decided this; you would be asked.",
    "settlesOpen": "This is open; the rules would decide it.",
    "savedAsking": "You were asked, and the rules would have decided the same.",
    "same": "As it was.",
    "stillAsks": "You were asked, and would be again.",
}
"""What changes, in words; those that matter most come first."""
UNCHANGED: tuple[Kind, ...] = ("same", "stillAsks")
WITHOUT_RULES = frozenset(("first sight", "rewritten", "brake", "deleted and changed"))
"""Policies of conflicts that are asked whatever the rules say."""


@dataclass(frozen=True)
class Foreseen:
    """One conflict, as it went and as it would have gone."""

    line: ConflictLine
    kind: Kind
    rule: Rule
    """Of the new rules, the one that counts."""
    how: str
    """What decides then: newest, local, remote, merge, winner; `ask` where a person is asked."""
    value: Any = None


def foresee(line: ConflictLine, rules: Sequence[Rule]) -> Foreseen | None:
    """None for what no rule ever decides: brakes, first sights, questions of deletion."""
    if line.brake or line.field == EXISTENCE or line.policy in WITHOUT_RULES:
        return None
    names = [*line.candidates]
    if len(names) < 2:
        return None
    # What "agreed" stands for was said by the very side that now says something else.
    sides = [
        Side(line.candidates[name], line.stamps.get(name, 0), names[1] if name == AGREED else name)
        for name in names
    ]
    rule = rule_for(rules, line.type, line.field, [side.source for side in sides])
    found = _fold(rule, line, sides)
    if found is None:
        asked = line.status == "open" or not line.automatic
        return Foreseen(line, "stillAsks" if asked else "asksNow", rule, "ask")
    if line.status == "open":
        kind: Kind = "settlesOpen"
    elif line.automatic:
        kind = "same" if found.value == line.value else "differently"
    elif line.resolution == "agreed":
        kind = "same"  # both sides came to it by themselves
    elif found.value == line.value:
        kind = "savedAsking"
    else:
        kind = "againstAPerson"
    return Foreseen(line, kind, rule, found.how, found.value)


def _fold(rule: Rule, line: ConflictLine, sides: Sequence[Side]) -> Verdict | None:
    """The sides one after the other, as they came."""
    standing, found = sides[0], None
    for challenger in sides[1:]:
        found = verdict(rule, line.type, line.field, line.base, standing, challenger)
        if found is None:
            return None
        standing = Side(found.value, found.at_ms, found.source)
    return found


def preview(
    lines: Iterable[ConflictLine], rules: Sequence[Rule]
) -> tuple[Counter[Kind], list[Foreseen]]:
    """(how many of each kind, those that would go otherwise: what matters most first, then the
    newest)."""
    counts: Counter[Kind] = Counter()
    changed = []
    for line in lines:
        found = foresee(line, rules)
        if found is None:
            continue
        counts[found.kind] += 1
        if found.kind not in UNCHANGED:
            changed.append(found)
    order = {kind: place for place, kind in enumerate(KINDS)}
    changed.sort(key=lambda one: (order[one.kind], -one.line.opened_at_ms, one.line.id))
    return counts, changed
