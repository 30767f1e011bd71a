"""Ten thousand parcels on a virtual clock: their scans, and what a schedule learns of them when.

The truth here is not the schedule's assumption: every courier has its own speed, gaps are
lognormal, and most scans happen by day.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from connectors.couriers.protocol import Pace
from streams.couriers.choosing import spread_ms
from streams.couriers.paces import APART
from streams.couriers.rhythm import (
    DAY_MS,
    HOUR_MS,
    SPARE,
    History,
    Rhythm,
    effort_of,
    is_scarce,
    learn,
    next_poll,
)

START_MS = 20_500 * DAY_MS + int(2.5 * HOUR_MS)
"""08:00 in Colombo."""
STAGES = ("created", "picked_up", "in_transit", "in_transit", "out_for_delivery", "delivered")
MEAN_H = {"created": 9.0, "picked_up": 5.0, "in_transit": 10.0, "out_for_delivery": 5.0}
NIGHT = 0.15


@dataclass(frozen=True)
class Carrier:
    name: str
    pace: Pace
    batch: int = 1
    speed: float = 1.0
    """How much slower than usual."""


@dataclass
class Parcel:
    scans: list[tuple[int, str]]
    known: int = 0
    """Scans that are known."""
    polled_ms: int = START_MS

    def history(self) -> History:
        at_ms, status = self.scans[self.known - 1]
        return History(status, self.scans[0][0], self.polled_ms, at_ms)


@dataclass
class Run:
    """What came of a schedule."""

    delays_ms: list[int] = field(default_factory=list)
    calls_ms: list[float] = field(default_factory=list)
    unseen: int = 0


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


def parcels(carrier: Carrier, count: int, dice: Random) -> list[Parcel]:
    """So many that are on their way at the start."""
    found: list[Parcel] = []
    while len(found) < count:
        at = START_MS - int(dice.uniform(0, 3.5 * DAY_MS))
        scans = []
        for stage in STAGES:
            scans.append((at, stage))
            mean = MEAN_H.get(stage, 1.0) * carrier.speed
            at = by_day(at, dice.lognormvariate(math.log(mean) - 0.18, 0.6))
        known = sum(1 for moment, _ in scans if moment <= START_MS)
        if 0 < known < len(scans):
            found.append(Parcel(scans, known))
    return found


Next = Callable[[Parcel, int], int | None]


class Ours:
    """The product's own schedule, learning as it goes."""

    def __init__(self, carrier: Carrier, held: list[Parcel]) -> None:
        pace = carrier.pace
        calls = pace.per_s * 3600
        if pace.per_day is not None:
            calls = min(calls, pace.per_day / 24)
        self._allowed = calls * SPARE * carrier.batch
        self._held, self._rhythm = held, Rhythm()
        self._counted_ms, self._effort = 0, 0.0
        self.scarce = False

    def next(self, parcel: Parcel, now_ms: int) -> int | None:
        if now_ms - self._counted_ms > 60_000 or not self._counted_ms:
            live: dict[str, int] = {}
            for one in self._held:
                status = one.scans[one.known - 1][1]
                if status != "delivered":
                    live[status] = live.get(status, 0) + 1
            self._effort = effort_of(live, self._rhythm, self._allowed)
            self.scarce = is_scarce(live, self._allowed)
            self._counted_ms = now_ms
        return next_poll(parcel.history(), self._rhythm, self._effort, now_ms)

    def heard(self, parcel: Parcel, before: int) -> None:
        fresh = [
            (parcel.scans[place - 1][1], parcel.scans[place - 1][0], parcel.scans[place][0])
            for place in range(before, parcel.known)
        ]
        self._rhythm = learn(self._rhythm, fresh)


class RoundRobin:
    """Whoever was asked longest ago: without knowledge of the future no schedule does better where
    all parcels are alike."""

    scarce = True

    def next(self, parcel: Parcel, now_ms: int) -> int | None:
        return now_ms

    def heard(self, parcel: Parcel, before: int) -> None:
        return


def run(
    carrier: Carrier, held: list[Parcel], schedule: Ours | RoundRobin, end_ms: int, *, all_of: bool
) -> Run:
    """`all_of`: uses everything that is allowed, evenly (the reference); else as the product."""
    result, now, used, day = Run(), float(START_MS), 0, START_MS // DAY_MS
    queue = [(schedule.next(one, START_MS) or 0, place) for place, one in enumerate(held)]
    heapq.heapify(queue)
    spare, apart_s = (1.0, 1.0) if all_of else (SPARE, APART)
    while queue and now < end_ms:
        if queue[0][0] > now and not schedule.scarce:
            now = float(queue[0][0])
            continue
        if int(now) // DAY_MS != day:
            used, day = 0, int(now) // DAY_MS
        asked = []
        while queue and len(asked) < carrier.batch:
            if queue[0][0] > now and not schedule.scarce:
                break
            asked.append(heapq.heappop(queue)[1])
        result.calls_ms.append(now)
        used += 1
        for place in asked:
            again = _answered(held[place], schedule, result, int(now))
            if again is not None:
                heapq.heappush(queue, (max(again, int(now) + 1), place))
        left_ms = DAY_MS - int(now) % DAY_MS
        pace = carrier.pace
        now += spread_ms(pace.per_s / apart_s, pace.per_day, used, left_ms, spare)
    for one in held:
        late = [at for at, _ in one.scans[one.known :] if at < end_ms]
        result.delays_ms += [end_ms - at for at in late]
        result.unseen += len(late)
    return result


def _answered(parcel: Parcel, schedule: Ours | RoundRobin, result: Run, now_ms: int) -> int | None:
    before = parcel.known
    while parcel.known < len(parcel.scans) and parcel.scans[parcel.known][0] <= now_ms:
        result.delays_ms.append(now_ms - parcel.scans[parcel.known][0])
        parcel.known += 1
    parcel.polled_ms = now_ms
    if parcel.known > before:
        schedule.heard(parcel, before)
    if parcel.scans[parcel.known - 1][1] == "delivered":
        return None
    return schedule.next(parcel, now_ms)


def most_in(calls_ms: list[float], window_ms: float) -> int:
    """The most calls in any window of this length."""
    most = first = 0
    for last, at in enumerate(calls_ms):
        while at - calls_ms[first] >= window_ms:
            first += 1
        most = max(most, last - first + 1)
    return most
