"""Items of a listing as deliveries: they go the same way as a platform's own webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from connectors.protocol import Connection, Listed
from schemas.envelope import Envelope, new_traceparent
from schemas.topics import INBOUND
from streams.inbox import Inbox
from streams.kafka.records import Outgoing, Publishes

AHEAD_MOST = 1_000
"""Records that may be on their way to the engine; live changes queue behind them."""
LOOK_S = 0.25


async def room(waiting: Callable[[], Awaitable[int]]) -> None:
    """Returns when the engine has little enough to do."""
    while await waiting() > AHEAD_MOST:  # noqa: ASYNC110 Kafka tells no event
        await asyncio.sleep(LOOK_S)


async def deliver(
    publisher: Publishes,
    inbox: Inbox,
    connection: Connection,
    entity_type: str,
    items: Iterable[Listed],
    *,
    cause: str,
    at_ms: int,
) -> None:
    """Returns once all are in Kafka. `cause` names the job; the same item under the same cause has
    the same id. Raises PublishFailed, PyMongoError."""
    records = []
    trace = new_traceparent()
    for item in items:
        subject = f"{entity_type}/{item.external_id}"
        envelope = Envelope(
            id=f"{cause}:{subject}",
            type=f"inbound.{connection.platform}.{item.topic}",
            source="streams/upkeep",
            organization_id=connection.organization_id,
            subject=subject,
            time_ms=at_ms,
            traceparent=trace,
        )
        key = f"{connection.organization_id}/{connection.replica}/{subject}".encode()
        record = Outgoing(INBOUND, key, item.body, envelope.headers())
        records.append(await inbox.inlined(record))
    await publisher.publish(*records)
