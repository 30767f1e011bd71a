"""WooCommerce's resources to what we know of them. Pure.

Shapes are those of the REST API v3; a webhook's body is the same resource. Only keys that are there
say something: many bodies are cut short.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connectors.woocommerce import wire
from connectors.woocommerce.extras import order_extras, product_extras
from connectors.woocommerce.marks import mark_of
from connectors.woocommerce.wire import Resource, amount, records, text_of, whole
from schemas.base import Fields
from schemas.envelope import epoch_ms, rfc3339
from schemas.money import money
from schemas.observation import Seen
from schemas.phone import NotANumber, e164_of

PRODUCT_STATUS = {
    "publish": "active",
    "draft": "draft",
    "pending": "draft",
    "future": "draft",
    "private": "archived",
}
ORDER_STATUS = frozenset(
    ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed")
)
STOCK_FIELDS = ("quantity", "backorders", "lowStockThreshold")
PRICELESS_TYPES = ("variable", "grouped")
REVISION_KEY = "_smartstore_revision"
ETAG = "smartstore_etag"
OWN = "smartstore_own"
"""The plugin's: a variation's own weight and dimensions."""
MEASURES = ("weight", "dimensions")
REVISION_BASE = 1 << 50
"""Revisions (the plugin's) come after every time in ms, so that a shop which gets the plugin, or an
item which it has not counted yet, never seems to go back. 2^50 + revisions stay exact in JSON."""

_PLAIN_PARAGRAPH = re.compile(r"<p>([^<>\n]*)</p>\n?")

Reading = tuple[Fields, tuple[str, ...]]
"""Canonical fields, and the names of those that this item cannot hold."""


def seen_of(entity_type: str, external_id: str, resource: Resource, country: str = "LK") -> Seen:
    """What the shop holds of one entity of ours; `inventory` is the stock in a product."""
    if entity_type == "variation":
        resource = _with_own(resource)
    fields, masked = READERS[entity_type](resource, country)
    mark = mark_of(entity_type, resource, lambda part: READERS[entity_type](part, country)[0])
    if entity_type == "order" and mark is not None:
        # A copy of ours has our lines and totals in the shop's own wording: nobody's edit.
        hidden = COPIED_ONLY if "items" in mark.fields else ("placedOn",)
        fields = {name: value for name, value in fields.items() if name not in hidden}
    changed_at_ms = wire.gmt_ms(resource)
    revision = whole(wire.meta_value(resource, REVISION_KEY))
    return Seen(
        external_id=external_id,
        exists=resource.get("status") != "trash",
        fields=fields,
        as_of=changed_at_ms or 0 if revision is None else REVISION_BASE + revision,
        changed_at_ms=changed_at_ms,
        mark=mark,
        masked=masked,
        etag=text_of(resource.get(ETAG)) or "",
    )


def plain_text(value: Any) -> str | None:
    """A description without the paragraph that WordPress's `wpautop` puts around plain text when it
    shows it (webhooks and GET; not the answer to a PUT)."""
    text = text_of(value)
    if text is None or not text.startswith("<p>"):
        return text
    wrapped = _PLAIN_PARAGRAPH.fullmatch(text)
    return (wrapped.group(1) or None) if wrapped else text


def phone_of(typed: str | None, country: str) -> str | None:
    """E.164 of a number as typed ("077 123 4567"); None for none or for what is no number."""
    try:
        return e164_of(typed, country) if typed else None
    except NotANumber:
        return None


def _texts(resource: Resource, names: tuple[tuple[str, str], ...], fields: Fields) -> None:
    for rest, name in names:
        if rest in resource:
            fields[name] = text_of(resource[rest])


def _amounts(resource: Resource, names: tuple[tuple[str, str], ...], fields: Fields) -> None:
    for rest, name in names:
        if rest in resource:
            readable, value = amount(resource[rest])
            if readable:
                fields[name] = value


_PRICES = (("regular_price", "price"), ("sale_price", "salePrice"))


def _product(resource: Resource, _country: str) -> Reading:
    fields: Fields = {}
    _texts(resource, (("sku", "sku"), ("name", "name"), ("weight", "weight")), fields)
    for rest, name in (("description", "description"), ("short_description", "shortDescription")):
        if rest in resource:
            fields[name] = plain_text(resource[rest])
    status = PRODUCT_STATUS.get(str(resource.get("status")))
    if status is not None:
        fields["status"] = status
    if "dimensions" in resource:
        fields["dimensions"] = _dimensions(resource["dimensions"])
    for name in ("categories", "tags"):
        if name in resource:
            fields[name] = wire.term_names(resource[name])
    if "images" in resource:
        fields["images"] = [
            {"url": entry["src"], "alt": text_of(entry.get("alt")) or ""}
            for entry in records(resource["images"])
            if entry.get("src")
        ]
    if "attributes" in resource:
        fields["attributes"] = {
            str(entry["name"]): entry.get("options") or []
            for entry in records(resource["attributes"])
            if entry.get("name")
        }
    fields |= product_extras(resource)
    masked: tuple[str, ...] = ()
    if resource.get("virtual") is True:
        # Nothing to be sent: core empties these when an item becomes virtual.
        masked = MEASURES
    if resource.get("type") in PRICELESS_TYPES:
        masked += ("price", "salePrice")
    else:
        _amounts(resource, _PRICES, fields)
    return {name: value for name, value in fields.items() if name not in masked}, masked


def _dimensions(value: Any) -> dict[str, str] | None:
    if not isinstance(value, dict):
        return None
    found = {name: text_of(value.get(name)) for name in ("length", "width", "height")}
    return {name: text for name, text in found.items() if text} or None


def _with_own(resource: Resource) -> Resource:
    """A variation with its own weight and dimensions, or with none: core shows its product's where
    it has none of its own, and only the plugin tells which they are."""
    rest = {name: value for name, value in resource.items() if name not in MEASURES}
    own = resource.get(OWN)
    told = own if isinstance(own, dict) else {}
    return rest | {name: told[name] for name in MEASURES if name in told}


def _variation(resource: Resource, _country: str) -> Reading:
    fields: Fields = {}
    _texts(resource, (("sku", "sku"), ("weight", "weight")), fields)
    if "dimensions" in resource:
        fields["dimensions"] = _dimensions(resource["dimensions"])
    _amounts(resource, _PRICES, fields)
    if "attributes" in resource:
        fields["attributes"] = {
            str(entry["name"]): text_of(entry.get("option")) or ""
            for entry in records(resource["attributes"])
            if entry.get("name")
        }
    image = resource.get("image")
    pictures = [image] if isinstance(image, dict) else records(resource.get("images"))
    if pictures and pictures[0].get("src"):
        fields["image"] = pictures[0]["src"]
    masked = tuple(
        name for name in MEASURES if name not in resource or resource.get("virtual") is True
    )
    return {name: value for name, value in fields.items() if name not in masked}, masked


def _stock(resource: Resource, _country: str) -> Reading:
    """Absent and null say nothing and are never 0; unmanaged stock cannot be held here at all."""
    managed, quantity = resource.get("manage_stock"), resource.get("stock_quantity")
    fields: Fields = {}
    _texts(resource, (("sku", "sku"),), fields)
    if managed is False or managed in ("parent", "no"):
        return fields, STOCK_FIELDS
    _texts(resource, (("backorders", "backorders"),), fields)
    if "low_stock_amount" in resource:
        fields["lowStockThreshold"] = whole(resource["low_stock_amount"])
    if quantity is None:
        return fields, ()
    counted = whole(quantity)
    if counted is None:
        return fields, ("quantity",)
    fields["quantity"] = counted
    return fields, ()


COPIED_ONLY = (
    "number",
    "placedOn",
    "items",
    "subtotal",
    "discount",
    "shippingTotal",
    "taxTotal",
    "total",
    "fees",
    "coupons",
    "currency",
    "payment",
    "createdAt",
)
_ORDER_AMOUNTS = (
    ("discount_total", "discount"),
    ("shipping_total", "shippingTotal"),
    ("total_tax", "taxTotal"),
    ("total", "total"),
)


def _order(resource: Resource, country: str) -> Reading:
    fields: Fields = {}
    masked: tuple[str, ...] = ()
    _texts(
        resource,
        (("number", "number"), ("currency", "currency"), ("customer_note", "note")),
        fields,
    )
    _amounts(resource, _ORDER_AMOUNTS, fields)
    status = resource.get("status")
    if status in ORDER_STATUS:
        fields["status"] = status
    elif isinstance(status, str) and status != "trash":
        # A plugin's own status: kept in its own words, and nobody's edit.
        fields["vendorStatus"] = status
        masked = ("status",)
    if "id" in resource:
        fields["placedOn"] = "woocommerce"
    created = resource.get("date_created_gmt")
    if isinstance(created, str) and epoch_ms(created):
        fields["createdAt"] = rfc3339(epoch_ms(created))
    for name in ("billing", "shipping"):
        if isinstance(resource.get(name), dict):
            fields[name] = address_of(resource[name], country)
    if "payment_method" in resource:
        fields["payment"] = _payment(resource)
    fields |= order_extras(resource)
    if isinstance(resource.get("line_items"), list):
        lines = records(resource["line_items"])
        fields["items"] = [_line(line) for line in lines]
        parts = [amount(line.get("subtotal"))[1] for line in lines]
        fields["subtotal"] = money(sum((Decimal(part) for part in parts if part), Decimal(0)))
    return fields, masked


def _line(line: Resource) -> Fields:
    """`productId` is the shop's id here; whoever knows identities turns it into ours."""
    product, variation = (
        wire.identifier(line.get("product_id")),
        wire.identifier(line.get("variation_id")),
    )
    return {
        "productId": f"{product}:{variation}" if product and variation else product or None,
        "sku": text_of(line.get("sku")),
        "name": text_of(line.get("name")),
        "quantity": whole(line.get("quantity")),
        "unitPrice": amount(line.get("price"))[1],
        "total": amount(line.get("total"))[1],
    }


def _payment(resource: Resource) -> Fields:
    method = text_of(resource.get("payment_method"))
    paid = bool(resource.get("date_paid_gmt") or resource.get("date_paid"))
    found: Fields = {"method": method, "status": "paid" if paid else "pending"}
    if method == "cod" and not paid:
        found["codAmount"] = amount(resource.get("total"))[1]
    return found


ADDRESS = (
    ("email", "email"),
    ("company", "company"),
    ("address_1", "address1"),
    ("address_2", "address2"),
    ("city", "city"),
    ("state", "district"),
    ("postcode", "postalCode"),
    ("country", "country"),
)


def address_of(value: Resource, country: str) -> Fields:
    """An address as our own map; empty parts are left out."""
    found: Fields = {}
    name = _full_name(value)
    if name:
        found["name"] = name
    typed = text_of(value.get("phone"))
    if typed:
        found["phone"] = phone_of(typed, text_of(value.get("country")) or country) or typed
    for rest, ours in ADDRESS:
        text = text_of(value.get(rest))
        if text:
            found[ours] = text
    return found


def _full_name(value: Resource) -> str:
    parts = (text_of(value.get("first_name")), text_of(value.get("last_name")))
    return " ".join(part.strip() for part in parts if part).strip()


def _customer(resource: Resource, country: str) -> Reading:
    fields: Fields = {}
    if "first_name" in resource or "last_name" in resource:
        fields["name"] = _full_name(resource) or None
    if "email" in resource:
        email = text_of(resource["email"])
        fields["email"] = email.strip().lower() if email else None
    billing = resource.get("billing")
    if isinstance(billing, dict):
        if "phone" in billing:
            typed = text_of(billing["phone"])
            phone = phone_of(typed, text_of(billing.get("country")) or country)
            if phone or not typed:
                fields["phone"] = phone
        fields["addresses"] = addresses_of(resource, country)
    return fields, ()


def addresses_of(resource: Resource, country: str) -> list[Fields]:
    """Where bills go and where goods go, each once it says more than who."""
    parts = (resource.get("billing"), resource.get("shipping"))
    found = [address_of(part or {}, country) for part in parts]
    return [one for one in found if one.keys() - {"name", "phone", "email"}]


READERS: dict[str, Callable[[Resource, str], Reading]] = {
    "product": _product,
    "variation": _variation,
    "inventory": _stock,
    "order": _order,
    "customer": _customer,
}
