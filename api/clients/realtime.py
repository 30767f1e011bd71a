"""The live client for Python: the names of `useRealTimeSync`, asynchronous.

    async with RealTimeSync("http://127.0.0.1:3000", "default", api_key) as sync:
        async for event in sync.events():
            print(event.kind, event.label, event.data)

Events come once and in order, over lost connections too. Commands go over HTTP, so they work while
events are waiting to be read. docs/websocket.md tells the protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidURI,
    WebSocketException,
)
from websockets.typing import Subprotocol

from schemas.event import QueuedEvent
from schemas.live import LiveConflict, LiveEvent, SyncStatus, read_cursor

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 15.0
HELLO_S = 15.0
REQUEST_S = 30.0
PING_S = 6.0
"""A connection that does not answer for so long is dead."""
MOST_EVENTS = 200
"""Kept in `recent`."""
UNREAD = 1_000
"""Events that wait for `events()`; then reading pauses, and the cursor catches up later."""
MOST_BYTES = 32_000_000
"""Of one message; hello is the largest."""
PROTOCOL = Subprotocol("smartstore.v1")
LOOPBACK = ("127.0.0.1", "localhost", "::1")

TicketGetter = Callable[[], Awaitable[str]]


class SyncError(Exception):
    """What went wrong, in words; `problem` is the server's own document (RFC 9457), if it sent
    one. Trying again helps where `permanent` is false."""

    def __init__(
        self, message: str, problem: Mapping[str, Any] | None = None, *, permanent: bool = False
    ) -> None:
        super().__init__(message)
        self.problem = dict(problem or {})
        self.permanent = permanent


class RealTimeSync:
    """One live connection that keeps itself alive. Use as a context manager, or `connect`,
    `disconnect` and `aclose`. Give an API key, or `ticket`: a coroutine function that fetches one.
    `on_state` is told of each connection and of each loss, with the reason."""

    def __init__(
        self,
        url: str,
        organization_id: str = "",
        api_key: str = "",
        *,
        ticket: TicketGetter | None = None,
        types: Iterable[str] = (),
        entities: Iterable[str] = (),
        sources: Iterable[str] = (),
        cursor: str = "",
        on_state: Callable[[bool, str], None] = lambda connected, why: None,
    ) -> None:
        self.is_connected = False
        self.sync_status: SyncStatus | None = None
        self.recent: deque[LiveEvent] = deque(maxlen=MOST_EVENTS)
        """The newest events, newest first."""
        self.error = ""
        """Why there is no connection."""
        self.gaps = 0
        """How often events were no longer kept for us: load your data again."""
        self.cursor = cursor
        """Of the newest event that arrived. To go on in another process keep the `cursor` of the
        last event that you have dealt with."""
        self._organization_id = organization_id
        self._filter = {"types": [*types], "entities": [*entities], "sources": [*sources]}
        self._conflicts: dict[str, LiveConflict] = {}
        self._ticket = ticket or self._fetch_ticket
        self._on_state = on_state
        self._address = _websocket_address(url)
        host = urlsplit(url).hostname or ""
        self._proxy: Literal[True] | None = None if host in LOOPBACK else True
        self._web = httpx.AsyncClient(
            base_url=_http_address(url),
            headers={"authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=REQUEST_S,
            trust_env=host not in LOOPBACK,
        )
        self._task: asyncio.Task[None] | None = None
        self._greeted: asyncio.Future[None] | None = None
        self._unread: asyncio.Queue[LiveEvent | SyncError] = asyncio.Queue(UNREAD)
        self._reading = bool(cursor)

    @property
    def conflicts(self) -> tuple[LiveConflict, ...]:
        """Open ones, newest first."""
        found = self._conflicts.values()
        return tuple(sorted(found, key=lambda one: (one.opened_at, one.id), reverse=True))

    async def __aenter__(self) -> RealTimeSync:
        try:
            await self.connect()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """The end: no `connect` after this."""
        await self.disconnect()
        await self._web.aclose()

    async def connect(self) -> None:
        """Returns after the server's first word; from then on the connection is kept. Raises
        SyncError where there is no first word."""
        if self._task is not None:
            return
        self._greeted = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(), name="smartstore-live")
        try:
            await self._greeted
        except BaseException:
            await self.disconnect()
            raise

    async def disconnect(self) -> None:
        """End the connection; `connect` goes on from the same place."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.is_connected = False

    def events(self) -> AsyncGenerator[LiveEvent, None]:
        """Each event from now on (or from the cursor given at first), once and in order. One
        reader; it ends with SyncError where the server will never let us in again."""
        self._reading = True
        return self._events()

    async def _events(self) -> AsyncGenerator[LiveEvent, None]:
        while True:
            found = await self._unread.get()
            if isinstance(found, SyncError):
                raise found
            yield found

    # Commands: the server's answer as it is on the wire. They raise SyncError.

    async def force_sync(self, entity_type: str = "", entity_id: str = "") -> dict[str, Any]:
        """Read every platform again and send what is owed; answers with the job."""
        body = {"type": entity_type or None, "entityId": entity_id or None}
        return await self._ask("/api/sync/force", body)

    async def resolve_conflict(
        self,
        conflict_id: str,
        resolution: str,
        value: Any = None,
        *,
        side: str = "",
        version: int | None = None,
    ) -> dict[str, Any]:
        """Decide: `local`, `remote`, `merge`, `newest`, `keep` (with `side`), `manual` (with
        `value`). `version` is the one that was looked at; default: the one known here."""
        known = self._conflicts.get(conflict_id)
        seen = version if version is not None else known and known.version
        body = {"resolution": resolution, "value": value, "side": side, "version": seen}
        return await self._decide(conflict_id, "resolve", body)

    async def undo_conflict(self, conflict_id: str) -> dict[str, Any]:
        """Take a decision back."""
        return await self._decide(conflict_id, "undo", {})

    async def _decide(self, conflict_id: str, word: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = await self._ask(f"/api/conflicts/{quote(conflict_id)}/{word}", body)
        self._moved(msgspec.convert(answer["conflict"], LiveConflict))
        return answer

    async def queue_event(self, event: QueuedEvent | Mapping[str, Any]) -> dict[str, Any]:
        """Say what should be; the same id counts once, so trying again is safe."""
        body = event.to_wire() if isinstance(event, QueuedEvent) else dict(event)
        if self._organization_id:
            body.setdefault("organizationId", self._organization_id)
        return await self._ask("/api/events", body)

    async def _ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = await self._web.post(path, json=body)
            found: dict[str, Any] = answer.json() if answer.content else {}
        except (httpx.HTTPError, ValueError) as error:
            raise SyncError(f"no answer from {self._web.base_url}: {error!r}") from error
        if answer.is_success:
            return found
        said = found.get("detail") or found.get("title") or f"HTTP {answer.status_code}"
        raise SyncError(str(said), found, permanent=answer.status_code in (401, 403, 404))

    async def _fetch_ticket(self) -> str:
        return str((await self._ask("/api/ws/ticket", {}))["ticket"])

    # The connection

    async def _run(self) -> None:
        """Connect, read until it is lost, wait a little longer each time."""
        failures = 0
        while True:
            try:
                async with contextlib.aclosing(self._messages()) as messages:
                    async for message in messages:
                        failures = 0
                        await self._take(message)
                self.error = "the server closed the connection"
            except SyncError as error:
                self.error = str(error)
                self._refuse(error)
                if error.permanent:
                    self._lost()
                    await self._unread.put(error)
                    return
            except (OSError, TimeoutError, WebSocketException) as error:
                self.error = _words(error)
                self._refuse(SyncError(f"cannot connect to {self._address}: {self.error}"))
            self._lost()
            wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(failures, 10))
            failures += 1
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads clients

    def _lost(self) -> None:
        if self.is_connected:
            self.is_connected = False
            self._on_state(False, self.error)

    def _refuse(self, error: SyncError) -> None:
        """Whoever waits for the first word learns that there is none."""
        if self._greeted is not None and not self._greeted.done():
            self._greeted.set_exception(error)

    async def _messages(self) -> AsyncGenerator[dict[str, Any], None]:
        """Messages of one connection, hello first."""
        ticket = await self._ticket()
        try:
            opened = await connect(
                self._address,
                subprotocols=[PROTOCOL],
                proxy=self._proxy,
                max_size=MOST_BYTES,
                ping_interval=PING_S,
                ping_timeout=PING_S,
            )
        except (InvalidHandshake, InvalidURI) as error:
            raise SyncError(f"cannot connect to {self._address}: {error}") from error
        async with contextlib.aclosing(_Closing(opened)):
            first = {
                "type": "connect",
                "ticket": ticket,
                "cursor": self.cursor,
                "subscribe": self._filter,
            }
            await opened.send(msgspec.json.encode(first).decode())
            async with asyncio.timeout(HELLO_S):
                message = msgspec.json.decode(await opened.recv())
                while message["type"] != "hello":
                    message = msgspec.json.decode(await opened.recv())
            yield message
            async for text in opened:
                yield msgspec.json.decode(text)

    async def _take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "hello":
                self._hello(message)
            case "event":
                await self._add(msgspec.convert(message["event"], LiveEvent))
            case "conflict":
                self._moved(msgspec.convert(message["conflict"], LiveConflict))
            case "status":
                self.sync_status = msgspec.convert(message["syncStatus"], SyncStatus)
            case "gap":
                self.gaps += 1

    def _hello(self, message: dict[str, Any]) -> None:
        theirs = message["organizationId"]
        if self._organization_id and theirs != self._organization_id:
            raise SyncError(f"the key is of another organisation, {theirs}", permanent=True)
        self.sync_status = msgspec.convert(message["syncStatus"], SyncStatus)
        conflicts = msgspec.convert(message["conflicts"], list[LiveConflict])
        self._conflicts = {one.id: one for one in conflicts}
        if not message["resumed"]:
            self.gaps += bool(self.cursor)
            self.cursor = message["cursor"]
            self.recent.clear()
            self.recent.extendleft(msgspec.convert(message["events"], list[LiveEvent]))
        self.is_connected, self.error = True, ""
        self._on_state(True, "")
        if self._greeted is not None and not self._greeted.done():
            self._greeted.set_result(None)

    async def _add(self, event: LiveEvent) -> None:
        place, known = read_cursor(event.cursor), read_cursor(self.cursor)
        if place and known and place.partition == known.partition and place <= known:
            return  # the server begins too early after a restart in the wrong moment
        if self._reading:
            await self._unread.put(event)
        self.cursor = event.cursor  # not before: who is cancelled meanwhile is sent it again
        self.recent.appendleft(event)

    def _moved(self, conflict: LiveConflict) -> None:
        known = self._conflicts.get(conflict.id)
        if known is not None and known.version > conflict.version:
            return
        if conflict.status == "open":
            self._conflicts[conflict.id] = conflict
        else:
            self._conflicts.pop(conflict.id, None)


class _Closing:
    """Closes at once: waiting for the other side's farewell would hold up Ctrl-C."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def aclose(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._connection.close()


def _words(error: Exception) -> str:
    """Why a connection is lost: the other side's own reason, where it gave one."""
    if isinstance(error, ConnectionClosed):
        said = error.rcvd.reason if error.rcvd else ""
        return said or "the server went away"
    return str(error) or type(error).__name__


def _http_address(url: str) -> str:
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return urlunsplit((scheme, parts.netloc, "", "", ""))


def _websocket_address(url: str) -> str:
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in ("ws", "wss") or not parts.netloc:
        raise SyncError(f"{url} is no address: https://your-smartstore", permanent=True)
    return urlunsplit((scheme, parts.netloc, parts.path if parts.path not in ("", "/") else "/ws",
                       "", ""))  # fmt: skip
