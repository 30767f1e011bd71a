"""Recorded exchanges with couriers: what we send, and what we make of the answer."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from connectors.couriers.errors import KINDS, CourierError
from connectors.couriers.model import Created, Creation, Tracked, Tracking, merged
from connectors.couriers.shipment import Shipment
from connectors.couriers.times import utc
from support.couriers import (
    KATUKELE,
    NOW_MS,
    SENDER,
    SINGAPORE,
    Sample,
    abroad,
    as_sent,
    asked,
    context,
    domestic,
    expected_request,
    given_shipment,
    of,
    opened,
    parcel,
    reply,
    samples,
    tracked_by,
)  # fmt: skip

DAY_MS = 86_400_000
FOUND = [one for one in of("track") if one.expect.get("tracking")]
OURS_NOT = ("dhl/mydhl_create_refused", "fedex/oauth_refused", "ups/auth_error")
"""Requests with a mistake that we do not make."""
SENT = [one for one in of("track", "create", "cancel", "token") if one.name not in OURS_NOT]


def shipments(sample: Sample) -> list[Shipment]:
    """What must have been asked for, to have sent the sample's request."""
    if sample.given:
        return [given_shipment(sample.given)]
    no_line2 = replace(SENDER, line2="")
    no_postcode = replace(SINGAPORE, postcode="")
    bags = (parcel("1.2", description="Bags"), parcel("0.8", description="Bags"))
    tomorrow = NOW_MS + DAY_MS
    made: dict[str, list[Shipment]] = {
        "aramex/create_domestic_cod": [domestic()],
        "aramex/create_batch_partial": [
            domestic(),
            domestic("SO-1043", KATUKELE, cod=None),
        ],
        "dhl/mydhl_create_two_pieces": [abroad("SO-1050", sender=no_line2)],
        "dhl/mydhl_create_refused": [abroad("SO-1050", sender=no_line2)],
        "fedex/create_two_pieces": [abroad("SO-1060", ship_at_ms=tomorrow)],
        "fedex/create_refused": [abroad("SO-1060", no_postcode, ship_at_ms=tomorrow)],
        "ups/create_two_packages": [abroad("SO-1070", parcels=bags)],
        "ups/create_refused": [abroad("SO-1070", no_postcode, parcels=bags)],
    }
    return made[sample.name]


def created(number: str) -> Created:
    return Created("", number, "SO-1")


# Every sample: the request


def covers(ours: Any, recorded: Any, path: str = "") -> list[str]:
    """Where ours lacks or changes what was recorded. More keys of ours are the courier's own
    documents' (a reference to look it up by); equal values in another type are not equal."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        return [
            fault
            for name, value in recorded.items()
            for fault in (
                covers(ours[name], value, f"{path}.{name}")
                if name in ours
                else [f"{path}.{name} missing"]
            )
        ]
    if isinstance(recorded, list) and isinstance(ours, list) and len(ours) == len(recorded):
        return [
            fault
            for place, (mine, theirs) in enumerate(zip(ours, recorded, strict=True))
            for fault in covers(mine, theirs, f"{path}.{place}")
        ]
    return [] if ours == recorded else [f"{path}: {ours!r}, recorded {recorded!r}"]


EXTRA = {"customerReferences", "ReferenceNumber"}
"""Not in the samples: what a lost answer is looked up by."""


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {name for one in value.values() for name in keys(one)}
    return {name for one in value for name in keys(one)} if isinstance(value, list) else set()


@pytest.mark.parametrize("sample", SENT, ids=str)
def test_requests_are_those_recorded(sample: Sample) -> None:
    found, account, held = opened(sample)
    ctx = context(sample)
    match sample.operation:
        case "track":
            request = found.track_request(account, asked(sample), ctx)
        case "create":
            request = found.create_request(account, shipments(sample), ctx)
        case "cancel":
            request = found.cancel_request(account, created(sample.expect["number"]), ctx)
        case _:
            request = found.token_request(account, "track")
    ours, recorded = as_sent(request), expected_request(sample, held)
    assert covers(ours, recorded) == []
    known_extra = EXTRA | {"customerReferenceType", "value", "Value"}
    assert keys(ours.get("json")) - keys(recorded.get("json")) <= known_extra


# Every sample: the answer


def outcome(sample: Sample) -> Tracking | Creation | float | None:
    found, account, _ = opened(sample)
    answer = sample.reply()
    match sample.operation:
        case "track":
            return found.track_response(account, asked(sample), answer, context(sample))
        case "create":
            return found.create_response(account, shipments(sample), answer)
        case "cancel":
            found.cancel_response(account, created(sample.expect["number"]), answer)
            return None
    return found.token_response(account, answer).lifetime_s


@pytest.mark.parametrize("sample", [one for one in samples() if "error" in one.expect], ids=str)
def test_refusals_are_those_documented(sample: Sample) -> None:
    expect = sample.expect
    with pytest.raises(CourierError) as caught:
        outcome(sample)
    error = caught.value
    assert type(error) is KINDS[expect["error"]]
    if "code" in expect:
        assert error.code == expect["code"]
    if "messages" in expect:
        assert list(error.messages) == expect["messages"]
    if "message" in expect:
        assert error.messages == (expect["message"],)


def check_tracked(found: Tracked, expect: dict[str, Any]) -> None:
    latest = found.latest
    assert latest is not None
    told = {
        "number": found.number,
        "status": found.status,
        "events": len(found.events),
        "pieces": list(found.pieces),
        "signed_by": found.signed_by,
        "last_status_change_at": iso(found.status_changed_at_ms),
        "event_statuses_newest_first": [one.status for one in reversed(found.events)],
    }
    newest = {
        "at": iso(latest.at_ms),
        "code": latest.code,
        "text": latest.text,
        "location": latest.location,
        "status": "info" if latest.info else latest.status,
        "tz_assumed": latest.tz_assumed,
    }
    wanted = dict(expect)
    recorded = wanted.pop("latest")
    assert {name: told[name] for name in wanted} == wanted
    assert {name: newest[name] for name in recorded} == recorded
    assert found.answer()["statusCode"] == expect["status"]


def iso(at_ms: int | None) -> str | None:
    return None if at_ms is None else utc(at_ms)


@pytest.mark.parametrize(
    "sample", [one for one in of("track") if "tracking" in one.expect], ids=str
)
def test_tracking_is_as_documented(sample: Sample) -> None:
    found = outcome(sample)
    assert isinstance(found, Tracking)
    assert list(found.not_found) == sample.expect.get("not_found", [])
    assert found.failed == ()
    for one, expect in zip(found.found, sample.expect["tracking"], strict=True):
        check_tracked(one, expect)


@pytest.mark.parametrize(
    "sample", [one for one in of("create") if "created" in one.expect], ids=str
)
def test_creations_are_as_documented(sample: Sample) -> None:
    found = outcome(sample)
    assert isinstance(found, Creation)
    assert found.unknown == ()
    for one, expect in zip(found.created, sample.expect["created"], strict=True):
        assert one.number == expect["number"]
        assert one.reference == expect.get("reference", one.reference)
        assert list(one.pieces) == expect.get("pieces", [])
        assert one.label_url == expect.get("label_url", "")
        assert [label.kind for label in one.other] == expect.get("other", [])
        assert [notice.code for notice in one.notices] == expect.get("warnings", [])
        for label, wanted in zip(one.labels, expect.get("labels", []), strict=True):
            assert label.format == wanted["format"]
            assert label.piece == wanted.get("piece", label.piece)
            assert label.declared == wanted.get("declared", label.declared)
    for error, expect in zip(found.refused, sample.expect.get("refused", []), strict=True):
        assert type(error) is KINDS[expect["error"]]
        assert (error.code, error.reference) == (expect["code"], expect["reference"])
        assert list(error.messages) == expect["messages"]


@pytest.mark.parametrize(
    "sample", [one for one in of("cancel", "token") if "error" not in one.expect], ids=str
)
def test_tokens_and_cancellations_are_as_documented(sample: Sample) -> None:
    token = sample.expect.get("token")
    assert outcome(sample) == (token["lifetime_s"] if token else None)


@pytest.mark.parametrize("sample", of("webhook"), ids=str)
def test_pushes_are_as_documented(sample: Sample) -> None:
    found, account, _ = opened(sample)
    sent = sample.request
    body = json.dumps(sent["json"]).encode()
    headers = {name.lower(): value for name, value in sent["headers"].items()}
    found.verify_push(account, headers, {}, body)
    (told,) = found.parse_push(account, body).found
    check_tracked(told, sample.expect["tracking"][0])


@pytest.mark.parametrize("sample", FOUND, ids=str)
def test_the_same_payload_gives_the_same_events(sample: Sample) -> None:
    first = tracked_by(sample, sample.reply())
    again = tracked_by(sample, sample.reply())
    for one, other in zip(first, again, strict=True):
        keys_of = [event.key for event in one.events]
        assert keys_of == [event.key for event in other.events]
        assert len(set(keys_of)) == len(keys_of)
        assert merged(one.events, other.events) == one.events
        assert merged(one.events[1:], one.events[:1]) == one.events


def turned(value: Any) -> Any:
    """Every list the other way round."""
    if isinstance(value, dict):
        return {name: turned(one) for name, one in value.items()}
    return [turned(one) for one in reversed(value)] if isinstance(value, list) else value


def nulled(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {n: None if n in names else nulled(one, names) for n, one in value.items()}
    return [nulled(one, names) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("sample", FOUND, ids=str)
def test_the_order_of_a_list_says_nothing(sample: Sample) -> None:
    answer = reply({**sample.document["response"], "json": turned(response_json(sample))})
    by_number = {one.number: one for one in tracked_by(sample, answer)}
    for one in tracked_by(sample, sample.reply()):
        assert by_number[one.number].status == one.status
        assert by_number[one.number].events == one.events


WORDS = frozenset(
    ("description", "UpdateDescription", "eventDescription", "Comments", "ProblemCode", "remarks",
     "comments", "UpdateLocation", "location", "scanLocation", "serviceArea", "user")
)  # fmt: skip


@pytest.mark.parametrize("sample", FOUND, ids=str)
def test_null_descriptions_and_places_are_empty(sample: Sample) -> None:
    answer = reply({**sample.document["response"], "json": nulled(response_json(sample), WORDS)})
    for one, whole in zip(
        tracked_by(sample, answer), tracked_by(sample, sample.reply()), strict=True
    ):
        assert len(one.events) == len(whole.events)
        assert "None" not in json.dumps(one.answer())


def response_json(sample: Sample) -> Any:
    return sample.document["response"]["json"]


UNLISTED = {
    "UpdateCode": "SH999", "statusCode": "999", "typeCode": "ZZ", "eventType": "ZZ", "code": "ZZ",
    "derivedCode": "ZZ", "type": "ZZ", "status_id": "99", "name": "Gone fishing",
    "current_status": "Gone fishing", "TrackingEventName": "Gone fishing",
    **dict.fromkeys(
        ("UpdateDescription", "description", "eventDescription", "statusByLocale"), "Gone fishing"
    ),
}  # fmt: skip


def swapped(value: Any) -> Any:
    """Codes and words that no courier has."""
    if isinstance(value, dict):
        found = {
            name: UNLISTED[name] if name in UNLISTED and isinstance(one, str) else swapped(one)
            for name, one in value.items()
        }
        if isinstance(found.get("status"), str) and found["status"] != "Success":
            found["status"] = "Gone fishing"
        return found
    return [swapped(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("sample", FOUND, ids=str)
def test_an_unlisted_code_is_kept_and_changes_nothing(sample: Sample) -> None:
    """STYLE: never default an unknown status; customers read it."""
    answer = reply({**sample.document["response"], "json": swapped(response_json(sample))})
    for one in tracked_by(sample, answer):
        assert one.status is None
        assert one.answer()["status"] == "Unknown"
        assert all(event.unlisted for event in one.events)
        assert {event.text for event in one.events} == {"Gone fishing"}
