"""The newest owner's epoch of each commands partition: the fence before every platform (rule 5)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from streams.database import Database

FRESH_S = 2.0
"""A partition that was elsewhere for a while may have met a newer claim there."""


class Fences(Protocol):
    """Where the newest claim is kept."""

    async def newest(self, topic: str, partition: int) -> int:
        """0 before the first claim."""
        ...

    async def raise_to(self, topic: str, partition: int, epoch: int) -> None:
        """Kept once this returns; a lower epoch changes nothing."""
        ...


class Claims:
    """In `ss_checkpoints`, because the claim's record may be committed, or expired, long before the
    sink that reads the next command was started. Errors: PyMongoError."""

    def __init__(
        self,
        database: Database,
        history: str = "",
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`history` names the log that epochs are offsets of (Kafka's cluster and the topics'
        prefix): in a new one they begin anew, and an old fence would hold everything back."""
        self._history = history
        self._checkpoints = database["ss_checkpoints"]
        self._clock = clock
        self._known: dict[tuple[str, int], tuple[float, int]] = {}

    async def newest(self, topic: str, partition: int) -> int:
        """Kept in memory for two seconds: claims reach a partition's one reader in-band."""
        held_at, known = self._known.get((topic, partition), (None, 0))
        if held_at is None or self._clock() - held_at > FRESH_S:
            found = await self._checkpoints.find_one({"_id": self._place(topic, partition)})
            known = max(known, int(found["epoch"]) if found else 0)
            self._known[topic, partition] = (self._clock(), known)
        return known

    async def raise_to(self, topic: str, partition: int, epoch: int) -> None:
        """Majority-written before any command behind the claim is carried out."""
        await self._checkpoints.update_one(
            {"_id": self._place(topic, partition)}, {"$max": {"epoch": epoch}}, upsert=True
        )
        held_at, known = self._known.get((topic, partition), (self._clock(), 0))
        self._known[topic, partition] = (held_at, max(epoch, known))

    def _place(self, topic: str, partition: int) -> str:
        return f"claim:{self._history}{topic}:{partition}"
