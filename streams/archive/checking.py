"""Whether the archive is whole: every file of the manifest is there with its rows, no offset is in
it twice, and none is missing before the position that is committed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from schemas.topics import TOPICS
from streams.archive.manifest import ArchiveFile, Source
from streams.archive.reading import Archive

_COMPACTED = frozenset(topic.name for topic in TOPICS if topic.compacted)
"""Kafka itself drops offsets of these."""


@dataclass
class Finding:
    """What is wrong; empty lists and no numbers where nothing is."""

    rows: int = 0
    files: int = 0
    unreadable: list[str] = field(default_factory=list)
    twice: dict[Source, int] = field(default_factory=dict)
    missing: dict[Source, int] = field(default_factory=dict)
    beyond: dict[Source, int] = field(default_factory=dict)
    """Offsets behind the committed position."""

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.unreadable or self.twice or self.missing or self.beyond)


def check(archive: Archive) -> Finding:
    """Reads the offsets of every file. Blocks."""
    found = Finding(files=len(archive.files()))
    offsets: dict[Source, list[pa.ChunkedArray]] = defaultdict(list)
    for one in archive.files():
        try:
            _read(archive, one, offsets)
            found.rows += one.rows
        except (OSError, pa.ArrowInvalid, ValueError) as error:
            found.unreadable.append(f"{one.name}: {error}")
    for source, chunks in offsets.items():
        _judge(archive, found, source, chunks)
    return found


def _read(archive: Archive, one: ArchiveFile, offsets: dict[Source, list[pa.ChunkedArray]]) -> None:
    table = archive.dataset([one]).to_table(columns=["partition", "offset"])
    if table.num_rows != one.rows:
        raise ValueError(f"{table.num_rows} rows, {one.rows} were written")
    for number in one.ranges:
        mine = table.filter(pc.equal(table.column("partition"), number))
        offsets[one.log, one.topic, number].append(mine.column("offset"))


def _judge(archive: Archive, found: Finding, source: Source, chunks: list[pa.ChunkedArray]) -> None:
    column = pa.chunked_array([part for chunk in chunks for part in chunk.chunks])
    unique = pc.count_distinct(column).as_py()
    if unique != len(column):
        found.twice[source] = len(column) - unique
    ends = pc.min_max(column).as_py()
    position = archive.positions.get(source)
    reached = position.next if position else 0
    if ends["max"] >= reached:
        found.beyond[source] = ends["max"] - reached + 1
    holes = reached - ends["min"] - unique
    if holes > 0 and source[1] not in _COMPACTED:
        found.missing[source] = holes
