"""Sends webhooks: bounded, in order of asking, and able to say when all is sent."""

import asyncio
import json
from collections import deque
from collections.abc import Coroutine
from typing import Any

import httpx

Record = dict[str, Any]

CONCURRENT_DELIVERIES = 32
TIMEOUT_S = 60.0
LOG_LENGTH = 20_000


def escaped_json(value: Any) -> bytes:
    """As PHP writes it: `/` as `\\/` and everything beyond ASCII as `\\uXXXX`."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


class Sender:
    """Owns the HTTP client and every task that waits to send something."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
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
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def client(self) -> httpx.AsyncClient:
        if self._client is None:
            limits = httpx.Limits(
                max_connections=CONCURRENT_DELIVERIES,
                max_keepalive_connections=CONCURRENT_DELIVERIES,
            )
            # Redirects are not followed: the real senders count 301 and 302 as delivered.
            self._client = httpx.AsyncClient(
                transport=self._transport, timeout=TIMEOUT_S, limits=limits, trust_env=False
            )
        return self._client

    async def post(self, url: str, content: bytes, headers: dict[str, str]) -> int | None:
        """The receiver's status, or none when it could not be reached."""
        try:
            answer = await self.client().post(url, content=content, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
        return answer.status_code

    def note(self, **entry: Any) -> None:
        self.log.append(entry)
