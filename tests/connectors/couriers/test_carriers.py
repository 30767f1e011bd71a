"""What is particular to each carrier, from the contract's notes."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.couriers.aramex import wire
from connectors.couriers.client import CourierClient
from connectors.couriers.dhl.statuses import unified
from connectors.couriers.errors import AuthError, InvalidRequest, NotFound, Unavailable
from connectors.couriers.model import Tracked, Tracking
from connectors.couriers.protocol import Context
from connectors.couriers.registry import courier
from connectors.couriers.ups.statuses import ups_meaning
from connectors.errors import Paused
from connectors.protocol import Connection
from support.couriers import NOW_MS, SECRETS, SETTINGS, abroad, answering, connection

PLAIN = Context(NOW_MS, "id-1", "token")
UPDATE = {
    "WaybillNumber": "501",
    "UpdateCode": "SH003",
    "UpdateDescription": "Out for Delivery",
    "UpdateDateTime": "2026-02-05T08:10:00",
    "UpdateLocation": "Kandy, Sri Lanka",
}


def track(code: str, document: Any, *numbers: str, status: int = 200, **settings: str) -> Tracking:
    found = courier(code)
    account = found.account(connection(code, **settings))
    return found.track_response(account, numbers, answering(status, document), PLAIN)


def one(told: Tracking) -> Tracked:
    (found,) = told.found
    return found


# Aramex


@pytest.mark.parametrize(
    ("written", "at_ms", "offset_min", "assumed"),
    [
        ("/Date(1722924060000+0300)/", 1722924060000, 180, False),
        ("\\/Date(1722924060000-0430)\\/", 1722924060000, -270, False),
        # The instant is known without an offset: the zone is for display.
        ("/Date(1722924060000)/", 1722924060000, 330, False),
        # 06:01 UTC is 11:31 in Colombo.
        ("2024-08-06T11:31:00", 1722924060000, 330, True),
    ],
)
def test_aramex_dates(written: str, at_ms: int, offset_min: int, assumed: bool) -> None:
    moment = wire.date_of(written, "Asia/Colombo")
    assert moment is not None
    assert (moment.at_ms, moment.offset_min, moment.assumed) == (at_ms, offset_min, assumed)


def test_aramex_dates_go_out_as_they_come_in() -> None:
    assert wire.wire_date(1770179400000, "Asia/Colombo") == "/Date(1770179400000+0530)/"
    assert wire.wire_date(1770179400000, "America/New_York") == "/Date(1770179400000-0500)/"


@pytest.mark.parametrize("held", [[UPDATE], UPDATE, {"TrackingResult": [UPDATE]},
                                  {"TrackingResult": UPDATE}])  # fmt: skip
@pytest.mark.parametrize("wrapped", [False, True])
def test_aramex_soap_shapes(held: Any, wrapped: bool) -> None:
    entry = {"Key": "501", "Value": held}
    name = "KeyValueOfstringArrayOfTrackingResultmFAkxlpY"
    results: Any = {name: entry} if wrapped else [entry]
    document = {"HasErrors": False, "TrackingResults": results, "NonExistingWaybills": {}}
    found = one(track("aramex", document, "501"))
    assert (found.status, len(found.events)) == ("out_for_delivery", 1)
    assert found.events[0].tz_assumed


@pytest.mark.parametrize("missing", [["502"], {"string": ["502"]}, {"string": "502"}])
def test_aramex_missing_ones(missing: Any) -> None:
    told = track("aramex", {"TrackingResults": {}, "NonExistingWaybills": missing}, "502")
    assert told.not_found == ("502",)


def test_aramex_shipments_below_one_reference() -> None:
    """`Key` is what was asked; each waybill below it is a shipment of its own."""
    other = {**UPDATE, "WaybillNumber": "502", "UpdateCode": "SH005"}
    document = {"TrackingResults": [{"Key": "SO-1", "Value": [UPDATE, other]}]}
    told = track("aramex", document, "SO-1")
    assert [(each.number, each.asked, each.status) for each in told.found] == [
        ("501", "SO-1", "out_for_delivery"),
        ("502", "SO-1", "delivered"),
    ]


def test_a_number_the_answer_does_not_mention_is_not_lost() -> None:
    told = track("aramex", {"TrackingResults": [{"Key": "501", "Value": [UPDATE]}]}, "501", "503")
    assert [(type(error), error.number) for error in told.failed] == [(Unavailable, "503")]


# DHL


@pytest.mark.parametrize(
    ("code", "words", "status"),
    [
        ("transit", "Shipment is out with courier for delivery", "out_for_delivery"),
        ("transit", "Loaded onto the delivery vehicle", "out_for_delivery"),
        ("transit", "Recipient not home", "exception"),
        ("transit", "Unsuccessful delivery attempt", "exception"),
        ("transit", "Shipment picked up", "picked_up"),
        ("transit", "Ready to be picked up", "in_transit"),
        ("transit", "Arrived in the delivery area", "in_transit"),
        ("failure", "DELIVERED_TO_SHIPPER", "returned"),
        ("delivered", "Returned to sender", "returned"),
        ("pre-transit", "Will be delivered on Friday", "created"),
        ("pre-transit", "Delivered", "created"),
        ("delivered", "", "delivered"),
        ("failure", "", "exception"),
    ],
)
def test_dhl_words_make_a_status_finer(code: str, words: str, status: str) -> None:
    assert unified(code, words) == (status, False)


def test_dhl_unknown_is_for_information() -> None:
    assert unified("unknown", "Delivered") == (None, True)


def test_dhl_numbers_references_and_gaps() -> None:
    """An id as a number, references as an object, a shipment without status, several at once."""
    event = {"timestamp": "2026-02-05T08:10:00.250", "statusCode": "transit"}
    first = {"id": 1234567891, "service": "express", "events": [event],
             "details": {"references": {"number": "SO-1", "type": "x"}}}  # fmt: skip
    status = {"statusCode": "delivered", "timestamp": "2026-02-05T08:10:00Z"}
    second = {"id": "1234567891", "service": "freight", "status": status}
    told = track("dhl", {"shipments": [first, second]}, "1234567891")
    assert [(found.service, found.status) for found in told.found] == [
        ("express", "in_transit"),
        ("freight", "delivered"),
    ]
    assert told.found[0].references == ("SO-1",)
    # 08:10 in Colombo is 02:40 UTC, and half a second is kept.
    assert told.found[0].events[0].at_ms == 1_770_259_200_250
    assert told.found[0].events[0].tz_assumed
    # Without events the status is the event.
    assert len(told.found[1].events) == 1


def test_dhl_without_a_shipment_is_not_found() -> None:
    with pytest.raises(NotFound):
        track("dhl", {"shipments": []}, "1234567891")


def test_mydhl_without_events_is_created() -> None:
    document = {"shipments": [{"shipmentTrackingNumber": 5374530011, "status": "Success"}]}
    found = one(track("dhl", document, "5374530011", tracking="mydhl"))
    assert (found.number, found.status, found.events) == ("5374530011", "created", ())


def test_mydhl_errors_carry_their_own_code() -> None:
    document = {"detail": "7008: No account", "status": "400"}
    with pytest.raises(InvalidRequest) as caught:
        track("dhl", document, "5374530011", status=400, tracking="mydhl")
    assert caught.value.code == "7008"


# FedEx


def fedex_result(unique_id: str, at: str, **more: Any) -> dict[str, Any]:
    return {
        "trackingNumberInfo": {"trackingNumber": "7946", "trackingNumberUniqueId": unique_id},
        "scanEvents": [{"date": at, "eventType": "IT", "eventDescription": "In transit"}],
        **more,
    }


def fedex_document(*results: Any) -> dict[str, Any]:
    complete = [{"trackingNumber": "7946", "trackResults": list(results)}]
    return {"output": {"completeTrackResults": complete}}


def test_fedex_reuses_numbers() -> None:
    """The use known from before, else the one scanned last."""
    old = fedex_result("a", "2025-02-05T08:10:00Z")
    new = fedex_result("b", "2026-02-05T08:10:00Z")
    document = fedex_document(old, new)
    assert one(track("fedex", document, "7946")).unique_id == "b"
    found = courier("fedex")
    account = found.account(connection("fedex"))
    known = Context(NOW_MS, "id", "token", {"7946": "a"})
    told = found.track_response(account, ["7946"], answering(200, document), known)
    assert one(told).unique_id == "a"
    sent = found.track_request(account, ["7946"], known).json
    assert sent["trackingInfo"][0]["trackingNumberInfo"]["trackingNumberUniqueId"] == "a"


def test_fedex_data_wins_over_an_error_beside_it() -> None:
    error = {"code": "TRACKING.DATA.PARTIAL", "message": "Some data is missing."}
    found = one(track("fedex", fedex_document(
        fedex_result("a", "2026-02-05T08:10:00", error=error)), "7946"))  # fmt: skip
    assert found.status == "in_transit"
    assert [notice.code for notice in found.notices] == ["TRACKING.DATA.PARTIAL"]
    assert found.events[0].tz_assumed


def test_fedex_tells_why_one_number_failed() -> None:
    error = {"code": "TRACKING.TRACKINGNUMBER.INVALID", "message": "Invalid."}
    told = track("fedex", fedex_document({"error": error}), "7946")
    assert [(type(each), each.number) for each in told.failed] == [(InvalidRequest, "7946")]


# UPS


@pytest.mark.parametrize(
    ("kind", "number", "status"),
    [
        ("I", "021", "out_for_delivery"),
        ("D", "021", "out_for_delivery"),
        ("D", "072", "out_for_delivery"),
        ("D", "999", "delivered"),
        ("X", "999", "exception"),
        ("X", "035", "returned"),
        ("W", "", "in_transit"),
        ("MV", "", "cancelled"),
        ("RS", "", "returned"),
        ("O", "", "out_for_delivery"),
    ],
)
def test_ups_numbers_decide_before_types(kind: str, number: str, status: str) -> None:
    assert ups_meaning(kind, number, "") == (status, False)


def test_ups_information_changes_nothing() -> None:
    assert ups_meaning("U", "999", "Delivered") == (None, True)


def ups_package(number: str, *activities: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"trackingNumber": number, "activity": list(activities), **more}


def ups_document(*packages: dict[str, Any]) -> dict[str, Any]:
    return {"trackResponse": {"shipment": [{"inquiryNumber": "1Z1", "package": list(packages)}]}}


def ups_activity(kind: str, number: str, **more: Any) -> dict[str, Any]:
    status = {"type": kind, "statusCode": number, "description": "x"}
    return {"status": status, "date": "20260206", "time": "082500", **more}


def test_a_shipment_in_several_parcels_is_as_far_as_its_slowest() -> None:
    there = ups_package("1Z1", ups_activity("D", "011"))
    under_way = ups_package("1Z2", ups_activity("I", "005"))
    trouble = ups_package("1Z3", ups_activity("X", "048"))
    found = one(track("ups", ups_document(there, under_way), "1Z1"))
    assert (found.status, found.pieces) == ("in_transit", ("1Z1", "1Z2"))
    assert {event.number for event in found.events} == {"1Z1", "1Z2"}
    assert one(track("ups", ups_document(there, there), "1Z1")).status == "delivered"
    assert one(track("ups", ups_document(there, trouble), "1Z1")).status == "exception"


@pytest.mark.parametrize(
    ("more", "at", "assumed"),
    [
        ({"gmtDate": "20260206", "gmtTime": "02:55:00"}, "2026-02-06T02:55:00Z", False),
        ({"gmtDate": "20260206", "gmtTime": "25500"}, "2026-02-06T02:55:00Z", False),
        ({"gmtOffset": "+08:00"}, "2026-02-06T00:25:00Z", False),
        ({}, "2026-02-06T02:55:00Z", True),
        ({"time": "82500"}, "2026-02-06T02:55:00Z", True),
    ],
)
def test_ups_times(more: dict[str, str], at: str, assumed: bool) -> None:
    """08:25 in Colombo is 02:55 UTC."""
    found = one(track("ups", ups_document(ups_package("1Z1", ups_activity("I", "005", **more))),
                      "1Z1"))  # fmt: skip
    assert found.answer()["timestamp"] == at
    assert found.events[0].tz_assumed is assumed


def test_ups_says_what_is_wrong_with_a_number() -> None:
    warning = {"code": "TV1002", "message": "Invalid inquiry number"}
    document = {"trackResponse": {"shipment": [{"warnings": [warning]}]}}
    told = track("ups", document, "1Z1")
    assert [(type(each), each.code) for each in told.failed] == [(InvalidRequest, "TV1002")]


def test_ups_codes_decide_before_http() -> None:
    errors = {"response": {"errors": [{"code": "250002", "message": "Invalid"}]}}
    with pytest.raises(AuthError):
        track("ups", errors, "1Z1", status=400)


def test_ups_before_v2403_sends_one_package_as_an_object() -> None:
    found = courier("ups")
    account = found.account(connection("ups"))
    package = {"TrackingNumber": "1Z1", "ShippingLabel": {"GraphicImage": "R0lGODlhAQABAAAAACw="}}
    results = {"ShipmentIdentificationNumber": "1Z1", "PackageResults": package}
    alert = {"Code": "1", "Description": "x"}
    document = {"ShipmentResponse": {"ShipmentResults": results, "Response": {"Alert": alert}}}
    (created,) = found.create_response(account, [abroad("SO-1")], answering(200, document)).created
    assert (created.pieces, len(created.labels), created.notices[0].code) == (("1Z1",), 1, "1")


@pytest.mark.parametrize("code", ["aramex", "dhl", "koombiyo"])
def test_an_account_may_be_allowed_another_pace(code: str) -> None:
    def client(**settings: str) -> CourierClient[Any]:
        address = {"base_url": "https://courier.example", "courier": code}
        held = {**address, **SETTINGS.get(code, {}), **settings}
        connection = Connection("c", "kandy", "courier", f"courier:{code}", held, SECRETS)
        return CourierClient(courier(code), connection)

    usual = client().traits
    raised = client(calls_per_second="2.5", calls_per_day="5000").traits
    assert (raised.pace.per_s, raised.pace.per_day) == (2.5, 5000)
    assert raised.track_batch == usual.track_batch
    assert client(calls_per_day="5000").traits.pace.per_s == usual.pace.per_s
    for wrong in ({"calls_per_second": "fast"}, {"calls_per_second": "0"}, {"calls_per_day": "-1"}):
        with pytest.raises(Paused, match="calls a second"):
            client(**wrong)
    assert {"calls_per_second", "calls_per_day"} <= {one.name for one in courier(code).fields}
