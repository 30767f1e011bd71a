"""Reading the archive: `open_archive` takes a snapshot of the manifest, everything after that needs
no more than the files. Later commits and compactions do not show in an archive that is open.

All but `open_archive` blocks: from a coroutine, call it in a thread.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from schemas.archive import EVENT_SCHEMA, SYSTEM, ArchivedEvent, Place, events_of
from streams.archive.location import Location
from streams.archive.manifest import ArchiveFile, Manifest, Position, Snapshot, Source
from streams.database import Database

AT_ONCE = 50_000
"""Rows held in memory at a time, and no more than these bytes of them."""
BYTES_AT_ONCE = 16 * 1024**2
PIECE = 1_000
"""Events in one list: as Python's objects they take several times what they take as columns."""
Read = Callable[[Sequence[ArchiveFile], ds.Expression, Sequence[str] | None], pa.Table]
ORDER = [(name, "ascending") for name in ("at_ms", "topic", "partition", "offset")]


@dataclass(frozen=True)
class Query:
    """What to read; what is left empty is not asked for. Times in ms since 1970 UTC, `since_ms`
    included, `until_ms` not. `after`: only what stands behind this place, which is how a replay
    goes on."""

    organization: str | None = None
    topics: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    entity_id: str = ""
    kinds: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    since_ms: int | None = None
    until_ms: int | None = None
    partition: int | None = None
    from_offset: int | None = None
    to_offset: int | None = None
    """Included. Offsets make sense with one topic and one partition."""
    after: Place | None = None
    system: bool = False
    """With `organization`: the system's own records (claims of partitions) too."""

    def takes(self, event: ArchivedEvent) -> bool:
        """Whether one event is asked for."""
        return (
            self.takes_organization(event.organization)
            and (not self.topics or event.topic in self.topics)
            and (not self.types or event.type in self.types)
            and (not self.entity_id or event.entity_id == self.entity_id)
            and (not self.kinds or event.kind in self.kinds)
            and (not self.sources or event.source in self.sources)
            and (self.since_ms is None or event.at_ms >= self.since_ms)
            and (self.until_ms is None or event.at_ms < self.until_ms)
            and (self.partition is None or event.partition == self.partition)
            and (self.from_offset is None or event.offset >= self.from_offset)
            and (self.to_offset is None or event.offset <= self.to_offset)
            and (self.after is None or event.place > self.after)
        )

    def takes_organization(self, organization: str) -> bool:
        """Whether an organisation's records are asked for."""
        if self.organization is None or organization == self.organization:
            return True
        return self.system and organization == SYSTEM

    def expression(self) -> ds.Expression:
        """The same for Parquet, where it prunes whole row groups."""
        found: list[ds.Expression] = []
        for name, among in (("type", self.types), ("kind", self.kinds), ("source", self.sources)):
            if among:
                found.append(ds.field(name).isin(sorted(among)))
        if self.entity_id:
            found.append(ds.field("entity_id") == self.entity_id)
        if self.since_ms is not None:
            found.append(ds.field("at_ms") >= self.since_ms)
        if self.until_ms is not None:
            found.append(ds.field("at_ms") < self.until_ms)
        if self.partition is not None:
            found.append(ds.field("partition") == self.partition)
        if self.from_offset is not None:
            found.append(ds.field("offset") >= self.from_offset)
        if self.to_offset is not None:
            found.append(ds.field("offset") <= self.to_offset)
        if self.after is not None:
            found.append(_behind(self.after))
        expression = ds.scalar(True)
        for one in found:
            expression = expression & one
        return expression


@dataclass(frozen=True)
class Archive:
    """One moment of the archive."""

    location: Location
    snapshot: Snapshot = field(default_factory=lambda: Snapshot((), {}))

    @property
    def positions(self) -> Mapping[Source, Position]:
        """How far each partition is archived; behind that, Kafka has it."""
        return self.snapshot.positions

    def files(
        self,
        organization: str | None = None,
        topic: str | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
    ) -> list[ArchiveFile]:
        """The files that may hold this (`to_ms` not included), oldest day first."""
        found = [
            one
            for one in self.snapshot.files
            if (organization is None or one.organization == organization)
            and (topic is None or one.topic == topic)
            and (from_ms is None or one.to_ms >= from_ms)
            and (to_ms is None or one.from_ms < to_ms)
        ]
        return sorted(found, key=lambda one: (one.day, one.name))

    def chosen(self, query: Query) -> list[ArchiveFile]:
        """The files that a query needs."""
        return [
            one
            for one in self.files(from_ms=query.since_ms, to_ms=query.until_ms)
            if query.takes_organization(one.organization)
            and (not query.topics or one.topic in query.topics)
            and (query.partition is None or query.partition in one.ranges)
            and (query.after is None or one.to_ms >= query.after.at_ms)
        ]

    def uris(self, query: Query) -> list[str]:
        """Where those files are, for other readers of Parquet."""
        return [self.location.uri(one.name) for one in self.chosen(query)]

    def dataset(self, files: Sequence[ArchiveFile]) -> ds.Dataset:
        """The files as one Arrow dataset with the columns of `schemas.archive`; DuckDB and Polars
        read it as it is, from a bucket too."""
        paths = [self.location.path(one.name) for one in files]
        return ds.dataset(
            paths, schema=EVENT_SCHEMA, format="parquet", filesystem=self.location.files
        )

    def table(self, query: Query, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows at once, in no order. For what is known to be small, or for few columns."""
        files = self.chosen(query)
        return self._rows(files, query.expression(), columns)

    def count(self, query: Query) -> int:
        """How many events that is."""
        files = self.chosen(query)
        return int(self.dataset(files).count_rows(filter=query.expression())) if files else 0

    def read(self, query: Query, at_once: int = AT_ONCE) -> Iterator[ArchivedEvent]:
        """Every event asked for, in the order of `ArchivedEvent.place`."""
        for batch in self.batches(query, at_once):
            yield from batch

    def batches(self, query: Query, at_once: int = AT_ONCE) -> Iterator[list[ArchivedEvent]]:
        """The same in lists of at most `PIECE`; about `at_once` rows are in memory at a time."""
        files = self.chosen(query)
        wanted = query.expression()
        for day in sorted({one.day for one in files}):
            of_day = [one for one in files if one.day == day]
            # One entity's rows are few, and lie together in every file: these are read beside each
            # other. For anything else a scan would read half a gigabyte ahead.
            read = self._rows if query.entity_id else self._by_group
            for low, high in self._windows(of_day, wanted, read, at_once):
                within = (ds.field("at_ms") >= low) & (ds.field("at_ms") < high)
                table = read(of_day, wanted & within, None)
                order = pc.sort_indices(table, sort_keys=ORDER)
                for start in range(0, len(order), PIECE):
                    yield events_of(table.take(order[start : start + PIECE]))
                del table, order  # else they are there while the next ones are read
                pa.default_memory_pool().release_unused()

    def _windows(
        self, files: Sequence[ArchiveFile], wanted: ds.Expression, read: Read, at_once: int
    ) -> Iterator[tuple[int, int]]:
        """Times between which there are about `at_once` rows; a file is sorted by entity, so its
        times must be looked at first."""
        rows = sum(one.rows for one in files)
        each = sum(one.plain_bytes for one in files) // max(rows, 1)
        at_once = max(1, min(at_once, BYTES_AT_ONCE // max(each, 1)))
        if rows <= at_once:
            yield 0, 2**63 - 1
            return
        column = read(files, wanted, ["at_ms"]).column("at_ms")
        times = _numbers(column.combine_chunks().sort())
        start = 0
        while start < len(times):
            high = times[min(start + at_once, len(times)) - 1] + 1  # all of one moment together
            yield times[start], high
            start = bisect_left(times, high)

    def _rows(
        self, files: Sequence[ArchiveFile], wanted: ds.Expression, columns: Sequence[str] | None
    ) -> pa.Table:
        names = list(columns) if columns is not None else EVENT_SCHEMA.names
        if not files:
            return EVENT_SCHEMA.empty_table().select(names)
        return self.dataset(files).to_table(columns=names, filter=wanted)

    def _by_group(
        self, files: Sequence[ArchiveFile], wanted: ds.Expression, columns: Sequence[str] | None
    ) -> pa.Table:
        """The same, one row group after the other: no more is in memory than one of them and what
        was found."""
        names = list(columns) if columns is not None else EVENT_SCHEMA.names
        found = [
            group.to_table(EVENT_SCHEMA, columns=names, filter=wanted, use_threads=False)
            for file in self.dataset(files).get_fragments(wanted)
            for group in file.split_by_row_group(wanted, EVENT_SCHEMA)
        ]
        return pa.concat_tables([EVENT_SCHEMA.empty_table().select(names), *found])


async def open_archive(
    database: Database, location: Location, organization: str | None = None
) -> Archive:
    """The archive as it is now. `organization`: only its files and the system's are looked at.
    Raises PyMongoError."""
    manifest = Manifest(database, location.name)
    return Archive(location, await manifest.snapshot(organization))


def _numbers(column: pa.Int64Array) -> memoryview[int]:
    """The numbers of a column without nulls, not copied."""
    values = memoryview(column.buffers()[1]).cast("q")
    return values[column.offset : column.offset + len(column)]


def _behind(place: Place) -> ds.Expression:
    """`place < (at_ms, topic, partition, offset)`, spelt out."""
    at_ms, topic, partition, offset = place
    same_time = ds.field("at_ms") == at_ms
    same_topic = same_time & (ds.field("topic") == topic)
    return (
        (ds.field("at_ms") > at_ms)
        | (same_time & (ds.field("topic") > topic))
        | (same_topic & (ds.field("partition") > partition))
        | (same_topic & (ds.field("partition") == partition) & (ds.field("offset") > offset))
    )
