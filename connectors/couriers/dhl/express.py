"""MyDHL's tracking. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

from connectors.couriers.dhl.mapping import CODE
from connectors.couriers.dhl.settings import Account
from connectors.couriers.dhl.statuses import MYDHL
from connectors.couriers.dhl.wire import answer, mydhl_headers
from connectors.couriers.errors import NotFound, silent
from connectors.couriers.model import Event, Tracked, Tracking, tracked
from connectors.couriers.protocol import Context, Request
from connectors.couriers.reading import Record, records, text
from connectors.couriers.status import meaning
from connectors.couriers.times import estimate, moment_of, zone
from connectors.http import Reply
from schemas.money import money

EVERYTHING: dict[str, str | list[str]] = {
    "trackingView": "all-checkpoints",
    "levelOfDetail": "all",
    "requestGMTOffsetPerEvent": "true",
}
LOOKUP_DAYS = 10
"""DHL takes no planned date further off than this."""


def track_request(account: Account, numbers: Sequence[str], context: Context) -> Request:
    """One number has an address of its own; several go into a query."""
    headers = mydhl_headers(account, context)
    if len(numbers) == 1:
        path = f"/shipments/{quote(numbers[0], safe='')}/tracking"
        return Request("GET", account.mydhl_base_url + path, dict(EVERYTHING), headers)
    query = {"shipmentTrackingNumber": list(numbers), **EVERYTHING}
    return Request("GET", f"{account.mydhl_base_url}/tracking", query, headers)


def track_response(account: Account, numbers: Sequence[str], reply: Reply) -> Tracking:
    """`status` says only whether the look-up worked."""
    found: list[Tracked] = []
    missing: list[str] = []
    for shipment in records(answer(reply).get("shipments")):
        number = text(shipment.get("shipmentTrackingNumber"))
        events = _events(account, number, shipment)
        if not events and text(shipment.get("status")).lower() not in ("", "success"):
            missing.append(number)
        else:
            found.append(_shipment(account, number, events, shipment))
    told = {one.number for one in found} | set(missing)
    rest = [number for number in numbers if number not in told]
    if not told and len(numbers) == 1:
        raise NotFound("DHL knows no such shipment.", number=numbers[0])
    return Tracking(tuple(found), tuple(missing), tuple(map(silent, rest)))


def _events(account: Account, number: str, shipment: Record) -> list[Event]:
    """Of the shipment; those of its pieces repeat them, unless only they are there."""
    listed = records(shipment.get("events")) or [
        event for piece in records(shipment.get("pieces")) for event in records(piece.get("events"))
    ]
    return [_event(account, number, entry) for entry in listed]


def _shipment(account: Account, number: str, events: list[Event], shipment: Record) -> Tracked:
    signed = [text(entry.get("signedBy")) for entry in records(shipment.get("events"))]
    return tracked(
        CODE,
        number,
        events,
        None if events else "created",
        pieces=tuple(
            found
            for piece in records(shipment.get("pieces"))
            if (found := text(piece.get("trackingNumber")))
        ),
        service=text(shipment.get("productCode")),
        estimated=estimate(text(shipment.get("estimatedDeliveryDate")), account.timezone),
        signed_by=next((name for name in reversed(signed) if name), ""),
        references=tuple(
            found
            for one in records(shipment.get("shipperReferences"))
            if (found := text(one.get("value")))
        ),
        weight_kg=_weight(shipment),
    )


def _event(account: Account, number: str, entry: Record) -> Event:
    code, words = text(entry.get("typeCode")), text(entry.get("description"))
    status, info = meaning(MYDHL, code, words)
    written = f"{text(entry.get('date'))}T{text(entry.get('time'))}{text(entry.get('GMTOffset'))}"
    moment = moment_of(written, account.timezone)
    areas = records(entry.get("serviceArea"))
    place = areas[0] if areas else {}
    return Event(
        CODE,
        number,
        moment.at_ms if moment else None,
        code,
        words,
        location=text(place.get("description")) or text(place.get("code")),
        status=status,
        info=info,
        reason=words if status == "exception" else "",
        offset_min=moment.offset_min if moment else None,
        tz_assumed=moment.assumed if moment else False,
    )


def _weight(shipment: Record) -> str | None:
    if text(shipment.get("unitOfMeasurements")) not in ("", "metric"):
        return None
    try:
        return money(text(shipment.get("totalWeight")))
    except ValueError:
        return None


def lookup_request(account: Account, reference: str, context: Context) -> Request:
    """By the customer reference (CU) that creation gives, within DHL's own window."""
    today = datetime.fromtimestamp(context.now_ms / 1000, zone(account.timezone)).date()
    query: dict[str, str | list[str]] = {
        "shipmentReference": reference,
        "shipmentReferenceType": "CU",
        "shipperAccountNumber": account.account_number,
        "dateRangeFrom": (today - timedelta(days=LOOKUP_DAYS)).isoformat(),
        "dateRangeTo": (today + timedelta(days=LOOKUP_DAYS)).isoformat(),
        **EVERYTHING,
    }
    headers = mydhl_headers(account, context)
    return Request("GET", f"{account.mydhl_base_url}/tracking", query, headers)


def lookup_response(reply: Reply) -> tuple[str, ...]:
    """Their waybill numbers."""
    try:
        found = answer(reply)
    except NotFound:
        return ()
    numbers = [text(one.get("shipmentTrackingNumber")) for one in records(found.get("shipments"))]
    return tuple(number for number in numbers if number)
