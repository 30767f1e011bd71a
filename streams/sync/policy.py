"""Pure: which rule decides a field, and what it makes of two sides that differ.

The engine asks here, and so does the preview of new rules over the conflicts of the past.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from schemas.fields import Kind, kind_of
from schemas.policy import Rule
from streams.sync.merge import merge, mergeable

LOCAL = "mongodb"
"""`local` means the merchant's own database, `remote` the other side."""

NEWEST = Rule()
_NOTHING: dict[Kind, Any] = {Kind.LIST: [], Kind.MAP: {}}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two values, when it was set by our clock, and by whom."""

    value: Any
    at_ms: int
    source: str

    @property
    def stamp(self) -> tuple[int, str]:
        """Orders sides; ties fall to the source's name, so every replay agrees."""
        return self.at_ms, self.source


@dataclass(frozen=True, slots=True)
class Verdict:
    """The value that stands from now on, and how that came."""

    value: Any
    at_ms: int
    source: str
    how: str
    """newest, local, remote, merge, or `winner`"""


def rule_for(rules: Iterable[Rule], entity_type: str, field: str, sides: Collection[str]) -> Rule:
    """The most exact rule for a field on which these sides differ; none: the newest wins. Of two
    rules as exact as each other the later one in the list holds."""
    best, weight = NEWEST, 0
    for rule in rules:
        if rule.type not in ("*", entity_type) or rule.field not in ("*", field):
            continue
        if rule.platform != "*" and rule.platform not in sides:
            continue
        found = 4 * (rule.field == field) + 2 * (rule.type == entity_type) + (rule.platform != "*")
        if found >= weight:
            best, weight = rule, found
    return best


def verdict(
    rule: Rule, entity_type: str, field: str, base: Any, standing: Side, challenger: Side
) -> Verdict | None:
    """What a rule decides; None: a person is asked. `base` is what both sides started from, None
    where that is not known."""
    sides = (standing, challenger)
    if rule.winner:
        return _of(rule.winner, sides, "winner") or _newest(*sides)
    if rule.policy == "manual":
        return None
    if rule.policy == "merge":
        return _merged(kind_of(entity_type, field), base, *sides) or _newest(*sides)
    if rule.policy == "local":
        return _of(LOCAL, sides, "local") or _newest(*sides)
    if rule.policy == "remote" and _of(LOCAL, sides, "") is not None:
        other = challenger if standing.source == LOCAL else standing
        return Verdict(other.value, other.at_ms, other.source, "remote")
    return _newest(*sides)


def _of(source: str, sides: tuple[Side, Side], how: str) -> Verdict | None:
    """The value of the one side that is of this source; None where neither or both are."""
    found = [side for side in sides if side.source == source]
    if len(found) != 1:
        return None
    return Verdict(found[0].value, found[0].at_ms, found[0].source, how)


def _newest(standing: Side, challenger: Side) -> Verdict:
    side = max(standing, challenger, key=lambda found: found.stamp)
    return Verdict(side.value, side.at_ms, side.source, "newest")


def _merged(kind: Kind, base: Any, standing: Side, challenger: Side) -> Verdict | None:
    """Both changes in one value; where they meet in one element the newer side's holds."""
    start = _NOTHING.get(kind) if base is None else base
    if start is None or not mergeable(kind, start, standing.value, challenger.value):
        return None
    older, newer = sorted((standing, challenger), key=lambda found: found.stamp)
    merged, clean = merge(kind, start, older.value, newer.value)
    if kind is Kind.TEXT and not clean:
        return None
    return Verdict(merged, newer.at_ms, "merge", "merge")
