"""Pure: the fault matrix. One row breaks one thing, while people work, and asks what it cost."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from runtime.chaos.plan import PARTS, Blow, Change, Plan, Round, Weather, change_of

CHANGES = 90
"""People make so many in a row, at the pace of the storm: two seconds, or a little more."""
CALM = Weather((), ())
EVENTFUL = 0.35
"""Where in the changes a blow falls."""


@dataclass(frozen=True)
class Row:
    """One fault."""

    name: str
    blows: tuple[str, ...] = ()
    """Parts that are killed, or deeds (`storm.DEEDS`)."""
    pause_s: float = 0.0
    requests: tuple[dict[str, Any], ...] = ()
    webhooks: dict[str, float] = field(default_factory=dict)
    quick: bool = False
    """Also in the quick form."""

    def plan(self, seed: int) -> Plan:
        """Its course: the same for the same seed."""
        dice = random.Random(f"faults {self.name} {seed}")  # noqa: S311 - repeatable on purpose
        changes: tuple[Change, ...] = tuple(change_of(dice, number) for number in range(CHANGES))
        at = int(CHANGES * EVENTFUL)
        blows = tuple(
            Blow(at + 10 * place, part, self.pause_s) for place, part in enumerate(self.blows)
        )
        weather = Weather((self.name,), self.requests, self.webhooks) if self._spoils else CALM
        return Plan(seed, (Round(changes, blows, weather),))

    @property
    def _spoils(self) -> bool:
        return bool(self.requests or self.webhooks)


ALWAYS: dict[str, Any] = {"times": None}
ROWS: tuple[Row, ...] = (
    *(
        Row(f"kill -9 {part}", (part,), quick=part in ("reconcile", "kafka", "mongod"))
        for part in PARTS
    ),
    Row("reconcile stopped for 15 s, then woken", ("reconcile",), pause_s=15.0, quick=True),
    Row("kill -9 of all workers", ("reconcile", "inbound", "sinks", "cdc", "upkeep")),
    Row("MongoDB steps down", ("deed:step down",), quick=True),
    Row("change stream's token lost", ("deed:lose token", "cdc")),
    Row("Redis flushed", ("deed:flush redis",), quick=True),
    Row("poison records in Kafka", ("deed:poison",), quick=True),
    Row("bodies of 10 MB, gzip bombs", ("deed:big bodies",), quick=True),
    Row(
        "platforms answer 429", requests=({"status": 429, "retry_after_s": 1, "probability": 0.3},)
    ),
    Row("platforms answer 500", requests=({"status": 500, "probability": 0.3, "times": 4},)),
    Row("platforms answer with a page", requests=({"status": 200, "html": True, "times": 4},)),
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
)
NOT_TRIED = (
    "rebalance every 5 s", "full disk", "slow and 5,000 WebSocket clients (tests/api/test_live.py)",
)  # fmt: skip


def rows(*, quick: bool, only: str = "") -> tuple[Row, ...]:
    """Those to run; `only` is a part of a name."""
    return tuple(
        row for row in ROWS if (row.quick or not quick or only) and only.lower() in row.name.lower()
    )
