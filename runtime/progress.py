"""Reads the committed and end offsets of consumer groups, for the watchdog and `status`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping
from types import TracebackType

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    NotCoordinatorForGroupError,
)

from runtime.watchdog import Partition, Progress
from schemas.settings import Endpoints
from streams.kafka.access import client_settings

_TIMEOUT_S = 3.0
_NOT_YET = (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)


class ProgressReader:
    """One admin client and one consumer without a group, opened on first use."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._counts: dict[str, int] = {}
        # A broker that is away is the caller's to report, once, not the client's every second.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

    async def __aenter__(self) -> ProgressReader:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def read(self, groups: Mapping[str, Iterable[str]]) -> dict[str, Progress] | None:
        """Progress per group, None while Kafka cannot be read; a group whose coordinator is not
        there yet is left out. A group maps to the topics that count even before its first commit;
        otherwise only partitions with a commit count."""
        found: dict[str, Progress] = {}
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._open()
                for name, topics in groups.items():
                    with contextlib.suppress(*_NOT_YET):
                        found[name] = await self._read_group(name, topics)
                return found
        except (KafkaError, OSError, TimeoutError):
            await self.close()
            return None

    async def close(self) -> None:
        """Drop the connections; the next read opens new ones."""
        admin, consumer, self._admin, self._consumer = self._admin, self._consumer, None, None
        for client in (admin.close() if admin else None, consumer.stop() if consumer else None):
            if client is not None:
                with contextlib.suppress(KafkaError, OSError, TimeoutError):
                    await asyncio.wait_for(client, _TIMEOUT_S)

    async def _open(self) -> None:
        if self._admin is None:
            self._admin = AIOKafkaAdminClient(**client_settings(self._endpoints))
            await self._admin.start()
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(**client_settings(self._endpoints), group_id=None)
            await self._consumer.start()

    async def _read_group(self, group: str, topics: Iterable[str]) -> Progress:
        if self._admin is None or self._consumer is None:
            raise OSError("not connected")
        found = await self._admin.list_consumer_group_offsets(group)
        committed: dict[Partition, int] = {
            (place.topic, place.partition): meta.offset
            for place, meta in found.items()
            if meta.offset >= 0
        }
        places = {TopicPartition(*partition) for partition in committed}
        for topic in topics:
            places |= {TopicPartition(topic, number) for number in await self._numbers(topic)}
        end = await self._consumer.end_offsets(list(places)) if places else {}
        return Progress(committed, {(p.topic, p.partition): offset for p, offset in end.items()})

    async def _numbers(self, topic: str) -> range:
        """Partition counts are fixed at creation: asked until known."""
        if topic not in self._counts and self._admin is not None:
            for row in await self._admin.describe_topics([topic]):
                if not row["error_code"]:
                    self._counts[topic] = len(row["partitions"])
        return range(self._counts.get(topic, 0))
