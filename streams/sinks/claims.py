"""The newest owner's epoch of each commands partition: the fence before every platform (rule 5)."""

from __future__ import annotations

from typing import Protocol

from streams.database import Database


class Claims(Protocol):
    """Where the newest claim is kept."""

    async def newest(self, topic: str, partition: int) -> int:
        """0 before the first claim."""
        ...

    async def raise_to(self, topic: str, partition: int, epoch: int) -> None:
        """Kept once this returns; a lower epoch changes nothing."""
        ...


class StoredClaims:
    """In `ss_checkpoints`, because the claim's record may be committed, or expired, long before the
    sink that reads the next command was started."""

    def __init__(self, database: Database) -> None:
        self._checkpoints = database["ss_checkpoints"]
        self._known: dict[tuple[str, int], int] = {}

    async def newest(self, topic: str, partition: int) -> int:
        """Read on first use, then in memory: claims reach a partition's one reader in-band."""
        known = self._known.get((topic, partition))
        if known is None:
            found = await self._checkpoints.find_one({"_id": _place(topic, partition)})
            known = int(found["epoch"]) if found else 0
            self._known[topic, partition] = max(known, self._known.get((topic, partition), 0))
        return self._known[topic, partition]

    async def raise_to(self, topic: str, partition: int, epoch: int) -> None:
        """Majority-written before any command behind the claim is carried out."""
        await self._checkpoints.update_one(
            {"_id": _place(topic, partition)}, {"$max": {"epoch": epoch}}, upsert=True
        )
        self._known[topic, partition] = max(epoch, self._known.get((topic, partition), 0))

    def forget(self) -> None:
        """After a rebalance: another reader may have seen a newer claim."""
        self._known.clear()


def _place(topic: str, partition: int) -> str:
    return f"claim:{topic}:{partition}"
