"""What people look at, kept in MongoDB: the projector of topic `conflicts` into `ss_conflicts`.

Each row carries the exact JSON of its line (`line`): values of a shop may be of any shape, and a
view must not change one. Names beside it are there to be found by.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from pymongo import UpdateOne

from schemas.codec import Undecodable, decode
from schemas.feed import ConflictLine
from streams.database import Database, Document
from streams.kafka.records import Incoming
from streams.projecting import project

AUTOMATIC_KEPT = timedelta(days=90)
"""What rules decided is listed for so long: there may be thousands a day."""
SUGGESTION = "suggestion"
"""`by` of what a suggestion decided by itself."""

Park = Callable[[Incoming, str], Awaitable[None]]
"""Put a record into the dead letter with its reason; returns once that is acknowledged."""


def row_id(organization_id: str, conflict_id: str) -> str:
    """`_id` in `ss_conflicts`: an id of one organisation can never meet another's."""
    return f"{organization_id}/{conflict_id}"


class ConflictViews:
    """The handler of topic `conflicts`: upsert by conflict, never back to an older version."""

    def __init__(self, database: Database, park: Park) -> None:
        self._rows = database["ss_conflicts"]
        self._park = park

    async def handle(self, chunk: Sequence[Incoming]) -> None:
        """Returns when every line is in the view. Raises PyMongoError after PATIENCE_S without
        it."""
        newest: dict[str, tuple[ConflictLine, bytes]] = {}
        for record in chunk:
            if not record.value:
                continue  # a tombstone of compaction: the resolved row stays for history
            try:
                line = decode(record.value, ConflictLine)
            except Undecodable as error:
                await self._park(record, f"Not a conflict line: {error}")
                continue
            place = row_id(line.organization_id, line.id)
            known = newest.get(place)
            if known is None or line.version >= known[0].version:
                newest[place] = line, record.value
        writes = [_upsert(place, *found) for place, found in newest.items()]
        await project(self._rows, writes)


def _upsert(place: str, line: ConflictLine, raw: bytes) -> UpdateOne:
    sides = list(line.candidates)
    row: Document = {
        "organizationId": line.organization_id,
        "type": line.type,
        "entityId": line.entity_id,
        "field": line.field,
        "label": line.label,
        "status": line.status,
        "automatic": line.automatic or line.by == SUGGESTION,
        "brake": line.brake,
        "replica": line.challenger,
        "sides": sides,
        "by": line.by,
        "resolutionId": line.resolution_id,
        "openedAtMs": line.opened_at_ms,
        "atMs": line.at_ms,
        "version": line.version,
        "line": raw.decode(),
    }
    update: Document = {"$set": row}
    if line.automatic:
        row["expiresAt"] = datetime.fromtimestamp(line.at_ms / 1000, UTC) + AUTOMATIC_KEPT
    else:
        update["$unset"] = {"expiresAt": ""}
    return UpdateOne({"_id": place, "version": {"$lte": line.version}}, update, upsert=True)
