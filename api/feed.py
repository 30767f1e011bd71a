"""Reads topics `feed` and `conflicts`, whole, in every api process: no group, no commits."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from api.ring import Entry, Ring
from api.shapes import Cursor
from schemas.codec import Undecodable, decode
from schemas.feed import ConflictLine, FeedLine
from schemas.settings import Endpoints
from schemas.topics import CONFLICTS, FEED, partition_of
from streams.ending import ended
from streams.kafka.access import client_settings

log = structlog.get_logger(__name__)

REMEMBERED_CONFLICTS = 5_000
"""Newest conflict lines in memory: they bridge the view's delay."""
HISTORY_READS = 4
"""Readers of old lines at once."""
RETRY_S = 1.0


class FeedAway(Exception):
    """Kafka did not answer. Trying again helps."""


class Watcher(Protocol):
    """A live client, as the feed sees it. Neither call may block."""

    def wake(self) -> None:
        """There are new lines for its organisation."""
        ...

    def conflict(self, line: ConflictLine) -> None:
        """A conflict of its organisation opened, changed or was resolved."""
        ...


@dataclass
class Heard:
    """What the lines of one organisation told of its platforms."""

    last_sync_ms: int = 0
    arrived_ms: dict[str, int] = field(default_factory=dict)


class Feed:
    """The live feed of all organisations."""

    def __init__(self, endpoints: Endpoints, ring_size: int) -> None:
        self._endpoints = endpoints
        self._ring_size = ring_size
        self._rings = [Ring(p, ring_size) for p in range(endpoints.kafka_partitions)]
        self._watchers: defaultdict[str, set[Watcher]] = defaultdict(set)
        self._conflicts: OrderedDict[tuple[str, str], ConflictLine] = OrderedDict()
        self._conflict_stops: dict[int, int] = {}
        self._heard: defaultdict[str, Heard] = defaultdict(Heard)
        self._reads = asyncio.Semaphore(HISTORY_READS)
        self._task: asyncio.Task[None] | None = None
        self.ready = asyncio.Event()
        """Set while Kafka is read and everything that was there at the start is known."""

    async def start(self) -> None:
        """Begin to read; returns at once, Kafka may be away."""
        self._task = asyncio.create_task(self._run(), name="feed")

    async def stop(self) -> None:
        """End reading."""
        if self._task is not None:
            await ended(self._task)

    # What others ask

    def ring_of(self, organization_id: str) -> Ring:
        """The ring that holds the organisation's lines."""
        return self._rings[partition_of(organization_id.encode(), len(self._rings))]

    def heard(self, organization_id: str) -> Heard:
        """What its lines told so far."""
        return self._heard.get(organization_id) or Heard()

    def recent_conflicts(self, organization_id: str) -> list[ConflictLine]:
        """Its conflict lines that are still in memory, the newest of each."""
        return [line for (owner, _), line in self._conflicts.items() if owner == organization_id]

    def watch(self, organization_id: str, watcher: Watcher) -> None:
        """Wake `watcher` from now on."""
        self._watchers[organization_id].add(watcher)

    def unwatch(self, organization_id: str, watcher: Watcher) -> None:
        """No longer."""
        watchers = self._watchers.get(organization_id, set())
        watchers.discard(watcher)
        if not watchers:
            self._watchers.pop(organization_id, None)

    def watchers(self, organization_id: str) -> tuple[Watcher, ...]:
        """Its watchers now."""
        return tuple(self._watchers.get(organization_id, ()))

    def watching(self) -> dict[str, int]:
        """Live clients by organisation, in this process."""
        return {organization_id: len(found) for organization_id, found in self._watchers.items()}

    async def history(
        self, organization_id: str, start: int, stop: int
    ) -> AsyncGenerator[list[Entry], None]:
        """The organisation's lines with `start <= offset < stop`, from Kafka, in order, in pieces
        (an empty piece too, so that a caller can stop). Raises FeedAway."""
        place = self._place(FEED.name, self.ring_of(organization_id).partition)
        async with self._reads:
            try:
                async with self._consumer() as consumer:
                    consumer.assign([place])
                    first = (await consumer.beginning_offsets([place]))[place]
                    consumer.seek(place, max(start, first))
                    while await consumer.position(place) < stop:
                        found = await consumer.getmany(place, timeout_ms=2_000, max_records=2_000)
                        records = found.get(place, [])
                        if not records:
                            raise FeedAway("Kafka sent nothing where there should be lines")
                        yield _entries(records, organization_id, stop)
            except (KafkaError, OSError) as error:
                raise FeedAway(f"Kafka does not answer: {error!r}") from error

    async def first_offset(self, organization_id: str) -> int:
        """Where Kafka still has lines from. Raises FeedAway."""
        place = self._place(FEED.name, self.ring_of(organization_id).partition)
        try:
            async with self._consumer() as consumer:
                return int((await consumer.beginning_offsets([place]))[place])
        except (KafkaError, OSError) as error:
            raise FeedAway(f"Kafka does not answer: {error!r}") from error

    # Reading

    def take(self, records: Sequence[Any]) -> None:
        """Records of one partition of `feed`, in order."""
        touched: set[str] = set()
        for record in records:
            line = _decoded(record.value, FeedLine)
            ring = self._rings[record.partition]
            if record.offset < ring.stop:
                continue
            ring.append(record.offset, line)
            if line is not None:
                touched.add(line.organization_id)
                if line.kind == "arrived":
                    heard = self._heard[line.organization_id]
                    heard.last_sync_ms = max(heard.last_sync_ms, line.at_ms)
                    heard.arrived_ms[line.replica] = max(
                        heard.arrived_ms.get(line.replica, 0), line.at_ms
                    )
        for organization_id in touched:
            for watcher in self.watchers(organization_id):
                watcher.wake()

    def take_conflicts(self, records: Sequence[Any]) -> None:
        """Records of one partition of `conflicts`, in order."""
        for record in records:
            if record.offset < self._conflict_stops.get(record.partition, 0):
                continue
            self._conflict_stops[record.partition] = record.offset + 1
            line = _decoded(record.value, ConflictLine)
            if line is None:
                continue
            place = (line.organization_id, line.id)
            known = self._conflicts.get(place)
            if known is not None and known.version > line.version:
                continue
            self._conflicts[place] = line
            self._conflicts.move_to_end(place)
            if len(self._conflicts) > REMEMBERED_CONFLICTS:
                self._conflicts.popitem(last=False)
            for watcher in self.watchers(line.organization_id):
                watcher.conflict(line)

    async def _run(self) -> None:
        while True:
            try:
                await self._read()
            except (KafkaError, OSError, FeedAway) as error:
                log.warning("the feed is not being read", error=repr(error), retry_s=RETRY_S)
            self.ready.clear()
            await asyncio.sleep(RETRY_S)

    async def _read(self) -> None:
        feed, conflicts = self._endpoints.topic(FEED.name), self._endpoints.topic(CONFLICTS.name)
        partitions = range(len(self._rings))
        places = [TopicPartition(name, p) for name in (feed, conflicts) for p in partitions]
        async with self._consumer() as consumer:
            consumer.assign(places)
            ends = await self._seek(consumer, places, feed)
            while True:
                if not self.ready.is_set() and self._reached(ends):
                    self.ready.set()
                found = await consumer.getmany(timeout_ms=1_000, max_records=5_000)
                for place, records in found.items():
                    if place.topic == feed:
                        self.take(records)
                    else:
                        self.take_conflicts(records)

    async def _seek(
        self, consumer: AIOKafkaConsumer, places: Sequence[TopicPartition], feed: str
    ) -> dict[int, int]:
        """A ring's length before the end at first, where we were after an interruption. The feed's
        ends by partition: from there on we are live."""
        ends = await consumer.end_offsets(places)
        firsts = await consumer.beginning_offsets(places)
        for place in places:
            first, end = firsts[place], ends[place]
            start = max(first, end - self._ring_size)
            if place.topic != feed:
                known = self._conflict_stops.get(place.partition, start)
                consumer.seek(place, known if first <= known <= end else start)
                continue
            ring = self._rings[place.partition]
            if not ring.stop or not first <= ring.stop <= end:
                ring.restart(start)
            consumer.seek(place, ring.stop)
        return {place.partition: ends[place] for place in places if place.topic == feed}

    def _reached(self, ends: dict[int, int]) -> bool:
        return all(self._rings[partition].stop >= end for partition, end in ends.items())

    def _place(self, topic: str, partition: int) -> TopicPartition:
        return TopicPartition(self._endpoints.topic(topic), partition)

    @contextlib.asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            **client_settings(self._endpoints),
            enable_auto_commit=False,
            auto_offset_reset="latest",
            request_timeout_ms=10_000,
            fetch_max_wait_ms=200,
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()


def _decoded(value: bytes | None, kind: type[Any]) -> Any:
    """The line, or None for a tombstone or a foreign record (those are the sinks' to report)."""
    try:
        return decode(value, kind) if value else None
    except Undecodable:
        return None


def _entries(records: Sequence[Any], organization_id: str, stop: int) -> list[Entry]:
    found = []
    for record in records:
        line = _decoded(record.value, FeedLine)
        if line is not None and line.organization_id == organization_id and record.offset < stop:
            found.append(Entry(Cursor(record.partition, record.offset), line))
    return found
