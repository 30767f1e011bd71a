"""A message of ours as people see it: an entity `message` (direction out), and its conversation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from connectors.protocol import Sighting
from schemas.event import QueuedEvent
from streams.inbound.normalise import EVENTS
from streams.kafka.records import Publishes
from streams.links import Links
from streams.queueing import event_record
from streams.whatsapp.conversations import Conversations
from streams.whatsapp.sends import Outgoing, Sends

MESSAGE = "message"
KINDS = {"order_status": "notification", "shipment_status": "notification"}


class Showing:
    """Everything may be repeated. Errors: PyMongo's own, PublishFailed."""

    def __init__(
        self,
        publisher: Publishes,
        links: Links,
        conversations: Conversations,
        sends: Sends,
        clock_ms: Callable[[], int],
    ) -> None:
        self._publisher = publisher
        self._links = links
        self._conversations = conversations
        self._sends = sends
        self._clock_ms = clock_ms

    async def queued(self, row: Outgoing, text: str) -> Outgoing:
        """It is there from now on; its statuses find it by the key that they echo. The row, told
        of."""
        if row.told:
            return row
        org, now_ms = row.organization_id, self._clock_ms()
        own = f"effect:{row.effect_key}"
        await self._links.resolve(org, EVENTS, [Sighting(MESSAGE, own, None, (own,))])
        data = {
            "entityId": row.entity_id,
            "conversationId": row.to,
            "platform": "whatsapp",
            "direction": "out",
            "type": KINDS.get(row.kind, row.kind),
            "body": text,
            "status": "queued",
            "sentAt": now_ms,
        }
        await self._publish(row, "create", f"send:{row.entity_id}", data, now_ms)
        await self._conversations.note_outbound(
            org, row.to, row.entity_id, now_ms, text=text, phone=row.to
        )
        await self._sends.change(row, told=True, text=text)
        return replace(row, told=True, text=text)

    async def over(self, row: Outgoing) -> None:
        """It will not be sent: whoever saw it waiting sees that."""
        if not row.told:
            return
        data = {"entityId": row.entity_id, "status": "failed"}
        await self._publish(row, "update", f"send:{row.entity_id}:over", data, self._clock_ms())
        await self._conversations.note_status(row.organization_id, row.to, row.entity_id, "failed")

    async def _publish(
        self, row: Outgoing, action: str, event_id: str, data: Mapping[str, object], now_ms: int
    ) -> None:
        event = QueuedEvent.model_validate(
            {
                "id": event_id,
                "type": MESSAGE,
                "action": action,
                "source": "whatsapp",
                "data": dict(data),
                "timestamp": now_ms,
                "organizationId": row.organization_id,
            }
        )
        await self._publisher.publish(event_record(event, now_ms))
