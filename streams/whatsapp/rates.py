"""Meta's rates, kept before they are hit: so many messages a second from one number, and to one
person 1 in 6 seconds, of which a burst may borrow 45.

Counted in Redis, so that all processes share them. Without Redis each process keeps to a part of
them by itself: slower, never too fast.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256

import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import Redis

from streams.cache import CACHE_ERRORS
from streams.counting import SharedCounters

log = structlog.get_logger(__name__)

PER_SECOND = 72
"""Meta takes 80 of a number; a network bunches what we space."""
BURST, BURST_S = 45, 270
"""45 in any 270 s keep within 1 in 6 s with 45 borrowed, whatever their order."""
ALONE_PER_SECOND, ALONE_S = 20, 6
"""Without Redis: a quarter of the number's rate, and to one person nothing borrowed."""
PATIENCE_S = 5.0
"""After Redis did not answer, so long it is not asked."""
_KEPT = 20_000


class Rates:
    """Safe to share between tasks of one event loop."""

    def __init__(
        self,
        redis: Redis,
        *,
        per_second: int = PER_SECOND,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`redis` is closed by who opened it."""
        self._clock = clock
        self._shared = MovingWindowRateLimiter(SharedCounters(redis, "ss:rate"))
        self._alone = MovingWindowRateLimiter(MemoryStorage())
        self._number = RateLimitItemPerSecond(per_second)
        self._pair = RateLimitItemPerSecond(BURST, BURST_S)
        self._number_alone = RateLimitItemPerSecond(min(per_second, ALONE_PER_SECOND))
        self._pair_alone = RateLimitItemPerSecond(1, ALONE_S)
        self._away_until = 0.0
        self._rests: dict[str, float] = {}

    async def take(self, number: str, to: str) -> float:
        """0 where one message may go out now; else seconds until it may be asked again."""
        pair = sha256(f"{number}|{to}".encode()).hexdigest()[:24]
        rest = self._rests.get(pair, 0.0) - self._clock()
        if rest > 0:
            return rest
        if self._clock() >= self._away_until:
            try:
                return await self._take(self._shared, self._pair, self._number, pair, number)
            except CACHE_ERRORS as error:
                self._away_until = self._clock() + PATIENCE_S
                log.warning("rates are counted without Redis", error=type(error).__name__)
        return await self._take(self._alone, self._pair_alone, self._number_alone, pair, number)

    def rest(self, number: str, to: str, wait_s: float) -> None:
        """Meta asked for a pause for this person only."""
        pair = sha256(f"{number}|{to}".encode()).hexdigest()[:24]
        if len(self._rests) >= _KEPT:
            self._rests.clear()
        self._rests[pair] = self._clock() + wait_s

    async def _take(
        self,
        limiter: MovingWindowRateLimiter,
        pair_item: RateLimitItem,
        number_item: RateLimitItem,
        pair: str,
        number: str,
    ) -> float:
        # The number's first: it is given back by time within a second, a person's within minutes.
        if not await limiter.hit(number_item, "number", number):
            return await self._wait(limiter, number_item, "number", number)
        if not await limiter.hit(pair_item, "pair", pair):
            return await self._wait(limiter, pair_item, "pair", pair)
        return 0.0

    async def _wait(
        self, limiter: MovingWindowRateLimiter, item: RateLimitItem, *names: str
    ) -> float:
        stats = await limiter.get_window_stats(item, *names)
        return max(float(stats.reset_time) - self._clock(), 0.05)
