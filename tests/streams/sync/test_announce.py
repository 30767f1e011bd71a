"""Which changes are worth a message to a customer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from msgspec.structs import replace as with_

from streams.sync.announce import announce
from streams.sync.context import Context
from streams.sync.decision import Draft
from streams.sync.record import Agreed, Record

NOW_MS = 1_795_000_000_000
TOLD = frozenset({"shipped", "shipment:delivered", "shipment:out_for_delivery"})
CONTEXT = Context(profiles={}, announced={"whatsapp": TOLD})


def record(entity_type: str, **fields: Any) -> Record:
    held = {name: Agreed(value, NOW_MS, "courier:aramex") for name, value in fields.items()}
    return Record("org", entity_type, "s1", fields=held)


def told(before: Record, after: Record, context: Context = CONTEXT) -> dict[str, Any]:
    draft = Draft(before, context, NOW_MS, "test")
    draft.record = after
    announce(draft)
    return {key: (one.effect, one.arguments) for key, one in draft.record.effects.items()}


PARCEL = {"orderId": "o1", "trackingNumber": "CPK1", "courierCode": "citypak"}


def test_a_parcels_new_status_is_told_with_its_order() -> None:
    before = record("shipment", status="in_transit", **PARCEL)
    after = record("shipment", status="delivered", **PARCEL)
    assert told(before, after) == {
        "org:shipment_status:s1:delivered": (
            "shipment_status",
            {"orderId": "o1", "status": "delivered", "tracking": "CPK1", "courier": "citypak"},
        )
    }
    same = record("shipment", status="delivered", **PARCEL)
    assert told(same, record("shipment", status="delivered", **PARCEL)) == {}


def test_a_parcel_without_an_order_or_with_another_status_is_not() -> None:
    before = record("shipment", status="picked_up", **PARCEL)
    assert told(before, record("shipment", status="in_transit", **PARCEL)) == {}
    alone = {**PARCEL, "orderId": None}
    assert told(before, record("shipment", status="delivered", **alone)) == {}
    first = with_(before, fields={})
    assert told(first, record("shipment", status="delivered", **PARCEL)) == {}
    silent = replace(CONTEXT, announced={})
    assert told(before, record("shipment", status="delivered", **PARCEL), silent) == {}


def test_an_order_and_its_parcel_have_keys_of_their_own() -> None:
    person = {"name": "Nimal", "phone": "+94771234567"}
    before = record("order", status="processing", billing=person)
    found = told(before, record("order", status="shipped", billing=person))
    assert list(found) == ["org:order_status:s1:shipped"]
