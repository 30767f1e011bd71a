"""Redis that speaks TLS itself and asks everybody for a certificate: a cluster, and Sentinels."""

from __future__ import annotations

import pytest

from runtime.console import Silent
from runtime.servers import programs, shards
from runtime.servers.clusters import Clusters
from runtime.settings import RuntimeSettings, load_environment
from schemas.settings import Endpoints
from streams import reach
from streams.cache import CACHE_ERRORS, open_cache
from support.waiting import until


@pytest.mark.parametrize("part", ["redis", "sentinel"])
async def test_it_answers_who_shows_a_certificate(
    part: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache_folder = RuntimeSettings.load(load_environment()).cache
    if not shards.speaks_tls(programs.redis_server(cache_folder, Silent())):
        pytest.skip("this redis-server was built without TLS; Debian's and Ubuntu's has it")
    home = tmp_path_factory.mktemp(f"{part}-tls")
    with Clusters(home, parts=(part,), redis_tls=True) as clusters:
        url = clusters.environment()["REDIS_URL"]
        endpoints = Endpoints.of({"REDIS_URL": url})
        cache = open_cache(endpoints)
        names = [f"shop-{place}" for place in range(20)]  # in all parts of a cluster

        async def ask() -> list[object]:
            try:
                for name in names:
                    await cache.set(name, "open")
                return [await cache.get(name) for name in names]
            except CACHE_ERRORS:
                return []

        assert set(await until(ask, bool)) == {"open"}
        await cache.aclose()
        assert await until(lambda: reach.redis(endpoints), lambda found: found is None) is None
        without = Endpoints.of({"REDIS_URL": url.partition("&ssl_certfile")[0]})
        told = await reach.redis(without)
        assert told is not None
        assert "ssl_certfile" in told.fix
