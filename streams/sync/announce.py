"""Pure: which messages to customers a change is worth. An effect is owed until it is heard of,
under a key that names the business fact, so that no repeat sends it twice."""

from __future__ import annotations

from schemas.envelope import epoch_ms
from streams.sync.decision import Draft
from streams.sync.record import OwedEffect

SHIPMENT = "shipment"


def announce(draft: Draft) -> None:
    """The new status of an order, or of a parcel, goes to the customer over every replica that
    announces it."""
    record = draft.record
    if record.type == SHIPMENT and draft.context.announced:
        _parcel(draft)
        return
    if record.type != "order" or not draft.context.announced:
        return
    agreed = record.fields.get("status")
    before = draft.before.fields.get("status")
    if agreed is None or (before is not None and before.value == agreed.value):
        return
    if before is None and not _is_news(draft):
        return
    to = _phone(draft)
    if to is None:
        return
    for name, statuses in draft.context.announced.items():
        if agreed.value not in statuses:
            continue
        key = f"{record.organization_id}:order_status:{record.entity_id}:{agreed.value}"
        arguments = {"to": to, "status": agreed.value, "name": _name(draft)}
        for field in ("number", "total", "currency"):
            found = record.fields.get(field)
            if found is not None and found.value is not None:
                arguments[field] = found.value
        record.effects = {
            **record.effects,
            key: OwedEffect(name, "order_status", arguments, draft.now_ms),
        }
        draft.changed = True


def _parcel(draft: Draft) -> None:
    """Whom it goes to is the order's to say, so that is looked up where it is sent."""
    record = draft.record
    agreed, order = record.fields.get("status"), record.fields.get("orderId")
    before = draft.before.fields.get("status")
    if agreed is None or order is None or not order.value:
        return
    if before is None or before.value == agreed.value:
        return  # a parcel that is first heard of is told with its order
    for name, statuses in draft.context.announced.items():
        if f"{SHIPMENT}:{agreed.value}" not in statuses:
            continue
        key = f"{record.organization_id}:shipment_status:{record.entity_id}:{agreed.value}"
        arguments = {"orderId": order.value, "status": agreed.value}
        for field, told in (("trackingNumber", "tracking"), ("courierCode", "courier")):
            found = record.fields.get(field)
            if found is not None and found.value:
                arguments[told] = found.value
        effect = OwedEffect(name, "shipment_status", arguments, draft.now_ms)
        record.effects = {**record.effects, key: effect}
        draft.changed = True


def _is_news(draft: Draft) -> bool:
    created = draft.record.fields.get("createdAt")
    if created is None or not isinstance(created.value, str):
        return False
    return draft.now_ms - epoch_ms(created.value) < draft.context.timing.announce_ms


def _person(draft: Draft) -> list[dict[str, object]]:
    found = []
    for field in ("billing", "shipping"):
        agreed = draft.record.fields.get(field)
        if agreed is not None and isinstance(agreed.value, dict):
            found.append(agreed.value)
    return found


def _phone(draft: Draft) -> str | None:
    for person in _person(draft):
        phone = person.get("phone")
        if isinstance(phone, str) and phone.startswith("+"):
            return phone
    return None


def _name(draft: Draft) -> str:
    for person in _person(draft):
        name = person.get("name")
        if isinstance(name, str) and name:
            return name
    return ""
