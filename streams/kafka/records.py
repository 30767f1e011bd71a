"""Records as handlers see and make them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from schemas.topics import Topic


@dataclass(slots=True)
class Incoming:
    """One record read from Kafka. `topic` is the registry's name, without the prefix."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass(slots=True)
class Outgoing:
    """One record to publish. Without `partition` the key decides (`topics.partition_of`)."""

    topic: Topic
    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = field(default_factory=list)
    partition: int | None = None


Handler = Callable[[Sequence[Incoming]], Awaitable[None]]
"""Takes a chunk of one partition, in order. Returning acknowledges all of it; raising ends the
process hard, uncommitted. So what one record does wrong is caught inside and parked as a dead
letter."""


class Publishes(Protocol):
    """What most code needs of `streams.kafka.Publisher`."""

    async def publish(self, *records: Outgoing) -> None:
        """Returns once all are acknowledged. Raises PublishFailed, RecordTooLarge."""
        ...
