"""UPS's tracking. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import quote

from connectors.couriers.errors import InvalidRequest, NotFound
from connectors.couriers.model import Event, Notice, Tracked, Tracking, tracked
from connectors.couriers.protocol import Context, Request
from connectors.couriers.reading import Record, joined, part, records, text
from connectors.couriers.status import Status, slowest
from connectors.couriers.times import Moment, moment_of, zone
from connectors.couriers.ups.settings import Account
from connectors.couriers.ups.statuses import ups_meaning
from connectors.couriers.ups.wire import NOT_FOUND, answer, headers
from connectors.http import Reply

CODE = "ups"
LOOKUP_DAYS = 14
"""What UPS itself looks through where no dates are given."""


def track_request(account: Account, number: str, context: Context) -> Request:
    """One number a call. UPS forgets after 120 days."""
    query: dict[str, str | list[str]] = {
        "locale": "en_US",
        "returnSignature": "false",
        "returnMilestones": "false",
        "returnPOD": "false",
    }
    url = f"{account.base_url}/api/track/v1/details/{quote(number, safe='')}"
    return Request("GET", url, query, headers(context))


def track_response(account: Account, number: str, reply: Reply) -> Tracking:
    """Not found is 404, or 200 with a warning and no package."""
    found: list[Tracked] = []
    warnings: list[Notice] = []
    for shipment in records(part(answer(reply), "trackResponse").get("shipment")):
        warnings += [
            Notice(text(one.get("code")), text(one.get("message")))
            for one in records(shipment.get("warnings"))
        ]
        packages = records(shipment.get("package"))
        if packages:
            found.append(_shipment(account, number, packages, tuple(warnings)))
    if found:
        return Tracking(tuple(found))
    refusals = [one for one in warnings if one.code != NOT_FOUND]
    if refusals:
        said = [one.message for one in refusals]
        return Tracking(failed=(InvalidRequest(said, code=refusals[0].code, number=number),))
    return Tracking(not_found=(number,))


def _shipment(
    account: Account, asked: str, packages: list[Record], notices: tuple[Notice, ...]
) -> Tracked:
    """Every parcel's events; the shipment is as far as its slowest parcel."""
    numbers = [text(one.get("trackingNumber")) or asked for one in packages]
    own = [tracked(CODE, n, _events(account, n, p)) for n, p in zip(numbers, packages, strict=True)]
    statuses = [
        _summary(package) or parcel.status for package, parcel in zip(packages, own, strict=True)
    ]
    signed = [text(part(one, "deliveryInformation").get("receivedBy")) for one in packages]
    return tracked(
        CODE,
        asked,
        [event for parcel in own for event in parcel.events],
        slowest(statuses),
        pieces=tuple(numbers),
        service=text(part(packages[0], "service").get("description")),
        estimated=_expected(packages[0]),
        signed_by=next((name for name in signed if name), ""),
        references=tuple(
            value
            for one in records(packages[0].get("referenceNumber"))
            if (value := text(one.get("number")))
        ),
        notices=notices,
    )


def _summary(package: Record) -> Status | None:
    told = part(package, "currentStatus")
    return ups_meaning(
        text(told.get("type")), text(told.get("statusCode")), text(told.get("description"))
    )[0]


def _events(account: Account, number: str, package: Record) -> list[Event]:
    return [_event(account, number, entry) for entry in records(package.get("activity"))]


def _event(account: Account, number: str, entry: Record) -> Event:
    told = part(entry, "status")
    kind, status_code = text(told.get("type")), text(told.get("statusCode"))
    words = text(told.get("description"))
    status, info = ups_meaning(kind, status_code, words)
    moment = _moment(account, entry)
    place = part(entry, "location", "address")
    return Event(
        CODE,
        number,
        moment.at_ms if moment else None,
        f"{kind}/{status_code or text(told.get('code'))}",
        words,
        location=joined(place.get("city"), place.get("countryCode") or place.get("country")),
        status=status,
        info=info,
        reason=words if status == "exception" else "",
        offset_min=moment.offset_min if moment else None,
        tz_assumed=moment.assumed if moment else False,
    )


def _moment(account: Account, entry: Record) -> Moment | None:
    """The GMT fields where they are there (`gmtTime` has colons, `time` has not, and either may
    have lost its leading zeros); else local time, in the offset told or the account's zone."""
    offset = text(entry.get("gmtOffset"))
    gmt = _compact(text(entry.get("gmtDate")), text(entry.get("gmtTime")))
    found = moment_of(f"{gmt}+00:00", account.timezone) if gmt else None
    if found is not None:
        local = moment_of(f"{gmt}{offset}", account.timezone) if offset else None
        return Moment(found.at_ms, local.offset_min if local else 0)
    local_time = _compact(text(entry.get("date")), text(entry.get("time")))
    return moment_of(f"{local_time}{offset}", account.timezone) if local_time else None


def _compact(date: str, time: str) -> str:
    """`20260206T025500`; empty without a date."""
    digits = time.replace(":", "").rjust(6, "0")
    return f"{date}T{digits}" if date else ""


def _expected(package: Record) -> str | None:
    """The rescheduled day before the scheduled one."""
    days = {
        text(one.get("type")): text(one.get("date")) for one in records(package.get("deliveryDate"))
    }
    day = days.get("RDD") or days.get("SDD") or ""
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if len(day) == 8 and day.isdecimal() else None


def lookup_request(account: Account, reference: str, context: Context) -> Request:
    """By the reference that creation gives."""
    today = datetime.fromtimestamp(context.now_ms / 1000, zone(account.timezone)).date()
    query: dict[str, str | list[str]] = {
        "locale": "en_US",
        "fromPickUpDate": f"{today - timedelta(days=LOOKUP_DAYS):%Y%m%d}",
        "toPickUpDate": f"{today:%Y%m%d}",
        "refNumType": "SmallPackage",
    }
    url = f"{account.base_url}/api/track/v1/reference/details/{quote(reference, safe='')}"
    return Request("GET", url, query, headers(context))


def lookup_response(reply: Reply) -> tuple[str, ...]:
    """The number of each shipment's first parcel, which is the shipment's."""
    try:
        shipments = records(part(answer(reply), "trackResponse").get("shipment"))
    except NotFound:
        return ()
    numbers = [
        text(packages[0].get("trackingNumber"))
        for shipment in shipments
        if (packages := records(shipment.get("package")))
    ]
    return tuple(dict.fromkeys(number for number in numbers if number))
