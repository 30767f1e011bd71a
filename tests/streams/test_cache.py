"""REDIS_URL in all its forms; what they lead to runs in tests/clusters."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.connection import SSLConnection
from redis.asyncio.sentinel import SentinelConnectionPool, SentinelManagedSSLConnection

from schemas.settings import Endpoints
from streams.cache import BadRedisUrl, open_cache, places


def opened(url: str) -> Redis:
    return open_cache(Endpoints.of({"REDIS_URL": url}))


def test_one_server() -> None:
    pool = opened("rediss://shop:s%40fe@redis.example:6380/2?ssl_ca_certs=/ca.pem").connection_pool
    given = pool.connection_kwargs
    assert (given["host"], given["port"], given["db"]) == ("redis.example", 6380, 2)
    assert (given["username"], given["password"]) == ("shop", "s@fe")
    assert given["ssl_ca_certs"] == "/ca.pem"
    assert pool.connection_class is SSLConnection


def test_the_primary_that_sentinels_name() -> None:
    url = "redis+sentinel://:safe@s1.example:26380,s2.example/shop/3?sentinel_password=other"
    pool = opened(url).connection_pool
    assert isinstance(pool, SentinelConnectionPool)
    assert pool.service_name == "shop"
    assert (pool.connection_kwargs["db"], pool.connection_kwargs["password"]) == (3, "safe")
    assert "sentinel_password" not in pool.connection_kwargs
    asked = [one.connection_pool.connection_kwargs for one in pool.sentinel_manager.sentinels]
    assert [(one["host"], one["port"]) for one in asked] == [
        ("s1.example", 26380),
        ("s2.example", 26379),
    ]
    assert {one["password"] for one in asked} == {"other"}


def test_sentinels_and_their_primary_with_tls() -> None:
    pool = opened("rediss+sentinel://s1.example/shop?ssl_ca_certs=/ca.pem").connection_pool
    assert pool.connection_class is SentinelManagedSSLConnection
    assert pool.connection_kwargs["ssl_ca_certs"] == "/ca.pem"
    assert isinstance(pool, SentinelConnectionPool)
    (asked,) = pool.sentinel_manager.sentinels
    assert asked.connection_pool.connection_class is SSLConnection


def test_a_cluster_by_any_of_its_nodes() -> None:
    cluster = opened("rediss+cluster://shop:safe@n1.example:7001,n2.example:7002")
    assert isinstance(cluster, RedisCluster)
    assert [(node.host, node.port) for node in cluster.startup_nodes] == [
        ("n1.example", 7001),
        ("n2.example", 7002),
    ]
    given = cluster.connection_kwargs
    assert (given["username"], given["password"]) == ("shop", "safe")
    assert given["decode_responses"] is True
    assert given["connection_class"] is SSLConnection


@pytest.mark.parametrize(
    "url",
    [
        "http://secret@redis.example",
        "redis+sentinel://:secret@s1.example:26379",
        "redis+cluster://:secret@n1.example:many",
        "redis+cluster://:secret@n1.example?max_connections=many",
    ],
)
def test_what_is_wrong_is_told_without_the_password(url: str) -> None:
    with pytest.raises(BadRedisUrl, match="REDIS_URL") as refused:
        opened(url)
    assert "secret" not in str(refused.value)


def test_hosts_of_every_form() -> None:
    assert places("redis://:pw@[::1]:6380/0") == [("::1", 6380)]
    assert places("redis+sentinel://a,b:1/name") == [("a", 26379), ("b", 1)]
