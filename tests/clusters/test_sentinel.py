"""A Redis behind three Sentinels: found by its name, and followed when another takes over."""

from __future__ import annotations

import pytest
from redis.exceptions import RedisError

from runtime.servers.clusters import Clusters
from schemas.settings import Endpoints
from streams.cache import open_cache
from support.waiting import until


async def test_the_primary_is_followed(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Clusters(tmp_path_factory.mktemp("sentinel"), parts=("sentinel",)) as clusters:
        cache = open_cache(Endpoints.of(clusters.environment()))

        async def write() -> object:
            """How many copies have it: one that has just come reads everything else first."""
            try:
                await cache.set("shop", "open")
                return await cache.wait(1, 100)
            except RedisError:
                return None

        assert await until(write, lambda copies: copies == 1)
        clusters.hold("primary")

        async def ask() -> object:
            try:
                await cache.set("after", "failover")
                return await cache.get("shop")
            except RedisError:
                return None

        assert await until(ask, lambda found: found is not None) == "open"
        await cache.aclose()
