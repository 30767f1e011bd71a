"""Archive and Kafka as one history: the archive up to its committed offsets, Kafka behind them, in
one order (`ArchivedEvent.place`). It does not show where one ends and the other begins: an event
has the same place in both. Reads only; nothing here can reach a platform.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from schemas.archive import ArchivedEvent, Place
from schemas.settings import Endpoints
from streams.archive.erasing import Person, erased_all
from streams.archive.erasures import Erasures
from streams.archive.location import Location
from streams.archive.manifest import Source
from streams.archive.reading import Archive, Query, open_archive
from streams.archive.rows import log_id
from streams.archive.tailing import Tail
from streams.database import Database
from streams.inbox import Inbox
from streams.keyring import Keyring
from streams.topics import history_of

PIECE = 5_000
"""Events of Kafka's in one list."""
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Sources:
    """What history is read from. `kafka` False: the archive alone."""

    endpoints: Endpoints
    database: Database
    location: Location
    keyring: Keyring
    kafka: bool = True
    home: Path = Path(".smartstore/data")
    """Where customers' files are."""


async def history(sources: Sources, query: Query) -> AsyncIterator[list[ArchivedEvent]]:
    """Everything asked for, in order, in lists. What is written while it is read is not in it; who
    was erased is not, even where Kafka still holds them. Raises OSError, PyMongoError, KafkaError,
    TimeoutError, KeyringError."""
    persons, _ = await Erasures(sources.database, sources.keyring).active()
    mine = [one for one in persons if query.takes_organization(one.organization)]
    archive = await open_archive(sources.database, sources.location, query.organization)
    landed = _in_thread(archive.batches(query))
    if not sources.kafka:
        async for batch in landed:
            yield _clean(batch, mine, query)
        return
    tail = await _tail(sources, archive, query)
    try:
        async for batch in _joined(landed, _ordered(tail), query):
            yield _clean(batch, mine, query)
    finally:
        await tail.close()


async def counted(sources: Sources, query: Query) -> int:
    """How many events that is."""
    return sum([len(batch) async for batch in history(sources, query)])


def _clean(
    batch: Sequence[ArchivedEvent], persons: Sequence[Person], query: Query
) -> list[ArchivedEvent]:
    """Without who was erased: asked for by what was erased, an event is not found either."""
    if not persons:
        return list(batch)
    return [event for event in erased_all(batch, persons) if query.takes(event)]


async def _tail(sources: Sources, archive: Archive, query: Query) -> Tail:
    log = log_id(await history_of(sources.endpoints))
    positions = {source: at for source, at in archive.positions.items() if source[0] == log}
    inbox = Inbox(sources.database)
    tail = Tail(sources.endpoints, log, positions, inbox, query.topics, merged=True)
    try:
        await tail.open()
    except BaseException:
        await tail.close()
        raise
    return tail


async def _in_thread(
    batches: Iterator[list[ArchivedEvent]],
) -> AsyncIterator[list[ArchivedEvent]]:
    """The archive's lists, read beside the loop."""
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        if batch:
            yield batch


async def _ordered(tail: Tail) -> AsyncIterator[ArchivedEvent]:
    """The partitions of the tail, merged by place, up to where they end now."""
    ends = await tail.ends()
    held: dict[Source, deque[ArchivedEvent]] = {}
    heads: list[tuple[Place, Source]] = []
    for source in await tail.behind(ends):
        held[source] = deque()
        await _next(tail, source, ends[source], held[source], heads)
    while heads:
        _, source = heapq.heappop(heads)
        yield held[source].popleft()
        await _next(tail, source, ends[source], held[source], heads)


async def _next(
    tail: Tail,
    source: Source,
    end: int,
    held: deque[ArchivedEvent],
    heads: list[tuple[Place, Source]],
) -> None:
    """Put the partition's next event, where it has one, among the heads."""
    give_up_s = time.monotonic() + PATIENCE_S
    while not held and await tail.behind({source: end}):
        held.extend(event for event in await tail.take(source) if event.offset < end)
        if not held and time.monotonic() > give_up_s:
            raise TimeoutError(f"Kafka does not hand out {source[1]}/{source[2]}")
    if held:
        heapq.heappush(heads, (held[0].place, source))


async def _joined(
    landed: AsyncIterator[list[ArchivedEvent]], fresh: AsyncIterator[ArchivedEvent], query: Query
) -> AsyncIterator[list[ArchivedEvent]]:
    """Both merged by place, in lists."""
    out: list[ArchivedEvent] = []
    head = await anext(fresh, None)
    async for batch in landed:
        if head is None or batch[-1].place < head.place:
            yield batch
            continue
        for event in batch:
            while head is not None and head.place < event.place:
                if query.takes(head):
                    out.append(head)
                head = await anext(fresh, None)
            out.append(event)
        yield out
        out = []
    while head is not None:
        if query.takes(head):
            out.append(head)
        if len(out) >= PIECE:
            yield out
            out = []
        head = await anext(fresh, None)
    if out:
        yield out


def bounded(query: Query, now_ms: int) -> Query:
    """The same, ending now where it has no end: a replay that is gone on with later still means
    what it meant at first."""
    return query if query.until_ms is not None else replace(query, until_ms=now_ms)
