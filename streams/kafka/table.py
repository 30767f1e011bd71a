"""A Faust table whose agent writes its changelog, a batch at a time and acknowledged before it goes
on, and which is restored by a consumer of our own while Faust waits: Faust's recovery shares its
fetcher and queues with the streams and can lose what races with a rebalance (faust #596, #597,
#651)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, TypeVar

import faust
from faust.stores import memory
from faust.tables.manager import TableManager
from faust.types import TP

from schemas.settings import Endpoints
from schemas.topics import Topic
from streams.kafka.driver import ChunkSchema
from streams.kafka.reading import read_to_end

V = TypeVar("V")


class OwnStore(memory.Store[bytes, V]):
    """Values in memory."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.restored_to: dict[int, int] = {}

    def forget(self) -> None:
        """Before a recovery: what is in memory may be a former owner's."""
        self.data.clear()
        self._key_partition.clear()
        self.restored_to.clear()

    def restore(self, partition: int, offset: int, key: bytes, value: bytes | None) -> None:
        """One changelog record, in order."""
        raise NotImplementedError

    def persisted_offset(self, tp: TP) -> int | None:
        """Faust reads a changelog from here on: it has nothing left to restore."""
        return self.restored_to.get(tp.partition)

    def apply_changelog_batch(
        self, batch: Iterable[Any], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """What Faust still finds came behind the end that `restore` has read to, so a former owner
        wrote it: skipped."""


class OwnTable(faust.Table[bytes, V]):
    """Subclasses name their store and their changelog."""

    store_type: ClassVar[type[OwnStore[Any]]]
    changelog_of: ClassVar[Topic]

    def _new_store(self) -> Any:
        return self.store_type(
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
        return f"{app.topic_prefix}{self.changelog_of.name}"

    def on_key_set(self, key: Any, value: Any) -> None:
        """Nothing is sent here: the agent writes what a batch has changed."""


class PromptTables(TableManager):
    """Ready at once: Faust waits a second for tables that are added late, and ours never are."""

    async def on_start(self) -> None:
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


class OwnTables(PromptTables):
    """Has the app claim and restore its partitions before Faust goes on, each time partitions are
    assigned. Subclasses name the topic whose partitions count."""

    source: ClassVar[Topic]

    async def on_rebalance(
        self,
        assigned: set[TP],
        revoked: set[TP],
        newly_assigned: set[TP],
        generation_id: int = 0,
    ) -> None:
        app: Any = self.app
        source = f"{app.topic_prefix}{self.source.name}"
        app.release()
        for table in self.values():
            table.data.forget()
        self.recovery.active_offsets.clear()
        self.changelog_queue.clear()
        await app.claim(sorted({tp.partition for tp in assigned if tp.topic == source}))
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)


async def restore(
    store: OwnStore[Any], endpoints: Endpoints, changelog: Topic, partitions: Sequence[int]
) -> None:
    """Read the changelog of these partitions, from its beginning to its end. Raises KafkaError."""

    async def take(records: Sequence[Any]) -> None:
        for record in records:
            store.restore(record.partition, record.offset, record.key, record.value)

    ends = await read_to_end(endpoints, changelog, partitions, take)
    store.restored_to = {partition: end - 1 for partition, end in ends.items()}


def own_table(app: Any, name: str, kind: type[OwnTable[Any]]) -> Any:
    """The table of an app; its changelog has the partitions of its sources."""
    return kind(
        app,
        name=name,
        partitions=app.conf.topic_partitions,
        schema=ChunkSchema(
            key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        ),
        recovery_buffer_size=8,
    )
