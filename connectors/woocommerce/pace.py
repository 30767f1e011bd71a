"""How fast one shop is asked: its keeper's own limit, and what it asks for by `Retry-After`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from connectors.errors import Retry

WAIT_MOST_S = 5.0
"""Longer pauses are for the caller to plan: a sink has other shops to serve."""


class Pace:
    """Of one client. `per_second`: 0 for no limit (core itself has none)."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._gap_s = 1 / per_second if per_second > 0 else 0.0
        self._clock = clock
        self._next = 0.0
        self._shut_until = 0.0

    async def turn(self) -> None:
        """Returns when the next request may go. Raises Retry where the shop asked for a pause."""
        now = self._clock()
        shut_s = self._shut_until - now
        if shut_s > WAIT_MOST_S:
            raise Retry("the shop asked for a pause", shut_s)
        start = max(now, self._next, self._shut_until)
        self._next = start + self._gap_s
        if start > now:
            await asyncio.sleep(start - now)

    def asked(self, seconds: float) -> None:
        """The shop wants to be left alone for so long."""
        self._shut_until = max(self._shut_until, self._clock() + seconds)
