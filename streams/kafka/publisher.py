"""The one way to write to Kafka: whole batches, acknowledged by all in-sync replicas."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from schemas.settings import Endpoints
from schemas.topics import partition_of
from streams import tracing
from streams.kafka.access import client_settings
from streams.kafka.records import Outgoing

log = structlog.get_logger(__name__)

MAX_RECORD_BYTES = 1_000_000
"""Kafka's own default limit is 1,048,588; what is larger travels by claim check (`x-body-ref`)."""


SPARE_BYTES = 4_096
"""For a record's key, headers and framing."""


def fits(record: Outgoing) -> bool:
    """Whether Kafka takes a record of this size."""
    headers = sum(len(name) + len(value) for name, value in record.headers)
    return len(record.value or b"") + headers <= MAX_RECORD_BYTES - SPARE_BYTES


class PublishFailed(Exception):
    """Kafka did not acknowledge in time. Trying again helps; the records may have arrived, and
    every consumer of ours bears repeats."""


class RecordTooLarge(ValueError):
    """One record is larger than Kafka takes. Trying again does not help."""


class Publisher:
    """A producer with acks=all and idempotence. After a failure its client is thrown away: an
    idempotent producer can stay stuck after a broker's restart (aiokafka #1017)."""

    def __init__(
        self, endpoints: Endpoints, *, linger_ms: int = 0, timeout_s: float = 10.0
    ) -> None:
        self._endpoints = endpoints
        self._linger_ms = linger_ms
        self._timeout_s = timeout_s
        self._producer: AIOKafkaProducer | None = None
        self._opening = asyncio.Lock()

    @property
    def partitions(self) -> int:
        """Partitions of every topic of ours."""
        return self._endpoints.kafka_partitions

    async def start(self) -> None:
        """Connect. Raises PublishFailed when no broker answers."""
        await self._client()

    async def stop(self) -> None:
        """Send what is buffered and disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def publish(self, *records: Outgoing) -> None:
        """Return once all records are acknowledged. Raises PublishFailed, RecordTooLarge."""
        await self.publish_with_offsets(*records)

    async def publish_with_offsets(self, *records: Outgoing) -> dict[tuple[str, int], int]:
        """The same, telling the last offset of each (topic, partition)."""
        if not records:
            return {}
        producer = await self._client()
        made, spans = tracing.sending(records)
        try:
            async with asyncio.timeout(self._timeout_s):
                send = (
                    self._one(producer, made[0]) if len(made) == 1 else self._many(producer, made)
                )
                offsets = await send
                tracing.end(spans)
                return offsets
        except MessageSizeTooLargeError as error:
            tracing.end(spans, "too large")
            raise RecordTooLarge(str(error)) from error
        except (KafkaError, TimeoutError, OSError) as error:
            tracing.end(spans, type(error).__name__)
            await self._discard(producer)
            raise PublishFailed(f"Kafka did not acknowledge: {error!r}") from error

    def _place(self, record: Outgoing) -> tuple[str, int]:
        partition = record.partition
        if partition is None:
            partition = partition_of(record.key, self.partitions)
        return self._endpoints.topic(record.topic.name), partition

    async def _one(
        self, producer: AIOKafkaProducer, record: Outgoing
    ) -> dict[tuple[str, int], int]:
        topic, partition = self._place(record)
        sent = await producer.send_and_wait(
            topic,
            record.value,
            key=record.key,
            partition=partition,
            headers=list(record.headers),
        )
        return {(topic, partition): sent.offset}

    async def _many(
        self, producer: AIOKafkaProducer, records: Sequence[Outgoing]
    ) -> dict[tuple[str, int], int]:
        groups: dict[tuple[str, int], list[Outgoing]] = defaultdict(list)
        for record in records:
            groups[self._place(record)].append(record)
        sent = await asyncio.gather(
            *(self._group(producer, place, group) for place, group in groups.items())
        )
        return dict(zip(groups, sent, strict=True))

    async def _group(
        self, producer: AIOKafkaProducer, place: tuple[str, int], records: list[Outgoing]
    ) -> int:
        """One partition's records, in order, in as few batches as they fit."""
        topic, partition = place
        acknowledged: list[asyncio.Future[Any]] = []
        batch = producer.create_batch()
        for record in records:
            headers = list(record.headers)
            if batch.append(key=record.key, value=record.value, timestamp=None, headers=headers):
                continue
            if batch.record_count():
                acknowledged.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            if not batch.append(
                key=record.key, value=record.value, timestamp=None, headers=headers
            ):
                raise RecordTooLarge(f"{topic}: a record of {len(record.value or b'')} bytes")
        acknowledged.append(await producer.send_batch(batch, topic, partition=partition))
        done = await asyncio.gather(*acknowledged)
        return int(done[-1].offset)

    async def _client(self) -> AIOKafkaProducer:
        if self._producer is not None:
            return self._producer
        async with self._opening:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **client_settings(self._endpoints),
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=self._linger_ms,
                    max_batch_size=MAX_RECORD_BYTES,
                    max_request_size=MAX_RECORD_BYTES + 40_000,
                    request_timeout_ms=int(self._timeout_s * 1000),
                    metadata_max_age_ms=60_000,
                )
                try:
                    async with asyncio.timeout(self._timeout_s):
                        await producer.start()
                except (KafkaError, TimeoutError, OSError) as error:
                    with contextlib.suppress(KafkaError, OSError, TimeoutError):
                        await asyncio.wait_for(producer.stop(), 2)
                    raise PublishFailed(f"Kafka does not answer: {error!r}") from error
                self._producer = producer
        return self._producer

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        """Drop a client that failed; the next call opens a new one."""
        if self._producer is producer:
            self._producer = None
        log.warning("kafka client discarded after a failed publish")
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            await asyncio.wait_for(producer.stop(), 2)
