"""Rows into Parquet files, each of one organisation, topic, Kafka log and day. Everything here
blocks: call it in a thread."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.archive import EVENT_SCHEMA, ArchivedEvent, table_of
from streams.archive.location import Location
from streams.archive.manifest import ArchiveFile
from streams.archive.rows import day_of, file_order

ROW_GROUP = 8_192
"""Rows that are read or skipped together: one entity's history costs about one such group a
file."""
_PLAIN = ("offset", "at_ms", "timestamp_ms", "key", "value", "raw")
"""Columns that hardly repeat themselves; the others are kept by dictionary."""


def land(location: Location, events: Sequence[ArchivedEvent], level: int = 0) -> list[ArchiveFile]:
    """Write these rows, in as many files as they have organisations, topics and days. What was
    written before an error is left for the sweep: no manifest names it. Raises OSError."""
    groups: dict[tuple[str, str, str, str], list[ArchivedEvent]] = defaultdict(list)
    for event in events:
        groups[event.organization, event.topic, event.log, day_of(event.at_ms)].append(event)
    return [
        write(location, table_of(sorted(group, key=file_order)), place[3], level)
        for place, group in sorted(groups.items())
    ]


def write(location: Location, table: pa.Table, day: str, level: int) -> ArchiveFile:
    """One file; the rows are sorted and of one organisation, topic and log. Raises OSError."""
    organization, topic, log = (
        table.column(n)[0].as_py() for n in ("organization", "topic", "log")
    )
    times = pc.min_max(table.column("at_ms")).as_py()
    name = f"{organization}/{topic}/{day}/{times['min']}-{uuid.uuid4().hex[:12]}.parquet"
    with location.writing(name) as stream:
        pq.write_table(
            table,
            stream,
            compression="zstd",
            row_group_size=ROW_GROUP,
            use_dictionary=[n for n in EVENT_SCHEMA.names if n not in _PLAIN and n != "headers"],
        )
    found = table.group_by("partition").aggregate([("offset", "min"), ("offset", "max")])
    size = location.files.get_file_info(location.path(name)).size
    return ArchiveFile(
        name=name,
        organization=organization,
        topic=topic,
        log=log,
        day=day,
        rows=table.num_rows,
        bytes=size,
        plain_bytes=table.nbytes,
        from_ms=times["min"],
        to_ms=times["max"],
        ranges={
            row["partition"]: (row["offset_min"], row["offset_max"]) for row in found.to_pylist()
        },
        level=level,
    )


def rows_of(location: Location, files: Sequence[ArchiveFile]) -> pa.Table:
    """All rows of some files. Raises OSError."""
    tables = [
        pq.read_table(
            location.path(one.name), filesystem=location.files, schema=EVENT_SCHEMA
        ).select(EVENT_SCHEMA.names)
        for one in files
    ]
    return pa.concat_tables(tables)
