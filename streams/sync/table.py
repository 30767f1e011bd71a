"""The Faust table `entities`: records by entity key, restored from the changelog in Kafka.

How it is written and restored: `streams/kafka/table.py`, with one rule more: what a woken former
owner wrote behind its successor's claim is skipped (DESIGN: rule 5).
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from schemas.clock import unix_ms
from schemas.codec import Undecodable, decode, encode
from schemas.command import Claim
from schemas.topics import COMMANDS, ENTITIES, OBSERVATIONS
from streams.kafka import Outgoing, Publisher
from streams.kafka.table import OwnStore, OwnTable, OwnTables
from streams.sync.record import CLAIM_KEY_PREFIX, FORMAT, ClaimMark, Record

log = structlog.get_logger(__name__)


class NewerFormat(RuntimeError):
    """A newer version has written here. This one must not decide on what it does not understand:
    its worker ends, uncommitted."""


class EntityStore(OwnStore[Record]):
    """Records in memory, and the newest claim of each partition."""

    floor: int = 0
    """Added to every epoch: `streams.sync.epochs`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.claims: dict[int, int] = {}

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
        """Claims too."""
        super().forget()
        self.claims.clear()

    def restore(self, partition: int, offset: int, key: bytes, value: bytes | None) -> None:
        """One changelog record, in order."""
        if key.startswith(CLAIM_KEY_PREFIX):
            _refuse_newer(value)
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


def _refuse_newer(claim: bytes | None) -> None:
    """Raises NewerFormat. A claim that is no longer readable fences all the same."""
    try:
        mark = decode(claim or b"", ClaimMark)
    except Undecodable:
        return
    if mark.format > FORMAT:
        log.error("a newer version has written here: upgrade this worker too", owner=mark.owner)
        raise NewerFormat(f"{mark.owner} writes format {mark.format}, this version {FORMAT}")


class EntityTable(OwnTable[Record]):
    """Written by `Reconciler`."""

    store_type = EntityStore
    changelog_of = ENTITIES


class ClaimingTables(OwnTables):
    """Claims every partition anew before its recovery."""

    source = OBSERVATIONS


async def claim(
    publisher: Publisher, partitions: Iterable[int], owner: str, floor: int = 0
) -> dict[int, int]:
    """Partition to epoch: one above the offset of a claim in its changelog (and above the floor of
    a restored log), told to the sinks as well. Done before recovery looks where the changelog ends,
    so whatever a former owner adds later is behind it."""
    epochs: dict[int, int] = {}
    now_ms = unix_ms()
    for partition in partitions:
        key = CLAIM_KEY_PREFIX + f"{owner}/{now_ms}".encode()
        mark = encode(ClaimMark(owner, now_ms, FORMAT))
        written = await publisher.publish_with_offsets(
            Outgoing(ENTITIES, key, mark, partition=partition)
        )
        epochs[partition] = floor + next(iter(written.values())) + 1
        told = encode(Claim(epoch=epochs[partition], owner=owner, issued_at_ms=now_ms))
        await publisher.publish(
            *(Outgoing(topic, b"claim", told, partition=partition) for topic in COMMANDS.values())
        )
    return epochs
