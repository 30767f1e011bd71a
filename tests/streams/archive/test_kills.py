"""Each offset exactly once, wherever the archiver is stopped."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from benchmarks.archive_kills import killed
from streams.archive.checking import check
from streams.archive.reading import Query
from streams.ending import ended
from tests.streams.archive.conftest import Store, places
from tests.streams.archive.test_archiver import seen, told

pytestmark = [
    pytest.mark.servers,
    # Kafka's client leaves connections behind when it is stopped in the middle of opening them.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


async def test_stopped_at_any_await(store: Store) -> None:
    chance, sent = random.Random(7), 0
    for _ in range(20):
        await store.publish(*(seen(n) for n in range(sent, sent + 7)), told(sent))
        sent += 8
        running = asyncio.create_task(store.archive(10**6))
        await asyncio.wait({running}, timeout=chance.uniform(0.01, 0.6))
        await ended(running)
        assert running.cancelled()
    have = len(list((await store.open()).read(Query())))
    if have < sent:
        await store.archive(sent - have)
    archive = await store.open()
    events = list(archive.read(Query()))
    assert len(events) == len(set(places(events))) == sent
    found = check(archive)
    assert found.whole
    assert found.rows == sent


async def test_killed_hard(servers: Mapping[str, str], tmp_path: Path) -> None:
    """The real process; `smartstore bench archive` does it twenty times."""
    name = f"k{secrets.token_hex(4)}"
    database = urlunsplit(urlsplit(servers["DATABASE_URL"])._replace(path=f"/{name}"))
    environment = {
        **servers, "DATABASE_URL": database, "KAFKA_TOPIC_PREFIX": f"{name}.",
        "KAFKA_PARTITIONS": "2",
    }  # fmt: skip
    found = await killed(environment, tmp_path, kills=2)
    assert found.whole, found
    assert found.rows > 0
