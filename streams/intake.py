"""The way in: a delivery is in Kafka, or in MongoDB's inbox, or the caller is told that it is not.

`Drainer` brings the inbox back to Kafka, in order. A delivery may be published twice (a crash
between publish and forgetting): consumers of ours bear repeats.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from pymongo.errors import PyMongoError

from schemas.clock import unix_ms
from streams.database import Database
from streams.inbox import Inbox
from streams.kafka.publisher import PublishFailed
from streams.kafka.records import Outgoing, Publishes

log = structlog.get_logger(__name__)

PUBLISH_S = 3.0
"""How long a caller waits for Kafka before the inbox takes its delivery."""
HOLD_S = 5.0
"""After a failure of Kafka, deliveries go straight to the inbox for so long."""
INBOX_S = 5.0
BATCH = 500
IDLE_S = 1.0


class Unavailable(Exception):
    """Neither Kafka nor MongoDB took it: it is not ours, and the sender must send it again."""


@dataclass(frozen=True)
class Held:
    """Something durable has the delivery; `held`: the inbox rather than Kafka."""

    held: bool


class Intake:
    """See the module. One per process."""

    def __init__(
        self,
        publisher: Publishes,
        database: Database,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publisher = publisher
        self._inbox = Inbox(database)
        self._clock = clock
        self._away_until = 0.0

    async def accept(self, delivery: Outgoing) -> Held:
        """Returns once it is durable. Raises Unavailable."""
        try:
            async with asyncio.timeout(INBOX_S):
                record = await self._inbox.inlined(delivery)
        except (PyMongoError, TimeoutError) as error:
            raise Unavailable("the inbox did not take a large body") from error
        if self._clock() >= self._away_until:
            try:
                async with asyncio.timeout(PUBLISH_S):
                    await self._publisher.publish(record)
                return Held(held=False)
            except (PublishFailed, TimeoutError) as error:
                self._away_until = self._clock() + HOLD_S
                log.warning("kafka is away; deliveries go to the inbox", reason=str(error))
        try:
            async with asyncio.timeout(INBOX_S):
                await self._inbox.hold([record], unix_ms())
        except (PyMongoError, TimeoutError) as error:
            raise Unavailable("neither Kafka nor MongoDB took the delivery") from error
        return Held(held=True)


class Drainer:
    """Moves the inbox to Kafka. One or several may run."""

    def __init__(self, publisher: Publishes, database: Database) -> None:
        self._publisher = publisher
        self._inbox = Inbox(database)

    async def drain(self) -> int:
        """Move what is held now; how many. Raises PublishFailed, PyMongoError."""
        moved = 0
        while found := await self._inbox.oldest(BATCH):
            await self._publisher.publish(*(record for _, record in found))
            await self._inbox.forget([row_id for row_id, _ in found])
            moved += len(found)
        return moved

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                moved = await self.drain()
                if moved:
                    log.info("inbox drained", deliveries=moved)
            except (PublishFailed, PyMongoError) as error:
                log.warning("inbox waits", reason=str(error))
            await asyncio.sleep(IDLE_S)
