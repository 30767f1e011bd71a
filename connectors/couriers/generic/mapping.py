"""A profile's answers. Pure.

The words of a profile's status map are all it knows: a text outside it is kept, and changes
nothing. Guessing by words is for carriers whose wording is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.couriers.errors import (
    KINDS,
    AuthError,
    CourierError,
    NotFound,
    Unavailable,
    by_status,
)
from connectors.couriers.generic.conditions import dig, hold, words
from connectors.couriers.generic.profile import (
    BODY,
    Create,
    EventRead,
    LoginAuth,
    Operation,
    Profile,
    Track,
    fold,
)
from connectors.couriers.generic.settings import Account
from connectors.couriers.generic.templates import filled
from connectors.couriers.labels import BadLabel, Label, label_of
from connectors.couriers.model import Created, Creation, Event, Notice, Tracking, tracked
from connectors.couriers.protocol import Token
from connectors.couriers.reading import text
from connectors.couriers.shipment import Shipment
from connectors.couriers.status import Status
from connectors.couriers.times import estimate, moment_of
from connectors.errors import Malformed
from connectors.http import Reply


def answer(operation: Operation, reply: Reply, *, raw: bool = False) -> Any:
    """The document of a success. Raises the error of the first rule that holds, else the one HTTP
    means. A page that is no JSON is no answer, whatever a rule says of its status."""
    document: Any = None
    readable = True
    try:
        document = reply.json()
    except Malformed:
        readable = False
    if (readable or raw) and hold(operation.ok, reply.status, document):
        return document
    if not readable and reply.status < 400:
        raise Unavailable(f"HTTP {reply.status} with a body that is no JSON")
    said = words(document, operation.message)
    code = text(dig(document, operation.code)) if operation.code else ""
    for rule in operation.errors:
        if not readable and reply.status >= 500:
            break
        if hold(rule.when, reply.status, document):
            # Said in the body, and not by a proxy's status: the courier itself did nothing.
            told = any(condition.http is None for condition in rule.when)
            raise KINDS[rule.kind](
                said or f"HTTP {reply.status}",
                code=code,
                retry_after_s=reply.retry_after_s(),
                untouched=told,
            )
    raise by_status(reply, said, code)


def login_token(login: LoginAuth, reply: Reply) -> Token:
    """Raises CourierError."""
    try:
        document = reply.json()
    except Malformed as error:
        raise by_status(reply) if reply.status >= 400 else Unavailable(str(error)) from None
    token = text(dig(document, login.token))
    if token and reply.status < 300:
        return Token(token, login.lifetime_s)
    said = words(document, ["message", "error", "errors"])
    if reply.status < 300:
        raise AuthError(said or "the login gave no token")
    raise by_status(reply, said)


def _read(path: str, document: Any, values: dict[str, Any]) -> str:
    """A dotted path, or a placeholder."""
    return text(filled(path, values) if "{" in path else dig(document, path))


def track_response(
    profile: Profile, account: Account, track: Track, number: str, reply: Reply
) -> Tracking:
    """Raises NotFound for a number the courier does not know."""
    try:
        document = answer(track, reply)
    except NotFound as error:
        error.number = number
        raise
    read = track.read
    own = _read(read.number, document, {"number": number}) or number
    zone_name = track.time_zone or account.timezone
    listed = dig(document, read.events)
    entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    times = (track.times, zone_name, track.time_zone is None)
    events = [_event(profile, own, read.event, one, times) for one in entries]
    summary = _status(profile, text(dig(document, read.status))) if read.status else None
    found = tracked(
        profile.slug,
        own,
        events,
        summary,
        asked=number if number != own else "",
        signed_by=text(dig(document, read.signed_by)) if read.signed_by else "",
        estimated=(
            estimate(text(dig(document, read.estimated)), zone_name) if read.estimated else None
        ),
    )
    return Tracking((found,))


Times = tuple[Sequence[str], str, bool]
"""(forms, zone of times without one, whether that zone is only assumed)"""


def _status(profile: Profile, *said: str) -> Status | None:
    """The code first, then the text."""
    found = (profile.status_map.get(fold(one)) for one in said if one)
    return next((status for status in found if status), None)


def _event(
    profile: Profile, number: str, read: EventRead, entry: dict[str, Any], times: Times
) -> Event:
    return event_of(
        profile,
        number,
        _joined(entry, read.at),
        times,
        code=_at(entry, read.code),
        said=_at(entry, read.text),
        note=_at(entry, read.note),
        location=_at(entry, read.location),
    )


def event_of(
    profile: Profile,
    number: str,
    at: str,
    times: Times,
    *,
    code: str = "",
    said: str = "",
    note: str = "",
    location: str = "",
) -> Event:
    """One event; `at` in one of the profile's forms."""
    forms, zone_name, assumed = times
    moment = moment_of(at, zone_name, forms)
    status = _status(profile, code, said)
    return Event(
        profile.slug,
        number,
        moment.at_ms if moment else None,
        code,
        said,
        location=location,
        status=status,
        reason=(note or said) if status == "exception" else "",
        note=note,
        offset_min=moment.offset_min if moment else None,
        tz_assumed=moment.assumed and assumed if moment else False,
    )


def _at(entry: dict[str, Any], path: str) -> str:
    return text(dig(entry, path)) if path else ""


def _joined(document: Any, paths: str | list[str]) -> str:
    listed = [paths] if isinstance(paths, str) else paths
    return " ".join(found for path in listed if (found := text(dig(document, path))))


def create_response(
    profile: Profile, create: Create, values: dict[str, Any], shipment: Shipment, reply: Reply
) -> Creation:
    """Raises CourierError; Unavailable where a success names no waybill."""
    try:
        document = answer(create, reply)
    except CourierError as error:
        error.reference = shipment.reference
        raise
    read = create.read
    number = _read(read.number, document, values)
    if not number:
        raise Unavailable(f"{profile.display_name} answered without a waybill number")
    notices: list[Notice] = []
    labels: tuple[Label, ...] = ()
    coded = dig(document, read.label_base64) if read.label_base64 else None
    if coded:
        try:
            labels = (label_of(coded),)
        except BadLabel as error:
            notices.append(Notice("LABEL", str(error)))
    order = text(dig(document, read.courier_order_id)) if read.courier_order_id else ""
    created = Created(
        profile.slug,
        number,
        shipment.reference,
        labels=labels,
        label_url=text(dig(document, read.label_url)) if read.label_url else "",
        notices=tuple(notices),
        ids={"courier_order_id": order} if order else {},
    )
    return Creation((created,))


def label_response(operation: Operation, path: str, reply: Reply) -> tuple[Label, ...]:
    """Raises CourierError, BadLabel."""
    document = answer(operation, reply, raw=path == BODY)
    return (label_of(reply.body if path == BODY else dig(document, path)),)
