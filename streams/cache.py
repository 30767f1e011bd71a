"""Redis is opened here and nowhere else. It is never the only copy: callers have a slower way."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from schemas.settings import Endpoints

CACHE_ERRORS = (RedisError, OSError, TimeoutError)
"""What a caller catches to go the slower way."""


def open_cache(endpoints: Endpoints) -> Redis:
    """A pool on REDIS_URL that answers text. Connects on first use; close with `await x.aclose()`.

    Timeouts are short (0.5 s) and nothing is retried here: with Redis down we want to be slower by
    little. Errors: CACHE_ERRORS.
    """
    return Redis.from_url(
        endpoints.redis_url.get_secret_value(),
        decode_responses=True,
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        health_check_interval=15,
        max_connections=64,
        retry=Retry(NoBackoff(), 0),
    )
