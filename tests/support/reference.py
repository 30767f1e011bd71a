"""What must come out, told by the journal of what people did: written apart from the engine, and
knowing nothing of it.

A change supersedes what its author saw, and whatever had stood at that place before. What nothing
supersedes is the frontier: one change means one answer; several mean that they were made side by
side, and the policy chooses. Where a platform's clock, or the order of arrival, may legitimately
decide, the answer is a set of permitted winners and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.fields import LATTICES, Kind

QUEUE = "queue"
"""An edit said by a program: it saw nothing, and holds if it is the newest."""
PERSON = "person"
"""The answer to a conflict: it supersedes the values it was shown."""
BEGIN = "begin"
LOCAL = "mongodb"
START = 0
REPEATED = (Kind.VALUE, Kind.MONEY, Kind.TEXT)
"""Kinds whose values come back in a run that wants it."""


@dataclass(eq=False)
class Update:
    """One accepted change of one field."""

    number: int
    place: str
    field: str
    base: Any
    value: Any
    over: frozenset[int]
    """Every change whose value this place had held when it was made."""
    earliest: int
    """Least and greatest time that its platform may give for it: a platform tells when the item was
    last touched, not when the field was."""
    latest: int
    at: int = 0
    """When it was made, by a clock that no platform has."""
    same: frozenset[int] = frozenset()
    """Of a person's answer: the changes whose value it chose."""

    @property
    def is_local(self) -> bool:
        return self.place in (LOCAL, QUEUE)


@dataclass(frozen=True)
class Permitted:
    """What may stand in the end, as identities of values."""

    identities: frozenset[Any]
    why: str


@dataclass
class Journal:
    """Everything that was accepted for one entity, kept outside of the engine."""

    type: str = "product"
    start: dict[str, Any] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    key: Callable[[str, str, Any], Any] = lambda _type, _field, value: value
    began: int = 0
    """When the first sight was, in ms."""
    updates: dict[str, list[Update]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    known: dict[tuple[str, Any], frozenset[int]] = field(default_factory=dict)
    slack: dict[str, int] = field(default_factory=dict)
    """How much later than its time a change of a place may be stamped, in ms."""
    unsure: set[str] = field(default_factory=set)
    """Places whose clock may be an hour off and is not known yet."""
    repeats: bool = False
    """Values come back, so that a value does not tell whose it is."""
    number: int = 10
    deleted: list[tuple[str, int]] = field(default_factory=list)
    created: list[tuple[str, int]] = field(default_factory=list)
    baselines: int = 0
    """Times that counting began anew, by a first sight or a person's figure."""
    lost: set[str] = field(default_factory=set)
    """Fields in which a shop that cannot compare overwrote a change that nobody had seen."""
    calm_at: int = 0
    """When everybody last held the same."""
    answers: set[tuple[str, int]] = field(default_factory=set)
    forgotten: dict[str, set[Any]] = field(default_factory=dict)
    """What stood on some platform when the record came back from yesterday."""

    def __post_init__(self) -> None:
        for name, value in self.start.items():
            began = Update(START, BEGIN, name, None, value, frozenset(), 0, self.began)
            self.updates[name] = [began]
            self._know(name, value, START)

    # -- writing
    def next_number(self, choice: int, kind: Kind) -> int:
        """A number that no value has yet, unless this run wants values to come back."""
        if self.repeats and kind in REPEATED:
            return 11 + choice % 3
        self.number += 1
        return self.number

    def made(
        self,
        place: str,
        name: str,
        base: Any,
        value: Any,
        *,
        over: frozenset[int],
        at: int,
        resolution: int = 1,
    ) -> Update:
        """Somebody set a field."""
        self.number += 1
        update = Update(self.number, place, name, base, value, over, at - resolution, at, at)
        self.updates[name].append(update)
        self._know(name, value, self.number)
        return update

    def sold(self, place: str, name: str, delta: int, at: int) -> Update:
        """Stock moved."""
        self.counts[name] = self.counts.get(name, 0) + delta
        update = Update(-1, place, name, None, delta, frozenset(), at, at, at)
        self.updates[name].append(update)
        return update

    def answered(
        self, name: str, value: Any, over: frozenset[int], conflict_id: str, at: int
    ) -> None:
        """A person has settled a conflict: once, however often it is told."""
        if (conflict_id, at) in self.answers:
            return
        self.answers.add((conflict_id, at))
        if self.kinds[name] is Kind.COUNTER:
            self.baselines += 1
            return
        same = self.numbers(name, self.key(self.type, name, value))
        self.made(PERSON, name, None, value, over=over, at=at).same = same

    def came_back(self, held: Sequence[dict[str, Any]], agreed: dict[str, Any]) -> None:
        """The engine knows only what it knew yesterday, and what the platforms hold."""
        for name in self.kinds:
            values = [fields[name] for fields in (*held, agreed) if name in fields]
            found = {self.key(self.type, name, value) for value in values}
            self.forgotten[name] = self.forgotten.get(name, set()) | found

    def exact(self, name: str) -> bool:
        """Whether one item was there all the time, so that its journal tells all."""
        if self.deleted or self.created or name in self.lost:
            return False
        return self.kinds[name] is not Kind.COUNTER or not self.baselines

    def fate(self) -> bool | None:
        """Whether the item must be there in the end, must not, or either: somebody changed it
        elsewhere, or made it anew, when it was deleted."""
        if not self.deleted:
            return True
        if self.forgotten:
            return None
        ended = {place for place, _ in self.deleted}
        if self.type == "inventory" and QUEUE not in ended:
            # Stock lives in another item: one platform alone never ends it.
            return True if len(ended) == 1 else None
        place, at = self.deleted[-1]
        since = [
            update
            for updates in self.updates.values()
            for update in updates
            if update.at >= self.calm_at
            and update.place != BEGIN
            and (
                place == QUEUE or update.place != place or self.kinds[update.field] is Kind.LATTICE
            )
        ]
        happened = [when for _, when in (*self.deleted, *self.created) if when >= self.calm_at]
        return False if len(happened) == 1 and at >= self.calm_at and not since else None

    def _own_word(self, place: str, update: Update) -> bool:
        """Whether who deleted knew of this change. A status that was set back is news even to who
        had set it."""
        own = place != QUEUE and update.place == place
        return own and self.kinds[update.field] is not Kind.LATTICE

    def numbers(self, name: str, identity: Any) -> frozenset[int]:
        """The changes that set this value."""
        return self.known.get((name, identity), frozenset())

    def _know(self, name: str, value: Any, number: int) -> None:
        place = (name, self.key(self.type, name, value))
        self.known[place] = self.known.get(place, frozenset()) | {number}

    # -- reading
    def permitted(self, name: str, policy: str, winner: str = "") -> Permitted:
        """The values that may stand in one field when all is quiet."""
        kind, updates = self.kinds[name], self.updates[name]
        identify = lambda value: self.key(self.type, name, value)  # noqa: E731
        if kind is Kind.COUNTER:
            return Permitted(
                frozenset([self.start[name] + self.counts.get(name, 0)]), "sales add up"
            )
        if kind is Kind.LATTICE:
            if name in self.forgotten:
                return Permitted(
                    frozenset(update.value for update in updates),
                    "yesterday's record does not know how far it had gone",
                )
            return _ranks(self.type, updates)
        if self.repeats and kind in REPEATED:
            words = [*_lasts(updates), *_taken_back(updates, identify)]
            return Permitted(
                frozenset(identify(update.value) for update in words),
                "values come back: any place's last word may stand, and one that was taken back, "
                "because a value that is there again looks as if nothing had happened",
            )
        found = frontier(updates)
        chosen, why = self._choose(found, policy, winner, updates)
        identities = {identify(update.value) for update in chosen}
        if name in self.forgotten:
            identities |= self.forgotten[name] | {identify(update.value) for update in found}
            why += "; or what stood when the record came back from yesterday"
        return Permitted(frozenset(identities), why)

    def _choose(
        self, found: Sequence[Update], policy: str, winner: str, everything: Sequence[Update]
    ) -> tuple[Sequence[Update], str]:
        """Those of several changes made side by side that may win. One may if it beats every other,
        itself or by what it was made from or what it beat: a decision stands that was made before
        the next change came."""
        if len(found) == 1:
            return found, "the only change that no other supersedes"
        if policy == "manual":
            if any(update.place == QUEUE for update in everything):
                return found, "a program's word is judged by its time and asks nobody"
            return [], "a person should have been asked"
        winners = []
        for update in found:
            beaten = {update.number, *ancestors(update, everything)}
            grown = True
            while grown:
                mine = [other for other in everything if other.number in beaten]
                more = [
                    other
                    for other in everything
                    if other.number not in beaten
                    and any(self._may_beat(one, other, policy, winner) for one in mine)
                ]
                grown = bool(more)
                for other in more:
                    beaten |= {other.number, *ancestors(other, everything)}
            if all(other.number in beaten for other in found):
                winners.append(update)
        return winners, f"{winner or policy}, as far as clocks and the order of arrival can tell"

    def _may_beat(self, one: Update, other: Update, policy: str, winner: str) -> bool:
        """Whether the rule may prefer `one` to `other`."""
        if one.place in self.unsure or other.place in self.unsure:
            younger = True
        else:
            younger = one.latest + self.slack.get(one.place, 0) >= other.earliest
        side = self._sided(one, other, policy, winner)
        if QUEUE in (one.place, other.place):
            # Where it comes second it goes by its time; where it stands already, by its side.
            return younger or bool(side)
        return younger if side is None else side

    def _sided(self, one: Update, other: Update, policy: str, winner: str) -> bool | None:
        """Whether `one` has the side that wins; None: the rule does not tell these two apart."""
        if policy not in ("local", "remote") and not winner:
            return None
        if winner:
            mine, theirs = (
                update.place == winner or (winner == LOCAL and update.is_local)
                for update in (one, other)
            )
        elif PERSON in (one.place, other.place):
            return None
        else:
            mine, theirs = one.is_local, other.is_local
            if policy == "remote":
                mine, theirs = not mine, not theirs
        return None if mine == theirs else mine


def frontier(updates: Iterable[Update]) -> list[Update]:
    """The changes that no other change supersedes. An answer that chose somebody's value is
    superseded by who had seen that value and changed it, unless that was known when it was
    given."""
    updates = list(updates)
    over = frozenset().union(*(update.over for update in updates))
    found = []
    for update in updates:
        if update.number in over:
            continue
        if update.same:
            known = ancestors(update, updates)
            after = [other for other in updates if other.over & update.same]
            if any(other.number not in known and other is not update for other in after):
                continue
        found.append(update)
    return found


def ancestors(update: Update, updates: Iterable[Update]) -> frozenset[int]:
    """Everything it supersedes, by way of others too."""
    by_number = {other.number: other for other in updates}
    known: set[int] = set()
    waiting = [*update.over]
    while waiting:
        number = waiting.pop()
        if number not in known:
            known.add(number)
            waiting += by_number[number].over if number in by_number else ()
    return frozenset(known)


def _lasts(updates: Sequence[Update]) -> list[Update]:
    """The last change of each place, and every word of a program or a person."""
    last = {update.place: update for update in updates if update.place not in (QUEUE, PERSON)}
    return [*last.values(), *(u for u in updates if u.place in (QUEUE, PERSON))]


def _taken_back(updates: Sequence[Update], identify: Callable[[Any], Any]) -> list[Update]:
    """Changes after which their place came back to what it had held before them."""
    return [
        update
        for number, update in enumerate(updates)
        if any(
            later.place == update.place and identify(later.value) == identify(update.base)
            for later in updates[number + 1 :]
            if update.base is not None
        )
    ]


def _ranks(entity_type: str, updates: Sequence[Update]) -> Permitted:
    """A status moves forward only: the highest rank that somebody's last word had, or any higher
    one that was seen on its way. A person's answer may set any."""
    ranks = LATTICES[entity_type]
    listed = [u for u in updates if u.value in ranks]
    lasts = [u for u in _lasts(updates) if u.value in ranks]
    answered = [u for u in listed if u.place == PERSON]
    if answered:
        return Permitted(frozenset(u.value for u in listed), "a person was asked")
    floor = max(ranks[u.value] for u in lasts)
    return Permitted(
        frozenset(u.value for u in listed if ranks[u.value] >= floor),
        "the farthest that any place's last word went, or was seen to go",
    )
