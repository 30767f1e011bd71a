"""DHL's unified tracking. Pure."""

from __future__ import annotations

from typing import Any

from connectors.couriers.dhl.settings import Account
from connectors.couriers.dhl.statuses import unified
from connectors.couriers.dhl.wire import answer
from connectors.couriers.errors import NotFound
from connectors.couriers.model import Event, Tracked, Tracking, tracked
from connectors.couriers.protocol import Request
from connectors.couriers.reading import Record, joined, part, records, text, texts
from connectors.couriers.times import estimate, moment_of
from connectors.errors import Malformed
from connectors.http import Reply
from schemas.money import money

CODE = "dhl"


def track_request(account: Account, number: str) -> Request:
    """One number a call."""
    return Request(
        "GET",
        f"{account.base_url}/track/shipments",
        query={
            "trackingNumber": number,
            "service": account.service,
            "language": "en",
            "requesterCountryCode": account.country_code,
        },
        headers={"DHL-API-Key": account.api_key, "Accept": "application/json"},
    )


def track_response(account: Account, number: str, reply: Reply) -> Tracking:
    """Several shipments can match one number; `service` tells them apart."""
    shipments = records(answer(reply).get("shipments"))
    if not shipments:
        raise NotFound("No shipment with given tracking number found.", number=number)
    return Tracking(tuple(_shipment(account, number, one) for one in shipments))


def handshake(told: Record) -> dict[str, str]:
    """A subscription's own message carries its secret, with which it is activated; once only."""
    secret = text(told.get("secret"))
    subscribed = text(told.get("scope")).startswith("subscription")
    return {"push_secret": secret} if subscribed and secret else {}


def parse_push(account: Account, told: Record) -> Tracking:
    """Unified push tells shipments as unified tracking does. Raises Malformed."""
    shipments = records(told.get("shipments")) or ([told] if told.get("id") else [])
    named = [one for one in shipments if text(one.get("id"))]
    if not named:
        raise Malformed("the push names no shipment")
    return Tracking(tuple(_shipment(account, text(one.get("id")), one) for one in named))


def _shipment(account: Account, asked: str, shipment: Record) -> Tracked:
    number = text(shipment.get("id")) or asked
    told, details = part(shipment, "status"), part(shipment, "details")
    listed = records(shipment.get("events")) or [told] * bool(told)
    return tracked(
        CODE,
        number,
        [_event(account, number, one) for one in listed],
        unified(text(told.get("statusCode")), _words(told))[0],
        asked=asked if asked != number else "",
        pieces=tuple(texts(details.get("pieceIds"))),
        service=text(shipment.get("service")),
        estimated=estimate(text(shipment.get("estimatedTimeOfDelivery")), account.timezone),
        signed_by=_signed_by(part(details, "proofOfDelivery").get("signed")),
        references=tuple(
            found
            for one in records(details.get("references"))
            if (found := text(one.get("number")))
        ),
        weight_kg=_weight(part(details, "weight")),
    )


def _words(entry: Record) -> str:
    """`status` and `description` say more than `statusCode`; either may be missing."""
    return f"{text(entry.get('status'))} {text(entry.get('description'))}".strip()


def _event(account: Account, number: str, entry: Record) -> Event:
    code, words = text(entry.get("statusCode")), _words(entry)
    status, info = unified(code, words)
    moment = moment_of(text(entry.get("timestamp")), account.timezone)
    place = part(entry, "location", "address")
    said = text(entry.get("description")) or text(entry.get("status"))
    return Event(
        CODE,
        number,
        moment.at_ms if moment else None,
        code,
        said,
        location=joined(place.get("addressLocality"), place.get("countryCode")),
        status=status,
        info=info,
        reason=(text(entry.get("remark")) or said) if status == "exception" else "",
        note=joined(entry.get("remark"), entry.get("nextSteps")),
        offset_min=moment.offset_min if moment else None,
        tz_assumed=moment.assumed if moment else False,
    )


def _signed_by(signed: Any) -> str:
    if not isinstance(signed, dict):
        return text(signed)
    named = text(signed.get("name"))
    return named or f"{text(signed.get('givenName'))} {text(signed.get('familyName'))}".strip()


def _weight(weight: Record) -> str | None:
    if text(weight.get("unitText")).lower() != "kg":
        return None
    try:
        return money(text(weight.get("value")))
    except ValueError:
        return None
