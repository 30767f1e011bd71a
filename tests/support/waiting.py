"""Waiting for what other processes do: polled, with a deadline and words for its failure."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 2.0
"""What deadlines are multiplied by: tests share two cores with other tests. It costs time only
where a test fails."""


async def until(
    look: Callable[[], Awaitable[T]],
    accept: Callable[[T], bool],
    *,
    limit_s: float = 20.0,
    every_s: float = 0.05,
) -> T:
    """What `look` found once `accept` takes it. Fails with the last thing found."""
    limit_s *= PATIENCE
    end_s = time.monotonic() + limit_s
    while True:
        found = await look()
        if accept(found):
            return found
        if time.monotonic() > end_s:
            raise AssertionError(f"not within {limit_s:.0f} s; the last was {found!r}")
        await asyncio.sleep(every_s)
