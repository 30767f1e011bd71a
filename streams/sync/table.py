"""The Faust table `entities`: records by entity key, restored from the changelog in Kafka.

The changelog is written a batch at a time by the agent (one write a key a batch, acknowledged
before any command leaves), not by Faust's one send an assignment. Recovery is Faust's, with one
rule more: what a woken former owner wrote behind its successor's claim is skipped (DESIGN: rule 5).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import faust
import structlog
from faust.stores import memory
from faust.tables.manager import TableManager
from faust.types import TP

from schemas.codec import Undecodable, decode, encode
from schemas.command import Claim
from schemas.settings import Endpoints
from schemas.topics import COMMANDS, ENTITIES, OBSERVATIONS
from streams.kafka import Outgoing, Publisher
from streams.kafka.driver import ChunkSchema
from streams.kafka.reading import read_to_end
from streams.sync.record import CLAIM_KEY_PREFIX, ClaimMark, Record

log = structlog.get_logger(__name__)


class EntityStore(memory.Store[bytes, Record]):
    """Records in memory, and the newest claim of each partition."""

    floor: int = 0
    """Added to every epoch: `streams.sync.epochs`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.claims: dict[int, int] = {}
        self.restored_to: dict[int, int] = {}

    def put(self, partition: int, key: bytes, record: Record) -> None:
        """Set a record that the agent has decided on."""
        self.data[key] = record
        self._key_partition[key] = partition

    def forget_one(self, key: bytes) -> None:
        """Undo the first `put` of a key."""
        self.data.pop(key, None)
        self._key_partition.pop(key, None)

    def partition_of(self, key: bytes) -> int:
        """Where a key belongs."""
        return self._key_partition[key]

    def forget(self) -> None:
        """Before a recovery: what is in memory may be a former owner's."""
        self.data.clear()
        self._key_partition.clear()
        self.claims.clear()
        self.restored_to.clear()

    def persisted_offset(self, tp: TP) -> int | None:
        """Faust reads a changelog from here on: it has nothing left to restore."""
        return self.restored_to.get(tp.partition)

    def apply_changelog_batch(
        self, batch: Iterable[Any], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """What Faust still finds lies behind our claim, so a former owner wrote it: skipped."""

    def restore(self, partition: int, offset: int, key: bytes, value: bytes | None) -> None:
        """One changelog record, in order."""
        if key.startswith(CLAIM_KEY_PREFIX):
            self.claims[partition] = self.floor + offset + 1
            return
        if not value:
            self.data.pop(key, None)
            self._key_partition.pop(key, None)
            return
        try:
            record = decode(value, Record)
        except Undecodable as error:
            # The entity starts again from a baseline (rule 8): safe, but worth a look.
            log.error("changelog record skipped", key=key, offset=offset, reason=str(error))
            return
        held = self.data.get(key)
        if held is not None:
            fenced = record.epoch < self.claims.get(partition, 0)
            if fenced or (record.epoch, record.version) < (held.epoch, held.version):
                return
        # A fenced record that is all there is (compaction keeps a key's last) beats none: it was
        # made from the one that is gone, and what is owed repairs the rest.
        self.put(partition, key, record)


class EntityTable(faust.Table[bytes, Record]):
    """A Faust table whose changelog the agent writes."""

    def _new_store(self) -> Any:
        return EntityStore(
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
        return f"{app.topic_prefix}{ENTITIES.name}"

    def on_key_set(self, key: Any, value: Any) -> None:
        """Nothing is sent here: see `EntityStore.put`."""


class ClaimingTables(TableManager):
    """Claims every partition anew before its recovery, each time partitions are assigned."""

    async def on_rebalance(
        self,
        assigned: set[TP],
        revoked: set[TP],
        newly_assigned: set[TP],
        generation_id: int = 0,
    ) -> None:
        app: Any = self.app
        source = f"{app.topic_prefix}{OBSERVATIONS.name}"
        partitions = sorted({tp.partition for tp in assigned if tp.topic == source})
        app.release()
        for table in self.values():
            table.data.forget()
        self.recovery.active_offsets.clear()
        self.changelog_queue.clear()
        await app.claim(partitions)
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)


async def claim(
    publisher: Publisher, partitions: Iterable[int], owner: str, floor: int = 0
) -> dict[int, int]:
    """Partition to epoch: one above the offset of a claim in its changelog (and above the floor of
    a restored log), told to the sinks as well. Done before recovery looks where the changelog ends,
    so whatever a former owner adds later is behind it."""
    epochs: dict[int, int] = {}
    now_ms = int(time.time() * 1000)
    for partition in partitions:
        key = CLAIM_KEY_PREFIX + f"{owner}/{now_ms}".encode()
        mark = encode(ClaimMark(owner, now_ms))
        written = await publisher.publish_with_offsets(
            Outgoing(ENTITIES, key, mark, partition=partition)
        )
        epochs[partition] = floor + next(iter(written.values())) + 1
        told = encode(Claim(epoch=epochs[partition], owner=owner, issued_at_ms=now_ms))
        await publisher.publish(
            *(Outgoing(topic, b"claim", told, partition=partition) for topic in COMMANDS.values())
        )
    return epochs


async def restore(store: EntityStore, endpoints: Endpoints, partitions: Sequence[int]) -> None:
    """Read the changelog of these partitions, from its beginning to its end.

    With a consumer of our own, while Faust waits: Faust's recovery shares its fetcher and queues
    with the streams and can lose what races with a rebalance (faust #596, #597, #651)."""

    async def take(records: Sequence[Any]) -> None:
        for record in records:
            store.restore(record.partition, record.offset, record.key, record.value)

    ends = await read_to_end(endpoints, ENTITIES, partitions, take)
    store.restored_to = {partition: end - 1 for partition, end in ends.items()}


def new_entity_table(app: Any) -> EntityTable:
    """The table `entities` of an app; its changelog has the partitions of its sources."""
    return EntityTable(
        app,
        name="entities",
        partitions=app.conf.topic_partitions,
        schema=ChunkSchema(
            key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        ),
        recovery_buffer_size=8,
    )
