"""Pure: what an order says of its shipment, and what its shipments make of the order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from connectors.couriers.asked import ShipmentRequest
from connectors.couriers.status import Status
from streams.couriers.environment import PICKUP
from streams.couriers.places import check_place
from streams.sync.record import Record

MOVES: Mapping[Status, str] = {
    "picked_up": "shipped",
    "in_transit": "shipped",
    "exception": "shipped",
    "out_for_delivery": "out-for-delivery",
    "delivered": "delivered",
    "returned": "returned",
}
"""A parcel's status to its order's. A label alone moves nothing."""
ORDER = ("shipped", "out-for-delivery", "delivered", "returned")
WEIGHT = "default_weight_kg"


class Incomplete(ValueError):
    """Something is missing; the text says what, and where to put it."""


def order_status(parcels: Iterable[Status | None]) -> str | None:
    """Of an order in several parcels: delivered when all are, returned when all are; cancelled ones
    do not count. None: nothing to say yet."""
    counted = [status for status in parcels if status != "cancelled"]
    moved = [MOVES.get(status) if status else None for status in counted]
    found = [status for status in moved if status is not None]
    if not found:
        return None
    if len(found) == len(moved) and set(found) <= {"delivered", "returned"}:
        return "delivered" if "delivered" in found else "returned"
    open_ones = [status for status in found if status in ("shipped", "out-for-delivery")]
    return max(open_ones, key=ORDER.index, default="shipped")


def pickup(settings: Mapping[str, str]) -> dict[str, str]:
    """The connection's own place of collection. Raises Incomplete."""
    held = {name.removeprefix("pickup_"): settings.get(name, "") for name in PICKUP}
    missing = [name for name in ("name", "phone", "address", "city") if not held[name]]
    if missing:
        raise Incomplete(
            "Where is the parcel collected? Send pickupAddress, or set "
            f"{', '.join(f'pickup_{name}' for name in missing)} of this courier once."
        )
    return {
        "name": held["name"],
        "company": held["company"],
        "phone": held["phone"],
        "address": held["address"],
        "city": held["city"],
        "state": held["district"],
        "postalCode": held["postal_code"],
    }


def receiver(order: Record) -> dict[str, Any]:
    """The order's shipping address, its billing address filling what is missing. Raises
    Incomplete."""
    shipping, billing = _map(order, "shipping"), _map(order, "billing")
    ships = shipping if shipping.get("address1") or shipping.get("line1") else billing
    held = {**{name: billing.get(name) for name in ("name", "phone", "email")}, **_filled(ships)}
    told = {
        "name": held.get("name"),
        "phone": held.get("phone"),
        "address": held.get("address1") or held.get("line1") or held.get("address"),
        "line2": held.get("address2") or held.get("line2"),
        "city": held.get("city"),
        "state": held.get("district") or held.get("state"),
        "postalCode": held.get("postalCode") or held.get("postcode"),
        "country": held.get("country") or "LK",
        "company": held.get("company"),
        "email": held.get("email"),
    }
    missing = [name for name in ("name", "phone", "address", "city") if not told[name]]
    if missing:
        raise Incomplete(
            f"The order's address has no {', '.join(missing)}. Add it to the order, or send "
            "deliveryAddress."
        )
    return _filled(told)


def cash(order: Record) -> dict[str, str] | None:
    """What is to be collected at the door, in the order's own currency."""
    payment = _map(order, "payment")
    if payment.get("method") != "cod" or payment.get("status") == "paid":
        return None
    amount = payment.get("codAmount") or _value(order, "total")
    if not amount or not Decimal(str(amount)):
        return None
    return {"amount": str(amount), "currency": str(_value(order, "currency") or "LKR")}


def request_of(
    given: Mapping[str, Any], order: Record | None, settings: Mapping[str, str]
) -> ShipmentRequest:
    """A whole request from what was sent, the order filling what was left out, and the connection's
    settings the rest. Raises Incomplete, pydantic.ValidationError, places.WrongPlace."""
    whole = dict(given)
    if "pickupAddress" not in whole:
        whole["pickupAddress"] = pickup(settings)
    if "deliveryAddress" not in whole:
        if order is None:
            raise Incomplete("The order is not known here: send deliveryAddress.")
        whole["deliveryAddress"] = receiver(order)
    if "cashOnDelivery" not in whole and order is not None and (due := cash(order)):
        whole["cashOnDelivery"] = due
    if "package" not in whole and "packages" not in whole:
        weight = settings.get(WEIGHT, "")
        if not weight:
            raise Incomplete(
                "How heavy is it? Send package with a weight in kg, or set "
                f"{WEIGHT} of this courier once."
            )
        whole["package"] = {"weight": weight}
    request = ShipmentRequest.model_validate(whole)
    check_addresses(request)
    return request


def check_addresses(request: ShipmentRequest) -> None:
    """Raises places.WrongPlace."""
    for address in (request.pickup_address, request.delivery_address):
        check_place(address.country, address.state, address.postal_code)


def whole_name(order: Record | None, given: str) -> str:
    """What people, and the courier, know the order by: its number, else what was given."""
    number = None if order is None else _value(order, "number")
    return str(number) if number else given


def _map(order: Record, name: str) -> dict[str, Any]:
    value = _value(order, name)
    return value if isinstance(value, dict) else {}


def _value(order: Record, name: str) -> Any:
    agreed = order.fields.get(name)
    return None if agreed is None else agreed.value


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
