"""Faust apps, set up on purpose: FAUST's own defaults lose data or time here (docs/adr/0002)."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import faust
import structlog

from schemas.clock import unix_ms
from schemas.settings import Endpoints
from schemas.topics import Topic
from streams import metrics, tracing
from streams.kafka.access import tls_context
from streams.kafka.driver import ChunkSchema, ChunkTransport
from streams.kafka.records import Handler, Incoming
from streams.kafka.table import PromptTables

log = structlog.get_logger(__name__)

FAILED = 70
"""Exit status of a worker that could not go on; its offsets are not committed."""


TAKEN_AT_ONCE = 8
"""Chunks in one go: enough for every partition, and little enough to stay well under a second."""

HAND_OVER_S = 0.05
"""What is in a queue is handed out at once, or not before partitions have moved."""


class SyncApp(faust.App):
    """A Faust app that reads chunks."""

    topic_prefix: str = ""
    claim: Callable[[Sequence[int]], Any]
    """Set by an app with a table: takes new epochs for these partitions."""
    release: Callable[[], None]
    """Set beside it: nothing is decided until partitions are claimed again."""

    def _new_transport(self) -> Any:
        return ChunkTransport(self.conf.broker_consumer, self)

    def FlowControlQueue(self, maxsize: Any = None, *, clear_on_resume: bool = False) -> Any:
        """Never cleared. Faust clears queues when flow resumes, which may be after the fetcher has
        put new chunks there: those were lost (seen; faust #596). Chunks of an old assignment are
        known by their generation instead."""
        return super().FlowControlQueue(maxsize, clear_on_resume=False)


def create_app(name: str, endpoints: Endpoints, *, instance: str = "0", **settings: Any) -> SyncApp:
    """An app whose consumer group is `smartstore-<name>`.

    `instance` makes a static member: a restarted worker takes its partitions back at once instead
    of waiting for its dead self's session to end. Workers side by side need different ones.
    """
    app = SyncApp(
        f"{endpoints.topic_prefix}smartstore-{name}",
        broker=[f"kafka://{address}" for address in endpoints.bootstrap],
        broker_credentials=_credentials(endpoints),
        store="memory://",
        datadir=tempfile.gettempdir(),  # Faust insists on a folder; memory tables use none
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=endpoints.kafka_partitions,
        topic_replication_factor=endpoints.kafka_replication,
        table_standby_replicas=0,
        processing_guarantee="at_least_once",
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=f"{socket.gethostname()}-{name}-{instance}",
        consumer_max_fetch_size=2 * 1024**2,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=3.0,
        broker_rebalance_timeout=20.0,
        broker_request_timeout=20.0,
        broker_commit_interval=0.5,
        broker_max_poll_records=8000,
        producer_acks=-1,
        stream_buffer_maxsize=TAKEN_AT_ONCE,
        stream_recovery_delay=0.0,
        stream_wait_empty=True,
        **{"TableManager": PromptTables, **settings},
    )
    app.topic_prefix = endpoints.topic_prefix
    return app


def _credentials(endpoints: Endpoints) -> Any:
    """The same as `streams.kafka.access` says, in Faust's words. Raises BadCertificate."""
    context = tls_context(endpoints)
    if not endpoints.kafka_sasl:
        return context
    return faust.SASLCredentials(
        username=endpoints.kafka_username,
        password=endpoints.kafka_password.get_secret_value(),
        mechanism=endpoints.kafka_sasl_mechanism,
        ssl_context=context,
    )


def bind(
    app: SyncApp, name: str, topics: Sequence[Topic], handler: Handler, *, linger_s: float = 0.0
) -> None:
    """One agent over these topics: partitions side by side, each in order.

    Everything that is waiting is taken at once, so that partitions share the wait for Kafka's
    acknowledgements. It is acknowledged to Faust, in order, only when all of it is handled.
    `linger_s`: wait for more to come first, where nobody waits for the result; a full queue holds
    the whole app up meanwhile.
    """
    source = app.topic(
        *(f"{app.topic_prefix}{topic.name}" for topic in topics),
        schema=ChunkSchema(
            key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        ),
    )

    async def run(stream: Any) -> None:
        queue = stream.channel.queue
        events = Events(stream.noack().events().__aiter__())
        order = Order(app)
        while True:
            first = await events.next()
            if first is None:
                return
            taken = [first]
            try:
                if linger_s:
                    await asyncio.sleep(linger_s)
                while not queue.empty() and len(taken) < TAKEN_AT_ONCE:
                    more = await events.next(HAND_OVER_S)
                    if more is None:
                        break
                    taken.append(more)
                taken = [event for event in taken if order.follows(event)]
                chunks = by_partition(taken)
                spans = tracing.begin(name, chunks)
                await asyncio.gather(*(handler(chunk) for chunk in chunks))
                metrics.handled(name, chunks, unix_ms())
                tracing.end(spans)
            except BaseException as error:
                # Faust acknowledges an event whose agent raised or was cancelled. Ending the
                # process is the only way to keep it: the supervisor starts it again.
                if not isinstance(error, asyncio.CancelledError):
                    log.exception("worker ends: a chunk could not be handled", agent=name)
                leave_hard()
            for event in taken:
                event.ack()

    app.agent(source, name=name, concurrency=1)(run)


class Events:
    """What a stream hands out. While partitions move it passes over what its queue holds, and Faust
    waits for what was handed out before: who waits there with events in hand waits for ever."""

    def __init__(self, stream: AsyncIterator[Any]) -> None:
        self._stream = stream
        self._coming: asyncio.Task[Any] | None = None

    async def next(self, within_s: float | None = None) -> Any:
        """The next one; None at the end, or when it did not come in time (it comes later)."""
        if self._coming is None:
            self._coming = asyncio.create_task(self._one())
        if within_s is not None:
            await asyncio.wait({self._coming}, timeout=within_s)
            if not self._coming.done():
                return None
        found = await self._coming
        self._coming = None
        return found

    async def _one(self) -> Any:
        return await anext(self._stream, None)


class ChunkLost(RuntimeError):
    """A chunk did not reach the agent. Ending uncommitted reads it again."""


class Order:
    """Sees to it that every chunk of the present assignment is handled, in order."""

    def __init__(self, app: SyncApp) -> None:
        self._app = app
        self._generation = -1
        self._handled: dict[Any, int] = {}

    def follows(self, event: Any) -> bool:
        """False for a chunk of a former assignment: it is read again by whoever owns it now.
        Raises ChunkLost."""
        message = event.message
        generation = self._app.consumer_generation_id
        if generation != self._generation:
            self._generation = generation
            self._handled.clear()
        if message.generation_id != generation:
            self._app.consumer.unacked.discard(message)  # nobody is to wait for it
            return False
        after, handled = event.value.after, self._handled.get(message.tp)
        if after is not None and handled is not None and after > handled:
            raise ChunkLost(f"{message.tp}: {after} was handed out, {handled} is handled")
        self._handled[message.tp] = message.offset
        return True


def by_partition(events: Sequence[Any]) -> list[list[Incoming]]:
    """The records of several chunks, one list a partition, in the order they came."""
    partitions: dict[int, list[Incoming]] = {}
    for event in events:
        partitions.setdefault(event.value[0].partition, []).extend(event.value)
    return list(partitions.values())


def leave_hard() -> None:
    """End this process at once, committing nothing."""
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(FAILED)
