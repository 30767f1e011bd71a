"""The WebSocket over real sockets: hello, resume, isolation, slowness, commands."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import api.live
from api.client import BEHIND
from schemas.codec import decode
from schemas.feed import ConflictLine
from schemas.outcome import Resync
from support.desk import Desk

pytestmark = pytest.mark.servers


async def told(connection: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of this kind; statuses come at any time."""
    async with asyncio.timeout(10):
        while True:
            message: dict[str, Any] = json.loads(await connection.recv())
            if message["type"] == kind:
                return message
            assert message["type"] in ("status", "conflict"), message


async def versions(connection: ClientConnection, count: int) -> list[int]:
    """Versions of the next so many events."""
    return [(await told(connection, "event"))["event"]["version"] for _ in range(count)]


async def drained(connection: ClientConnection) -> None:
    """Read until the server closes."""
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(10):
            while True:
                await connection.recv()


async def test_hello_has_the_users_four_and_then_events_follow(live: Any) -> None:
    live.feed("kandy", 0, 1)
    async with live.open() as (connection, hello):
        assert hello["isConnected"] is True
        assert [event["version"] for event in hello["events"]] == [0, 1]
        assert hello["conflicts"] == []
        assert hello["syncStatus"]["activeConnections"] == 1
        live.feed("kandy", 2, 3)
        assert await versions(connection, 2) == [2, 3]


async def test_the_root_serves_it_too(live: Any) -> None:
    async with live.open(path="/") as (_, hello):
        assert hello["organizationId"] == "kandy"


async def test_a_ticket_in_the_subprotocol_works(live: Any) -> None:
    ticket = await live.ticket()
    async with connect(
        f"ws://127.0.0.1:{live.port}/ws", subprotocols=["smartstore.v1", f"ticket.{ticket}"]
    ) as connection:
        assert connection.subprotocol == "smartstore.v1"
        assert (await told(connection, "hello"))["organizationId"] == "kandy"


async def test_resume_has_no_gap_and_no_repeat(live: Any) -> None:
    live.feed("kandy", 0, 1)
    async with live.open() as (connection, hello):
        live.feed("kandy", 2)
        event = (await told(connection, "event"))["event"]
    live.feed("kandy", 3, 4)
    async with live.open(cursor=event["cursor"]) as (connection, again):
        live.feed("kandy", 5)
        assert again["resumed"] is True
        assert again["events"] == []
        assert await versions(connection, 3) == [3, 4, 5]
    async with live.open(cursor=hello["cursor"]) as (connection, _):
        assert await versions(connection, 4) == [2, 3, 4, 5]


async def test_a_cursor_before_the_first_line_resumes_too(live: Any) -> None:
    async with live.open() as (_, hello):
        pass
    assert hello["cursor"].endswith("-start")
    live.feed("kandy", 0, 1)
    async with live.open(cursor=hello["cursor"]) as (connection, _):
        assert await versions(connection, 2) == [0, 1]


@pytest.mark.parametrize("cursor", ["junk", "0-999999", "7-1"])
async def test_a_cursor_that_cannot_be_gets_a_fresh_start(live: Any, cursor: str) -> None:
    live.feed("kandy", 0)
    async with live.open(cursor=cursor) as (_, hello):
        assert hello["resumed"] is False
        assert [event["version"] for event in hello["events"]] == [0]


async def test_a_server_that_has_not_read_so_far_yet_asks_for_patience(
    live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To begin anew would be a gap: it has just started, and Kafka does not answer yet."""
    monkeypatch.setattr(api.live, "READY_S", 0.01)
    feed = live.api.services.feed
    feed.ready.clear()
    ring = feed.ring_of("kandy")
    with pytest.raises(ConnectionClosed) as closed:
        async with live.open(cursor=f"{ring.partition}-7"):
            pass
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1013
    async with live.open() as (connection, hello):  # without a cursor nothing can be missed
        assert hello["cursor"].endswith("-start")
        ring.restart(5_000)
        live.feed("kandy", 5_000, 5_001)
        assert await versions(connection, 2) == [5_000, 5_001], "not all that Kafka has"


async def test_one_organisation_hears_nothing_of_another(live: Any) -> None:
    """Both share a partition or not: what comes is only ever one's own."""
    async with live.open("galle") as (galle, _), live.open("kandy") as (kandy, _):
        live.feed("kandy", 10, entity_id="canary-kandy")
        live.feed("galle", 20, entity_id="canary-galle")
        assert (await told(kandy, "event"))["event"]["entityId"] == "canary-kandy"
        assert (await told(galle, "event"))["event"]["entityId"] == "canary-galle"


async def test_subscriptions_filter_and_can_change(live: Any) -> None:
    async with live.open(subscribe={"types": ["order"]}) as (connection, _):
        live.feed("kandy", 1)
        live.feed("kandy", 2, type="order")
        assert await versions(connection, 1) == [2]
        await connection.send(json.dumps({"type": "subscribe", "subscribe": {"entities": ["p7"]}}))
        await told(connection, "subscribed")
        live.feed("kandy", 3, type="order")
        live.feed("kandy", 4, entity_id="p7")
        assert await versions(connection, 1) == [4]


async def test_a_ticket_works_once_and_a_wrong_one_never(live: Any) -> None:
    ticket = await live.ticket()
    for given, good in ((ticket, True), (ticket, False), ("guess", False), ("", False)):
        async with connect(f"ws://127.0.0.1:{live.port}/ws") as connection:
            await connection.send(json.dumps({"type": "connect", "ticket": given}))
            if good:
                await told(connection, "hello")
                continue
            with pytest.raises(ConnectionClosed):
                await connection.recv()
            assert connection.close_code == 4401


async def test_tickets_work_with_redis_away(live: Any) -> None:
    await live.api.services.cache.aclose()
    pool = live.api.services.cache.connection_pool
    pool.connection_kwargs["port"] = closed_port()
    async with live.open() as (_, hello):
        assert hello["organizationId"] == "kandy"


def closed_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("origin", "good"),
    [
        ("http://127.0.0.1:{port}", True),
        ("http://127.0.0.1:1", False),
        ("http://evil.example", False),
        ("https://127.0.0.1.evil.example", False),
        ("null", False),
    ],
)
async def test_pages_of_others_may_not_connect(live: Any, origin: str, good: bool) -> None:
    address = f"ws://127.0.0.1:{live.port}/ws"
    named = origin.format(port=live.port)
    if good:
        async with connect(address, origin=named):  # type: ignore[arg-type]
            return
    with pytest.raises(InvalidStatus) as refused:
        async with connect(address, origin=named):  # type: ignore[arg-type]
            pass
    assert refused.value.response.status_code == 403


async def test_a_client_that_falls_behind_is_closed_and_can_resume(live: Any) -> None:
    ring = live.api.services.feed.ring_of("kandy")
    async with live.open() as (connection, hello):
        live.feed("kandy", *range(BEHIND + 2))  # at once: the pump has no turn between
        assert ring.start > 0
        await drained(connection)
        assert connection.close_code == 1013
        assert hello["cursor"].endswith("-start")


async def test_force_sync_by_command(live: Any) -> None:
    async with live.open() as (connection, _):
        ask = {"type": "forceSync", "requestId": "r1", "entityType": "product", "entityId": "p1"}
        await connection.send(json.dumps(ask))
        answer = await told(connection, "forceSync")
    assert answer["requestId"] == "r1"
    assert answer["job"]["state"] == "done"
    assert decode(live.api.sent.records[0].value, Resync).entity_id == "p1"


async def test_conflicts_come_live_and_missing_ones_are_named(live: Any) -> None:
    line = ConflictLine(
        organization_id="kandy",
        type="product",
        entity_id="p1",
        id="c1",
        field="price",
        status="open",
        policy="manual",
        candidates={"mongodb": "1", "woocommerce": "2"},
        stamps={},
        opened_at_ms=1,
        at_ms=1,
        version=1,
    )
    feed = live.api.services.feed
    async with live.open() as (connection, _), live.open("galle") as (galle, _):
        feed.take_conflicts([live.as_record(line, 0)])
        assert (await told(connection, "conflict"))["conflict"]["id"] == "c1"
        ask = {
            "type": "resolveConflict",
            "requestId": "r2",
            "conflictId": "cX",
            "resolution": "local",
        }
        await connection.send(json.dumps(ask))
        error = await told(connection, "error")
        assert (error["requestId"], error["problem"]["status"]) == ("r2", 404)
        await galle.send(json.dumps({"type": "ping"}))
        assert json.loads(await galle.recv())["type"] in ("pong", "status")
    async with live.open() as (_, hello):
        assert [conflict["id"] for conflict in hello["conflicts"]] == ["c1"]


async def test_a_decision_and_its_undoing_by_command(live: Any, desk: Desk) -> None:
    line = await desk.contest()
    async with live.open() as (connection, _):
        ask = {"type": "resolveConflict", "requestId": "r1", "conflictId": line.id}
        await connection.send(json.dumps({**ask, "resolution": "keep", "side": "woocommerce"}))
        answer = await told(connection, "resolveConflict")
        assert answer["settled"]
        assert answer["conflict"]["value"] == "1950"
        undo = {"type": "undoConflict", "requestId": "r2", "conflictId": line.id}
        await connection.send(json.dumps(undo))
        answer = await told(connection, "undoConflict")
    assert (answer["requestId"], answer["conflict"]["status"]) == ("r2", "open")


async def test_hundreds_that_a_brake_holds_are_one_message(live: Any) -> None:
    feed = live.api.services.feed
    lines = [
        ConflictLine(
            organization_id="kandy",
            type="inventory",
            entity_id=f"i{n}",
            id=f"c{n}",
            field="quantity",
            status="open",
            policy="brake",
            brake="stock",
            challenger="woocommerce",
            candidates={"mongodb": 5, "woocommerce": 0},
            stamps={},
            opened_at_ms=1,
            at_ms=1,
            version=1,
        )
        for n in range(600)
    ]
    async with live.open() as (connection, _):
        feed.take_conflicts([live.as_record(line, n) for n, line in enumerate(lines)])
        assert await told(connection, "batches") == {"type": "batches"}
        await connection.send('{"type":"ping","requestId":"p"}')
        found = json.loads(await connection.recv())
        while found["type"] == "status":
            found = json.loads(await connection.recv())
        assert found["type"] == "pong", "not one by one, and the client is still here"
    async with live.open() as (_, hello):
        assert hello["conflicts"] == []


@pytest.mark.parametrize("text", ["{", "[]", '{"type":"drop"}', '{"type":"connect"}'])
async def test_nonsense_is_answered_and_the_connection_stays(live: Any, text: str) -> None:
    async with live.open() as (connection, _):
        await connection.send(text)
        assert (await told(connection, "error"))["problem"]["status"] == 400
        await connection.send('{"type":"ping","requestId":"p"}')
        assert (await told(connection, "pong"))["requestId"] == "p"


async def test_a_flood_of_commands_ends_the_connection(live: Any) -> None:
    async with live.open() as (connection, _):
        with contextlib.suppress(ConnectionClosed):
            for _ in range(300):
                await connection.send('{"type":"ping"}')
        await drained(connection)
        assert connection.close_code == 1008
