"""Parcels on their way on a virtual clock, and what the naive schedule learns of them when.

The truth here is not our schedule's assumption: every carrier has its own speed, gaps are
lognormal, and most scans happen by day.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from random import Random

from connectors.couriers.protocol import Pace

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
START_MS = 20_500 * DAY_MS + int(2.5 * HOUR_MS)
"""08:00 in Colombo."""
STAGES = ("created", "picked_up", "in_transit", "in_transit", "out_for_delivery", "delivered")
MEAN_H = {"created": 9.0, "picked_up": 5.0, "in_transit": 10.0, "out_for_delivery": 5.0}
NIGHT = 0.15


@dataclass(frozen=True)
class Scan:
    at_ms: int
    stage: str


@dataclass(frozen=True)
class Parcel:
    """One, from its label to its door."""

    number: str
    scans: tuple[Scan, ...]

    def known(self, at_ms: int) -> int:
        """Scans that have happened by then."""
        return sum(1 for scan in self.scans if scan.at_ms <= at_ms)


def by_day(begin_ms: int, hours: float) -> int:
    """The moment when so many hours have passed, of which those of the night count little."""
    at, left = begin_ms, hours
    while left > 0:
        local = (at + int(5.5 * HOUR_MS)) // HOUR_MS % 24
        weight = 1.0 if 6 <= local < 21 else NIGHT
        step = min(HOUR_MS - at % HOUR_MS, int(left / weight * HOUR_MS) + 1)
        at += step
        left -= step / HOUR_MS * weight
    return at


def parcels(count: int, speed: float, tells_ms: int, prefix: str, dice: Random) -> list[Parcel]:
    """So many that are on their way at the start. `speed`: hours take so much as long; `tells_ms`:
    how exactly the carrier tells times."""
    found: list[Parcel] = []
    while len(found) < count:
        at = START_MS - int(dice.uniform(0, 3.5 * DAY_MS * speed))
        scans = []
        for stage in STAGES:
            scans.append(Scan(at // tells_ms * tells_ms, stage))
            mean = MEAN_H.get(stage, 1.0) * speed
            at = by_day(at, dice.lognormvariate(math.log(mean) - 0.18, 0.6))
        parcel = Parcel(f"{prefix}{len(found):08d}", tuple(scans))
        if 0 < parcel.known(START_MS) < len(scans):
            found.append(parcel)
    return found


def round_robin(held: list[Parcel], pace: Pace, batch: int, end_ms: int) -> list[int]:
    """Delays in ms of whoever asks each in turn, as evenly and as often as is allowed, with nothing
    kept back. Where all parcels are alike no schedule does better without knowing the future."""
    per_s = min(pace.per_s, pace.per_day / 86_400) if pace.per_day else pace.per_s
    queue, known = deque(held), {one.number: one.known(START_MS) for one in held}
    delays, now = [], float(START_MS)
    while queue and now < end_ms:
        for _ in range(min(batch, len(queue))):
            parcel = queue.popleft()
            seen = parcel.known(int(now))
            fresh = parcel.scans[known[parcel.number] : seen]
            delays += [int(now) - scan.at_ms for scan in fresh]
            known[parcel.number] = seen
            if seen < len(parcel.scans):
                queue.append(parcel)
        now += 1000 / per_s
    return delays + unheard(held, known, end_ms)


def unheard(held: list[Parcel], known: dict[str, int], end_ms: int) -> list[int]:
    """Of what has happened and nobody knows at the end: how old it is by then."""
    return [
        end_ms - scan.at_ms
        for parcel in held
        for scan in parcel.scans[known[parcel.number] :]
        if scan.at_ms < end_ms
    ]


def most_in(calls_ms: list[float], window_ms: float) -> int:
    """The most calls in any window of this length."""
    most = first = 0
    for last, at in enumerate(calls_ms):
        while at - calls_ms[first] >= window_ms:
            first += 1
        most = max(most, last - first + 1)
    return most
