"""One order's timeline across shop, app, WhatsApp and couriers, in the order it happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from api.pages.i18n import N_, _
from api.pages.refusals import plain_word
from api.pages.words import line_title, look_of, value_word
from api.services import Services
from connectors.couriers.status import STATUS_TEXT
from schemas.envelope import rfc3339
from streams.database import Document
from streams.history import lines_of
from streams.sync.record import Record

MOST_LINES = 200
MOST_PARCELS = 50
EFFECTS = {
    "claimed": (N_("A message is on its way to the customer"), "clock", "info"),
    "sent": (N_("A message was sent to the customer"), "bubble", "good"),
    "failed": (N_("A message to the customer failed"), "cross", "bad"),
    "unknown": (N_("Nobody knows whether the customer got the message"), "clock", "ask"),
    "released": (N_("A message waits to be sent"), "clock", "info"),
}


@dataclass(frozen=True)
class Moment:
    """One thing that happened to an order."""

    at_ms: int
    where: str
    """The replica: `woocommerce`, `mongodb`, `whatsapp`, `courier:dhl`."""
    text: str
    detail: str = ""
    icon: str = "bubble"
    tone: str = "info"
    address: str = ""
    """Of the page that tells more; empty where there is none."""

    @property
    def at(self) -> str:
        """RFC 3339."""
        return rfc3339(self.at_ms)


async def timeline(use: Services, record: Record) -> list[Moment]:
    """Newest first. Raises PyMongoError."""
    organization_id, order_id = record.organization_id, record.entity_id
    found = [
        *await _lines(use, organization_id, order_id),
        *await _messages(use, organization_id, order_id),
        *await _parcels(use, organization_id, order_id),
    ]
    return sorted(found, key=lambda one: -one.at_ms)


async def _lines(use: Services, organization_id: str, order_id: str) -> list[Moment]:
    held = await lines_of(use.database, organization_id, "order", order_id, limit=MOST_LINES)
    found = []
    for (at_ms, offset), line in held:
        icon, tone = look_of(line.kind)
        status = line.fields.get("status")
        reason = plain_word(line.reason) if line.replica.startswith("whatsapp") else line.reason
        found.append(
            Moment(
                at_ms,
                line.replica or line.source,
                line_title(line),
                value_word(status, "status") if isinstance(status, str) else reason,
                icon,
                tone,
                f"/events/{at_ms}-{offset}",
            )
        )
    return found


async def _messages(use: Services, organization_id: str, order_id: str) -> list[Moment]:
    match = {"organizationId": organization_id, "entityId": order_id}
    rows = use.database["ss_effects"].find(match).sort("claimedAtMs", -1).limit(MOST_LINES)
    found = []
    async for row in rows:
        text, icon, tone = EFFECTS.get(row.get("state", ""), EFFECTS["unknown"])
        at_ms = int(row.get("updatedAtMs") or row.get("claimedAtMs") or 0)
        where = str(row.get("replica") or "whatsapp")
        if not where.startswith("courier"):
            reason = plain_word(str(row.get("reason") or ""))
            found.append(Moment(at_ms, where, _(text), reason, icon, tone))
    return found


async def _parcels(use: Services, organization_id: str, order_id: str) -> list[Moment]:
    match = {"organizationId": organization_id, "orderId": order_id}
    found: list[Moment] = []
    async for row in use.database["ss_shipments"].find(match).limit(MOST_PARCELS):
        number = row.get("number") or ""
        text = N_("A parcel was made: %(number)s") if number else N_("A parcel is to be made")
        address = f"/shipments/{row['_id']}"
        found.append(
            Moment(
                int(row.get("createdAtMs") or 0),
                str(row.get("replica") or ""),
                _(text, number=number) if number else _(text),
                str(row.get("reason") or ""),
                "send",
                "info",
                address,
            )
        )
    async for row in use.database["ss_tracking"].find(match).limit(MOST_PARCELS):
        found += [_scan(row, event) for event in row.get("events", [])]
    return found


def _scan(row: Document, event: dict[str, Any]) -> Moment:
    status = event.get("status")
    at_ms = event.get("at_ms") or event.get("atMs") or row.get("createdAtMs") or 0
    words = STATUS_TEXT.get(status) if status else ""
    place = ", ".join(part for part in (event.get("text"), event.get("location")) if part)
    good = status == "delivered"
    bad = status in ("exception", "returned")
    return Moment(
        int(at_ms),
        str(row.get("replica") or ""),
        _(words) if words else str(event.get("text") or ""),
        place if words else str(event.get("location") or ""),
        "check" if good else "cross" if bad else "send",
        "good" if good else "bad" if bad else "info",
    )
