"""Gentleness: a sweep takes at most half of a shop's attention, and none while customers wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

REST = 1.0
"""Pauses as long as the call took: a shop that is busy, and so slow, is asked less."""
LONGEST_REST_S = 2.0
BUSY = 200
"""So many records on their way to the engine are live traffic that goes first."""
PATIENCE_S = 20.0
LOOK_S = 0.5


class Pace:
    """Of one sweep; counts its calls."""

    def __init__(self, waiting: Callable[[], Awaitable[int]]) -> None:
        self._waiting = waiting
        self.calls = 0

    async def call(self, asked: Awaitable[T]) -> T:
        """The answer, after which there is a rest."""
        began = time.monotonic()
        answer = await asked
        self.calls += 1
        await asyncio.sleep(min(REST * (time.monotonic() - began), LONGEST_REST_S))
        return answer

    async def way_free(self) -> None:
        """Returns when live traffic leaves room; it is not waited for longer than PATIENCE_S."""
        end_s = time.monotonic() + PATIENCE_S
        while await self._waiting() > BUSY:
            if time.monotonic() > end_s:
                return
            await asyncio.sleep(LOOK_S)
