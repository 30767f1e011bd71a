"""Aramex's tracking. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.couriers.aramex import wire
from connectors.couriers.aramex.settings import Account
from connectors.couriers.aramex.statuses import CODES
from connectors.couriers.errors import CourierError, silent
from connectors.couriers.model import Event, Tracked, Tracking, tracked
from connectors.couriers.protocol import Request
from connectors.couriers.reading import Record, text
from connectors.couriers.status import meaning
from connectors.http import Reply
from schemas.money import money

CODE = "aramex"
TRACKING = "/ShippingAPI.V2/Tracking/Service_1_0.svc/json"
SOURCE = 24
"""Aramex's number for clients of the JSON flavour."""


def envelope(account: Account) -> Record:
    """Who asks; in every body."""
    return {
        "ClientInfo": {
            "UserName": account.username,
            "Password": account.password,
            "Version": "v1.0",
            "AccountNumber": account.account_number,
            "AccountPin": account.account_pin,
            "AccountEntity": account.account_entity,
            "AccountCountryCode": account.account_country_code,
            "Source": SOURCE,
        },
        "Transaction": {f"Reference{place}": "" for place in range(1, 6)},
    }


def post(account: Account, path: str, body: dict[str, Any]) -> Request:
    """Without `Accept` Aramex answers in XML."""
    return Request(
        "POST",
        f"{account.base_url}{path}",
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        json={**envelope(account), **body},
    )


def track_request(account: Account, numbers: Sequence[str]) -> Request:
    """Waybill numbers, or references of ours."""
    body = {"Shipments": list(numbers), "GetLastTrackingUpdateOnly": False}
    return post(account, f"{TRACKING}/TrackShipments", body)


def track_response(account: Account, numbers: Sequence[str], reply: Reply) -> Tracking:
    """Every waybill below a key is a shipment of its own."""
    answer = wire.answer(reply)
    found: list[Tracked] = []
    answered = set(wire.strings(answer.get("NonExistingWaybills")))
    missing = list(answered)
    for asked, updates in wire.results(answer):
        answered.add(asked)
        by_number: dict[str, list[Record]] = {}
        for update in updates:
            by_number.setdefault(text(update.get("WaybillNumber")) or asked, []).append(update)
        for number, listed in (by_number or {asked: []}).items():
            found.append(_tracked(account, asked, number, listed))
    if wire.failed(answer) and not found and not missing:
        raise wire.failure(answer)
    failures: list[CourierError] = [wire.failure(answer)] if wire.failed(answer) else []
    failures += [silent(number) for number in numbers if number not in answered]
    return Tracking(tuple(found), tuple(missing), tuple(failures))


def _tracked(account: Account, asked: str, number: str, updates: list[Record]) -> Tracked:
    events = [_event(account, number, update) for update in updates]
    return tracked(
        CODE,
        number,
        events,
        asked=asked if asked != number else "",
        weight_kg=next((found for found in map(_weight, updates) if found), None),
    )


def _event(account: Account, number: str, update: Record) -> Event:
    code, words = text(update.get("UpdateCode")), text(update.get("UpdateDescription"))
    status, info = meaning(CODES, code, words)
    moment = wire.date_of(update.get("UpdateDateTime"), account.timezone)
    problem = text(update.get("ProblemCode"))
    reason = f"{words} ({problem})" if problem else words
    return Event(
        CODE,
        number,
        moment.at_ms if moment else None,
        code,
        words,
        location=text(update.get("UpdateLocation")),
        status=status,
        info=info,
        reason=reason if status == "exception" else "",
        note=text(update.get("Comments")),
        offset_min=moment.offset_min if moment else None,
        tz_assumed=moment.assumed if moment else False,
    )


def _weight(update: Record) -> str | None:
    if text(update.get("WeightUnit")).upper() != "KG":
        return None
    try:
        return money(text(update.get("GrossWeight")))
    except ValueError:
        return None


def lookup_response(account: Account, reference: str, reply: Reply) -> tuple[str, ...]:
    """The waybills that bear the reference."""
    answer = track_response(account, [reference], reply)
    return tuple(one.number for one in answer.found if one.number != reference)
