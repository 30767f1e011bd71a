"""How often somebody may ask: counted in Redis for all processes, in this one's memory without."""

from __future__ import annotations

import math
import time

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import Redis

from api.errors import too_many
from streams.cache import CACHE_ERRORS
from streams.counting import SharedCounters

log = structlog.get_logger(__name__)

RETRY_REDIS_S = 5.0
LOGINS = parse("10/15minute")
"""Passwords tried for one e-mail, and from one address."""
STRANGERS = parse("60/minute")
"""Requests without a valid key or session from one address."""


class RateLimits:
    """`hit` raises the 429 problem, with the seconds to wait. With Redis away each process counts
    alone: a limit may then be exceeded by as many times as there are processes, and nobody is
    locked out."""

    def __init__(self, cache: Redis | None = None) -> None:
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._shared: FixedWindowRateLimiter | None = None
        self._away_until_s = 0.0
        if cache is not None:
            self._shared = FixedWindowRateLimiter(SharedCounters(cache, "LIMITS"))

    async def hit(self, limit: RateLimitItem, kind: str, who: str) -> None:
        """Count one; raises 429 where it is one too many."""
        shared = self._shared
        if shared is not None and time.monotonic() >= self._away_until_s:
            try:
                await _hit(shared, limit, kind, who)
                return
            except CACHE_ERRORS as error:
                self._away_until_s = time.monotonic() + RETRY_REDIS_S
                log.warning("Redis is away: this process counts alone", error=repr(error))
        await _hit(self._own, limit, kind, who)


async def _hit(limiter: FixedWindowRateLimiter, limit: RateLimitItem, kind: str, who: str) -> None:
    if await limiter.hit(limit, "ss", kind, who):
        return
    ends_at_s = (await limiter.get_window_stats(limit, "ss", kind, who)).reset_time
    raise too_many(max(1, math.ceil(ends_at_s - time.time())))
