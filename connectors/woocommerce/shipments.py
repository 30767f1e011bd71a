"""A shipment in a shop: what its order's keeper and customer read. WooCommerce knows no shipments,
so one is a note of the order (who carries it, its number, how far it is), a line of the public meta
`smartstore_tracking` for the shop's own templates, a parcel for the usual tracking plugins, and our
mark in hidden meta.

The shop edits none of it, so nothing is read back as an edit. A note is looked for before it is
written: it has no idempotency key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.errors import Refused
from connectors.protocol import Answer, Links, StateCommand
from connectors.woocommerce import wire
from connectors.woocommerce.extras import TRACKING_ITEMS, parcels_with
from connectors.woocommerce.rest import API, Missing, Rejected, Rest
from connectors.woocommerce.wire import Resource, meta_value, records
from schemas.base import Fields, Operation
from schemas.command import Create, Delete, Read
from schemas.observation import FieldMark, Mark, Seen

TYPE = "shipment"
FIELDS = frozenset(("courierCode", "trackingNumber", "status", "statusText"))
"""What a shop is told."""
TRACKING = "smartstore_tracking"
_PREFIX = "_smartstore_shipment_"
NO_ORDER = Answer(result="missing", reason="its order is not in the shop yet")


class Shipments:
    """Of one shop."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def apply(self, command: StateCommand, links: Links) -> Answer:
        """One command. Raises Retry, Unknown, Paused."""
        try:
            if not isinstance(command, Create):
                number, _, entity_id = command.external_id.partition("/")
                return await self._on_order(command, number, entity_id)
            number = (
                await links.external_id(
                    command.organization_id,
                    command.replica,
                    "order",
                    str(command.want.get("orderId")),
                )
                or ""
            )
            return await self._on_order(command, number, command.entity_id) if number else NO_ORDER
        except Missing as error:
            return Answer(result="missing", reason=str(error))
        except Rejected as error:
            return Answer(result="failed", reason=str(error))

    async def _on_order(self, command: StateCommand, number: str, entity_id: str) -> Answer:
        if not number.isdigit() or not entity_id:
            raise Rejected("shipment", f"no order is named by {number!r}", {})
        order: Any = await self._rest.get(f"/orders/{number}")
        if not isinstance(order, dict):
            raise Refused(f"order {number} is no order")
        external_id = f"{number}/{entity_id}"
        held = held_in(order, entity_id)
        if isinstance(command, Read):
            found = seen_of(external_id, order, held)
            return Answer("taken" if found.exists else "missing", found, external_id)
        last = held.op if held is not None else None
        if last == tuple(command.op):
            return Answer("taken", seen_of(external_id, order, held), external_id)
        after = None if isinstance(command, Create) else command.after
        if last is not None and (tuple(command.op) <= last or (after and tuple(after) != last)):
            seen = seen_of(external_id, order, held)
            return Answer("refused", seen, external_id, "after")
        if isinstance(command, Delete):
            return await self._put(order, command, entity_id, None)
        fields = {**(held.values if held else {}), **_told(command.want)}
        now = Held(command.op, f"{TYPE}/{command.entity_id}", fields)
        await self._note(number, words(fields))
        return await self._put(order, command, entity_id, now)

    async def _note(self, number: str, text: str) -> None:
        path = f"/orders/{number}/notes"
        notes = records(await self._rest.get(path, {"type": "internal"}))
        if text not in {note.get("note") for note in notes}:
            body = {"note": text, "customer_note": False}
            await self._rest.send("POST", API + path, body=body)

    async def _put(
        self, order: Resource, command: StateCommand, entity_id: str, now: Held | None
    ) -> Answer:
        value = None if now is None else msgspec.json.encode(now).decode()
        lines = {key: one for key, one in all_held(order).items() if key != entity_id}
        if now is not None:
            lines[entity_id] = now
        told = "\n".join(words(lines[key].values) for key in sorted(lines)) or None
        meta = [_entry(order, _PREFIX + entity_id, value), _entry(order, TRACKING, told)]
        held = meta_value(order, TRACKING_ITEMS)
        values = None if now is None else now.values
        parcels = parcels_with(held, entity_id, values, command.issued_at_ms // 1000)
        if parcels or held:
            meta.append(_entry(order, TRACKING_ITEMS, parcels))
        path = f"{API}/orders/{order['id']}"
        after = await self._rest.send("PUT", path, body={"meta_data": meta})
        external_id = f"{order['id']}/{entity_id}"
        return Answer("taken", seen_of(external_id, after, now), external_id)


class Held(msgspec.Struct, frozen=True):
    """Our mark in the order."""

    op: Operation
    entity: str
    values: Fields


def held_in(order: Resource, entity_id: str) -> Held | None:
    """The shipment as the order holds it; None for none. Pure."""
    return _held(meta_value(order, _PREFIX + entity_id))


def all_held(order: Resource) -> dict[str, Held]:
    """Every shipment of the order by our id. Pure."""
    found = {}
    for entry in records(order.get("meta_data")):
        key, held = str(entry.get("key") or ""), _held(entry.get("value"))
        if key.startswith(_PREFIX) and held is not None:
            found[key.removeprefix(_PREFIX)] = held
    return found


def _held(value: Any) -> Held | None:
    try:
        if isinstance(value, str):
            return msgspec.json.decode(value, type=Held)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return None


def seen_of(external_id: str, order: Resource, held: Held | None) -> Seen:
    """What the shop holds of it. Pure."""
    as_of = wire.gmt_ms(order) or 0
    if held is None or order.get("status") == "trash":
        return Seen(external_id=external_id, exists=False, as_of=as_of)
    marks = {
        name: FieldMark(op=held.op, value=value, wanted=value)
        for name, value in held.values.items()
    }
    return Seen(
        external_id=external_id,
        fields=held.values,
        as_of=as_of,
        mark=Mark(op=held.op, fields=marks, entity=held.entity),
    )


def words(fields: Mapping[str, Any]) -> str:
    """`koombiyo 8821: In Transit`. Pure."""
    carrier = " ".join(
        str(fields[name]) for name in ("courierCode", "trackingNumber") if fields.get(name)
    )
    state = fields.get("statusText") or str(fields.get("status") or "created").replace("_", " ")
    return f"Shipment {carrier}: {state}"


def _told(want: Fields) -> Fields:
    return {name: value for name, value in want.items() if name in FIELDS}


def _entry(order: Resource, key: str, value: Any) -> Resource:
    """A meta entry; with no value by its id, which is how core deletes one."""
    for entry in records(order.get("meta_data")):
        if entry.get("key") == key:
            return {"id": entry.get("id"), "key": key, "value": value}
    return {"key": key, "value": value}
