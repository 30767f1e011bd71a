"""Pure: what people would probably decide, learnt by counting what they decided before.

Four habits are looked for: a side is always kept, the newer value is kept, both are merged, a value
of one's own is typed. Each is counted for the field between these two platforms, and where that has
little history, for the type, then for the platforms alone (so much as the finer level has not seen
itself). Every past decision is first predicted from those before it: the share of hits is the
accuracy. Counting was as good as logistic regression where habits are plain (`./smartstore bench
suggest`), and it can say why.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from schemas.feed import ConflictLine
from schemas.fields import kind_of
from streams.sync.merge import mergeable

NEWEST, MERGE, MANUAL = "newest", "merge", "manual"
KEEP = "keep:"

WINDOW = 50
"""Of a field, so many decisions back count: people change their minds."""
PRIOR = 0.2
STRENGTH = 2.0
"""What a coarser level says weighs as much as so many decisions."""
LEAST = 3
"""Decisions before anything is suggested."""
LEAST_CONFIDENCE = 0.6
APART = 0.2
"""Two habits closer than this that lead to different values: nothing is suggested."""
LEAST_ACCURACY = 0.65
"""Who is right less often keeps quiet, once JUDGED_FROM predictions were tested."""
ACTS_FROM, JUDGED_FROM = 20, 10
"""Examples, and tested predictions, before a suggestion may act by itself."""

Level = Literal["field", "type", "pair"]
Sides = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """Two sides that differ: all that a suggestion may look at."""

    type: str
    field: str
    sides: Sides
    """Sorted."""
    newer: str


@dataclass(frozen=True, slots=True)
class Past:
    """A case that a person decided: `keep:SIDE`, merge or manual."""

    case: Case
    choice: str
    action: str = ""
    """Decisions of one bulk action are one habit, not hundreds."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What to decide, and how sure that is."""

    resolution: Literal["keep", "newest", "merge", "manual"]
    side: str
    confidence: float
    """The habit's share, drawn towards the coarser levels while there is little history."""
    accuracy: float | None
    """Hits among the last predictions of this kind; None where none was tested."""
    judged: int
    """How many predictions that is."""
    level: Level
    times: int
    of: int
    """So often of so many was it decided like this, at this level."""

    @property
    def based_on(self) -> int:
        """Past decisions it rests on."""
        return self.of

    def may_act(self, threshold: float) -> bool:
        """Whether it may decide by itself. 0 switches that off."""
        return (
            threshold > 0
            and self.resolution != MANUAL
            and self.level == "field"
            and self.of >= ACTS_FROM
            and self.judged >= JUDGED_FROM
            and self.confidence >= threshold
            and (self.accuracy or 0.0) >= threshold
        )


def case_of(line: ConflictLine) -> Case | None:
    """What a conflict is about; None for one that is no choice between two values."""
    if line.brake or len(line.candidates) != 2:
        return None
    one, other = sorted(line.candidates)
    stamps = line.stamps
    newer = max((one, other), key=lambda side: (stamps.get(side, 0), side))
    return Case(line.type, line.field, (one, other), newer)


def past_of(line: ConflictLine) -> Past | None:
    """What can be learnt from a conflict: only what a person decided."""
    case = case_of(line)
    by_person = line.by not in ("", "rule", "suggestion") and line.resolution not in ("", "agreed")
    if case is None or line.status != "resolved" or line.automatic or not by_person:
        return None
    action = line.resolution_id.partition(".")[0] if "." in line.resolution_id else ""
    kept = [side for side in case.sides if line.candidates[side] == line.value]
    if len(kept) == 1:
        return Past(case, KEEP + kept[0], action)
    return Past(case, MERGE if line.resolution == MERGE else MANUAL, action)


def habits(past: Past) -> list[str]:
    """The habits that a decision speaks for."""
    if past.choice == KEEP + past.case.newer:
        return [past.choice, NEWEST]
    return [past.choice]


@dataclass(slots=True)
class _Counts:
    """Habits counted since ever, and over the last WINDOW decisions."""

    n: int = 0
    ever: Counter[str] = field(default_factory=Counter)
    recent: deque[list[str]] = field(default_factory=lambda: deque(maxlen=WINDOW))
    window: Counter[str] = field(default_factory=Counter)
    hits: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def add(self, seen: list[str]) -> None:
        self.n += 1
        self.ever.update(seen)
        if len(self.recent) == WINDOW:
            self.window.subtract(self.recent[0])
        self.recent.append(seen)
        self.window.update(seen)


class Learner:
    """One organisation's decisions, taken in their order."""

    def __init__(self, history: Iterable[Past] = ()) -> None:
        self._levels: defaultdict[tuple[str, ...], _Counts] = defaultdict(_Counts)
        self._actions: set[tuple[str, Case, str]] = set()
        for past in history:
            self.learn(past)

    def learn(self, past: Past) -> None:
        """Predict it, note whether that was right, then count it."""
        if past.action:
            told = (past.action, past.case, past.choice)
            if told in self._actions:
                return
            self._actions.add(told)
        guess = self._likeliest(past.case, merges=True)
        seen = habits(past)
        for place in _places(past.case):
            counts = self._levels[place]
            if guess is not None:
                counts.hits.append(_outcome(_habit(guess), past.case) == past.choice)
            counts.add(seen)

    def suggest(self, case: Case, *, merges: bool = True) -> Suggestion | None:
        """The likeliest decision, or None where that cannot be told, or was too often wrong.
        `merges`: whether these two values can be merged at all."""
        found = self._likeliest(case, merges=merges)
        if found is None or found.judged < JUDGED_FROM:
            return found
        return found if (found.accuracy or 0.0) >= LEAST_ACCURACY else None

    def _likeliest(self, case: Case, *, merges: bool) -> Suggestion | None:
        exact, kind, pair = (self._levels.get(place) or _Counts() for place in _places(case))
        options = [KEEP + case.sides[0], KEEP + case.sides[1], NEWEST, MANUAL]
        if merges:
            options.append(MERGE)
        levels: tuple[tuple[Level, _Counts], ...] = (
            ("field", exact),
            ("type", kind),
            ("pair", pair),
        )
        found = next(((name, held) for name, held in levels if held.n >= LEAST), None)
        if found is None:
            return None
        chances = {option: _chance(option, exact, kind, pair) for option in options}
        best = max(options, key=lambda option: chances[option])
        meant = _outcome(best, case)
        rivals = [chances[option] for option in options if _outcome(option, case) != meant]
        if chances[best] < LEAST_CONFIDENCE or max(rivals) > chances[best] - APART:
            return None
        level, counts = found
        judged = next((held for _, held in levels if held.hits), None)
        return Suggestion(
            resolution="keep" if best.startswith(KEEP) else best,  # type: ignore[arg-type]
            side=best.removeprefix(KEEP) if best.startswith(KEEP) else "",
            confidence=round(chances[best], 3),
            accuracy=None if judged is None else round(sum(judged.hits) / len(judged.hits), 3),
            judged=0 if judged is None else len(judged.hits),
            level=level,
            times=counts.window[best],
            of=len(counts.recent),
        )


def suggest(learner: Learner, line: ConflictLine) -> Suggestion | None:
    """For an open conflict."""
    case = case_of(line)
    if case is None or line.status != "open":
        return None
    merges = mergeable(kind_of(line.type, line.field), *line.candidates.values())
    return learner.suggest(case, merges=merges)


def _places(case: Case) -> tuple[tuple[str, ...], ...]:
    """The levels, the most exact first."""
    return (
        ("field", case.type, case.field, *case.sides),
        ("type", case.type, *case.sides),
        ("pair", *case.sides),
    )


def _chance(option: str, exact: _Counts, kind: _Counts, pair: _Counts) -> float:
    """From coarse to fine; each level by what the finer one has not seen."""
    chance = PRIOR
    for counts, finer in ((pair, kind), (kind, exact)):
        n = counts.n - finer.n
        chance = (counts.ever[option] - finer.ever[option] + STRENGTH * chance) / (n + STRENGTH)
    n = len(exact.recent)
    return (exact.window[option] + STRENGTH * chance) / (n + STRENGTH)


def _habit(suggestion: Suggestion) -> str:
    return KEEP + suggestion.side if suggestion.resolution == "keep" else suggestion.resolution


def _outcome(habit: str, case: Case) -> str:
    """The choice that a habit leads to here."""
    return KEEP + case.newer if habit == NEWEST else habit
