"""Links kept near: in the process, then in Redis. Only what exists is kept; it hardly changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec
import structlog
from redis.asyncio import Redis

from streams.cache import CACHE_ERRORS, get_many

log = structlog.get_logger(__name__)

NEAR = 200_000
"""Links in the process: about 60 MB."""
FRESH_S = 60.0
"""A sink may correct a link; another process sees it after this."""
REDIS_S = 86_400
DOWN_S = 2.0
"""After an error Redis is left alone for so long."""


@dataclass(frozen=True, slots=True)
class Known:
    """An item's entity, and the match keys already looked at."""

    entity_id: str
    keys: frozenset[str]


class LinkCache:
    """By a link's `_id`."""

    def __init__(
        self, redis: Redis | None, space: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._redis = redis
        self._prefix = f"ss:link:{space}:"
        self._clock = clock
        self._near: dict[str, tuple[float, Known]] = {}
        self._down_until = 0.0

    async def get(self, ids: Iterable[str]) -> dict[str, Known]:
        """Those that are known."""
        now = self._clock()
        found: dict[str, Known] = {}
        missing = []
        for row_id in ids:
            kept = self._near.get(row_id)
            if kept is not None and now < kept[0]:
                found[row_id] = kept[1]
            else:
                missing.append(row_id)
        redis = self._up(now)
        if not missing or redis is None:
            return found
        try:
            values = await get_many(redis, [self._prefix + row_id for row_id in missing])
        except CACHE_ERRORS as error:
            self._failed(error)
            return found
        for row_id, value in zip(missing, values, strict=True):
            if value is not None:
                entity_id, *keys = msgspec.json.decode(value, type=list[str])
                found[row_id] = self._keep(row_id, Known(entity_id, frozenset(keys)), now)
        return found

    async def put(self, links: Mapping[str, Known]) -> None:
        """Remember these."""
        now = self._clock()
        for row_id, link in links.items():
            self._keep(row_id, link, now)
        redis = self._up(now)
        if not links or redis is None:
            return
        pipe = redis.pipeline(transaction=False)
        for row_id, link in links.items():
            value = msgspec.json.encode([link.entity_id, *sorted(link.keys)])
            pipe.set(self._prefix + row_id, value, ex=REDIS_S)
        try:
            await pipe.execute()
        except CACHE_ERRORS as error:
            self._failed(error)

    async def drop(self, ids: Iterable[str]) -> None:
        """Forget these, here and in Redis."""
        names = []
        for row_id in ids:
            self._near.pop(row_id, None)
            names.append(self._prefix + row_id)
        redis = self._up(self._clock())
        if names and redis is not None:
            try:
                await redis.delete(*names)
            except CACHE_ERRORS as error:
                self._failed(error)

    def _keep(self, row_id: str, link: Known, now: float) -> Known:
        if len(self._near) >= NEAR:
            for old in list(self._near)[: NEAR // 10]:
                del self._near[old]
        self._near[row_id] = (now + FRESH_S, link)
        return link

    def _up(self, now: float) -> Redis | None:
        return self._redis if now >= self._down_until else None

    def _failed(self, error: Exception) -> None:
        self._down_until = self._clock() + DOWN_S
        log.warning("redis does not answer; links are read from MongoDB", reason=str(error))
