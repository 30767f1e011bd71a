"""A Faust transport that hands agents whole chunks of records instead of single events.

For every event Faust pays two tasks in `_drain_messages`, an Event, a queue put and an
acknowledgement: most of plain Faust's CPU (docs/adr/0002). Here one Faust message carries every
record that one fetch returned for one partition, so that is paid once a chunk. Agents, tables,
rebalancing and commits are Faust's own; this module only subclasses its transport, the extension
point made for that.

Acknowledging a chunk commits the offset behind its last record. One agent reads a partition, one
chunk at a time and in order, so nothing before that offset can still be in flight (Faust's gap
arithmetic, faust #606, is not used). A chunk that got lost on the way would be committed over:
every chunk tells which one came before it, and the agent ends the process when that one was not
handled.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, cast

import faust
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as kafka
from faust.types import TP, ConsumerMessage

from streams.kafka.records import Incoming

MAX_CHUNK = 1000
"""Records in one message: keeps a chunk's work well under a second (faust `stream_wait_empty`)."""

FETCH_WAIT_MS = 200


class Chunk(list[Incoming]):
    """Records of one partition, and the offset before them in this consumer's reading."""

    after: int | None = None
    """Last offset of the chunk handed out before; None for the first since a seek."""


class ChunkConsumer(kafka.Consumer):
    """Yields one message a chunk, for sources and changelogs alike."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._handed_out: dict[TP, int] = {}

    def _new_consumer_thread(self) -> kafka.AIOKafkaConsumerThread:
        return ChunkThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109 Faust's own signature
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        generation = self.app.consumer_generation_id
        records, active = await self._wait_next_records(timeout)
        if records is None or self.should_stop:
            return
        if not self.flow_active or self.app.consumer_generation_id != generation:
            # Fetched across a rebalance: nobody can tell from which position. Read again from what
            # is committed; repeats change nothing. A partition may be taken away meanwhile (two
            # workers, one restarted): the assignment to come begins at what is committed anyway.
            with contextlib.suppress(IllegalStateError):
                await self.perform_seek()
            return
        for tp, found in records.items():
            if not self.flow_active or self.app.consumer_generation_id != generation:
                break
            if active is not None and tp not in active and tp not in self._buffered_partitions:
                continue
            for start in range(0, len(found), MAX_CHUNK):
                yield tp, self._to_chunk(tp, found[start : start + MAX_CHUNK])

    async def perform_seek(self) -> None:
        """Back to what is committed: chunks no longer follow on what was handed out before."""
        try:
            await super().perform_seek()
        finally:
            self._handed_out.clear()

    def _to_chunk(self, tp: TP, records: list[Any]) -> ConsumerMessage:
        prefix = len(getattr(self.app, "topic_prefix", ""))
        topic = tp.topic[prefix:]
        chunk = Chunk(
            Incoming(
                topic, tp.partition, r.offset, r.timestamp, r.key or b"", r.value or b"", r.headers
            )
            for r in records
        )
        last = records[-1]
        chunk.after = self._handed_out.get(tp)
        self._handed_out[tp] = last.offset
        return ConsumerMessage(
            last.topic,
            last.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            [],
            None,
            cast(bytes, chunk),  # Faust only carries it from here to the agent
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """A chunk spans many offsets: there are no gaps to remember."""

    def _new_offset(self, tp: TP) -> int | None:
        acked = self._acked[tp]
        if not acked:
            return None
        last = max(acked)
        self._acked_index[tp].difference_update(acked)
        acked.clear()
        return int(last) + 1


class ChunkThread(kafka.AIOKafkaConsumerThread):
    """Where the consumer of an app with a table waits for records at most FETCH_WAIT_MS: Faust asks
    for the table's offsets before it begins, behind what waits on the same connection (1.5 s each
    time in Faust, which nobody decides anything for)."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        if self.app.tables.changelog_topics:
            consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 Faust offers no setting
        return consumer


class ChunkTransport(kafka.Transport):
    """Faust's aiokafka transport with the consumer above."""

    Consumer = ChunkConsumer


class ChunkSchema(faust.Schema[Any, Any]):
    """No decoding here: a decode error in Faust acknowledges first and throws afterwards."""

    def compile(self, app: Any, **_kwargs: Any) -> Any:
        create_event = app.create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return create_event(message.key, message.value, message.headers, message)

        return decode
