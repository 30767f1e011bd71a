"""The feed on a real Kafka: lines older than the ring are read from there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from schemas.codec import encode
from schemas.feed import FeedLine
from schemas.topics import FEED
from streams.kafka import Outgoing, Publisher
from streams.topics import ensure_topics

pytestmark = pytest.mark.servers

RING = 100
LINES = 250


@pytest.fixture
async def publisher(api: Any) -> AsyncIterator[Publisher]:
    await ensure_topics(api.services.endpoints)
    opened = Publisher(api.services.endpoints)
    yield opened
    await opened.stop()


@pytest.fixture
async def feed(api: Any, publisher: Publisher, feed_line: Callable[..., FeedLine]) -> Any:
    """Reading, after more lines than the ring holds; every third is another organisation's."""
    records = [
        Outgoing(FEED, name.encode(), encode(feed_line(name, n)))
        for n in range(LINES)
        for name in (["kandy", "galle"] if n % 3 == 0 else ["kandy"])
    ]
    await publisher.publish(*records)
    api.services.feed.ready.clear()
    await api.services.feed.start()
    await asyncio.wait_for(api.services.feed.ready.wait(), 30)
    return api.services.feed


async def test_the_newest_are_in_memory_and_the_rest_is_not(feed: Any) -> None:
    ring = feed.ring_of("kandy")
    assert [entry.line.version for entry in ring.newest("kandy", 3)] == [247, 248, 249]
    assert ring.start > 0
    assert len(ring.since("kandy", 0)) <= RING


async def test_pages_go_on_where_memory_ends(api: Any, feed: Any) -> None:
    seen: list[int] = []
    cursor = ""
    async with api.client("kandy") as client:
        while True:
            params = {"limit": 70, "cursor": cursor}
            page = (await client.get("/api/events", params=params)).json()
            seen += [event["version"] for event in page["events"]]
            assert {event["organizationId"] for event in page["events"]} <= {"kandy"}
            cursor = page["next"]
            if not cursor:
                break
    assert seen == list(range(LINES - 1, -1, -1))


async def test_a_client_resumes_from_before_the_ring(
    live: Any, feed: Any, publisher: Publisher, feed_line: Callable[..., FeedLine]
) -> None:
    partition = feed.ring_of("kandy").partition
    seen: list[int] = []
    async with live.open(cursor=f"{partition}-start") as (connection, hello):
        assert hello["resumed"] is True
        line = feed_line("kandy", LINES)
        await publisher.publish(Outgoing(FEED, b"kandy", encode(line)))
        async with asyncio.timeout(20):
            while len(seen) <= LINES:
                message = json.loads(await connection.recv())
                if message["type"] == "event":
                    seen.append(message["event"]["version"])
    assert seen == list(range(LINES + 1))


async def test_the_same_from_another_organisations_view(live: Any, feed: Any) -> None:
    partition = feed.ring_of("galle").partition
    wanted = (LINES + 2) // 3
    async with live.open("galle", cursor=f"{partition}-start") as (connection, _):
        async with asyncio.timeout(20):
            seen: list[int] = []
            while len(seen) < wanted:
                message = json.loads(await connection.recv())
                if message["type"] == "event":
                    assert message["event"]["organizationId"] == "galle"
                    seen.append(message["event"]["version"])
    assert seen == list(range(0, LINES, 3))
