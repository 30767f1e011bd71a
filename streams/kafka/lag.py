"""How many records wait in Kafka: asked of the brokers, at most every two seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.settings import Endpoints
from schemas.topics import COMMANDS, INBOUND, OBSERVATIONS, OUTCOMES, RESOLUTIONS
from streams.fresh import Fresh
from streams.kafka.access import client_settings

FRESH_S = 2.0
PATIENCE_S = 3.0
FOLLOWED = tuple(
    topic.name for topic in (INBOUND, OBSERVATIONS, OUTCOMES, RESOLUTIONS, *COMMANDS.values())
)
"""Topics whose waiting records are events on their way."""


class LagUnknown(Exception):
    """Kafka did not answer. Trying again helps."""


class Lag:
    """Waiting records by topic. Of several groups on a topic the one furthest on counts: a group
    that somebody left behind does not make a shop look busy."""

    def __init__(
        self,
        endpoints: Endpoints,
        clock: Callable[[], float] = time.monotonic,
        *,
        fresh_s: float = FRESH_S,
    ) -> None:
        self._endpoints = endpoints
        self._kept: Fresh[Mapping[str, int]] = Fresh(fresh_s, clock)
        self._asking = asyncio.Lock()
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def by_topic(self) -> Mapping[str, int]:
        """Topic (without prefix) to waiting records. Raises LagUnknown."""

        async def read() -> Mapping[str, int]:
            async with asyncio.timeout(PATIENCE_S):
                return await self._ask()

        async with self._asking:
            try:
                return await self._kept.get("lag", read)
            except (KafkaError, OSError, TimeoutError) as error:
                await self.close()
                raise LagUnknown(f"Kafka does not answer: {error!r}") from error

    async def close(self) -> None:
        """Let go of connections; the next question opens new ones."""
        admin, self._admin = self._admin, None
        consumer, self._consumer = self._consumer, None
        if admin is not None:
            await admin.close()
        if consumer is not None:
            await consumer.stop()

    async def _ask(self) -> Mapping[str, int]:
        admin, consumer = await self._clients()
        places = [
            TopicPartition(self._endpoints.topic(name), partition)
            for name in FOLLOWED
            for partition in range(self._endpoints.kafka_partitions)
        ]
        committed: dict[TopicPartition, int] = {}
        for group, *_ in await admin.list_consumer_groups():
            if not group.startswith(self._endpoints.topic("smartstore-")):
                continue
            offsets = await admin.list_consumer_group_offsets(group)
            for place, found in offsets.items():
                if found.offset >= 0:
                    committed[place] = max(committed.get(place, 0), found.offset)
        ends = await consumer.end_offsets([place for place in places if place in committed])
        waiting = dict.fromkeys(FOLLOWED, 0)
        prefix = len(self._endpoints.topic_prefix)
        for place, end in ends.items():
            waiting[place.topic[prefix:]] += max(0, end - committed[place])
        return waiting

    async def _clients(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        if self._admin is None:
            admin = AIOKafkaAdminClient(
                **client_settings(self._endpoints), request_timeout_ms=3_000
            )
            await admin.start()
            self._admin = admin
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                **client_settings(self._endpoints), request_timeout_ms=3_000
            )
            await consumer.start()
            self._consumer = consumer
        return self._admin, self._consumer
