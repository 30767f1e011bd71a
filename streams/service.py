"""`RealTimeSyncService`: the user's own names, as a Python call.

    service = await open_service()                 # once, at the application's start
    await service.queue_event({
        "id": "unique-event-id", "type": "product", "action": "update", "data": {...},
        "source": "web", "timestamp": datetime.now(UTC), "organizationId": "org-id",
    })
    await service.close()

`real_time_sync_service` is one for the whole application that opens itself on first use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from schemas.clock import unix_ms
from schemas.event import QueuedEvent
from schemas.settings import Endpoints
from streams.database import open_database
from streams.intake import Held, Intake
from streams.kafka.publisher import Publisher
from streams.kafka.records import Outgoing
from streams.queueing import event_record


class Accepts(Protocol):
    """`streams.intake.Intake`."""

    async def accept(self, delivery: Outgoing) -> Held:
        """Returns once it is durable."""
        ...


Opener = Callable[[], Awaitable[tuple[Accepts, Callable[[], Awaitable[None]]]]]
"""Opens an intake; also returns how to close what was opened."""


class RealTimeSyncService:
    """See the module. Safe to share between tasks of one event loop."""

    def __init__(self, opener: Opener | None = None) -> None:
        self._opener = opener or _open_intake
        self._opening = asyncio.Lock()
        self._intake: Accepts | None = None
        self._close: Callable[[], Awaitable[None]] | None = None

    async def queue_event(self, event: QueuedEvent | Mapping[str, Any]) -> Held:
        """Returns once Kafka, or MongoDB's inbox, has the event; the same id again changes nothing.

        Raises pydantic.ValidationError for a wrong shape (its text names each field), Unavailable
        when nothing could take it (sending it again is safe)."""
        valid = event if isinstance(event, QueuedEvent) else QueuedEvent.model_validate(dict(event))
        intake = await self._ready()
        return await intake.accept(event_record(valid, unix_ms()))

    async def close(self) -> None:
        """Let go of connections; the next call opens them again."""
        close, self._close, self._intake = self._close, None, None
        if close is not None:
            await close()

    async def _ready(self) -> Accepts:
        if self._intake is None:
            async with self._opening:
                if self._intake is None:
                    self._intake, self._close = await self._opener()
        return self._intake


async def _open_intake() -> tuple[Accepts, Callable[[], Awaitable[None]]]:
    """From KAFKA_URL and DATABASE_URL. Connects on first use, so that it opens with Kafka away."""
    endpoints = Endpoints()
    publisher = Publisher(endpoints)
    database = open_database(endpoints, application="smartstore-queue-event")

    async def close() -> None:
        await publisher.stop()
        await database.client.close()

    return Intake(publisher, database), close


async def open_service() -> RealTimeSyncService:
    """A service of your own, to be closed by you."""
    return RealTimeSyncService()


real_time_sync_service = RealTimeSyncService()
