"""The user's own calls: add, track, create; and what is wrong with a request, in words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.couriers.asked import ShipmentRequest
from connectors.couriers.errors import InvalidRequest, NotFound
from connectors.couriers.generic import BadProfile
from connectors.couriers.registry import PROFILES, UnknownCourier, courier
from connectors.couriers.service import SriLankaCourierService, credentials
from connectors.errors import Paused, Unknown
from connectors.protocol import Connection
from tests.connectors.couriers.conftest import ROOT, Bench

REQUEST: dict[str, Any] = {
    "pickupAddress": {"name": "John Doe", "phone": "+94112345678", "address": "123 Main St",
                      "city": "Colombo", "postalCode": "10000"},
    "deliveryAddress": {"name": "Jane Smith", "phone": "077 123 4568", "address": "456 Oak Ave",
                        "city": "Kandy", "postalCode": "20000"},
    "package": {"weight": 2.5, "length": 30, "width": 20, "height": 15,
                "description": "Electronics package"},
    "orderId": "ORD-123",
    "organizationId": "org",
}  # fmt: skip
ARAMEX = {
    "name": "Aramex",
    "code": "aramex",
    "apiKey": "sandbox-pin",
    "apiSecret": "sandbox-password",
    "baseUrl": f"{ROOT}/aramex/",
    "isActive": True,
    "organizationId": "org",
    "settings": {"username": "sandbox-user", "account_number": "A1"},
}


class Kept:
    """A store in memory."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], Connection] = {}

    async def save_courier(self, connection: Connection) -> None:
        self.held[connection.organization_id, connection.settings["courier"]] = connection

    async def find_courier(self, organization_id: str, code: str) -> Connection | None:
        return self.held.get((organization_id, code))


@pytest.fixture
async def service(bench: Bench) -> AsyncIterator[SriLankaCourierService]:
    await bench.control.create_courier("aramex")
    service = SriLankaCourierService(Kept(), transport=bench.transport)
    yield service
    await service.close()


async def test_add_create_track(bench: Bench, service: SriLankaCourierService) -> None:
    connection = await service.add_courier(ARAMEX)
    assert (connection.platform, connection.replica) == ("courier", "courier:aramex")
    assert "sandbox-p" not in repr(connection)
    created = await service.create_shipment(REQUEST, "aramex")
    assert created["orderId"] == "ORD-123"
    assert (created["status"], created["labels"]) == ("Created", 1)
    for _ in range(2):
        await bench.control.set_clock(advance_s=600)
        await bench.control.advance("aramex")
    found = await service.track_shipment(created["trackingNumber"], "aramex", "org")
    assert list(found) == [
        "trackingNumber", "courierCode", "status", "statusCode", "location", "timestamp",
        "description", "estimatedDelivery", "events",
    ]  # fmt: skip
    assert (found["status"], found["statusCode"]) == ("In Transit", "in_transit")
    assert found["timestamp"] == "2026-02-04T08:20:00Z"
    assert found["location"] == "Colombo, Sri Lanka"
    assert [event["statusCode"] for event in found["events"]] == [
        "in_transit",
        "picked_up",
        "created",
    ]
    (held,) = await bench.control.shipments("aramex")
    contact = held["details"]["Consignee"]["Contact"]
    assert contact["PhoneNumber1"] == "+94771234568"


async def test_what_is_missing_is_said_when_a_courier_is_added(
    service: SriLankaCourierService,
) -> None:
    with pytest.raises(Paused, match="Aramex needs more: User name, Account number"):
        await service.add_courier({**ARAMEX, "settings": {}})
    with pytest.raises(UnknownCourier, match="known: aramex, dhl"):
        await service.add_courier({**ARAMEX, "code": "pigeon"})
    with pytest.raises(UnknownCourier, match="not connected"):
        await service.track_shipment("1", "aramex", "org")


async def test_unknown_numbers_and_paused_couriers(service: SriLankaCourierService) -> None:
    await service.add_courier(ARAMEX)
    with pytest.raises(NotFound, match="does not know 123"):
        await service.track_shipment("123", "aramex", "org")
    await service.add_courier({**ARAMEX, "isActive": False})
    with pytest.raises(UnknownCourier):
        await service.track_shipment("123", "aramex", "org")


async def test_refusals_and_lost_answers(bench: Bench, service: SriLankaCourierService) -> None:
    await service.add_courier(ARAMEX)
    abroad = {**REQUEST["deliveryAddress"], "country": "SG", "phone": "+6561234567"}
    with pytest.raises(InvalidRequest, match="customs"):
        await service.create_shipment({**REQUEST, "deliveryAddress": abroad}, "aramex")
    await bench.control.courier_faults("aramex", {"drop": True})
    with pytest.raises(Unknown):
        await service.create_shipment(REQUEST, "aramex")


async def test_a_courier_of_ones_own(service: SriLankaCourierService) -> None:
    text = (PROFILES / "ceylinco.profile.json").read_text()
    own = text.replace('"slug": "ceylinco"', '"slug": "domex"')
    wanted = {"code": "domex", "apiKey": "k", "baseUrl": "https://domex.example",
              "organizationId": "org"}  # fmt: skip
    connection = await service.add_courier({**wanted, "profile": own})
    assert connection.secrets == {"api_key": "k"}
    with pytest.raises(BadProfile, match="line 2: slug"):
        await service.add_courier({**wanted, "profile": text.replace('"ceylinco"', '"C"', 1)})
    with pytest.raises(InvalidRequest, match="no shipped courier has it"):
        await service.add_courier({**wanted, "code": "ceylinco", "profile": text})


@pytest.mark.parametrize(
    ("code", "key", "secret", "found"),
    [
        ("ups", "id", "s", {"client_id": "id", "client_secret": "s"}),
        ("dhl", "id", "", {"api_key": "id"}),
        ("fedex", "id", "s", {"track_client_id": "id", "track_client_secret": "s"}),
        ("skynet", "id", "", {"api_key": "id"}),
        ("aramex", "username=u;password=p=1;account_number=A1;account_pin=1", "",
         {"username": "u", "password": "p=1", "account_number": "A1", "account_pin": "1"}),
        # A key that only looks like pairs.
        ("dhl", "abc==", "", {"api_key": "abc=="}),
    ],
)  # fmt: skip
def test_one_key_for_several_fields(
    code: str, key: str, secret: str, found: dict[str, str]
) -> None:
    assert credentials(courier(code), key, secret) == found


# Requests


def asked(**more: Any) -> ShipmentRequest:
    return ShipmentRequest.model_validate({**REQUEST, **more})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"deliveryAddress": {**REQUEST["deliveryAddress"], "phone": "12"}}, "no phone number"),
        ({"deliveryAddress": {**REQUEST["deliveryAddress"], "postalCode": "2000"}}, "five digits"),
        ({"deliveryAddress": {**REQUEST["deliveryAddress"], "city": ""}}, "city"),
        ({"deliveryAddress": {**REQUEST["deliveryAddress"], "cty": "x"}}, "cty"),
        ({"package": {"weight": 0}}, "greater than 0"),
        ({"package": None}, "give package"),
        ({"packages": [{"weight": 1}]}, "give package"),
        ({"cashOnDelivery": {"amount": "-1"}}, "greater than or equal to 0"),
        ({"cashOnDelivery": {"amount": "1", "currency": "rupees"}}, "currency"),
        ({"orderId": ""}, "orderId"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        asked(**change)
    assert words in str(caught.value)


def test_units_become_kilograms_and_centimetres() -> None:
    box = {"weight": 1234.5, "weightUnit": "g", "length": 10, "width": 255, "height": 1,
           "sizeUnit": "mm"}  # fmt: skip
    (parcel,) = asked(package=box).shipment(0).parcels
    assert parcel.weight_kg == Decimal("1.235")
    assert (parcel.length_cm, parcel.width_cm, parcel.height_cm) == (
        1,
        Decimal("25.5"),
        Decimal("0.1"),
    )
    (pounds,) = asked(package={"weight": 2, "weightUnit": "lb"}).shipment(0).parcels
    # 2 lb are 907.18 g, and a courier weighs again.
    assert pounds.weight_kg == Decimal("0.908")
    (ten,) = asked(package={"weight": 10}).shipment(0).parcels
    assert str(ten.weight_kg) == "10"


def test_cash_is_exact_and_none_is_none() -> None:
    cod = asked(cashOnDelivery={"amount": 4500.1}).shipment(0).cod
    assert cod is not None
    assert (cod.plain(), cod.currency) == ("4500.1", "LKR")
    assert asked(cashOnDelivery={"amount": 0}).shipment(0).cod is None


def test_goods_that_are_not_listed_are_the_package() -> None:
    shipment = asked(declaredValue={"amount": "45000"}).shipment(0)
    (item,) = shipment.items
    assert (item.description, item.unit_price, item.weight_kg) == (
        "Electronics package",
        Decimal(45000),
        Decimal("2.5"),
    )
