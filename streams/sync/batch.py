"""What the agent collects while it works on a chunk, and when it looks at an entity again."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from schemas.context import Step
from streams.kafka import Incoming, Outgoing
from streams.sync.context import Context
from streams.sync.record import Record


@dataclass
class Due:
    """Which entities want to be looked at, and when."""

    heap: list[tuple[int, bytes]] = field(default_factory=list)
    at: dict[bytes, int] = field(default_factory=dict)

    def set(self, key: bytes, due_at_ms: int | None) -> None:
        """Look at this entity then; None: no need to."""
        if due_at_ms is None:
            self.at.pop(key, None)
        elif self.at.get(key) != due_at_ms:
            self.at[key] = due_at_ms
            heapq.heappush(self.heap, (due_at_ms, key))

    def pop(self, now_ms: int, most: int) -> list[bytes]:
        """Those whose time has come, at most so many."""
        found: list[bytes] = []
        while self.heap and self.heap[0][0] <= now_ms and len(found) < most:
            due_at_ms, key = heapq.heappop(self.heap)
            if self.at.get(key) == due_at_ms:
                del self.at[key]
                found.append(key)
        return found


@dataclass
class Change:
    """What a batch does to one entity."""

    before: Record | None
    record: Record | None = None
    sent: list[Outgoing] = field(default_factory=list)
    arrivals: list[Incoming] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    context: Context | None = None
    """Of the last step."""


@dataclass
class Batch:
    """What one chunk leads to."""

    partition: int
    now_ms: int
    changes: dict[bytes, Change] = field(default_factory=dict)

    def change(self, key: bytes, before: Record | None) -> Change:
        """Of this entity; `before` the batch it was so."""
        found = self.changes.get(key)
        if found is None:
            found = self.changes[key] = Change(before)
        return found
