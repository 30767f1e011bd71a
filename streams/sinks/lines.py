"""Connections as a sink keeps them: one client each, its breaker, and the calls through both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from connectors.errors import ConnectorError, Paused, Retry
from connectors.protocol import Answer, Client, Connection, Connector, Links, StateCommand
from schemas.command import Perform, Read
from streams.sinks.breaker import Breaker

BATCH = 100
"""Commands a call: the plugin's route takes no more. A client may say otherwise (`at_once`)."""
DEADLINE_S = 10.0
"""For all of a chunk's commands to one connection; what is left is asked for again."""
PAUSE_S = 60.0
"""Between looks at a connection that only a person can mend."""
EFFECTS_AT_ONCE = 16


class Connections(Protocol):
    """Who is connected (`streams.directory`)."""

    async def connection(self, organization_id: str, replica: str) -> Connection | None:
        """Secrets decrypted; None when there is none of this name."""
        ...

    async def save_capabilities(
        self, organization_id: str, replica: str, found: Mapping[str, str]
    ) -> None:
        """Keep what was found."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """An answer with the time to try again, where that is known."""

    answer: Answer
    retry_at_ms: int | None = None


@dataclass
class Line:
    """One connection in use."""

    connection: Connection
    client: Client | None
    clock_ms: Callable[[], int]
    breaker: Breaker = field(default_factory=Breaker)

    async def apply(self, commands: Sequence[StateCommand], links: Links) -> list[Said]:
        """An answer to each command; never raises for a platform out of reach."""
        found: list[Said] = []
        loop = asyncio.get_running_loop()
        deadline = loop.time() + DEADLINE_S
        size = getattr(self.client, "at_once", BATCH)
        for start in range(0, len(commands), size):
            batch = commands[start : start + size]
            left = deadline - loop.time()
            if left <= 0:
                found += self._later(batch, "the platform is slow; asked for again in turn", 1.0)
            else:
                found += await self._batch(batch, links, left)
        return found

    async def _batch(
        self, batch: Sequence[StateCommand], links: Links, left_s: float
    ) -> list[Said]:
        now_ms = self.clock_ms()
        if self.client is None or not self.breaker.closed(now_ms):
            return self._shut(batch)
        if not self.connection.active and not all(isinstance(one, Read) for one in batch):
            return self._later(batch, "the connection is paused", PAUSE_S)
        try:
            async with asyncio.timeout(left_s):
                answers = await self.client.apply(batch, links)
        except Paused as error:
            again_ms = self.breaker.pause(self.clock_ms(), str(error), PAUSE_S)
            return [Said(Answer("retry", reason=str(error)), again_ms) for _ in batch]
        except (Retry, TimeoutError) as error:
            wait_s = error.retry_after_s if isinstance(error, Retry) else None
            reason = str(error) or "no answer in time"
            again_ms = self.breaker.failed(self.clock_ms(), reason, wait_s)
            return [Said(Answer("retry", reason=reason), again_ms) for _ in batch]
        self.breaker.succeeded()
        return [self._said(answer) for answer in answers]

    async def perform(self, command: Perform) -> Said:
        """One effect, already claimed. `unknown` where nobody can tell."""
        now_ms = self.clock_ms()
        if self.client is None or not self.breaker.closed(now_ms):
            return self._shut([command])[0]
        if not self.connection.active:
            return self._later([command], "the connection is paused", PAUSE_S)[0]
        try:
            async with asyncio.timeout(DEADLINE_S):
                answer = await self.client.perform(command)
        except Paused as error:
            again_ms = self.breaker.pause(self.clock_ms(), str(error), PAUSE_S)
            return Said(Answer("retry", reason=str(error)), again_ms)
        except Retry as error:
            again_ms = self.breaker.failed(self.clock_ms(), str(error), error.retry_after_s)
            return Said(Answer("retry", reason=str(error)), again_ms)
        except TimeoutError:
            self.breaker.failed(self.clock_ms(), "no answer in time")
            return Said(Answer("unknown", reason="no answer in time"))
        if answer.result not in ("retry", "unknown"):
            self.breaker.succeeded()
        return self._said(answer)

    def _said(self, answer: Answer) -> Said:
        wait_s = answer.retry_after_s
        if answer.result != "retry" or wait_s is None:
            return Said(answer)
        return Said(answer, self.clock_ms() + int(1000 * wait_s))

    def _shut(self, batch: Sequence[object]) -> list[Said]:
        answer = Answer("retry", reason=self.breaker.reason)
        return [Said(answer, self.breaker.open_until_ms) for _ in batch]

    def _later(self, batch: Sequence[object], reason: str, wait_s: float) -> list[Said]:
        again_ms = self.clock_ms() + int(1000 * wait_s)
        return [Said(Answer("retry", reason=reason), again_ms) for _ in batch]


class Lines:
    """All connections of one platform that a sink has written to."""

    def __init__(
        self, connector: Connector, connections: Connections, clock_ms: Callable[[], int]
    ) -> None:
        self._connector = connector
        self._connections = connections
        self._clock_ms = clock_ms
        self._lines: dict[tuple[str, str], Line] = {}
        self._opening = asyncio.Lock()

    async def line(self, organization_id: str, replica: str) -> Line | None:
        """The connection in use, made anew when its settings or secrets have changed; None when it
        was removed."""
        connection = await self._connections.connection(organization_id, replica)
        place = (organization_id, replica)
        held = self._lines.get(place)
        if held is not None and held.connection == connection:
            return held
        async with self._opening:
            held = self._lines.get(place)
            if held is not None and held.connection == connection:
                return held
            self._lines.pop(place, None)
            if held is not None and held.client is not None:
                await held.client.close()
            if connection is None:
                return None
            self._lines[place] = await self._open(connection)
            return self._lines[place]

    async def _open(self, connection: Connection) -> Line:
        line = Line(connection, None, self._clock_ms)
        try:
            line.client = self._connector.client(connection)
        except Paused as error:
            line.breaker.pause(self._clock_ms(), str(error), PAUSE_S)
            return line
        try:
            async with asyncio.timeout(DEADLINE_S):
                found = await self._connector.capabilities(connection)
        except (ConnectorError, TimeoutError):
            # The first write will tell; what was found earlier stays.
            return line
        await self._connections.save_capabilities(
            connection.organization_id, connection.replica, found
        )
        return line

    async def close(self) -> None:
        """Let go of every connection."""
        lines, self._lines = list(self._lines.values()), {}
        for line in lines:
            if line.client is not None:
                await line.client.close()
