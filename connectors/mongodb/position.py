"""Where the change stream stands: one row of `ss_checkpoints`, which status pages read too.

    {_id: "cdc", token, phase: "snapshot" | "streaming", resnapshot, collection, after,
     eventAtMs, lagMs, savedAtMs, counts: {published, withoutOrganization}}

`token` is MongoDB's resume token; while a snapshot runs it is the one taken before it began, and
`collection` and `after` are the last page's collection and `_id`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

ROW = "cdc"


@dataclass(frozen=True)
class Position:
    """A place to go on from."""

    token: Mapping[str, Any] | None = None
    phase: str = "snapshot"
    resnapshot: bool = False
    """A snapshot after the first: what is no longer there must be noticed."""
    collection: str = ""
    after: Any = None
    event_at_ms: int = 0
    """Cluster time of the last event that Kafka acknowledged."""
    lag_ms: int = 0
    """How old that event was when Kafka had it; 0 when there was nothing more to read."""
    counts: Mapping[str, int] = field(default_factory=dict)

    def moved(self, **changes: Any) -> Position:
        """The same with changes."""
        return replace(self, **changes)


class Positions:
    """Errors: PyMongo's own."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], row_id: str = ROW) -> None:
        self._rows = database["ss_checkpoints"]
        self._row_id = row_id

    async def load(self) -> Position | None:
        """None before the first start."""
        row = await self._rows.find_one({"_id": self._row_id})
        if row is None:
            return None
        return Position(
            token=row.get("token"),
            phase=row.get("phase", "snapshot"),
            resnapshot=bool(row.get("resnapshot")),
            collection=row.get("collection", ""),
            after=row.get("after"),
            event_at_ms=int(row.get("eventAtMs", 0)),
            counts=row.get("counts", {}),
        )

    async def save(self, position: Position, now_ms: int) -> None:
        """Returns once a majority has it."""
        await self._rows.replace_one(
            {"_id": self._row_id},
            {
                "token": position.token,
                "phase": position.phase,
                "resnapshot": position.resnapshot,
                "collection": position.collection,
                "after": position.after,
                "eventAtMs": position.event_at_ms,
                "lagMs": position.lag_ms,
                "savedAtMs": now_ms,
                "counts": dict(position.counts),
            },
            upsert=True,
        )
