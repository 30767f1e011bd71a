"""The inbox `ss_inbox`: where deliveries wait while Kafka is away, and where large bodies stay.

    {_id: ObjectId, state: "held", topic, key, value, headers: [[name, bytes]], atMs}
    {_id: "body-<hex>", state: "body", organizationId, topic, key, value, expiresAt}

Bodies over MAX_INLINE travel as a claim check: the record's value is empty and its header
`x-body-ref` names the row.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bson.binary import Binary
from bson.objectid import ObjectId
from pymongo import ASCENDING, InsertOne

from schemas.topics import TOPICS
from streams.database import Database
from streams.kafka.records import Incoming, Outgoing

BODY_REF = "x-body-ref"
MAX_INLINE = 900_000
"""Bytes of a body that may travel inside a record (records hold 1 MB)."""
KEPT = timedelta(days=8)
"""A body outlives its record, which Kafka keeps for 7 days."""
_TOPICS = {topic.name: topic for topic in TOPICS}


class BodyLost(LookupError):
    """A record names a body that is not in the inbox. Trying again does not help."""


class Inbox:
    """Rows of `ss_inbox`, written with majority. Errors: PyMongo's own."""

    def __init__(self, database: Database) -> None:
        self._rows = database["ss_inbox"]

    async def hold(self, records: Sequence[Outgoing], at_ms: int) -> None:
        """Keep these, in order, until they can be published."""
        rows = [
            {
                "_id": ObjectId(),
                "state": "held",
                "topic": record.topic.name,
                "key": Binary(record.key),
                "value": Binary(record.value or b""),
                "headers": [[name, Binary(value)] for name, value in record.headers],
                "atMs": at_ms,
            }
            for record in records
        ]
        await self._rows.bulk_write([InsertOne(row) for row in rows], ordered=True)

    async def oldest(self, limit: int) -> list[tuple[Any, Outgoing]]:
        """Held records with their row's id, oldest first."""
        cursor = self._rows.find({"state": "held"}).sort("_id", ASCENDING).limit(limit)
        found = []
        async for row in cursor:
            headers = [(name, bytes(value)) for name, value in row["headers"]]
            topic = _TOPICS[row["topic"]]
            found.append(
                (row["_id"], Outgoing(topic, bytes(row["key"]), bytes(row["value"]), headers))
            )
        return found

    async def forget(self, ids: Sequence[Any]) -> None:
        """These are in Kafka now."""
        await self._rows.delete_many({"_id": {"$in": list(ids)}})

    async def waiting(self) -> int:
        """How many are held."""
        return await self._rows.count_documents({"state": "held"})

    async def inlined(self, record: Outgoing) -> Outgoing:
        """The record, its large body put into the inbox and replaced by a claim check."""
        if record.value is None or len(record.value) <= MAX_INLINE:
            return record
        row_id = f"body-{secrets.token_hex(16)}"
        await self._rows.insert_one(
            {
                "_id": row_id,
                "state": "body",
                "organizationId": record.key.partition(b"/")[0].decode("utf-8", "replace"),
                "topic": record.topic.name,
                "key": Binary(record.key),
                "value": Binary(record.value),
                "expiresAt": datetime.now(UTC) + KEPT,
            }
        )
        headers = [*record.headers, (BODY_REF, row_id.encode())]
        return Outgoing(record.topic, record.key, b"", headers, record.partition)

    async def body(self, record: Incoming) -> bytes:
        """The record's body, from the inbox where it is there. Raises BodyLost."""
        for name, value in record.headers:
            if name == BODY_REF:
                row = await self._rows.find_one({"_id": value.decode()})
                if row is None:
                    raise BodyLost(f"the body {value.decode()} is no longer in the inbox")
                return bytes(row["value"])
        return record.value
