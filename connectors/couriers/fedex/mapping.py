"""FedEx's tracking. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.couriers.errors import CourierError, InvalidRequest, NotFound, silent
from connectors.couriers.fedex.settings import Account
from connectors.couriers.fedex.statuses import CODES
from connectors.couriers.fedex.wire import NOT_FOUND, answer, headers
from connectors.couriers.model import Event, Notice, Tracked, Tracking, tracked
from connectors.couriers.protocol import Context, Request
from connectors.couriers.reading import Record, joined, part, records, text, texts
from connectors.couriers.status import meaning
from connectors.couriers.times import estimate, moment_of, zone
from connectors.http import Reply
from schemas.money import money

CODE = "fedex"
LOOKUP_DAYS = 14


def track_request(account: Account, numbers: Sequence[str], context: Context) -> Request:
    """A number's `unique_id`, once known, tells its uses apart."""
    asked = []
    for number in numbers:
        info = {"trackingNumber": number}
        if number in context.uses:
            info["trackingNumberUniqueId"] = context.uses[number]
        asked.append({"trackingNumberInfo": info})
    body = {"includeDetailedScans": True, "trackingInfo": asked}
    url = f"{account.base_url}/track/v1/trackingnumbers"
    return Request("POST", url, headers=headers(context), json=body)


def track_response(
    account: Account, numbers: Sequence[str], reply: Reply, context: Context
) -> Tracking:
    """HTTP 200 for all: each number has its own outcome."""
    output = part(answer(reply), "output")
    found: list[Tracked] = []
    missing: list[str] = []
    failures: list[CourierError] = []
    answered: set[str] = set()
    for entry in records(output.get("completeTrackResults")):
        number = text(entry.get("trackingNumber"))
        answered.add(number)
        uses = [
            _use(account, number, one)
            for one in records(entry.get("trackResults"))
            if _has_data(one)
        ]
        if uses:
            found.append(_chosen(uses, context.uses.get(number, "")))
            continue
        error = _error(number, entry)
        if isinstance(error, NotFound):
            missing.append(number)
        else:
            failures.append(error)
    failures += [silent(number) for number in numbers if number not in answered]
    return Tracking(tuple(found), tuple(missing), tuple(failures))


def _has_data(result: Record) -> bool:
    told = part(result, "latestStatusDetail")
    return bool(records(result.get("scanEvents")) or told.get("code") or told.get("derivedCode"))


def _chosen(uses: list[Tracked], unique_id: str) -> Tracked:
    """A reused number: the use known from before, else the one scanned last."""
    for use in uses:
        if unique_id and use.unique_id == unique_id:
            return use
    return max(uses, key=lambda use: (use.latest.at_ms or 0) if use.latest else 0)


def _error(number: str, entry: Record) -> CourierError:
    errors = [part(one, "error") for one in records(entry.get("trackResults"))]
    told = next((error for error in errors if error), {})
    code, words = text(told.get("code")), text(told.get("message"))
    if not told:
        return silent(number)
    kind = NotFound if code == NOT_FOUND else InvalidRequest
    return kind(words, code=code, number=number)


def _use(account: Account, number: str, result: Record) -> Tracked:
    info, told = part(result, "trackingNumberInfo"), part(result, "latestStatusDetail")
    code = text(told.get("code")) or text(told.get("derivedCode"))
    summary, _ = meaning(CODES, code, text(told.get("description")))
    delivery = part(result, "deliveryDetails")
    error = part(result, "error")
    notices = (Notice(text(error.get("code")), text(error.get("message"))),) if error else ()
    return tracked(
        CODE,
        number,
        [_event(account, number, one) for one in records(result.get("scanEvents"))],
        summary,
        service=text(part(result, "serviceDetail").get("description")),
        estimated=_estimated(account, result),
        signed_by=text(delivery.get("receivedByName")) or text(delivery.get("signedByName")),
        references=tuple(
            value
            for one in records(part(result, "additionalTrackingInfo").get("packageIdentifiers"))
            if text(one.get("type")) in ("SHIPPER_REFERENCE", "CUSTOMER_REFERENCE")
            for value in texts(one.get("values"))
        ),
        weight_kg=_weight(result),
        unique_id=text(info.get("trackingNumberUniqueId")),
        notices=notices,
    )


def _event(account: Account, number: str, entry: Record) -> Event:
    code, words = text(entry.get("eventType")), text(entry.get("eventDescription"))
    status, info = meaning(CODES, code, words)
    moment = moment_of(text(entry.get("date")), account.timezone)
    place = part(entry, "scanLocation")
    trouble, number_of_it = text(entry.get("exceptionDescription")), entry.get("exceptionCode")
    reason = f"{trouble} ({text(number_of_it)})" if trouble and text(number_of_it) else trouble
    return Event(
        CODE,
        number,
        moment.at_ms if moment else None,
        code,
        words,
        location=joined(place.get("city"), place.get("countryCode")),
        status=status,
        info=info,
        reason=(reason or words) if status == "exception" else "",
        note="" if status == "exception" else reason,
        offset_min=moment.offset_min if moment else None,
        tz_assumed=moment.assumed if moment else False,
    )


def _estimated(account: Account, result: Record) -> str | None:
    for one in records(result.get("dateAndTimes")):
        if text(one.get("type")) == "ESTIMATED_DELIVERY":
            return estimate(text(one.get("dateTime")), account.timezone)
    return None


def _weight(result: Record) -> str | None:
    for one in records(part(result, "packageDetails", "weightAndDimensions").get("weight")):
        if text(one.get("unit")).upper() == "KG":
            try:
                return money(text(one.get("value")))
            except ValueError:
                return None
    return None


def lookup_request(account: Account, reference: str, context: Context) -> Request:
    """By the customer reference that creation gives. FedEx takes no end in the future."""
    today = datetime.fromtimestamp(context.now_ms / 1000, zone(account.timezone)).date()
    body: dict[str, Any] = {
        "referencesInformation": {
            "type": "CUSTOMER_REFERENCE",
            "value": reference,
            "accountNumber": account.account_number,
            "shipDateBegin": (today - timedelta(days=LOOKUP_DAYS)).isoformat(),
            "shipDateEnd": today.isoformat(),
        },
        "includeDetailedScans": False,
    }
    url = f"{account.base_url}/track/v1/referencenumbers"
    return Request("POST", url, headers=headers(context), json=body)


def lookup_response(reply: Reply) -> tuple[str, ...]:
    """Their numbers; a refusal for a reference nobody knows is no number."""
    try:
        output = part(answer(reply), "output")
    except NotFound:
        return ()
    except InvalidRequest as error:
        if "NOTFOUND" in error.code:
            return ()
        raise
    numbers = [
        text(part(result, "trackingNumberInfo").get("trackingNumber"))
        for entry in records(output.get("completeTrackResults"))
        for result in records(entry.get("trackResults"))
        if not part(result, "error")
    ]
    return tuple(dict.fromkeys(number for number in numbers if number))
