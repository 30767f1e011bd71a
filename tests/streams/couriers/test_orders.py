"""What an order says of its shipment, and what its parcels make of it: pure."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.couriers.status import Status
from schemas.event import QueuedEvent
from streams.couriers.environment import given
from streams.couriers.manifest import as_csv, as_html, rows_of, totals
from streams.couriers.orders import Incomplete, order_status, request_of
from streams.couriers.places import DISTRICTS, WrongPlace, check_place
from streams.couriers.restock import restocking
from streams.couriers.shipments import Wanted, id_of, key_of, reference_of
from streams.sync.record import Agreed, Record

SETTINGS = {
    "pickup_name": "Lanka Crafts", "pickup_phone": "+94112345678", "pickup_city": "Colombo",
    "pickup_address": "42 Galle Road", "default_weight_kg": "1.2",
}  # fmt: skip
TO = {
    "name": "Nimali Perera", "address1": "18 Temple Street", "city": "Kandy", "district": "Kandy",
    "postalCode": "20000",
}  # fmt: skip


def order(**fields: Any) -> Record:
    values: dict[str, Any] = {
        "number": "1042", "shipping": TO, "billing": {"phone": "+94771234567"}, "total": "4500",
        "currency": "LKR", "payment": {"method": "cod", "status": "pending", "codAmount": "4500"},
        "items": [
            {"productId": "p1", "sku": "TEA", "quantity": 2},
            {"productId": "p2", "sku": "MUG", "quantity": 1},
            {"productId": "p1", "sku": "TEA", "quantity": 1},
        ],
        **fields,
    }  # fmt: skip
    held = {name: Agreed(value, 1, "mongodb") for name, value in values.items()}
    return Record(organization_id="kandy", type="order", entity_id="o1", fields=held)


def wanted(**more: Any) -> Wanted:
    given = {"deliveryAddress": {"name": "Nimali", "phone": "+94771234567", "city": "Kandy"}}
    values: dict[str, Any] = {
        "id": "s1", "organization_id": "kandy", "key": "k", "order_id": "o1", "order_name": "1042",
        "parcel": "1", "courier": "aramex", "reference": "1042", "request": given,
        "state": "created", "number": "5041", "weight_kg": "1.2", **more,
    }  # fmt: skip
    return Wanted(**values)


@pytest.mark.parametrize(
    ("parcels", "expected"),
    [
        (["created"], None),
        ([None], None),
        (["picked_up"], "shipped"),
        (["exception"], "shipped"),
        (["out_for_delivery", "created"], "out-for-delivery"),
        (["delivered", "in_transit"], "shipped"),
        (["delivered", "created"], "shipped"),
        (["delivered", "cancelled"], "delivered"),
        (["delivered", "delivered"], "delivered"),
        (["returned", "delivered"], "delivered"),
        (["returned"], "returned"),
        (["cancelled"], None),
    ],
)
def test_an_order_is_as_far_as_its_parcels(
    parcels: list[Status | None], expected: str | None
) -> None:
    assert order_status(parcels) == expected
    assert order_status(parcels[::-1]) == expected


def test_an_order_fills_what_is_left_out() -> None:
    request = request_of({"orderId": "1042", "courierCode": "aramex"}, order(), SETTINGS)
    shipment = request.shipment(0)
    assert shipment.receiver.phone == "+94771234567"
    assert (shipment.receiver.city, shipment.sender.city) == ("Kandy", "Colombo")
    assert shipment.cod is not None
    assert (str(shipment.cod.amount), shipment.cod.currency) == ("4500", "LKR")
    assert str(shipment.weight_kg) == "1.2"


def test_a_paid_order_collects_nothing() -> None:
    paid = order(payment={"method": "cod", "status": "paid"})
    assert request_of({"orderId": "1042"}, paid, SETTINGS).shipment(0).cod is None


@pytest.mark.parametrize(
    ("record", "settings", "says"),
    [
        (order(), {}, "pickup_name"),
        (order(shipping={}, billing={}), SETTINGS, "no name, phone, address, city"),
        (None, SETTINGS, "deliveryAddress"),
        (order(), {**SETTINGS, "default_weight_kg": ""}, "How heavy"),
    ],
)
def test_what_is_missing_is_said(
    record: Record | None, settings: dict[str, str], says: str
) -> None:
    with pytest.raises(Incomplete, match=says):
        request_of({"orderId": "1042"}, record, settings)


def test_places_are_checked() -> None:
    assert len(DISTRICTS) == 25
    for name in ("Kandy", "nuwara-eliya", "Kandy District", "Western Province", ""):
        check_place("LK", name, "20000")
    check_place("SG", "Nowhere", "238801")
    with pytest.raises(WrongPlace, match="Did you mean Gampaha"):
        check_place("LK", "Gampha", "")
    with pytest.raises(WrongPlace, match="five digits"):
        check_place("LK", "Kandy", "2000")
    with pytest.raises((WrongPlace, ValidationError), match="five digits"):
        request_of({"orderId": "1"}, order(shipping={**TO, "postalCode": "20 00"}), SETTINGS)


def test_one_parcel_has_one_name() -> None:
    key = key_of("kandy", "o1", "1")
    assert id_of(key) == id_of(key_of("kandy", "o1", "1")) != id_of(key_of("kandy", "o1", "2"))
    assert len(id_of(key)) == 24
    assert (reference_of("1042", "1"), reference_of("1042", "2")) == ("1042", "1042-2")


def told(events: list[QueuedEvent]) -> dict[str, int]:
    return {event.data["entityId"]: event.data["delta"] for event in events}


def test_a_returned_parcel_is_put_back() -> None:
    events = restocking(wanted(), order(), None, True, 1_795_000_000_000)
    assert told(events) == {"p1": 3, "p2": 1}
    again = restocking(wanted(), order(), None, True, 1_795_000_999_000)
    assert [event.id for event in again] == [event.id for event in events]
    some = restocking(wanted(), order(), [{"sku": "TEA", "quantity": 2}], False, 1_795_000_000_000)
    assert told(some) == {"p1": 2}
    for items, alone, says in (
        (None, False, "several parcels"),
        ([{"sku": "TEA", "quantity": 4}], True, "only 3"),
        ([{"sku": "HAT", "quantity": 1}], True, "not in the order"),
    ):
        with pytest.raises(Incomplete, match=says):
            restocking(wanted(), order(), items, alone, 1_795_000_000_000)
    with pytest.raises(Incomplete, match="no items"):
        restocking(wanted(), None, None, True, 1_795_000_000_000)


def test_the_manifest_is_inert() -> None:
    evil = {"deliveryAddress": {"name": "=HYPERLINK(1)", "phone": "+94771234567", "city": "<b>"}}
    cod = {"amount": "4500.5", "currency": "LKR", "state": "expected"}
    rows = rows_of([
        wanted(request=evil, cod=cod), wanted(number="5042", cod=cod), wanted(state="unknown"),
    ])  # fmt: skip
    assert len(rows) == 2
    assert totals(rows) == {"LKR": "9001"}
    assert "'=HYPERLINK(1)" in as_csv(rows)
    assert "+94771234567" in as_csv(rows)
    page = as_html(rows, "Shipments & co")
    assert "<b>" not in page
    assert "Cash to collect: LKR 9001" in page


def test_environment_variables_connect_a_courier() -> None:
    found = given(
        {
            "ARAMEX_API_KEY": "username=shop;password=pass word;account_number=A1;account_pin=77",
            "DHL_API_KEY": "dhl-key",
            "UPS_API_KEY": "id-1",
            "UPS_CLIENT_SECRET": "secret-1",
            "UPS_ACCOUNT_NUMBER": "A2",
            "FEDEX_API_KEY": "",
            "UPS_PICKUP_CITY": "Colombo",
        }
    )
    assert set(found) == {"courier:aramex", "courier:dhl", "courier:ups"}
    settings, secrets = found["courier:aramex"]
    assert settings == {"courier": "aramex", "username": "shop", "account_number": "A1"}
    assert secrets == {"password": "pass word", "account_pin": "77"}
    assert found["courier:dhl"][1] == {"api_key": "dhl-key"}
    settings, secrets = found["courier:ups"]
    assert (settings["account_number"], settings["pickup_city"]) == ("A2", "Colombo")
    assert secrets == {"client_id": "id-1", "client_secret": "secret-1"}
