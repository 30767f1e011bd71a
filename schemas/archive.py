"""One event as the archive keeps it: the columns of its Parquet files, and the same as a value.

Files are made from topics as they were, so `value` is the exact text of the record. Rows of a file
are sorted by (type, entity id, key, partition, offset), so that one entity's rows lie together.
"""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

VERSION = 1
"""Of the columns. A file tells its own under `smartstore.archive.version`; columns are only ever
added, and what an older file lacks is null."""
VERSION_KEY = b"smartstore.archive.version"

SYSTEM = "_"
"""The organisation of records that belong to none: claims of partitions, what nobody could read."""

EVENT_SCHEMA = pa.schema(
    [
        pa.field("organization", pa.string(), nullable=False),
        pa.field("topic", pa.string(), nullable=False),
        pa.field("log", pa.string(), nullable=False),
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("at_ms", pa.int64(), nullable=False),
        pa.field("timestamp_ms", pa.int64(), nullable=False),
        pa.field("key", pa.binary(), nullable=False),
        pa.field("event", pa.string(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("entity_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("headers", pa.map_(pa.string(), pa.binary()), nullable=False),
        pa.field("value", pa.string()),
        pa.field("raw", pa.binary()),
        pa.field("erasure", pa.string()),
    ],
    metadata={VERSION_KEY: str(VERSION).encode()},
)

COLUMNS: dict[str, str] = {
    "organization": "whose it is; `_` for what belongs to none",
    "topic": "the topic, without the prefix of a shared cluster",
    "log": "which Kafka log the offset is of: another cluster is another log",
    "partition": "of the topic",
    "offset": "in the partition; never twice",
    "at_ms": "its place in time, ms since 1970 UTC: its timestamp, or that of an earlier record of "
    "its partition where that is later, so that time never runs back within a partition",
    "timestamp_ms": "the record's own timestamp, ms since 1970 UTC",
    "key": "the record's key, as bytes",
    "event": "CloudEvents type: `observation.seen`, `inbound.woocommerce.order.updated`",
    "type": "product, variation, inventory, order, customer, message, shipment; empty for none",
    "entity_id": "our id of the entity; empty where the record is about none",
    "kind": "what the record is within its topic: seen, gone, edit, outcome, changed, write, ...",
    "source": "the replica, or who said it",
    "headers": "the record's headers",
    "value": "the record's value as JSON text; null for a deletion and for what is no text. A body "
    "that was too large for Kafka is here in full",
    "raw": "the value where it is no text, as bytes",
    "erasure": "the erasure that took personal data out of it; null where none did",
}
"""What each column holds, for documents and for views."""


class Place(NamedTuple):
    """Where an event stands in the one order of all history."""

    at_ms: int
    topic: str
    partition: int
    offset: int


class ArchivedEvent(NamedTuple):
    """One row; the fields are the columns, in their order."""

    organization: str
    topic: str
    log: str
    partition: int
    offset: int
    at_ms: int
    timestamp_ms: int
    key: bytes
    event: str
    type: str
    entity_id: str
    kind: str
    source: str
    headers: tuple[tuple[str, bytes], ...]
    value: str | None
    raw: bytes | None = None
    erasure: str | None = None

    @property
    def place(self) -> Place:
        """Its place in history."""
        return Place(self.at_ms, self.topic, self.partition, self.offset)

    @property
    def body(self) -> bytes | None:
        """The record's value; None where the record deletes its key."""
        return self.value.encode() if self.value is not None else self.raw


def table_of(events: list[ArchivedEvent]) -> pa.Table:
    """The events as a table, in the order given."""
    if not events:
        return EVENT_SCHEMA.empty_table()
    columns = zip(*events, strict=True)
    arrays = [
        pa.array(column, type=field.type)
        for column, field in zip(columns, EVENT_SCHEMA, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=EVENT_SCHEMA)


def events_of(table: pa.Table) -> list[ArchivedEvent]:
    """The rows of a table that has all columns, in its order."""
    columns = [table.column(field.name).to_pylist() for field in EVENT_SCHEMA]
    place = EVENT_SCHEMA.get_field_index("headers")
    columns[place] = [tuple(headers) for headers in columns[place]]
    return [ArchivedEvent(*row) for row in zip(*columns, strict=True)]
