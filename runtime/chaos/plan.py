"""Pure: what happens in one seed. The same seed and number of changes give the same plan forever;
how the parts then race each other is the machine's affair."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

STABLE = 24
"""Products that live through a seed; those after them are deleted by somebody."""
DOOMED = 4
ROUNDS = 3
PER_SECOND = 40.0
"""Changes, unless a round says otherwise."""
MOST_CHANGES = 1_000
"""Each change has a number, and each price must stay near the others (see `load`)."""

PARTS = (
    "reconcile", "inbound", "sinks", "cdc", "api", "upkeep", "archive", "kafka", "mongod", "redis",
)  # fmt: skip
"""What is killed. All of them are started again by their supervisor."""

DEED = "deed:"
ACTS: dict[str, int] = {
    "app.price": 10, "shop.price": 10, "event.price": 4,
    "app.name": 8, "shop.name": 8, "app.description": 6, "shop.description": 6,
    "app.sale": 2, "shop.sale": 2, "app.category": 4, "shop.category": 4,
    "app.sell": 12, "event.stock": 5, "shop.order": 10, "app.order": 3, "whatsapp.order": 4,
    "app.status": 8, "shop.complete": 3, "shop.cancel": 3,
    "shop.customer": 3, "app.phone": 3, "shop.phone": 3, "app.person": 2, "shop.person": 2,
    "whatsapp.message": 3, "app.create": 2, "shop.create": 2, "app.delete": 1, "shop.delete": 1,
}  # fmt: skip
"""What people and programs do, with how often relative to each other."""


@dataclass(frozen=True)
class Change:
    """One thing somebody does. `number` is unique in a seed and makes its values unique."""

    number: int
    act: str
    pick: int
    """Which item, as a place in those there are when its time comes."""


@dataclass(frozen=True)
class Blow:
    """Something happens to a process, before the change with this place in the round."""

    before: int
    part: str
    """A process; or a deed: `deed:` and its name in `runtime/chaos/deeds.py`."""
    pause_s: float = 0.0
    """0: SIGKILL. Else stopped for so long, and continued."""

    @property
    def name(self) -> str:
        """For people: `kill kafka`."""
        if self.part.startswith(DEED):
            return self.part.removeprefix(DEED)
        return f"{'pause' if self.pause_s else 'kill'} {self.part}"


@dataclass(frozen=True)
class Weather:
    """What the platforms do wrong during a round: faults of the sandbox, by their names there."""

    kinds: tuple[str, ...]
    requests: tuple[dict[str, Any], ...]
    webhooks: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Round:
    """Changes with blows between them, in one weather; then everything is left to settle."""

    changes: tuple[Change, ...]
    blows: tuple[Blow, ...]
    weather: Weather
    beside: str = ""
    """What is there for the whole round: a name in `runtime/chaos/beside.py`."""
    lasting: str = ""
    """The name of a fault that lasts as long as the round: it is recovered from its end on."""
    per_second: float = PER_SECOND


@dataclass(frozen=True)
class Plan:
    """One seed."""

    seed: int
    rounds: tuple[Round, ...]


def plan_of(seed: int, changes: int) -> Plan:
    """The plan of a seed with so many changes."""
    dice = random.Random(f"chaos {seed}")  # noqa: S311 - repeatable on purpose
    parts = _parts(dice)
    rounds, first = [], 0
    for place in range(ROUNDS):
        last = changes * (place + 1) // ROUNDS
        made = tuple(change_of(dice, number) for number in range(first, last))
        blows = tuple(
            sorted((_blow(dice, part, len(made)) for part in parts[place]), key=lambda b: b.before)
        )
        rounds.append(Round(made, blows, _weather(dice)))
        first = last
    return Plan(seed, tuple(rounds))


def _parts(dice: random.Random) -> list[list[str]]:
    """One or two parts a round, none twice in a seed."""
    bag = dice.sample((*PARTS, "pause"), ROUNDS * 2)
    return [bag[2 * n : 2 * n + dice.choice((1, 2))] for n in range(ROUNDS)]


def change_of(dice: random.Random, number: int) -> Change:
    """What somebody does."""
    act = dice.choices(list(ACTS), weights=list(ACTS.values()))[0]
    return Change(number, act, dice.randrange(1 << 30))


def _blow(dice: random.Random, part: str, changes: int) -> Blow:
    before = dice.randrange(changes // 10, max(changes * 9 // 10, changes // 10 + 1))
    if part == "pause":
        return Blow(before, "reconcile", round(dice.uniform(1, 5), 1))
    return Blow(before, part)


def _weather(dice: random.Random) -> Weather:
    """Webhooks repeat and overtake each other always; one or two faults of answers besides."""
    # At most three failures in a row: a breaker that has seen five waits for a minute.
    faults: dict[str, dict[str, Any]] = {
        "429": {"status": 429, "retry_after_s": 1, "probability": 0.1, "times": 3},
        "500": {"status": 500, "probability": 0.1, "times": 3},
        "dropped answers": {"drop": True, "probability": 0.15, "times": 6},
        "slow answers": {"delay_s": 0.4, "probability": 0.2, "times": None},
    }
    chosen = dice.sample(list(faults), dice.choice((1, 2)))
    requests = [faults[kind] for kind in chosen]
    if dice.random() < 0.1:
        chosen.append("timeout")
        requests.append({"delay_s": 11.0, "times": 1})  # a connector waits for ten seconds
    webhooks = {
        "duplicate_probability": round(dice.uniform(0.05, 0.3), 2),
        "reorder_probability": round(dice.uniform(0.05, 0.3), 2),
        "reorder_delay_s": round(dice.uniform(0.2, 1.5), 1),
        "delay_s": dice.choice((0.0, 0.0, 0.3)),
    }
    return Weather((*chosen, "webhooks repeated and reordered"), tuple(requests), webhooks)
