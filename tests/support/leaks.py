"""Whether a secret lies somewhere in clear: in MongoDB, Kafka, Redis or the logs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

from bson import encode
from redis.asyncio import Redis

from schemas.settings import Endpoints
from schemas.topics import TOPICS
from streams.database import Database
from streams.kafka.reading import read_to_end

SHORTEST = 8
"""Shorter ones would be found by chance."""


async def leaks(
    secrets: Mapping[str, str], database: Database, endpoints: Endpoints, redis: Redis, logs: Path
) -> tuple[list[str], dict[str, int]]:
    """(`access_token in ss_integrations`, ...; how much was looked through in each place). `logs`:
    a folder; every `*.log` beneath it is read."""
    assert all(len(value) >= SHORTEST for value in secrets.values()), "too short to be told apart"
    found: set[str] = set()
    seen: dict[str, int] = {}

    def look(place: str, content: bytes) -> None:
        kind = place.partition(" ")[0]
        seen[kind] = seen.get(kind, 0) + 1
        found.update(
            f"{name} in {place}" for name, one in secrets.items() if one.encode() in content
        )

    async for place, content in _documents(database):
        look(place, content)
    for place, content in await _records(endpoints):
        look(place, content)
    async for place, content in _cached(redis):
        look(place, content)
    for place, content in _lines(logs):
        look(place, content)
    return sorted(found), seen


async def _documents(database: Database) -> AsyncIterator[tuple[str, bytes]]:
    for name in await database.list_collection_names():
        async for row in database[name].find():
            yield f"mongodb {name}", encode(row)


async def _records(endpoints: Endpoints) -> list[tuple[str, bytes]]:
    read: list[tuple[str, bytes]] = []
    for topic in TOPICS:

        async def take(records: Any, name: str = topic.name) -> None:
            for one in records:
                parts = [one.key or b"", one.value or b"", *(value for _, value in one.headers)]
                read.append((f"kafka {name}", b"\n".join(parts)))

        await read_to_end(endpoints, topic, range(endpoints.kafka_partitions), take)
    return read


async def _cached(redis: Redis) -> AsyncIterator[tuple[str, bytes]]:
    raw: Any = redis
    async for key in raw.scan_iter():
        match await raw.type(key):
            case b"string" | "string":
                value: Any = await raw.get(key)
            case b"hash" | "hash":
                value = await raw.hgetall(key)
            case b"set" | "set":
                value = await raw.smembers(key)
            case b"zset" | "zset":
                value = await raw.zrange(key, 0, -1)
            case b"list" | "list":
                value = await raw.lrange(key, 0, -1)
            case _:
                value = await raw.xrange(key)
        yield "redis", repr((key, value)).encode()


def _lines(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*.log")):
        yield f"logs {path.name}", path.read_bytes()
