"""Canonical values to WooCommerce's fields, and a command to an operation of the route. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connectors.woocommerce.extras import SIMPLE, details_body, normal_details, told_notes
from connectors.woocommerce.mapping import addresses_of, plain_text, seen_of
from connectors.woocommerce.marks import KINDS, REST_NAMES
from connectors.woocommerce.wire import Resource, image_entry, option_texts, term_names, text_of
from schemas.base import Fields
from schemas.command import Create, Delete, Read, Write
from schemas.money import money

PRODUCT_STATUS = {"active": "publish", "draft": "draft", "archived": "private"}
ORDER_STATUS = {
    "shipped": "processing",
    "out-for-delivery": "processing",
    "delivered": "completed",
    "returned": "refunded",
}
"""What WooCommerce has no word for, by the nearest that it has; others are its own words."""

_RENAMED = {
    "shortDescription": "short_description",
    "price": "regular_price",
    "salePrice": "sale_price",
    "note": "customer_note",
    "lowStockThreshold": "low_stock_amount",
}
_ADDRESS = (
    ("company", "company"),
    ("address1", "address_1"),
    ("address2", "address_2"),
    ("city", "city"),
    ("district", "state"),
    ("postalCode", "postcode"),
    ("country", "country"),
    ("phone", "phone"),
)


def normal(field: str, value: Any) -> Any:
    """What one reads back of a product's or variation's field after writing it."""
    if field in ("description", "shortDescription"):
        return plain_text(value)
    if isinstance(value, str) and field in ("name", "sku"):
        return value.strip() or None
    if field in ("categories", "tags"):
        return term_names(value)
    if field == "images":
        found = [image_entry(entry) for entry in value or ()]
        return [{"url": one["src"], "alt": one.get("alt", "")} for one in found if one]
    if field == "attributes" and isinstance(value, Mapping):
        return {str(name): option_texts(options) for name, options in value.items()}
    if field == "details":
        return normal_details(value)
    if field == "productType":
        return None if value == SIMPLE else value
    return value


def normal_variation(field: str, value: Any) -> Any:
    """The same of a variation's field: each attribute has one option."""
    if field == "attributes" and isinstance(value, Mapping):
        return {str(name): text_of(option) or "" for name, option in value.items()}
    return normal(field, value)


def normal_customer(field: str, value: Any) -> Any:
    """What one reads back of a customer: e-mail in small letters, two addresses at most."""
    if field == "addresses" and isinstance(value, list):
        return addresses_of(_addresses(value, whole=True), "")
    return value.strip().lower() if field == "email" and isinstance(value, str) else value


def normal_order(field: str, value: Any) -> Any:
    """What one reads back of an order: the status in the shop's fewer words."""
    if field == "notes":
        return told_notes(value)
    return ORDER_STATUS.get(value, value) if field == "status" else value


def rest_fields(entity_type: str, fields: Mapping[str, Any]) -> Resource:
    """The REST fields that hold these canonical ones. Names we do not write are left out."""
    body: Resource = {}
    for name, value in fields.items():
        for rest, told in _rest_field(entity_type, name, value).items():
            before = body.get(rest)
            if isinstance(before, dict) and isinstance(told, dict):
                told = {**before, **told}  # a customer's phone is a part of an address
            body[rest] = told
    return body


def _rest_field(entity_type: str, name: str, value: Any) -> Resource:
    match entity_type, name:
        case "inventory", "quantity":
            return {"manage_stock": False} if value is None else {"stock_quantity": value}
        case "inventory", "backorders":
            return {"backorders": value or "no"}
        case "inventory", "lowStockThreshold":
            return {"low_stock_amount": value}
        case "product", "status":
            return {"status": PRODUCT_STATUS.get(value, value)}
        case "order", "status":
            return {"status": ORDER_STATUS.get(value, value)}
        case "product" | "variation", "dimensions":
            held = value or {}
            return {name: {side: held.get(side, "") for side in ("length", "width", "height")}}
        case "product", "images":
            found = [image_entry(entry) for entry in value or ()]
            return {name: [entry for entry in found if entry is not None]}
        case "product", "categories" | "tags":
            return {name: [{"name": term} for term in term_names(value)]}
        case "product", "details":
            return details_body(value)
        case "product", "attributes":
            held = value if isinstance(value, Mapping) else {}
            return {name: [{"name": key, "options": option_texts(v)} for key, v in held.items()]}
        case "variation", "attributes":
            held = value if isinstance(value, Mapping) else {}
            return {name: [{"name": key, "option": text_of(v) or ""} for key, v in held.items()]}
        case "variation", "image":
            return {"image": {"src": value}} if value else {}
        case "customer", "name":
            first, _, last = (value or "").partition(" ")
            return {"first_name": first, "last_name": last}
        case "customer", "phone":
            return {"billing": {"phone": value or ""}}
        case "customer", "addresses":
            return _addresses(value, whole=True)
        case "order", "billing" | "shipping":
            return {name: _address(value or {}, with_email=name == "billing")}
    rest = _RENAMED.get(name, name)
    if rest in REST_NAMES[entity_type].get(name, ()) or (entity_type, name) in _PLAIN:
        return {rest: "" if value is None else value}
    return {}


_PLAIN = frozenset((("order", "note"), ("order", "currency")))


def _address(value: Mapping[str, Any], *, with_email: bool, whole: bool = False) -> Resource:
    """`whole`: what it lacks is told as empty, so that it goes where it was."""
    first, _, last = str(value.get("name") or "").partition(" ")
    found: Resource = {"first_name": first, "last_name": last}
    for ours, rest in _ADDRESS:
        if value.get(ours) or (whole and ours != "phone"):
            found[rest] = str(value.get(ours) or "")
    if with_email and value.get("email"):
        found["email"] = str(value["email"])
    return found


def _addresses(value: Any, *, whole: bool) -> Resource:
    """The first is where bills go; goods go to the second, or there too."""
    held = [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
    if not held:
        return {}
    billing = _address(held[0], with_email=True, whole=whole)
    return {"billing": billing, "shipping": _address(held[-1], with_email=False, whole=whole)}


def customer_body(want: Mapping[str, Any]) -> Resource:
    """A new customer. The phone is the billing address's where that has none."""
    body = rest_fields("customer", {key: want[key] for key in want if key != "phone"})
    billing: Resource = body.setdefault("billing", {})
    if want.get("phone"):
        billing.setdefault("phone", want["phone"])
    billing.setdefault("email", body.get("email", ""))
    return body


def order_body(
    want: Mapping[str, Any], external_ids: Mapping[str, str], *, plain: bool
) -> Resource:
    """A copied order. `external_ids`: our product or variation id to the shop's.

    Without the plugin (`plain`) a line must name no product, or the shop takes its stock a second
    time; core wants a reference all the same and takes a SKU that does not exist for none.
    """
    body = rest_fields("order", {name: value for name, value in want.items() if name != "items"})
    lines = [_order_line(entry, external_ids, plain=plain) for entry in want.get("items") or ()]
    body["line_items"] = lines
    payment = want.get("payment")
    if isinstance(payment, dict) and payment.get("method"):
        body["payment_method"] = str(payment["method"])
        body["payment_method_title"] = str(payment.get("title") or payment["method"])
    shipping = Decimal(want.get("shippingTotal") or "0")
    if shipping:
        body["shipping_lines"] = [
            {"method_id": "flat_rate", "method_title": "Shipping", "total": str(money(shipping))}
        ]
    fees = _fees(want, shipping + sum(Decimal(line["total"]) for line in lines))
    if fees:
        body["fee_lines"] = fees
    return body


def _fees(want: Mapping[str, Any], covered: Decimal) -> list[Resource]:
    """The order's own fees; what else its total has (a coupon's discount, taxes) is one more, so
    that the shop's total is the same."""
    fees = [
        {"name": str(fee.get("name") or "Fee"), "total": str(money(fee.get("total")) or "0")}
        for fee in want.get("fees") or ()
        if isinstance(fee, Mapping)
    ]
    total = want.get("total")
    if total is not None:
        left = Decimal(total) - covered - sum(Decimal(fee["total"]) for fee in fees)
        if left:
            title = "Discount" if left < 0 else "Other charges"
            fees.append({"name": title, "total": str(money(left))})
    return fees


def _order_line(
    entry: Mapping[str, Any], external_ids: Mapping[str, str], *, plain: bool
) -> Resource:
    quantity = entry.get("quantity") or 1
    total = entry.get("total")
    if total is None:
        total = money(Decimal(entry.get("unitPrice") or "0") * quantity) or "0"
    line: Resource = {"quantity": quantity, "subtotal": total, "total": total}
    external_id = external_ids.get(entry.get("productId") or "")
    if external_id is not None and not plain:
        product, _, variation = external_id.partition(":")
        line["product_id"] = int(product)
        if variation:
            line["variation_id"] = int(variation)
        return line
    sku = str(entry.get("sku") or "")
    line["name"] = str(entry.get("name") or sku or "Item")
    line["sku"] = f"{sku or 'item'}~copy"
    if sku:
        line["meta_data"] = [{"key": "SKU", "value": sku}]
    return line


# The route's operations


def item_ids(external_id: str) -> tuple[int, int]:
    """(id, parent id or 0) of `412` or `430:431`. Raises ValueError for anything else."""
    parent, _, child = external_id.partition(":")
    return (int(child), int(parent)) if child else (int(parent), 0)


def item_operation(command: Write | Delete | Read, expected: Resource | None = None) -> Resource:
    """One operation on an item that is there; `expected` replaces the command's own.

    Raises ValueError for an external id that is none of the shop's.
    """
    number, parent = item_ids(command.external_id)
    operation: Resource = {"resource": KINDS[command.type], "id": number}
    if parent:
        operation["parent_id"] = parent
    if isinstance(command, Read):
        return {"do": "read", **operation}
    operation |= {
        "entity": f"{command.type}/{command.entity_id}",
        "op": command.op,
        "after": command.after,
        "expected": rest_fields(command.type, command.expected) if expected is None else expected,
    }
    if isinstance(command, Delete):
        return {"do": "delete", **operation}
    return {
        "do": "write",
        **operation,
        "want": rest_fields(command.type, command.want),
        "totals": rest_totals(command.type, command.totals),
    }


def stock_operation(command: Create, external_id: str) -> Resource:
    """The first stock of an item of ours that has managed none so far."""
    number, parent = item_ids(external_id)
    operation: Resource = {
        "do": "write",
        "resource": "stock",
        "entity": f"{command.type}/{command.entity_id}",
        "id": number,
        "op": command.op,
        "after": None,
        "expected": {"manage_stock": False},
        "want": {"manage_stock": True, **rest_fields(command.type, command.want)},
        "totals": rest_totals(command.type, command.totals),
    }
    return {**operation, "parent_id": parent} if parent else operation


def create_operation(command: Create, want: Resource) -> Resource:
    """A new item."""
    return {
        "do": "create",
        "resource": KINDS[command.type],
        "entity": f"{command.type}/{command.entity_id}",
        "op": command.op,
        "want": want,
        "totals": rest_totals(command.type, command.totals),
    }


def rest_totals(entity_type: str, totals: Mapping[str, int]) -> dict[str, int]:
    """The counters' totals by REST names."""
    names = REST_NAMES[entity_type]
    return {names[name][0]: total for name, total in totals.items() if name in names}


def holds(
    entity_type: str, external_id: str, resource: Resource, expected: Fields, country: str
) -> bool:
    """Whether the item still holds what was last seen, in canonical values: a status or a phone
    number that is written differently but means the same is the same."""
    fields = seen_of(entity_type, external_id, resource, country).fields
    return all(fields.get(name) == value for name, value in expected.items())


def raw_expected(entity_type: str, resource: Resource, expected: Fields) -> Resource:
    """The same expectation in the item's own spelling."""
    spelled: Resource = {}
    for name in rest_fields(entity_type, expected):
        if name in resource:
            spelled[name] = resource[name]
    return spelled
