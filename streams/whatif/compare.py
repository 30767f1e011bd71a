"""Pure: where decisions come out differently, and what of that would still be different at the end.

Each decision is judged on the record as it really stood then: what platforms would have answered to
something that was never sent cannot be known, and is not made up. So a difference in one decision
is exact; that it lasts is said where no later decision has moved the field.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from schemas.base import split_key
from schemas.envelope import rfc3339
from streams.whatif.outline import Outline

MOST_LISTED = 1_000
"""Differences that are listed; all are counted."""
_NOTHING = object()


@dataclass
class Different:
    """One decision that comes out differently."""

    at_ms: int
    type: str
    entity_id: str
    label: str
    cause: str
    fields: dict[str, tuple[Any, Any]]
    """Field to (what it became then, what it would become)."""
    asked: list[str]
    """Fields that a person would be asked about, and was not ..."""
    not_asked: list[str]
    """... and the other way round."""
    more: list[list[Any]]
    """Commands that would leave besides: kind, platform, what it asks for ..."""
    less: list[list[Any]]
    """... and those that would not."""
    deleted: tuple[bool, bool] | None = None
    lasting: bool = True

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        told: dict[str, Any] = {
            "at": rfc3339(self.at_ms),
            "type": self.type,
            "entityId": self.entity_id,
            "label": self.label,
            "cause": self.cause,
            "fields": {name: {"then": a, "now": b} for name, (a, b) in self.fields.items()},
            "asked": self.asked,
            "notAsked": self.not_asked,
            "commandsMore": [_shown(one) for one in self.more],
            "commandsLess": [_shown(one) for one in self.less],
            "lasting": self.lasting,
        }
        if self.deleted is not None:
            told["deleted"] = {"then": self.deleted[0], "now": self.deleted[1]}
        return told


@dataclass
class Result:
    """What a run has found."""

    decisions: int = 0
    identical: int = 0
    """Records that came out byte for byte as they were, by this code and the rules of then."""
    unlike: int = 0
    """Records that did not: made by other code, or from what is not all there."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Why records could not be judged, and how many."""
    differences: int = 0
    listed: list[Different] = field(default_factory=list)
    commands: Counter[str] = field(default_factory=Counter)
    """`more` and `less`."""
    brakes_then: Counter[str] = field(default_factory=Counter)
    """How often a brake goes on, by the limits of then ..."""
    brakes_now: Counter[str] = field(default_factory=Counter)
    """... and by the others: `platform kind` to count."""
    _open: dict[tuple[bytes, str], Different] = field(default_factory=dict)
    _still: dict[int, set[tuple[bytes, str]]] = field(default_factory=dict)

    def take(
        self, key: bytes, at_ms: int, told: dict[str, str], before: Outline, then: Outline,
        now: Outline,
    ) -> None:  # fmt: skip
        """One decision: the record before it, what came of it, and what would have come."""
        self.decisions += 1
        found = different(key, at_ms, told, then, now)
        moved = {
            name
            for name, value in then["fields"].items()
            if before["fields"].get(name, _NOTHING) != value
        }
        for name in moved | set(found.fields if found else ()):
            self._settle((key, name))
        if found is None:
            return
        self.differences += 1
        self.commands["more"] += len(found.more)
        self.commands["less"] += len(found.less)
        places = {(key, name) for name in found.fields}
        self._still[id(found)] = places
        found.lasting = bool(places)
        for place in places:
            self._open[place] = found
        if len(self.listed) < MOST_LISTED:
            self.listed.append(found)

    def _settle(self, place: tuple[bytes, str]) -> None:
        """A later decision has moved the field: what was different before is so no more."""
        earlier = self._open.pop(place, None)
        if earlier is not None:
            still = self._still[id(earlier)]
            still.discard(place)
            earlier.lasting = bool(still)

    @property
    def lasting(self) -> int:
        """Fields that would be different today."""
        return len(self._open)

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "decisions": self.decisions,
            "identicalRecords": self.identical,
            "unlikeRecords": self.unlike,
            "leftOut": dict(self.left_out),
            "differences": self.differences,
            "lastingFields": self.lasting,
            "commandsMore": self.commands["more"],
            "commandsLess": self.commands["less"],
            "brakes": {"then": dict(self.brakes_then), "now": dict(self.brakes_now)},
            "listed": [one.shown() for one in self.listed],
        }


def different(
    key: bytes, at_ms: int, told: dict[str, str], then: Outline, now: Outline
) -> Different | None:
    """None: both come to the same."""
    if then == now:
        return None
    names = dict.fromkeys((*then["fields"], *now["fields"]))
    _, entity_type, entity_id = split_key(key)
    more, less = (
        _minus(now["commands"], then["commands"]),
        _minus(then["commands"], now["commands"]),
    )
    return Different(
        at_ms=at_ms,
        type=entity_type,
        entity_id=entity_id,
        label=told.get("label", ""),
        cause=told.get("cause", ""),
        fields={
            name: (then["fields"].get(name), now["fields"].get(name))
            for name in names
            if then["fields"].get(name, _NOTHING) != now["fields"].get(name, _NOTHING)
        },
        asked=sorted(set(now["asks"]) - set(then["asks"])),
        not_asked=sorted(set(then["asks"]) - set(now["asks"])),
        more=more,
        less=less,
        deleted=None if then["deleted"] == now["deleted"] else (then["deleted"], now["deleted"]),
    )


def _minus(ones: Iterable[list[Any]], others: Iterable[list[Any]]) -> list[list[Any]]:
    left = Counter(_name(one) for one in others)
    found = []
    for one in ones:
        name = _name(one)
        if left[name]:
            left[name] -= 1
        else:
            found.append(one)
    return found


def _name(command: list[Any]) -> str:
    return json.dumps(command, sort_keys=True, default=str)


def _shown(command: list[Any]) -> dict[str, Any]:
    kind, replica, wanted = command
    return {"kind": kind, "replica": replica, "fields": wanted}
