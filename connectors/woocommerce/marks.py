"""Our marks in WooCommerce's meta data: one a kind of entity, field names those of REST. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from connectors.woocommerce.extras import DETAILS_REST
from connectors.woocommerce.wire import Resource, meta_value
from schemas.base import Fields, Operation
from schemas.observation import FieldMark, Mark

KINDS = {
    "product": "product",
    "variation": "variation",
    "inventory": "stock",
    "order": "order",
    "customer": "customer",
}
"""Entity type to the route's `resource` and the mark's kind."""

REST_NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "product": {
        "sku": ("sku",),
        "name": ("name",),
        "description": ("description",),
        "shortDescription": ("short_description",),
        "price": ("regular_price",),
        "salePrice": ("sale_price",),
        "status": ("status",),
        "weight": ("weight",),
        "dimensions": ("dimensions",),
        "categories": ("categories",),
        "tags": ("tags",),
        "images": ("images",),
        "attributes": ("attributes",),
        "details": DETAILS_REST,
    },
    "variation": {
        "sku": ("sku",),
        "price": ("regular_price",),
        "salePrice": ("sale_price",),
        "attributes": ("attributes",),
        "image": ("image",),
        "weight": ("weight",),
        "dimensions": ("dimensions",),
    },
    "inventory": {
        "quantity": ("stock_quantity",),
        "backorders": ("backorders",),
        "lowStockThreshold": ("low_stock_amount",),
    },
    "order": {"status": ("status",), "items": ("line_items",), "note": ("customer_note",)},
    "customer": {
        "name": ("first_name", "last_name"),
        "email": ("email",),
        "phone": ("billing",),
        "addresses": ("billing", "shipping"),
    },
}
"""Canonical field to the REST fields that hold it."""
WHOLE = frozenset(("addresses",))
"""Fields of which a mark of only some REST fields says nothing."""


def meta_key(entity_type: str) -> str:
    """Where the mark of this entity type is kept in the item."""
    return f"_smartstore_{KINDS[entity_type]}"


def plain_key(entity_type: str) -> str:
    """Where it is kept by core's own REST API, which takes and shows no hidden entry of a
    customer's."""
    key = meta_key(entity_type)
    return key.removeprefix("_") if entity_type == "customer" else key


def raw_mark(entity_type: str, resource: Resource) -> dict[str, Any] | None:
    """The mark as it is stored: an object, or JSON text where we wrote it without the plugin; the
    later one, where a shop got the plugin since. None for none and for what is no mark of ours."""
    keys = {meta_key(entity_type), plain_key(entity_type)}
    found = [mark for key in keys if (mark := _stored(resource, key)) is not None]
    return max(found, key=lambda mark: tuple(mark["op"]), default=None)


def _stored(resource: Resource, key: str) -> dict[str, Any] | None:
    value = meta_value(resource, key)
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
    if not isinstance(value, dict) or _operation(value.get("op")) is None:
        return None
    return value


def _operation(value: Any) -> Operation | None:
    if isinstance(value, list | tuple) and len(value) == 2:
        epoch, counter = value
        if isinstance(epoch, int) and isinstance(counter, int):
            return epoch, counter
    return None


def mark_of(
    entity_type: str, resource: Resource, read: Callable[[Resource], Fields]
) -> Mark | None:
    """The mark in canonical names and values; `read` turns REST fields into canonical ones."""
    raw = raw_mark(entity_type, resource)
    if raw is None:
        return None
    op = _operation(raw["op"])
    if op is None:
        return None
    entries = {
        name: entry
        for name, entry in (raw.get("fields") or {}).items()
        if isinstance(entry, dict) and _operation(entry.get("op")) is not None
    }
    stored = {name: entry.get("value") for name, entry in entries.items()}
    asked = {name: _asked(entry) for name, entry in entries.items()}
    values = read(stored)
    wanted = values if asked == stored else read(asked)
    fields: dict[str, FieldMark] = {}
    for name, rest_names in REST_NAMES[entity_type].items():
        held = [entries[rest] for rest in rest_names if rest in entries]
        if not held or (name in WHOLE and len(held) < len(rest_names)):
            continue
        newest = max(_operation(entry["op"]) or op for entry in held)
        total = held[0].get("total")
        fields[name] = FieldMark(
            op=newest,
            value=values.get(name),
            wanted=wanted.get(name),
            total=total if isinstance(total, int) else None,
        )
    return Mark(op=op, fields=fields, entity=str(raw.get("entity") or ""))


def _asked(entry: dict[str, Any]) -> Any:
    """What was asked for; of an object the parts that were not named are as they were."""
    value, wanted = entry.get("value"), entry.get("wanted", entry.get("value"))
    if isinstance(value, dict) and isinstance(wanted, dict):
        return {**value, **wanted}
    return wanted


def mark_entry(
    entity_type: str,
    entity_id: str,
    op: Operation,
    want: Resource,
    totals: Mapping[str, int],
    before: dict[str, Any] | None = None,
) -> Resource:
    """The `meta_data` entry of a write without the plugin: the earlier mark with these REST fields
    in it, as JSON text (WordPress's own forms drop nested meta, text survives them)."""
    fields = dict((before or {}).get("fields") or {})
    for name, value in want.items():
        earlier = (fields.get(name) or {}).get("value")
        if isinstance(value, dict) and isinstance(earlier, dict):
            value = {**earlier, **value}  # an address of which a part is written
        fields[name] = {"op": op, "value": value, "wanted": value}
        if name in totals:
            fields[name]["total"] = totals[name]
    mark = {"entity": f"{entity_type}/{entity_id}", "op": op, "fields": fields}
    return {"key": plain_key(entity_type), "value": msgspec.json.encode(mark).decode()}


def with_pictures(entry: Resource, want: Resource, item: Resource) -> Resource | None:
    """The mark's entry once more, with the ids under which the shop keeps the pictures that it was
    given by address: without them each would be uploaded again by the next write. None where there
    was none."""
    names = [name for name in ("images", "image") if _uploads(want.get(name))]
    if not names:
        return None
    mark = msgspec.json.decode(entry["value"])
    for name in names:
        held = item.get(name)
        several = held if isinstance(held, list) else [held]
        shown = [
            {"id": one.get("id"), "src": one.get("src"), "alt": one.get("alt") or ""}
            for one in several
            if isinstance(one, dict)
        ]
        mark["fields"][name]["value"] = shown if isinstance(held, list) else shown[0]
    return {**entry, "value": msgspec.json.encode(mark).decode()}


def _uploads(pictures: Any) -> bool:
    several = pictures if isinstance(pictures, list) else [pictures]
    return any(isinstance(one, dict) and one.get("src") and not one.get("id") for one in several)
