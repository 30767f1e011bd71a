"""The Faust table `analytics`: rows by key, restored from its changelog in Kafka.

As with the engine's table (`streams/sync/table.py`) the changelog is written a batch at a time by
the agent and read back by a consumer of our own while Faust waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import faust
import structlog
from faust.stores import memory
from faust.tables.manager import TableManager
from faust.types import TP

from schemas.codec import Undecodable, decode
from schemas.settings import Endpoints
from schemas.topics import ANALYTICS, FEED
from streams.analytics.facts import Day, Row
from streams.kafka.driver import ChunkSchema
from streams.kafka.reading import read_to_end

log = structlog.get_logger(__name__)
ROW: Any = Row


class RowStore(memory.Store[bytes, Row]):
    """Rows in memory."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.restored_to: dict[int, int] = {}

    def forget(self) -> None:
        """Before a recovery: what is in memory may be a former owner's."""
        self.data.clear()
        self._key_partition.clear()
        self.restored_to.clear()

    def persisted_offset(self, tp: TP) -> int | None:
        """Faust reads a changelog from here on: it has nothing left to restore."""
        return self.restored_to.get(tp.partition)

    def apply_changelog_batch(
        self, batch: Iterable[Any], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Nothing is left to it: see `restore`."""

    def restore(self, key: bytes, value: bytes | None) -> None:
        """One changelog record, in order. What stands further stays: a woken former owner may have
        written behind its successor."""
        if not value:
            self.data.pop(key, None)
            return
        try:
            row = decode(value, ROW)
        except Undecodable as error:
            log.error("analytics row skipped", key=key, reason=str(error))
            return
        held = self.data.get(key)
        if held is None or type(held) is not type(row) or stand(row) >= stand(held):
            self.data[key] = row


def stand(row: Row) -> int:
    """How far along a row is: its entity's version, or the last line counted."""
    return row.upto if isinstance(row, Day) else row.version


class RowTable(faust.Table[bytes, Row]):
    """A Faust table whose changelog the agent writes."""

    def _new_store(self) -> Any:
        return RowStore(
            "memory://",
            self.app,
            self,
            table_name=self.name,
            key_type=bytes,
            value_type=bytes,
            loop=self.loop,
        )

    def _changelog_topic_name(self) -> str:
        app: Any = self.app
        return f"{app.topic_prefix}{ANALYTICS.name}"

    def on_key_set(self, key: Any, value: Any) -> None:
        """Nothing is sent here: the agent writes what a chunk has changed."""


class RestoringTables(TableManager):
    """Restores the rows of assigned partitions before Faust goes on."""

    async def on_rebalance(
        self,
        assigned: set[TP],
        revoked: set[TP],
        newly_assigned: set[TP],
        generation_id: int = 0,
    ) -> None:
        app: Any = self.app
        source = f"{app.topic_prefix}{FEED.name}"
        app.release()
        for table in self.values():
            table.data.forget()
        self.recovery.active_offsets.clear()
        self.changelog_queue.clear()
        await app.claim(sorted({tp.partition for tp in assigned if tp.topic == source}))
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)


async def restore(store: RowStore, endpoints: Endpoints, partitions: Sequence[int]) -> None:
    """Read the changelog of these partitions, from its beginning to its end. Raises KafkaError."""

    async def take(records: Sequence[Any]) -> None:
        for record in records:
            store.restore(record.key, record.value)

    ends = await read_to_end(endpoints, ANALYTICS, partitions, take)
    store.restored_to = {partition: end - 1 for partition, end in ends.items()}


def new_row_table(app: Any) -> RowTable:
    """The table `analytics` of an app; its changelog has the partitions of the feed."""
    return RowTable(
        app,
        name="analytics",
        partitions=app.conf.topic_partitions,
        schema=ChunkSchema(
            key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        ),
        recovery_buffer_size=8,
    )
