"""One live client: what it wants, what waits for it, and when it is too slow to be kept."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.deps import Caller
from api.shapes import LiveConflict, live_conflict, to_json
from schemas.feed import ConflictLine, FeedLine

OUTBOX = 256
"""Answers and conflicts that may wait for one client."""
BEHIND = 1_000
"""Feed lines that may wait for one client once it is live; they wait in the shared ring."""
SLOW = 1013
"""Close code "try again later": reconnect with the cursor."""
HELD = b'{"type":"batches"}'
"""Something a brake holds has changed: look at GET /api/batches."""
COMMANDS_PER_S = 10.0
BURST = 40.0

Names = Annotated[list[Annotated[str, StringConstraints(max_length=300)]], Field(max_length=200)]


class Subscription(BaseModel):
    """What a client wants; an empty list is everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    types: Names = []
    entities: Names = []
    sources: Names = []

    def wants(self, line: FeedLine) -> bool:
        """Whether the line is for this client."""
        return (
            (not self.types or line.type in self.types)
            and (not self.entities or line.entity_id in self.entities)
            and (not self.sources or line.source in self.sources or line.replica in self.sources)
        )

    def wants_conflict(self, line: ConflictLine) -> bool:
        """The same for a conflict; its sources are its candidates."""
        return (
            (not self.types or line.type in self.types)
            and (not self.entities or line.entity_id in self.entities)
            and (not self.sources or not set(self.sources).isdisjoint(line.candidates))
        )


class Message(BaseModel):
    """What a client may send. One shape for all: `type` says which names count."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    type: Literal["connect", "subscribe", "forceSync", "resolveConflict", "undoConflict", "ping"]
    request_id: Annotated[str, Field(max_length=100)] = Field("", alias="requestId")
    ticket: Annotated[str, Field(max_length=200)] = ""
    cursor: Annotated[str, Field(max_length=40)] = ""
    subscribe: Subscription | None = None
    entity_type: (
        Literal["product", "variation", "inventory", "order", "customer", "message"] | None
    ) = Field(None, alias="entityType")
    entity_id: Annotated[str, Field(max_length=300)] | None = Field(None, alias="entityId")
    conflict_id: Annotated[str, Field(max_length=600)] = Field("", alias="conflictId")
    resolution: str = ""
    side: Annotated[str, Field(max_length=100)] = ""
    value: Any = None
    candidates: dict[str, Any] | None = None
    version: int | None = None


@dataclass(frozen=True)
class Closing:
    """Why a connection ends."""

    code: int
    reason: str


class Client:
    """The state of one connection; knows nothing of sockets. A `Watcher` of the feed."""

    def __init__(self, caller: Caller, wanted: Subscription, language: str = "en") -> None:
        self.caller = caller
        self.organization_id = caller.organization_id
        self.language = language
        self.wanted = wanted
        self.next_offset = 0
        """The first line it has not been sent."""
        self.early = False
        """It was greeted before the feed was read, and begins where the feed then does."""
        self.live = False
        """Has caught up once; from then on falling far behind ends it."""
        self.closing: Closing | None = None
        self._outbox: deque[bytes] = deque()
        self._status = b""
        self._held = False
        self._stirred = asyncio.Event()
        self._allowance = BURST
        self._counted_at = time.monotonic()

    def wake(self) -> None:
        """There are new lines."""
        self._stirred.set()

    async def stirred(self) -> None:
        """Returns when there is something to do."""
        await self._stirred.wait()
        self._stirred.clear()

    def conflict(self, line: ConflictLine) -> None:
        """A conflict opened, changed or was resolved. Those of a brake come by the hundred: of them
        a client is told only that there is something new to review."""
        if not self.wanted.wants_conflict(line):
            return
        if line.brake:
            self._held = True
            self._stirred.set()
        else:
            shown: LiveConflict = live_conflict(line)
            self.put({"type": "conflict", "conflict": shown})

    def put(self, message: dict[str, Any]) -> None:
        """Queue a message; too many of them end the connection."""
        if len(self._outbox) >= OUTBOX:
            self.end(SLOW, "too slow; reconnect with your cursor")
            return
        self._outbox.append(to_json(message))
        self._stirred.set()

    def put_status(self, message: bytes) -> None:
        """Queue the status; only the newest counts."""
        self._status = message
        self._stirred.set()

    def take(self) -> list[bytes]:
        """What waits, in order, and forget it."""
        found = list(self._outbox)
        self._outbox.clear()
        if self._status:
            found.append(self._status)
            self._status = b""
        if self._held:
            found.append(HELD)
            self._held = False
        return found

    def end(self, code: int, reason: str) -> None:
        """Close as soon as the pump sees it."""
        self.closing = self.closing or Closing(code, reason)
        self._stirred.set()

    def may_command(self) -> bool:
        """A bucket of BURST commands that fills with COMMANDS_PER_S."""
        now = time.monotonic()
        self._allowance = min(BURST, self._allowance + (now - self._counted_at) * COMMANDS_PER_S)
        self._counted_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True
