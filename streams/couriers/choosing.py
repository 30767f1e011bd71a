"""Pure: whose parcels the next question is about, and how far apart questions are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def turns(organizations: Iterable[str], served: Mapping[str, int]) -> list[str]:
    """Organisations that share an account take turns, however many parcels one has: first the one
    that was served longest ago (`served`: its last turn)."""
    return sorted(organizations, key=lambda name: (served.get(name, -1), name))


def spread_ms(per_s: float, per_day: int | None, used: int, left_ms: int, spare: float) -> float:
    """How far apart questions are, so that a day's allowance lasts for the day."""
    apart = 1000 / per_s
    if per_day is None:
        return apart
    left = per_day * spare - used
    return max(apart, left_ms / left) if left > 0 else float(max(left_ms, 1))
