"""`python -m runtime.chaos.crowd`: many WebSocket clients in a process of their own.

Its input is one line of JSON ({"url", "websocket", "groups": [{"key", "count"}], "silent"}: the
last so many of the first group never read what they are sent), its first line of output who got in
({"connected", "refused", "seconds", "ports"}: the silent ones' ports). After a second line of
input, or at its end, it waits until nobody hears anything new and tells what came:
{"lines", "missing", "repeated", "disordered", "ended", "p50_ms", "p99_ms", "max_ms"}. The delay of
a message is from its arrival at the first of a group to its arrival at another.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import statistics
import sys
import time
from array import array
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
import uvloop

AT_ONCE = 100
SMALL = 4_096
"""Bytes that the kernel keeps for a client that does not read."""
QUIET_S = 3.0
QUIET_WITHIN_S = 60.0
MOST_BYTES = 32_000_000
ATTEMPTS = 3


class _Event(msgspec.Struct):
    cursor: str = ""


class _Message(msgspec.Struct):
    type: str
    event: _Event | None = None


_decoder = msgspec.json.Decoder(_Message)


@dataclass(eq=False)
class Group:
    """Clients of one organisation; all of them must be sent the same."""

    key: str
    count: int
    numbers: dict[str, int] = field(default_factory=dict)
    """Cursor to its place, in the order of first arrivals."""
    first_s: list[float] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)


@dataclass(eq=False)
class Client:
    """One that reads."""

    group: Group
    heard: array[int] = field(default_factory=lambda: array("l"))
    ended: int = 0
    """The code that the server closed it with."""


class Crowd:
    """All of them."""

    def __init__(self, session: aiohttp.ClientSession, told: dict[str, Any]) -> None:
        self._session = session
        self._url = told["url"]
        self._websocket = told["websocket"]
        self.groups = [Group(one["key"], one["count"]) for one in told["groups"]]
        self.silent = told.get("silent", 0)
        self.refused = 0
        self.held: list[aiohttp.ClientWebSocketResponse] = []
        self.ports: list[int] = []
        self.delays = array("d")
        self.latest_s = time.monotonic()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._reading: set[asyncio.Task[None]] = set()

    async def gather(self) -> None:
        """Everybody connects."""
        for group in self.groups:
            places = range(group.count)
            silent = self.silent if group is self.groups[0] else 0
            await asyncio.gather(
                *(self._join(group, silent=place >= group.count - silent) for place in places)
            )

    async def _join(self, group: Group, *, silent: bool) -> None:
        async with self._turns:
            for _ in range(ATTEMPTS):
                with suppress(aiohttp.ClientError, TimeoutError, OSError):
                    if await self._greeted(group, silent=silent):
                        return
            self.refused += 1

    async def _greeted(self, group: Group, *, silent: bool) -> bool:
        url = f"{self._url}/api/ws/ticket"
        async with self._session.post(url, headers={"X-API-Key": group.key}) as answer:
            answer.raise_for_status()
            ticket = (await answer.json())["ticket"]
        connection = await self._session.ws_connect(
            f"{self._websocket}/ws", compress=0, max_msg_size=MOST_BYTES
        )
        await connection.send_json({"type": "connect", "ticket": ticket})
        if silent:
            opened = connection.get_extra_info("socket")
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
            self.ports.append(opened.getsockname()[1])
            self.held.append(connection)  # its pings are not answered either
            return True
        client = Client(group)
        first = await connection.receive(timeout=30)
        if first.type is not aiohttp.WSMsgType.TEXT:
            await connection.close()
            return False
        group.clients.append(client)
        reading = asyncio.create_task(self._read(client, connection))
        self._reading.add(reading)
        reading.add_done_callback(self._reading.discard)
        return True

    async def _read(self, client: Client, connection: aiohttp.ClientWebSocketResponse) -> None:
        group = client.group
        async for message in connection:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            told = _decoder.decode(message.data)
            if told.type != "event" or told.event is None:
                continue
            now_s = time.monotonic()
            place = group.numbers.setdefault(told.event.cursor, len(group.first_s))
            if place == len(group.first_s):
                group.first_s.append(now_s)
            client.heard.append(place)
            self.delays.append(now_s - group.first_s[place])
            self.latest_s = now_s
        client.ended = connection.close_code or 1006

    async def quiet(self) -> None:
        """Nobody has heard anything for a while."""
        end_s = time.monotonic() + QUIET_WITHIN_S
        self.latest_s = time.monotonic()
        while time.monotonic() < min(end_s, self.latest_s + QUIET_S):  # noqa: ASYNC110 no event
            await asyncio.sleep(0.2)

    def told(self) -> dict[str, Any]:
        """What came."""
        found = {"lines": 0, "messages": 0, "missing": 0, "repeated": 0, "disordered": 0}
        ended = 0
        for group in self.groups:
            found["lines"] += len(group.first_s)
            for client in group.clients:
                if client.ended:
                    ended += 1
                    continue
                different = set(client.heard)
                found["messages"] += len(client.heard)
                found["missing"] += len(group.first_s) - len(different)
                found["repeated"] += len(client.heard) - len(different)
                found["disordered"] += list(client.heard) != sorted(client.heard)
        cuts = statistics.quantiles(self.delays, n=100) if len(self.delays) > 1 else [0.0] * 99
        return {
            **found,
            "ended": ended,
            "p50_ms": round(cuts[49] * 1000),
            "p99_ms": round(cuts[98] * 1000),
            "max_ms": round(max(self.delays, default=0.0) * 1000),
        }


async def run() -> None:
    """The whole course; see the module."""
    lines = await _input()
    told = json.loads(await lines.readline())
    began_s = time.monotonic()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        crowd = Crowd(session, told)
        await crowd.gather()
        _say(
            {
                "connected": sum(len(group.clients) for group in crowd.groups) + len(crowd.held),
                "refused": crowd.refused,
                "seconds": round(time.monotonic() - began_s, 1),
                "ports": crowd.ports,
            }
        )
        await lines.readline()
        await crowd.quiet()
        _say(crowd.told())


async def _input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=MOST_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _say(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def main() -> None:
    """As many files as this process may open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(run())


if __name__ == "__main__":
    main()
