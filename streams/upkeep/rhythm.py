"""Pure: how often a shop tells us something, learned by the hour of the week, and when its silence
is strange.

A count is of bursts: one sale sends three deliveries within a second, and is one thing that
happened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

HOUR_MS = 3_600_000
WEEK = 168
DAY = 24
WEIGHT = 0.3
"""Of the newest week in an hour's mean: a month of habit, forgotten in a month."""
LEARNED = 48
"""Hours of which two days must be known before a silence means anything."""
STRANGE = 7.0
"""Bursts that should have come: as a Poisson process it is silent by chance once in 1,100 times."""
SHORTEST_MS = 10 * 60_000


@dataclass(frozen=True)
class Rhythm:
    """Bursts an hour, by hour of the week (UTC)."""

    rates: Mapping[int, float] = field(default_factory=dict)
    learned: int = 0
    """Hours that were learned."""
    folded_to: int = 0
    """The first hour (since 1970) that is not in it."""


def learn(rhythm: Rhythm, hours: Mapping[int, int], first_hour: int, now_ms: int) -> Rhythm:
    """With every whole hour that has passed; `hours`: hour since 1970 to bursts, absent is none.
    `first_hour`: since when we listen."""
    end = now_ms // HOUR_MS
    start = max(rhythm.folded_to or first_hour, end - WEEK)
    if start >= end:
        return rhythm
    rates = dict(rhythm.rates)
    for hour in range(start, end):
        count, slot = hours.get(hour, 0), hour % WEEK
        before = rates.get(slot)
        rates[slot] = float(count) if before is None else before + WEIGHT * (count - before)
    return Rhythm(rates, rhythm.learned + end - start, end)


def rate_at(rhythm: Rhythm, hour: int) -> float:
    """Bursts expected in this hour: its own mean, else that of the hour of the day, else of all."""
    slot = hour % WEEK
    own = rhythm.rates.get(slot)
    if own is not None:
        return own
    alike = [rate for other, rate in rhythm.rates.items() if other % DAY == slot % DAY]
    found = alike or list(rhythm.rates.values())
    return sum(found) / len(found) if found else 0.0


def expected(rhythm: Rhythm, from_ms: int, to_ms: int) -> float:
    """Bursts that would have been usual in between, a week at most."""
    from_ms = max(from_ms, to_ms - WEEK * HOUR_MS)
    total = 0.0
    for hour in range(from_ms // HOUR_MS, math.ceil(to_ms / HOUR_MS)):
        start, end = hour * HOUR_MS, (hour + 1) * HOUR_MS
        share = (min(end, to_ms) - max(start, from_ms)) / HOUR_MS
        total += max(0.0, share) * rate_at(rhythm, hour)
    return total


def is_strange(rhythm: Rhythm, last_ms: int, now_ms: int) -> bool:
    """Whether hearing nothing since then means that something is wrong."""
    if rhythm.learned < LEARNED or now_ms - last_ms < SHORTEST_MS:
        return False
    return expected(rhythm, last_ms, now_ms) >= STRANGE
