"""Sends webhooks: bounded, in order of asking, and able to say when all is sent."""

import asyncio
import json
from collections import deque
from collections.abc import Coroutine
from typing import Any, Protocol

import aiohttp
import httpx

Record = dict[str, Any]

CONCURRENT_DELIVERIES = 32
TIMEOUT_S = 60.0
LOG_LENGTH = 20_000


def escaped_json(value: Any) -> bytes:
    """As PHP writes it: `/` as `\\/` and everything beyond ASCII as `\\uXXXX`."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


class Network(Protocol):
    """Makes one request; answers status and text, or none when nobody could be reached.

    Redirects are never followed: the real senders count 301 and 302 as delivered.
    """

    async def ask(
        self, method: str, url: str, content: bytes, headers: dict[str, str]
    ) -> tuple[int, str] | None: ...

    async def close(self) -> None: ...


class RealNetwork:
    """By aiohttp: a delivery costs 0.12 ms of processor time here, with httpx 2.5 ms."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self, method: str, url: str, content: bytes, headers: dict[str, str]
    ) -> tuple[int, str] | None:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONCURRENT_DELIVERIES),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        try:
            async with self._session.request(
                method, url, data=content or None, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status, await answer.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


class TestNetwork:
    """By an httpx transport, so that a test can receive in its own process."""

    __test__ = False

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def ask(
        self, method: str, url: str, content: bytes, headers: dict[str, str]
    ) -> tuple[int, str] | None:
        request = httpx.Request(method, url, content=content, headers=headers)
        try:
            answer = await self._transport.handle_async_request(request)
            await answer.aread()
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
        return answer.status_code, answer.text

    async def close(self) -> None:
        """The transport is its giver's."""


class Sender:
    """Owns the network and every task that waits to send something."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.network: Network = RealNetwork() if transport is None else TestNetwork(transport)
        self._tasks: set[asyncio.Task[None]] = set()
        self.slots = asyncio.Semaphore(CONCURRENT_DELIVERIES)
        self.log: deque[Record] = deque(maxlen=LOG_LENGTH)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Until nothing waits and nothing is on its way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.network.close()

    async def post(self, url: str, content: bytes, headers: dict[str, str]) -> int | None:
        """The receiver's status, or none when it could not be reached."""
        answer = await self.network.ask("POST", url, content, headers)
        return None if answer is None else answer[0]

    def note(self, **entry: Any) -> None:
        self.log.append(entry)
