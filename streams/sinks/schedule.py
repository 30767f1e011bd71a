"""Pure: when to try again."""

from __future__ import annotations

from collections.abc import Sequence

SCHEDULE_S: tuple[float, ...] = (1, 2, 5, 15, 60, 300, 900, 3600)
"""Waits after the first, second, ... failure in a row; the last one goes on. Webhooks and sweeps
tell of what happens meanwhile, so an hour is late but never lost."""


def next_attempt(
    schedule: Sequence[float], failures: int, retry_after_s: float | None = None
) -> float:
    """Seconds to wait after so many failures in a row (at least one), never less than the server's
    own Retry-After."""
    wait = schedule[min(max(failures, 1), len(schedule)) - 1]
    return max(wait, retry_after_s or 0.0)
