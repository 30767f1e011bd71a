"""Pure: the fault matrix. One row breaks one thing, while people work, and asks what it cost."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from runtime.chaos.plan import (
    DEED,
    PARTS,
    PER_SECOND,
    Blow,
    Change,
    Plan,
    Round,
    Weather,
    change_of,
)

CHANGES = 90
"""People make so many in a row, at the pace of the storm: two seconds, or a little more."""
CALM = Weather((), ())
EVENTFUL = 0.35
"""Where in the changes a blow falls."""
QUIET_DEEDS = ("flush redis", "poison", "big bodies")
"""No process may end by these."""


@dataclass(frozen=True)
class Row:
    """One fault."""

    name: str
    blows: tuple[str, ...] = ()
    """Parts that are killed, or deeds (`deeds.DEEDS`)."""
    pause_s: float = 0.0
    requests: tuple[dict[str, Any], ...] = ()
    webhooks: dict[str, float] = field(default_factory=dict)
    beside: str = ""
    """What is there meanwhile (`beside.BESIDE`)."""
    changes: int = CHANGES
    per_second: float = PER_SECOND
    small_disks: bool = False
    """On a system whose folders are small file systems, which need the right to mount."""
    quick: bool = False
    """Also in the quick form."""

    def plan(self, seed: int) -> Plan:
        """Its course: the same for the same seed."""
        dice = random.Random(f"faults {self.name} {seed}")  # noqa: S311 - repeatable on purpose
        changes: tuple[Change, ...] = tuple(change_of(dice, n) for n in range(self.changes))
        at = int(self.changes * EVENTFUL)
        blows = tuple(
            Blow(at + 10 * place, part, self.pause_s) for place, part in enumerate(self.blows)
        )
        weather = Weather((self.name,), self.requests, self.webhooks) if self._spoils else CALM
        lasting = "" if self.blows else self.name
        one = Round(changes, blows, weather, self.beside, lasting, self.per_second)
        return Plan(seed, (one,))

    @property
    def steady(self) -> bool:
        """Whether every process must live through it."""
        return all(part in {f"{DEED}{name}" for name in QUIET_DEEDS} for part in self.blows)

    @property
    def _spoils(self) -> bool:
        return bool(self.requests or self.webhooks)


ALWAYS: dict[str, Any] = {"times": None}
ROWS: tuple[Row, ...] = (
    *(
        Row(f"kill -9 {part}", (part,), quick=part in ("reconcile", "kafka", "mongod"))
        for part in PARTS
    ),
    Row("reconcile stopped for 15 s, then woken", ("reconcile",), pause_s=15.0),
    Row("kill -9 of all workers", ("reconcile", "inbound", "sinks", "cdc", "upkeep", "archive")),
    Row("kill -9 of all servers", ("kafka", "mongod", "redis")),
    Row(
        "workers join and leave every 5 s",
        beside="workers come and go", changes=450, per_second=15, quick=True,
    ),
    Row("MongoDB steps down", ("deed:step down",), quick=True),
    Row("change stream's token lost", ("deed:lose token",)),
    Row("Redis flushed", ("deed:flush redis",)),
    Row("poison records in Kafka", ("deed:poison",), quick=True),
    Row("bodies of 10 MB, gzip bombs", ("deed:big bodies",), quick=True),
    Row(
        "platforms answer 429", requests=({"status": 429, "retry_after_s": 1, "probability": 0.3},)
    ),
    Row("platforms answer 500", requests=({"status": 500, "probability": 0.3, "times": 4},)),
    Row("platforms answer with a page", requests=({"status": 200, "html": True, "times": 4},)),
    Row("platforms' answers are cut", requests=({"cut": True, "probability": 0.3, "times": 8},)),
    Row("platforms are slow", requests=({"delay_s": 0.6, "probability": 0.5, **ALWAYS},)),
    Row(
        "answers get lost", requests=({"drop": True, "probability": 0.3, "times": 12},), quick=True
    ),
    Row("answers never come", requests=({"delay_s": 11.0, "times": 2},)),
    Row("every webhook twice", webhooks={"duplicate_probability": 1.0}, quick=True),
    Row(
        "webhooks overtake each other", webhooks={"reorder_probability": 0.5, "reorder_delay_s": 1}
    ),
    Row("webhooks late", webhooks={"delay_s": 2.0}),
    Row(
        "WebSocket clients that never read",
        beside="clients that never read", changes=300, per_second=15, quick=True,
    ),
    Row("5,000 WebSocket clients", beside="5,000 clients", changes=60, per_second=2),
    Row("Kafka's disk is full", ("deed:fill kafka's disk",), small_disks=True, quick=True),
    Row("MongoDB's disk is full", ("deed:fill mongodb's disk",), small_disks=True),
    Row("the archive's disk is full", ("deed:fill the archive's disk",), small_disks=True),
    Row("every disk is full", ("deed:fill all disks",), small_disks=True),
)  # fmt: skip


def rows(*, quick: bool, only: Sequence[str] = ()) -> tuple[Row, ...]:
    """Those to run; `only` are parts of names."""
    if only:
        parts = [part.lower() for part in only]
        return tuple(row for row in ROWS if any(part in row.name.lower() for part in parts))
    return tuple(row for row in ROWS if row.quick or not quick)
