"""What happened to every entity, kept to be asked for: the projector of topic `feed` into
`ss_history`, for 30 days (the topic itself keeps 7).

{_id: "org/line id@at", organizationId, type, entityId, kind, atMs, offset, cause, source, replica,
 label, latencyMs, fieldNames, version, expiresAt, line: <the exact JSON of the FeedLine>}

A line is told once: a repeat has the same `_id` and changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import msgspec
from bson.binary import Binary
from pymongo import InsertOne

from schemas.codec import Undecodable, decode
from schemas.feed import FeedLine
from streams.database import Database, Document
from streams.kafka.records import Incoming
from streams.projecting import project

COLLECTION = "ss_history"
KEPT_MS = 30 * 86_400_000
MOST_ORDERS = 500

Park = Callable[[Incoming, str], Awaitable[None]]
"""Put a record into the dead letter with its reason; returns once that is acknowledged."""


class _Outline(msgspec.Struct, rename="camel"):
    """No more of a FeedLine than a row names: values are skipped, not decoded."""

    organization_id: str
    type: str
    entity_id: str
    id: str
    kind: str
    version: int
    at_ms: int
    cause: str = ""
    source: str = ""
    replica: str = ""
    label: str = ""
    latency_ms: int | None = None
    fields: dict[str, msgspec.Raw] = {}


class HistoryViews:
    """The handler of topic `feed`: one row a line."""

    def __init__(self, database: Database, park: Park) -> None:
        self._rows = database[COLLECTION]
        self._park = park

    async def handle(self, chunk: Sequence[Incoming]) -> None:
        """Returns when every line is in the history. Raises PyMongoError after 25 s without
        MongoDB."""
        writes: list[InsertOne[Document]] = []
        for record in chunk:
            try:
                outline = decode(record.value, _Outline)
            except Undecodable as error:
                await self._park(record, f"Not a feed line: {error}")
                continue
            writes.append(InsertOne(_row(outline, record)))
        await project(self._rows, writes)


def _row(outline: _Outline, record: Incoming) -> Document:
    return {
        # With its time: in a new Kafka log the versions of an entity begin anew.
        "_id": f"{outline.organization_id}/{outline.id}@{outline.at_ms}",
        "organizationId": outline.organization_id,
        "type": outline.type,
        "entityId": outline.entity_id,
        "kind": outline.kind,
        "atMs": outline.at_ms,
        "offset": record.offset,
        "cause": outline.cause,
        "source": outline.source,
        "replica": outline.replica,
        "label": outline.label,
        "latencyMs": outline.latency_ms,
        "fieldNames": list(outline.fields),
        "version": outline.version,
        "expiresAt": datetime.fromtimestamp((outline.at_ms + KEPT_MS) / 1000, UTC),
        "line": Binary(record.value),
    }


async def lines_of(
    database: Database,
    organization_id: str,
    entity_type: str,
    entity_id: str,
    *,
    field: str = "",
    before: tuple[int, int] | None = None,
    limit: int = 50,
) -> list[tuple[tuple[int, int], FeedLine]]:
    """Its lines with their places (time in ms, offset), newest first; `before`: only those older
    than this place. `field`: only what may have to do with it. Errors: PyMongoError."""
    match: Document = {
        "organizationId": organization_id,
        "type": entity_type,
        "entityId": entity_id,
    }
    either: list[Document] = []
    if before is not None:
        at_ms, offset = before
        either.append(
            {"$or": [{"atMs": {"$lt": at_ms}}, {"atMs": at_ms, "offset": {"$lt": offset}}]}
        )
        match["atMs"] = {"$lte": at_ms}
    if field:
        either.append({"$or": [{"fieldNames": field}, {"kind": {"$in": ["refused", "deleted"]}}]})
    if either:
        match["$and"] = either
    rows = database[COLLECTION].find(match).sort([("atMs", -1), ("offset", -1)]).limit(limit)
    return [((row["atMs"], row["offset"]), decode(row["line"], FeedLine)) async for row in rows]


async def orders_near(
    database: Database, organization_id: str, moments: Sequence[int], within_ms: int
) -> list[FeedLine]:
    """Lines that brought the items of an order, told within `within_ms` of one of these moments (ms
    since 1970). Errors: PyMongoError."""
    if not moments:
        return []
    windows = [{"atMs": {"$gte": at - within_ms, "$lte": at + within_ms}} for at in moments]
    match: Document = {
        "organizationId": organization_id,
        "type": "order",
        "kind": "changed",
        "fieldNames": "items",
        "$or": windows,
    }
    rows = database[COLLECTION].find(match, {"line": 1}).sort("atMs", -1).limit(MOST_ORDERS)
    return [decode(row["line"], FeedLine) async for row in rows]
