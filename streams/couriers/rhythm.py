"""Pure: how often each courier scans a parcel, learned from what it told, and when a parcel is to
be asked for again.

A question is worth as much as the delay that has probably built up since the last one: with `r`
scans an hour expected, `r * age**2 / 2`. Asking each parcel whenever that reaches one common figure
(the effort) makes the mean delay as short as any schedule can without knowing the future: intervals
go with `1 / sqrt(r)`. The effort follows from what the courier allows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SHORTEST_MS = 5_000
"""However few parcels there are, none is asked for more often..."""
ALONE_MS = 30_000
"""...and not so often where a question is about one parcel alone: it costs the courier as much."""
UNKNOWN_MS = 600_000
"""Nor one that its courier does not know: not scanned yet, or a number that nobody has."""
PUSHED_SHORTEST_MS = 900_000
"""Nor one of which the courier itself tells: asking then only catches what was lost on the way."""
PUSHED = 0.05
"""The share of its scans that we would not hear of without asking."""
LONGEST_MS = 7 * DAY_MS
STALE_MS = 30 * DAY_MS
"""Silent for so long, a parcel is not asked for any more."""
GAP_H: Mapping[str, float] = {
    "": 12.0, "created": 12.0, "picked_up": 6.0, "in_transit": 8.0, "out_for_delivery": 4.0,
    "exception": 14.0,
}  # fmt: skip
"""Hours until the next scan, before anything was learned."""
PRIOR_EVENTS = 20.0
"""How many scans that assumption weighs."""
PRIOR_HOUR = 2.0
EXPECTED_DAY = 2.0
"""So much likelier is a scan on the day for which the courier promised the parcel."""
LATE_GAPS = 3.0
FADED = 0.1
STEP_MS = HOUR_MS // 2
FORGET = 20_000.0
"""Scans of which the older ones count half, so that a changed courier is learned anew."""
SPARE = 0.95
"""The share of what is allowed that tracking uses; people's own questions take the rest."""


@dataclass(frozen=True)
class Rhythm:
    """What one courier's scans taught: by status the scans that followed and the hours they took,
    and scans by hour of the day (UTC)."""

    scans: Mapping[str, float] = field(default_factory=dict)
    hours: Mapping[str, float] = field(default_factory=dict)
    by_hour: Sequence[float] = (0.0,) * 24


@dataclass(frozen=True)
class History:
    """What is known of one parcel."""

    status: str
    created_ms: int
    polled_ms: int
    event_ms: int | None = None
    """The newest scan."""
    expected_ms: int | None = None
    """When it is promised."""
    pushed: bool = False
    """The courier has told of it by itself."""

    @property
    def since_ms(self) -> int:
        """Its last sign of life."""
        return max(self.created_ms, self.event_ms or 0)


def learn(rhythm: Rhythm, gaps: Sequence[tuple[str, int, int]]) -> Rhythm:
    """With scans newly heard of: (status before it, instant of the one before, instant)."""
    scans, hours, by_hour = dict(rhythm.scans), dict(rhythm.hours), list(rhythm.by_hour)
    for status, before_ms, at_ms in gaps:
        if at_ms < before_ms:
            continue
        scans[status] = scans.get(status, 0.0) + 1
        hours[status] = hours.get(status, 0.0) + (at_ms - before_ms) / HOUR_MS
        by_hour[at_ms // HOUR_MS % 24] += 1
    if sum(scans.values()) > FORGET:
        scans = {name: count / 2 for name, count in scans.items()}
        hours = {name: spent / 2 for name, spent in hours.items()}
        by_hour = [count / 2 for count in by_hour]
    return Rhythm(scans, hours, tuple(by_hour))


def rate(rhythm: Rhythm, status: str) -> float:
    """Scans an hour of a parcel in this status, over the whole day."""
    gap = GAP_H.get(status, GAP_H[""])
    scans = PRIOR_EVENTS + rhythm.scans.get(status, 0.0)
    return scans / (PRIOR_EVENTS * gap + rhythm.hours.get(status, 0.0))


def hour_factor(rhythm: Rhythm, at_ms: int) -> float:
    """How much likelier than usual a scan is in this hour of the day."""
    total = sum(rhythm.by_hour) + 24 * PRIOR_HOUR
    return 24 * (rhythm.by_hour[at_ms // HOUR_MS % 24] + PRIOR_HOUR) / total


def expected(history: History, rhythm: Rhythm, at_ms: int) -> float:
    """Scans an hour expected of this parcel at this time."""
    found = rate(rhythm, history.status) * hour_factor(rhythm, at_ms)
    if history.expected_ms is not None and abs(at_ms - history.expected_ms) < DAY_MS // 2:
        found *= EXPECTED_DAY
    silent_h = (at_ms - history.since_ms) / HOUR_MS
    late_h = LATE_GAPS / rate(rhythm, history.status)
    if silent_h > late_h:
        found *= max(FADED, late_h / silent_h)
    return found * PUSHED if history.pushed else found


def effort_of(live: Mapping[str, int], rhythm: Rhythm, per_hour: float) -> float:
    """The common figure for parcels in these statuses when so many may be asked for an hour."""
    roots = sum(count * math.sqrt(rate(rhythm, status)) for status, count in live.items())
    return (roots / per_hour) ** 2 / 2


def shortest(batch: int) -> int:
    """The shortest pause in ms between two questions about a parcel, where one question is about so
    many."""
    return max(SHORTEST_MS, ALONE_MS // batch)


def is_scarce(live: Mapping[str, int], per_hour: float, shortest_ms: int) -> bool:
    """Whether asking for each parcel once takes longer than the shortest pause: then no call that
    is allowed is left unused, and what is due soonest is asked for before it is due."""
    return sum(live.values()) / per_hour * HOUR_MS > shortest_ms


def next_poll(
    history: History, rhythm: Rhythm, effort: float, now_ms: int, shortest_ms: int
) -> int | None:
    """When to ask for it again; None where nothing more is to be expected."""
    pause_ms = max(shortest_ms, PUSHED_SHORTEST_MS) if history.pushed else shortest_ms
    if now_ms - history.since_ms >= STALE_MS:
        return None
    begin = history.polled_ms
    latest = begin + LONGEST_MS
    at, delay = begin, 0.0
    while at < latest:
        end = min(at + STEP_MS, latest)
        likely = expected(history, rhythm, at)
        first, last = (at - begin) / HOUR_MS, (end - begin) / HOUR_MS
        more = likely * (last**2 - first**2) / 2
        if delay + more >= effort:
            reached = math.sqrt(first**2 + 2 * (effort - delay) / likely)
            at = begin + int(reached * HOUR_MS)
            break
        delay += more
        at = end
    return max(at, begin + pause_ms)
