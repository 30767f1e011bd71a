"""The Python client against a served api."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest

from api.clients import RealTimeSync, SyncError
from schemas.codec import decode
from schemas.live import LiveEvent
from schemas.outcome import Resolution
from support.desk import Desk
from support.waiting import until

pytestmark = pytest.mark.servers


@pytest.fixture
def url(live: Any) -> str:
    return f"http://127.0.0.1:{live.port}"


@pytest.fixture
async def sync(live: Any, url: str) -> AsyncIterator[RealTimeSync]:
    async with RealTimeSync(url, "kandy", live.api.keys["kandy"]) as opened:
        yield opened


async def take(events: AsyncGenerator[LiveEvent, None], count: int) -> list[int]:
    """Versions of the next so many events."""
    async with asyncio.timeout(10):
        return [(await anext(events)).version for _ in range(count)]


async def test_the_names_of_the_hook(live: Any, sync: RealTimeSync, desk: Desk) -> None:
    assert sync.is_connected
    assert sync.sync_status is not None
    assert sync.sync_status.active_connections == 1
    line = await desk.contest()
    live.api.services.feed.take_conflicts([live.as_record(line, 0)])

    async def conflicts() -> list[str]:
        return [one.id for one in sync.conflicts]

    assert await until(conflicts, lambda ids: ids != []) == [line.id]
    answer = await sync.resolve_conflict(line.id, "keep", side="woocommerce")
    assert (answer["settled"], answer["conflict"]["value"]) == (True, "1950")
    assert decode(live.api.sent.records[0].value, Resolution).side == "woocommerce"
    assert sync.conflicts == ()
    live.api.sent.desk = None  # it decides conflicts and knows of nothing else
    assert (await sync.force_sync("product", "p1"))["state"] == "done"
    event = {
        "id": "evt-1",
        "type": "inventory",
        "data": {"sku": "TEA", "delta": -2},
        "timestamp": "2026-11-22T10:30:00+05:30",
    }
    assert (await sync.queue_event(event))["queued"] is True


async def test_no_gap_and_no_repeat_over_lost_connections(live: Any, sync: RealTimeSync) -> None:
    events = sync.events()
    for first in (0, 10, 20):
        live.feed("kandy", *range(first, first + 5))
        for watcher in live.api.services.feed.watchers("kandy"):
            watcher.end(1012, "restart")
        live.feed("kandy", *range(first + 5, first + 10))
        assert await take(events, 10) == list(range(first, first + 10))
    assert sync.gaps == 0
    assert [event.version for event in sync.recent] == list(range(29, -1, -1))


async def test_another_process_goes_on_from_a_cursor(live: Any, url: str) -> None:
    key = live.api.keys["kandy"]
    live.feed("kandy", 0)
    async with RealTimeSync(url, api_key=key) as first:
        cursor = first.cursor
    live.feed("kandy", 1, 2)
    async with RealTimeSync(url, api_key=key, cursor=cursor) as second:
        live.feed("kandy", 3)
        assert await take(second.events(), 3) == [1, 2, 3]


async def test_filters(live: Any, url: str) -> None:
    async with RealTimeSync(url, api_key=live.api.keys["kandy"], types=["order"]) as sync:
        events = sync.events()
        live.feed("kandy", 1)
        live.feed("kandy", 2, type="order")
        assert await take(events, 1) == [2]


@pytest.mark.parametrize(
    ("port", "organization_id", "key", "said", "permanent"),
    [
        (0, "kandy", "wrong", "API key", True),
        (0, "galle", "", "another organisation, kandy", True),
        (1, "kandy", "", "127.0.0.1:1", False),
    ],
)
async def test_what_is_wrong_at_the_start_is_said(
    live: Any, port: int, organization_id: str, key: str, said: str, permanent: bool
) -> None:
    url = f"http://127.0.0.1:{port or live.port}"
    sync = RealTimeSync(url, organization_id, key or live.api.keys["kandy"])
    with pytest.raises(SyncError, match=said) as refused:
        async with sync:
            pass
    assert refused.value.permanent is permanent


async def test_a_problem_is_the_servers_own(sync: RealTimeSync) -> None:
    with pytest.raises(SyncError) as missing:
        await sync.resolve_conflict("nothing", "local")
    assert missing.value.problem["status"] == 404


async def test_a_key_that_is_revoked_ends_the_events(live: Any, sync: RealTimeSync) -> None:
    events = sync.events()
    keys = live.api.services.directory.keys
    (key,) = await keys.list("kandy")
    await keys.remove("kandy", key.id)
    for watcher in live.api.services.feed.watchers("kandy"):
        watcher.end(1012, "restart")
    with pytest.raises(SyncError, match="API key"):
        await take(events, 1)
    assert not sync.is_connected
