"""What Kafka holds behind the archive: read from given positions, without a consumer group (the
positions are the manifest's, which is where an offset counts once)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.archive import ArchivedEvent
from schemas.settings import Endpoints
from schemas.topics import TOPICS
from streams.archive.manifest import Position, Source
from streams.archive.rows import event_of
from streams.inbox import BODY_REF, BodyLost, Inbox
from streams.kafka.access import client_settings
from streams.kafka.records import Incoming

POLL_MS = 500
CHUNK = 5_000
FETCH_BYTES = 4 * 1024**2
MERGED_BYTES = 32 * 1024**2
"""Of all partitions together where they are read side by side: something of each waits its turn."""
LEAST_BYTES = 64 * 1024
LEAST_EVENTS = 50


class Tail:
    """A consumer over every partition of every topic, or of some. Raises KafkaError, and PyMongo's
    own where a body lies in the inbox."""

    def __init__(
        self,
        endpoints: Endpoints,
        log: str,
        positions: Mapping[Source, Position],
        inbox: Inbox,
        topics: frozenset[str] = frozenset(),
        *,
        merged: bool = False,
    ) -> None:
        """`merged`: partition by partition is asked for, to be put into one order."""
        self._merged = merged
        self._endpoints = endpoints
        self._log = log
        self._inbox = inbox
        self._topics = topics
        self.reached: dict[Source, Position] = dict(positions)
        self.skipped: dict[Source, int] = {}
        """Records that Kafka had dropped before they were read, by partition."""
        self._consumer: AIOKafkaConsumer | None = None
        self._places: dict[TopicPartition, Source] = {}

    async def open(self) -> None:
        """Connect and go to the positions."""
        self._places = {
            TopicPartition(self._endpoints.topic(topic.name), number): (
                self._log,
                topic.name,
                number,
            )
            for topic in TOPICS
            if not self._topics or topic.name in self._topics
            for number in range(topic.partitions or self._endpoints.kafka_partitions)
        }
        fetched = FETCH_BYTES
        if self._merged:
            fetched = max(LEAST_BYTES, min(FETCH_BYTES, MERGED_BYTES // len(self._places)))
        consumer = AIOKafkaConsumer(
            **client_settings(self._endpoints),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=fetched,
            fetch_max_bytes=2 * FETCH_BYTES,
            request_timeout_ms=20_000,
        )
        self._consumer = consumer
        await consumer.start()
        consumer.assign(list(self._places))
        begins = await consumer.beginning_offsets(list(self._places))
        for place, source in self._places.items():
            held = self.reached.get(source)
            start = max(begins[place], held.next if held else 0)
            if held is not None and begins[place] > held.next:
                self.skipped[source] = begins[place] - held.next
            consumer.seek(place, start)

    async def close(self) -> None:
        """Disconnect."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def ends(self) -> dict[Source, int]:
        """Where each partition ends now."""
        found = await self._open.end_offsets(list(self._places))
        return {self._places[place]: end for place, end in found.items()}

    async def take(
        self, source: Source | None = None, *, wait_ms: int = POLL_MS
    ) -> list[ArchivedEvent]:
        """What came next: of one partition or of any, each partition in order; empty when nothing
        came in time."""
        chosen = [place for place, name in self._places.items() if name == source]
        most = max(LEAST_EVENTS, CHUNK // len(self._places)) if self._merged else CHUNK
        found = await self._open.getmany(*chosen, timeout_ms=wait_ms, max_records=most)
        events = []
        for place, records in found.items():
            name = self._places[place]
            for record in records:
                events += await self._event(name, record)
        return events

    async def behind(self, ends: Mapping[Source, int]) -> list[Source]:
        """Partitions that were not read up to their end. Asked of the consumer, not of records:
        retention and compaction leave holes."""
        return [
            source
            for place, source in self._places.items()
            if source in ends and await self._open.position(place) < ends[source]
        ]

    def waiting(self) -> int:
        """Records that Kafka has and that were not taken yet, as far as is known."""
        total = 0
        for place, source in self._places.items():
            end, held = self._open.highwater(place), self.reached.get(source)
            if end is not None:
                total += max(0, end - (held.next if held else 0))
        return total

    async def _event(self, source: Source, record: Any) -> list[ArchivedEvent]:
        held = self.reached.get(source)
        if held is not None and record.offset < held.next:
            return []  # a log that begins anew under an old name: these offsets are taken
        at_ms = max(record.timestamp, held.last_ms if held else 0)
        self.reached[source] = Position(record.offset + 1, at_ms)
        incoming = Incoming(
            source[1],
            source[2],
            record.offset,
            record.timestamp,
            record.key or b"",
            record.value or b"",
            record.headers,
        )
        if any(name == BODY_REF for name, _ in record.headers):
            try:
                incoming.value = await self._inbox.body(incoming)
            except BodyLost:
                pass  # the inbox keeps a body longer than Kafka its record: a restored database
        return [event_of(incoming, self._log, at_ms)]

    @property
    def _open(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise RuntimeError("not open")
        return self._consumer


async def drained(tail: Tail, patience_s: float = 30.0) -> AsyncIterator[list[ArchivedEvent]]:
    """Everything up to where the partitions end now, each partition in order. Raises TimeoutError
    where Kafka does not hand it out."""
    ends = await tail.ends()
    end_s = time.monotonic() + patience_s
    while await tail.behind(ends):
        events = await tail.take()
        if events:
            end_s = time.monotonic() + patience_s
            yield events
        elif time.monotonic() > end_s:
            raise TimeoutError("Kafka does not hand out what it says it has")
