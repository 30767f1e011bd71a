"""A queued event as a record for topic `inbound`."""

from __future__ import annotations

from schemas.codec import encode
from schemas.envelope import Envelope
from schemas.event import QueuedEvent
from schemas.topics import INBOUND
from streams import tracing
from streams.kafka.records import Outgoing


def subject_of(event: QueuedEvent) -> str:
    """`type/what names the entity`: events about one entity keep their order."""
    data = event.data
    for name in ("entityId", "_id", "id", "sku", "phone", "email"):
        value = data.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return f"{event.type}/{value}"
    return f"{event.type}/{event.id}"


def event_record(event: QueuedEvent, now_ms: int) -> Outgoing:
    """The record; its envelope's id is the event's own."""
    subject = subject_of(event)
    envelope = Envelope(
        id=event.id,
        type=f"inbound.event.{event.type}.{event.action}",
        source="queueEvent",
        organization_id=event.organization_id,
        subject=subject,
        time_ms=now_ms,
        traceparent=tracing.here(),
    )
    key = f"{event.organization_id}/{event.replica}/{subject}".encode()
    return Outgoing(INBOUND, key, encode(event.to_wire()), envelope.headers())
