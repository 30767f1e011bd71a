"""Redis is opened here and nowhere else. It is never the only copy: callers have a slower way.

REDIS_URL is one of
- `redis://[user:password@]host:port/0`, `rediss://…` with TLS;
- `redis+sentinel://[user:password@]host:port,host:port/name/0`: the primary called `name`, as those
  Sentinels know it; theirs are `?sentinel_username=…&sentinel_password=…`;
- `redis+cluster://[user:password@]host:port,host:port`: any nodes of a Redis Cluster.
With `rediss+…` all of it is encrypted. redis-py's own options may stand behind the `?`:
`ssl_ca_certs=/path/ca.pem`, `ssl_certfile`, `ssl_keyfile`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from schemas.settings import Endpoints

CACHE_ERRORS = (RedisError, RedisClusterException, OSError, TimeoutError)
"""What a caller catches to go the slower way."""
PATIENCE_S = 0.5
_DEFAULT_PORTS = {"": 6379, "cluster": 6379, "sentinel": 26379}
_PLACED = ("host", "port", "db", "connection_class")


class BadRedisUrl(ValueError):
    """REDIS_URL is not one of the forms above. The text says what is wrong, without its secrets."""


def open_cache(endpoints: Endpoints) -> Redis:
    """A pool on REDIS_URL that answers text. Connects on first use; close with `await x.aclose()`.

    Timeouts are short and nothing is retried here (in a cluster once, to learn who took over): with
    Redis down we want to be slower by little. Errors: CACHE_ERRORS; BadRedisUrl at once. A cluster
    answers the same commands; of those with several keys only `get_many` and `delete` may be used.
    """
    url = endpoints.redis_url.get_secret_value()
    scheme, _, form = url.partition("://")[0].partition("+")
    if scheme not in ("redis", "rediss", "unix") or form not in _DEFAULT_PORTS:
        raise BadRedisUrl(
            "REDIS_URL begins with redis://, rediss://, redis+sentinel:// or redis+cluster://"
        )
    options: dict[str, Any] = {
        "decode_responses": True,
        "socket_timeout": PATIENCE_S,
        "socket_connect_timeout": PATIENCE_S,
        "health_check_interval": 15,
        "max_connections": 64,
    }
    if form == "cluster":
        return _cluster(url, options)
    options["retry"] = Retry(NoBackoff(), 0)
    if form == "sentinel":
        return _behind_sentinel(url, options)
    return Redis.from_url(url, **options)


async def get_many(cache: Redis, keys: Sequence[str]) -> list[str | None]:
    """Their values, in this order. In a cluster one question for each slot, sent together."""
    if isinstance(cache, RedisCluster):
        found: list[str | None] = list(await cache.mget_nonatomic(keys))
        return found
    return list(await cache.mget(keys))  # type: ignore[arg-type]  # text: it decodes


def places(url: str) -> list[tuple[str, int]]:
    """Hosts and ports that a REDIS_URL names. Raises BadRedisUrl."""
    default = _DEFAULT_PORTS.get(url.partition("://")[0].partition("+")[2], 6379)
    found = []
    for place in urlsplit(url).netloc.rpartition("@")[2].split(","):
        try:
            parts = urlsplit(f"//{place.strip()}")
            found.append((parts.hostname or "localhost", parts.port or default))
        except ValueError as error:
            raise BadRedisUrl(f"REDIS_URL: {place} is no host:port") from error
    return found


def _cluster(url: str, options: dict[str, Any]) -> Redis:
    given = _given(url)
    nodes = [ClusterNode(host, port) for host, port in places(url)]
    cluster = RedisCluster(
        startup_nodes=nodes,
        require_full_coverage=False,  # a group that is down costs its own keys, not all
        retry=Retry(NoBackoff(), 1),
        ssl=url.startswith("rediss"),
        **options,
        **{name: value for name, value in given.items() if name not in _PLACED},
    )
    return cast(Redis, cluster)


def _behind_sentinel(url: str, options: dict[str, Any]) -> Redis:
    given = _given(url)
    name, _, number = urlsplit(url).path.strip("/").partition("/")
    if not name or not (number or "0").isdecimal():
        raise BadRedisUrl(
            "REDIS_URL: redis+sentinel://… ends with /name of the primary, or /name/0"
        )
    asking = {
        option.removeprefix("sentinel_"): given.pop(option)
        for option in ("sentinel_username", "sentinel_password")
        if option in given
    }
    own = {option: value for option, value in given.items() if option not in _PLACED}
    own |= {"ssl": True} if url.startswith("rediss") else {}
    tls = {option: value for option, value in own.items() if option.startswith("ssl")}
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
        places(url),
        sentinel_kwargs={
            "socket_timeout": PATIENCE_S, "socket_connect_timeout": PATIENCE_S, **tls, **asking,
        },
    )  # fmt: skip
    found: Redis = sentinel.master_for(
        name, redis_class=_Followed, db=int(number or 0), **options, **own
    )
    return found


class _Followed(Redis):
    """A primary found by Sentinels; closing it closes the connections to them too."""

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await super().aclose(close_connection_pool)
        pool = cast(SentinelConnectionPool, self.connection_pool)
        for one in pool.sentinel_manager.sentinels:
            await one.aclose()


def _given(url: str) -> dict[str, Any]:
    """Credentials and options of a URL, by redis-py's own rules, which know one host only."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    single = parts._replace(
        scheme=parts.scheme.partition("+")[0], netloc=f"{user}{at}host", path=""
    )
    try:
        return dict(parse_url(single.geturl()))
    except ValueError as error:
        raise BadRedisUrl(f"REDIS_URL: {error}") from error
