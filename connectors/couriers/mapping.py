"""Pure: what is known of a shipment as one delivery, and as fields of the entity `shipment`.

    {"number": "5041000001", "asOf": 1795339800250, "changedAtMs": 1795339700000,
     "fields": {"status": "in_transit", "statusText": "In Transit", ...}}

`asOf` is when the courier answered, by our clock: what was asked earlier and arrives later changes
nothing. The whole of what is known travels each time, so one delivery that is lost does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from connectors.couriers.model import Event
from connectors.couriers.status import RANKS, STATUS_TEXT, Status
from connectors.couriers.times import utc
from connectors.errors import Malformed
from connectors.protocol import Parsed, Sighting
from schemas.base import Fields
from schemas.fields import ENTITY_TYPES
from schemas.observation import Seen

TYPE = "shipment"
EVENTS_KEPT = 60
"""The newest: a record must stay far below what Kafka takes."""
FIELDS = frozenset(ENTITY_TYPES[TYPE])


def tracked_fields(status: Status | None, events: Sequence[Event], estimated: str | None) -> Fields:
    """What tracking says. An unlisted code leaves the status out: it says nothing of it."""
    latest = events[-1] if events else None
    fields: Fields = {"events": [shown(event) for event in events[-EVENTS_KEPT:]]}
    if status is not None:
        fields |= {"status": status, "statusText": STATUS_TEXT[status]}
    if latest is not None:
        fields["description"] = latest.text or latest.note
        if latest.location:
            fields["location"] = latest.location
    if estimated:
        fields["estimatedDelivery"] = estimated
    return fields


def shown(event: Event) -> dict[str, Any]:
    """An event as it stands in the merchant's own document."""
    found = {
        "timestamp": None if event.at_ms is None else utc(event.at_ms),
        "status": event.status,
        "code": event.code,
        "description": event.text or event.note,
        "location": event.location,
    }
    return {**found, "reason": event.reason} if event.reason else found


def delivery(number: str, fields: Fields, as_of: int, changed_at_ms: int | None) -> bytes:
    """The body of a delivery to ourselves."""
    told = {"number": number, "asOf": as_of, "changedAtMs": changed_at_ms, "fields": fields}
    return msgspec.json.encode(told)


def parse(body: bytes) -> Parsed:
    """The inverse of `delivery`. Raises Malformed."""
    try:
        told = msgspec.json.decode(body)
        number, as_of, fields = told["number"], told["asOf"], told["fields"]
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise Malformed(f"not what is known of a shipment: {error!r:.100}") from error
    if not isinstance(number, str) or not number or not isinstance(as_of, int):
        raise Malformed("it names no shipment")
    if not isinstance(fields, Mapping) or not set(fields) <= FIELDS:
        raise Malformed("it has fields that no shipment has")
    held = {name: value for name, value in fields.items() if name != "status" or value in RANKS}
    changed = told.get("changedAtMs")
    seen = Seen(
        external_id=number,
        fields=held,
        as_of=as_of,
        changed_at_ms=changed if isinstance(changed, int) else None,
    )
    return Parsed(sightings=(Sighting(TYPE, number, seen),))
