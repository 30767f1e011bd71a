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
        await cache.set("shop", "open")
        # A copy that has just come reads everything first, longer than an answer is waited for.
        await until(lambda: cache.wait(1, 100), lambda copies: copies == 1)
        clusters.hold("primary")

        async def ask() -> object:
            try:
                await cache.set("after", "failover")
                return await cache.get("shop")
            except RedisError:
                return None

        assert await until(ask, lambda found: found is not None) == "open"
        await cache.aclose()
