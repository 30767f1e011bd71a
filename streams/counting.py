"""Counters of rates in Redis, for the package `limits`, on the connection that is open anyway."""

from __future__ import annotations

from typing import Any

from limits.aio.storage import RedisStorage
from redis.asyncio import Redis


class SharedCounters(RedisStorage):
    """`limits` would open a Redis of its own, and knows one form of address at a time. Its scripts
    have one key each, so they run in a cluster too. The client is closed by who opened it."""

    def __init__(self, cache: Redis, prefix: str) -> None:
        self._cache = cache
        super().__init__("async+redis://", implementation="redispy", key_prefix=prefix)

    def configure_bridge(self) -> None:
        """Called by `limits` where it would connect."""
        bridge: Any = self.bridge
        bridge.storage = self._cache
        bridge.connection_getter = lambda _readonly: self._cache
