"""Events from before MongoDB's 30 days, out of the archive: newest first, a page at a time.

A page opens the files of one day after another, reads their times first, and then only the rows
that it needs. It ends early, with a cursor, when it has looked at much: a filter that finds little
takes several pages, none of which takes long.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow.dataset as ds

from schemas.archive import ArchivedEvent, events_of
from schemas.codec import Undecodable, decode
from schemas.feed import FeedLine
from schemas.topics import FEED
from streams.archive.erasing import Person, erased_all
from streams.archive.erasures import Erasures
from streams.archive.joined import Sources
from streams.archive.manifest import ArchiveFile
from streams.archive.reading import Archive, Query, open_archive

Place = tuple[int, int]
"""Time in ms and offset: where an event is in the history."""
LATE_MS = 3_600_000
"""Kafka has a line a little later than the moment that the line names."""
LOOKED_AT = 20_000
"""Lines that are decoded for one page."""
LOOK_S = 2.5
AT_FIRST = 200
_AT_ONCE = asyncio.Semaphore(2)
"""Reading files keeps a thread busy: others wait, the rest of the process does not."""


@dataclass(frozen=True)
class Wanted:
    """What is looked for; what is empty is not asked for. Times in ms; `before_ms` is not
    included."""

    organization_id: str
    before_ms: int
    since_ms: int = 0
    type: str = ""
    kinds: frozenset[str] = frozenset()
    replicas: frozenset[str] = frozenset()
    """That made it or received it."""
    entities: frozenset[str] = frozenset()
    offset: int | None = None

    def takes(self, line: FeedLine) -> bool:
        """What the columns cannot tell, and an erasure may have changed."""
        return (
            self.since_ms <= line.at_ms < self.before_ms
            and (not self.replicas or line.source in self.replicas or line.replica in self.replicas)
            and (not self.entities or line.entity_id in self.entities)
        )

    def query(self, behind: Place | None) -> Query:
        """For choosing files and rows."""
        until_ms = self.before_ms + LATE_MS
        return Query(
            organization=self.organization_id,
            topics=frozenset({FEED.name}),
            types=frozenset({self.type} if self.type else ()),
            kinds=self.kinds,
            since_ms=self.since_ms or None,
            until_ms=until_ms if behind is None else min(until_ms, behind[0] + 1),
            from_offset=self.offset,
            to_offset=self.offset,
        )


@dataclass(frozen=True)
class Older:
    """A page."""

    found: list[tuple[Place, FeedLine]]
    next: Place | None
    """Where the next begins; None at the end of the archive."""
    days: tuple[str, ...]
    """That were read, newest first: 2026-11-22, in UTC."""


async def older(sources: Sources, wanted: Wanted, behind: Place | None, limit: int) -> Older:
    """`behind`: `next` of the page before. Raises OSError, PyMongoError."""
    persons, _ = await Erasures(sources.database, sources.keyring).active()
    mine = [one for one in persons if one.organization == wanted.organization_id]
    archive = await open_archive(sources.database, sources.location, wanted.organization_id)
    async with _AT_ONCE:
        return await asyncio.to_thread(_Page(archive, wanted, mine, limit).read, behind)


class _Page:
    """Reads one. Blocks: for a thread."""

    def __init__(
        self, archive: Archive, wanted: Wanted, persons: Sequence[Person], limit: int
    ) -> None:
        self._archive = archive
        self._wanted = wanted
        self._persons = persons
        self._limit = limit
        self._looked_at = 0
        self._give_up_s = time.monotonic() + LOOK_S

    def read(self, behind: Place | None) -> Older:
        """The page behind a place."""
        query = self._wanted.query(behind)
        files = self._archive.chosen(query)
        found: list[tuple[Place, FeedLine]] = []
        read: list[str] = []
        for day in sorted({one.day for one in files}, reverse=True):
            read.append(day)
            for place, line in self._day([one for one in files if one.day == day], query, behind):
                if line is not None:
                    found.append(((line.at_ms, place[1]), line))
                if len(found) == self._limit or (line is None and self._is_enough()):
                    return Older(found, place, tuple(read))
            if self._is_enough() and day != min(one.day for one in files):
                return Older(found, (_begin_ms(day), 0), tuple(read))
        return Older(found, None, tuple(read))

    def _is_enough(self) -> bool:
        return self._looked_at >= LOOKED_AT or time.monotonic() > self._give_up_s

    def _day(
        self, files: Sequence[ArchiveFile], query: Query, behind: Place | None
    ) -> Iterator[tuple[Place, FeedLine | None]]:
        """Lines of a day with their places in the archive, newest first; None after each piece."""
        rows = self._archive.dataset(files)
        wanted = query.expression()
        if self._wanted.entities:
            wanted = wanted & ds.field("entity_id").isin(sorted(self._wanted.entities))
        places = rows.to_table(columns=["at_ms", "offset"], filter=wanted)
        pairs = zip(*(places.column(name).to_pylist() for name in ("at_ms", "offset")), strict=True)
        ordered = sorted(
            (place for place in pairs if behind is None or place < behind), reverse=True
        )
        start, size = 0, AT_FIRST
        while start < len(ordered):
            piece = ordered[start : start + size]
            between = (ds.field("at_ms") >= piece[-1][0]) & (ds.field("at_ms") <= piece[0][0])
            events = events_of(rows.to_table(filter=wanted & between))
            self._looked_at += len(piece)
            yield from self._lines(events, set(piece))
            yield piece[-1], None
            start, size = start + size, size * 2

    def _lines(
        self, events: Sequence[ArchivedEvent], piece: set[Place]
    ) -> Iterator[tuple[Place, FeedLine]]:
        newest_first = sorted(
            (event for event in events if (event.at_ms, event.offset) in piece),
            key=lambda event: (event.at_ms, event.offset),
            reverse=True,
        )
        for event in erased_all(newest_first, self._persons):
            try:
                line = decode(event.body or b"", FeedLine)
            except Undecodable:
                continue
            if self._wanted.takes(line):
                yield (event.at_ms, event.offset), line


def _begin_ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)
