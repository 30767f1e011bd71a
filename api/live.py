"""The WebSocket: `/ws` and `/`, on both ports. docs/websocket.md tells its protocol.

A client's lines wait in the shared ring, not in a queue of its own: a thousand slow clients cost no
more memory than one. Its place is an offset, so a resumed client misses nothing and gets nothing
twice.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog
from fastapi import FastAPI
from msgspec import structs
from pydantic import ValidationError
from pymongo.errors import PyMongoError
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.asking import answered
from api.client import BEHIND, SLOW, Client, Closing, Message, Subscription
from api.deps import Caller, caller_of, is_ours, still_stands
from api.feed import FeedAway
from api.pages.i18n import language, speaking
from api.ring import Entry
from api.services import Services
from api.shapes import Cursor, SyncStatus, live_conflict, read_cursor, to_json
from schemas.feed import ConflictLine
from streams.conflicts.rows import NO_BRAKE, Filter
from streams.ending import ended

log = structlog.get_logger(__name__)

PROTOCOL = "smartstore.v1"
TICKET_PROTOCOL = "ticket."
RECENT = 50
OPEN_CONFLICTS = 200
HELLO_S = 10.0
SEND_S = 10.0
READY_S = 5.0
PIECE = 200
MOST_CLIENTS = 5_000
MOST_OF_ONE = 2_000
STATUS_S = 2.0
STATUS_AGAIN_S = 3.0
"""A client that hears nothing for longer than this and a little has lost us."""
STATUS_PATIENCE_S = 1.0

MOST_GREETING = 500
"""Connections that have not said yet who they are."""
REVOKED_S = 2.0
"""A session that ended ends its connections within this and what `Sessions` keeps: five seconds."""

NOT_SIGNED_IN = 4401
NOT_FROM_THERE = 4403
NOT_UNDERSTOOD = 4400


class Refused(Exception):
    """The connection ends before it began."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.closing = Closing(code, reason)


def add_live(app: FastAPI) -> None:
    """The WebSocket's routes."""
    app.add_api_websocket_route("/ws", live)
    app.add_api_websocket_route("/", live)


async def live(websocket: WebSocket) -> None:
    """One connection, from its handshake to its end."""
    use: Services = websocket.app.state.services
    origin = websocket.headers.get("origin")
    if origin is not None and not is_ours(origin, websocket, use):
        await websocket.close(NOT_FROM_THERE, "this page may not connect")
        return
    offered = websocket.scope.get("subprotocols", [])
    if len(use.greeting) >= MOST_GREETING:
        await websocket.close(SLOW, "too many connections; try again later")
        return
    await websocket.accept(PROTOCOL if PROTOCOL in offered else None)
    use.greeting.add(websocket)
    try:
        client, cursor = await _greet(use, websocket, offered)
    except Refused as error:
        await _close(websocket, error.closing)
        return
    except WebSocketDisconnect:
        return
    finally:
        use.greeting.discard(websocket)
    use.feed.watch(client.organization_id, client)
    try:
        await _serve(use, websocket, client, cursor)
    finally:
        use.feed.unwatch(client.organization_id, client)


async def _greet(
    use: Services, websocket: WebSocket, offered: list[str]
) -> tuple[Client, Cursor | None]:
    """Who it is and where it goes on. The ticket is in a subprotocol or in the first message; in an
    address it would end up in logs. Raises Refused, WebSocketDisconnect."""
    ticket = next(
        (
            name.removeprefix(TICKET_PROTOCOL)
            for name in offered
            if name.startswith(TICKET_PROTOCOL)
        ),
        "",
    )
    first = Message.model_validate({"type": "connect"})
    if not ticket:
        try:
            async with asyncio.timeout(HELLO_S):
                first = Message.model_validate_json(await websocket.receive_text())
        except TimeoutError:
            raise Refused(NOT_SIGNED_IN, "no ticket came") from None
        except (ValidationError, KeyError):
            raise Refused(NOT_UNDERSTOOD, "the first message must be connect") from None
        ticket = first.ticket
    found = await use.tickets.take(ticket) if ticket else None
    if found is None:
        raise Refused(NOT_SIGNED_IN, "the ticket is used, too old or wrong; get a new one")
    caller = caller_of(found)
    organization_id = caller.organization_id
    watching = use.feed.watching()
    full = sum(watching.values()) >= MOST_CLIENTS
    if full or watching.get(organization_id, 0) >= MOST_OF_ONE:
        raise Refused(SLOW, "too many connections; try again later")
    client = Client(caller, first.subscribe or Subscription(), language())
    return client, read_cursor(first.cursor or websocket.query_params.get("cursor", ""))


async def _serve(
    use: Services, websocket: WebSocket, client: Client, cursor: Cursor | None
) -> None:
    """Hello, then what happens and what is asked, until either side ends it."""
    try:
        await _send(websocket, client, await _hello(use, client, cursor))
    except PyMongoError:
        await _close(websocket, Closing(SLOW, "MongoDB does not answer; try again"))
        return
    except Refused as refused:
        await _close(websocket, refused.closing)
        return
    except WebSocketDisconnect:
        return
    pump = asyncio.create_task(_pump(use, websocket, client))
    listen = asyncio.create_task(_listen(use, websocket, client))
    done, pending = await asyncio.wait({pump, listen}, return_when=asyncio.FIRST_COMPLETED)
    await ended(*pending)
    for task in done:
        error = task.exception()
        if error is not None and not isinstance(error, WebSocketDisconnect | RuntimeError):
            log.error("a live client ended by an error", exc_info=error)
    await _close(websocket, client.closing or Closing(1000, ""))


async def _hello(use: Services, client: Client, cursor: Cursor | None) -> bytes:
    """The state to begin with. From its cursor on, a client is sent every line exactly once. Raises
    Refused, PyMongoError."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(use.feed.ready.wait(), READY_S)
    organization_id = client.organization_id
    status = await use.status.of(organization_id)
    wanted = Filter(status="open", brake=NO_BRAKE)
    stored, _ = await use.conflicts.page(organization_id, wanted, "", OPEN_CONFLICTS)
    conflicts = [
        live_conflict(line)
        for line in open_now(stored, use.feed.recent_conflicts(organization_id))
        if client.wanted.wants_conflict(line)
    ]
    # No await from here to the return: the events and the place belong together.
    ring = use.feed.ring_of(organization_id)
    resumed = (
        cursor is not None and cursor.partition == ring.partition and cursor.offset < ring.stop
    )
    if cursor is not None and not resumed and not use.feed.ready.is_set():
        # A process that has just started and has not read so far yet: to begin anew would be a gap.
        raise Refused(SLOW, "Kafka does not answer yet; reconnect with your cursor")
    entries: list[Entry] = []
    if resumed and cursor is not None:
        client.next_offset = cursor.offset + 1
    else:
        client.next_offset = ring.stop
        client.early = not use.feed.ready.is_set()
        newest = ring.newest(organization_id, RECENT)
        entries = [entry for entry in newest if client.wanted.wants(entry.line)]
    client.wake()
    head = {
        "type": "hello",
        "isConnected": True,
        "organizationId": organization_id,
        "resumed": resumed,
        "cursor": str(Cursor(ring.partition, client.next_offset - 1)),
        "syncStatus": status,
        "conflicts": conflicts,
    }
    events = b",".join(entry.event for entry in entries)
    return to_json(head)[:-1] + b',"events":[' + events + b"]}"


def open_now(stored: list[ConflictLine], recent: list[ConflictLine]) -> list[ConflictLine]:
    """Open conflicts: the view, corrected by newer lines that it may not have yet. What a brake
    holds is reviewed as a batch, not one by one."""
    found = {line.id: line for line in stored}
    for line in recent:
        known = found.get(line.id)
        if known is None or line.version >= known.version:
            found[line.id] = line
    still = [line for line in found.values() if line.status == "open" and not line.brake]
    return sorted(still, key=lambda line: (-line.opened_at_ms, line.id))


async def _pump(use: Services, websocket: WebSocket, client: Client) -> None:
    """Send what waits, in order, until the connection ends."""
    while True:
        await client.stirred()
        for message in client.take():
            await _send(websocket, client, message)
        await _catch_up(use, websocket, client)
        if client.closing is not None:
            return


async def _catch_up(use: Services, websocket: WebSocket, client: Client) -> None:
    """Send every line from the client's place to the newest."""
    ring = use.feed.ring_of(client.organization_id)
    while client.closing is None and client.next_offset < ring.stop:
        if client.next_offset < ring.start:
            if client.early and client.next_offset == 0:
                client.next_offset = ring.start  # greeted while Kafka was away: not all of history
                continue
            if client.live:
                client.end(SLOW, "too slow; reconnect with your cursor")
                return
            await _replay(use, websocket, client, ring.start)
            continue
        stop = ring.stop
        waiting = ring.since(client.organization_id, client.next_offset)
        if client.live and len(waiting) > BEHIND:
            client.end(SLOW, "too slow; reconnect with your cursor")
            return
        for entry in waiting[:PIECE]:
            client.next_offset = entry.cursor.offset + 1
            await _send_line(websocket, client, entry)
        if len(waiting) <= PIECE:
            client.next_offset = max(client.next_offset, stop)
    client.live = True


async def _replay(use: Services, websocket: WebSocket, client: Client, stop: int) -> None:
    """Lines older than the ring, from Kafka."""
    try:
        first = await use.feed.first_offset(client.organization_id)
        if first > client.next_offset:
            client.next_offset = first
            gap = {"type": "gap", "help": "Older events are no longer kept; load your data again."}
            await _send(websocket, client, to_json(gap))
        history = use.feed.history(client.organization_id, client.next_offset, stop)
        async with contextlib.aclosing(history) as pieces:
            async for piece in pieces:
                for entry in piece:
                    client.next_offset = entry.cursor.offset + 1
                    await _send_line(websocket, client, entry)
    except FeedAway:
        client.end(SLOW, "Kafka does not answer; reconnect with your cursor")
        return
    client.next_offset = max(client.next_offset, stop)


async def _listen(use: Services, websocket: WebSocket, client: Client) -> None:
    """Take commands until the client leaves."""
    while client.closing is None:
        text = await websocket.receive_text()
        if not client.may_command():
            client.end(1008, "too many messages")
            return
        client.put(await answered(use, client, text))


async def _send_line(websocket: WebSocket, client: Client, entry: Entry) -> None:
    if entry.line.organization_id != client.organization_id:  # the one recheck before sending
        raise RuntimeError("a line of another organisation came to a client")
    if client.wanted.wants(entry.line):
        await _send(websocket, client, b'{"type":"event","event":' + entry.event + b"}")


async def _send(websocket: WebSocket, client: Client, message: bytes) -> None:
    """One text message. A client that takes longer than SEND_S for it is too slow."""
    if client.closing is not None:
        return
    try:
        async with asyncio.timeout(SEND_S):
            await websocket.send_text(message.decode())
    except TimeoutError:
        client.end(SLOW, "too slow; reconnect with your cursor")


async def _close(websocket: WebSocket, closing: Closing) -> None:
    """Say why, if the client is still there to hear it."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
        async with asyncio.timeout(2):
            await websocket.close(closing.code, closing.reason)


async def end_revoked(use: Services) -> None:
    """Ends the connections of those who logged out, were removed, or whose key was taken away."""
    while True:
        await asyncio.sleep(REVOKED_S)
        clients: dict[Caller, list[Client]] = {}
        for organization_id in use.feed.watching():
            for watcher in use.feed.watchers(organization_id):
                if isinstance(watcher, Client):
                    clients.setdefault(watcher.caller, []).append(watcher)
        for caller, held in clients.items():
            try:
                if await still_stands(use, caller):
                    continue
            except PyMongoError:
                break  # nobody can know now; MongoDB's being away is shown
            for client in held:
                client.end(NOT_SIGNED_IN, "you are not signed in any more")


async def tell_status(use: Services) -> None:
    """Every two seconds, and at once when a server of ours goes or comes: the status of each
    watched organisation, when it has changed; else as a sign of life."""
    told: dict[str, tuple[float, SyncStatus]] = {}
    loop = asyncio.get_running_loop()
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STATUS_S):
                await use.servers.moved.wait()
        use.servers.moved.clear()
        watched = use.feed.watching()
        told = {name: found for name, found in told.items() if name in watched}
        for organization_id in watched:
            at, last = told.get(organization_id, (0.0, None))
            try:
                async with asyncio.timeout(STATUS_PATIENCE_S):
                    status = await use.status.of(organization_id)
            except PyMongoError as error:
                log.warning("no status to tell", error=repr(error))
                break
            except TimeoutError:
                if last is None:
                    continue
                status = last  # slow is not gone: still a sign of life
            same = last is not None and structs.replace(status, timestamp=last.timestamp) == last
            if same and loop.time() - at < STATUS_AGAIN_S:
                continue
            told[organization_id] = loop.time(), status
            await _tell(use, organization_id, status)
        await use.status.announce_watchers()


async def _tell(use: Services, organization_id: str, status: SyncStatus) -> None:
    """To each of its clients in the language of its page."""
    messages: dict[str, bytes] = {}
    for watcher in use.feed.watchers(organization_id):
        if not isinstance(watcher, Client):
            continue
        if watcher.language not in messages:
            with speaking(watcher.language):
                shown = use.status.said(status)
            body = {"type": "status", "isConnected": True, "syncStatus": shown}
            messages[watcher.language] = to_json(body)
        watcher.put_status(messages[watcher.language])
