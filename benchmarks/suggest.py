"""How well counting foresees what people decide, beside simpler guesses and, where scikit-learn is
installed, logistic regression.

Each history is one shop's: decisions of a kind of shopkeeper, with slips. Every decision is
predicted from those before it. A guess may be withheld: `right` is the share of hits among what was
predicted, `told` the share that was predicted at all.
"""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol
from zlib import crc32

from benchmarks.report import Report, median
from streams.suggest import KEEP, NEWEST, Case, Learner, Past

DECISIONS = 400
WARM_UP = 20
"""The first decisions are not judged: nobody knows anything yet."""
REFIT = 10
"""Logistic regression is fitted anew after so many decisions."""
LEAST_CHANCE = 0.5
PAIRS = (("mongodb", "woocommerce"), ("mongodb", "whatsapp"))
FIELDS = ("price", "salePrice", "name", "description", "tags")

Habit = Callable[[Case, int], str]
"""(case, place in the history) to the choice of an attentive shopkeeper."""


class Guesses(Protocol):
    """Predicts a choice, then is told the right one."""

    def guess(self, case: Case) -> str | None: ...

    def tell(self, past: Past) -> None: ...


def habits() -> dict[str, tuple[Habit, float]]:
    """Kinds of shopkeepers, each with the share of slips."""

    def by_field(case: Case, _place: int) -> str:
        if case.field == "tags":
            return "merge"
        if case.field in ("price", "salePrice"):
            return KEEP + case.sides[1]
        return KEEP + "mongodb"

    def newest(case: Case, _place: int) -> str:
        return KEEP + case.newer

    def by_pair(case: Case, _place: int) -> str:
        return KEEP + ("mongodb" if "whatsapp" in case.sides else "woocommerce")

    def mind_changed(case: Case, place: int) -> str:
        return KEEP + case.sides[0 if place < DECISIONS // 2 else 1]

    def mixed(case: Case, _place: int) -> str:
        if case.field == "description":
            return "manual"
        return KEEP + (case.newer if case.field == "name" else case.sides[1])

    def coin(case: Case, place: int) -> str:
        return KEEP + case.sides[crc32(f"{case} {place}".encode()) % 2]

    return {
        "each field its side": (by_field, 0.1),
        "always the newest": (newest, 0.05),
        "each platform its side": (by_pair, 0.1),
        "changes their mind": (mind_changed, 0.05),
        "some typed, some newest": (mixed, 0.1),
        "no habit at all": (coin, 0.0),
    }


def history(habit: Habit, slips: float, seed: int) -> list[Past]:
    """One shop's decisions."""
    dice = random.Random(seed)  # noqa: S311 - a simulation
    found = []
    for place in range(DECISIONS):
        sides = tuple(sorted(PAIRS[dice.random() < 0.3]))
        case = Case("product", dice.choice(FIELDS), sides, sides[dice.random() < 0.6])  # type: ignore[arg-type]
        choice = habit(case, place)
        if dice.random() < slips:
            choice = dice.choice([KEEP + side for side in sides])
        found.append(Past(case, choice))
    return found


class Counting:
    """Ours."""

    def __init__(self) -> None:
        self._learner = Learner()

    def guess(self, case: Case) -> str | None:
        found = self._learner.suggest(case, merges=case.field == "tags")
        if found is None:
            return None
        if found.resolution == NEWEST:
            return KEEP + case.newer
        return KEEP + found.side if found.side else found.resolution

    def tell(self, past: Past) -> None:
        self._learner.learn(past)


class Newest:
    """The default rule."""

    def guess(self, case: Case) -> str | None:
        return KEEP + case.newer

    def tell(self, past: Past) -> None:
        """Learns nothing."""


class Majority:
    """What was chosen most between these platforms; with `exact`, for the field."""

    def __init__(self, *, exact: bool) -> None:
        self._exact = exact
        self._seen: defaultdict[tuple[object, ...], Counter[str]] = defaultdict(Counter)

    def guess(self, case: Case) -> str | None:
        seen = self._seen[self._place(case)]
        return seen.most_common(1)[0][0] if seen else KEEP + case.newer

    def tell(self, past: Past) -> None:
        self._seen[self._place(past.case)][past.choice] += 1

    def _place(self, case: Case) -> tuple[object, ...]:
        return (case.sides, case.field) if self._exact else (case.sides,)


class Logistic:
    """Field, platforms and the newer side, each alone and together, one-hot."""

    def __init__(self) -> None:
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.linear_model import LogisticRegression

        self._make = lambda: (DictVectorizer(), LogisticRegression(max_iter=300))
        self._past: list[Past] = []
        self._fitted: tuple[object, object] | None = None

    def guess(self, case: Case) -> str | None:
        if self._fitted is None:
            return None
        names, model = self._fitted
        chances = model.predict_proba(names.transform([_features(case)]))[0]  # type: ignore[attr-defined]
        best = max(range(len(chances)), key=lambda place: chances[place])
        return str(model.classes_[best]) if chances[best] >= LEAST_CHANCE else None  # type: ignore[attr-defined]

    def tell(self, past: Past) -> None:
        self._past.append(past)
        choices = [one.choice for one in self._past]
        if len(self._past) % REFIT == 0 and len(set(choices)) > 1:
            names, model = self._make()
            model.fit(names.fit_transform([_features(one.case) for one in self._past]), choices)
            self._fitted = names, model


def _features(case: Case) -> dict[str, str]:
    pair = "|".join(case.sides)
    return {
        "field": case.field,
        "pair": pair,
        "newer": case.newer,
        "field, pair": f"{case.field} {pair}",
        "field, newer": f"{case.field} {case.newer}",
        "all": f"{case.field} {pair} {case.newer}",
    }


def judge(guesses: Guesses, past: Sequence[Past]) -> tuple[float, float]:
    """(right, told)."""
    hits = told = 0
    for place, one in enumerate(past):
        guess = guesses.guess(one.case)
        if place >= WARM_UP and guess is not None:
            told += 1
            hits += guess == one.choice
        guesses.tell(one)
    judged = len(past) - WARM_UP
    return hits / max(1, told), told / judged


def run(*, runs: int = 3) -> Report:
    """Medians over `runs` histories of each kind."""
    peers: dict[str, Callable[[], Guesses]] = {
        "ours": Counting,
        "newest": Newest,
        "majority": lambda: Majority(exact=False),
        "by field": lambda: Majority(exact=True),
    }
    report = Report("suggest: share of decisions foreseen", ("shopkeeper", *peers, "told"))
    try:
        Logistic()
        peers["logistic"] = Logistic
        report.columns = ("shopkeeper", *peers, "told", "told by logistic")
    except ImportError:
        report.notes.append("scikit-learn is not installed: no logistic regression beside it.")
    right: defaultdict[str, list[float]] = defaultdict(list)
    took: defaultdict[str, float] = defaultdict(float)
    for who, (habit, slips) in habits().items():
        row: dict[str, object] = {"shopkeeper": who}
        for name, make in peers.items():
            began_s = time.process_time()
            found = [judge(make(), history(habit, slips, seed)) for seed in range(runs)]
            took[name] += time.process_time() - began_s
            share = median([one[0] for one in found])
            row[name] = f"{share:.2f}"
            if who != "no habit at all":
                right[name].append(share)
            if name in ("ours", "logistic"):
                told = median([one[1] for one in found])
                row["told" if name == "ours" else "told by logistic"] = f"{told:.2f}"
        report.rows.append(row)
    mean = {name: sum(shares) / len(shares) for name, shares in right.items()}
    report.figures = {
        "right": {name: round(share, 3) for name, share in mean.items()},
        "ratio": {name: round(mean["ours"] / share, 2) for name, share in mean.items()},
        "us_a_decision": {
            name: round(spent * 1e6 / (runs * len(report.rows) * DECISIONS), 1)
            for name, spent in took.items()
        },
    }
    report.notes.append(
        "Where there is a habit, ours is right "
        + ", ".join(
            f"{ratio} times as often as {name}"
            for name, ratio in report.figures["ratio"].items()
            if name != "ours"
        )
        + f"; {report.figures['us_a_decision']['ours']} microseconds a decision."
    )
    return report
