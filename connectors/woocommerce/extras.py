"""What some items have and most have not: kinds of product, downloads, sales with an end, other
plugins' public meta data; an order's fees, coupons and refunds. Pure.

What an item has none of is told as empty, so that it is seen to go and yet adds nothing to the
documents of those that never had it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.woocommerce import wire
from connectors.woocommerce.wire import Resource, amount, meta_value, records, text_of
from schemas.base import Fields
from schemas.envelope import epoch_ms, rfc3339

SIMPLE = "simple"
DETAILS_REST = (
    "virtual",
    "downloadable",
    "downloads",
    "external_url",
    "button_text",
    "date_on_sale_from_gmt",
    "date_on_sale_to_gmt",
)
"""The REST fields that `details` is made of."""
_FLAGS = ("virtual", "downloadable")
_TEXTS = (("external_url", "externalUrl"), ("button_text", "buttonText"))
_SALE = (("date_on_sale_from_gmt", "saleFrom"), ("date_on_sale_to_gmt", "saleTo"))
NOTES = "_smartstore_notes"
STAFF_NOTES = "smartstore_notes"
"""Where our plugin shows what people wrote; core shows it in an order's notes alone."""
TRACKING_ITEMS = "_wc_shipment_tracking_items"
"""Where the usual tracking plugins (Shipment Tracking, Advanced Shipment Tracking) keep parcels."""
OWN_PARCEL = "smartstore-"
"""How the `tracking_id` of our own parcels begins."""
PLUMBING = ("_", "$")
"""How keys begin that are nobody's business: WordPress hides `_`, MongoDB cannot store `$`."""


def product_extras(resource: Resource) -> Fields:
    """`productType` (not told for the simple ones), `details` and `metadata`."""
    fields: Fields = {}
    kind = text_of(resource.get("type"))
    if kind and kind != SIMPLE:
        fields["productType"] = kind
    if isinstance(resource.get("grouped_products"), list):
        members = [
            number for one in resource["grouped_products"] if (number := wire.identifier(one))
        ]
        if members or kind == "grouped":
            fields["groupedProducts"] = members
    if any(name in resource for name in DETAILS_REST):
        fields["details"] = _details(resource)
    if isinstance(resource.get("meta_data"), list):
        fields["metadata"] = public_meta(resource)
    return fields


def _details(resource: Resource) -> Fields:
    found: Fields = {name: True for name in _FLAGS if resource.get(name) is True}
    # Core keeps the files of what is no longer downloadable, hidden, and takes none for it.
    downloads = [
        {"name": text_of(entry.get("name")) or "", "url": str(entry["file"])}
        for entry in records(resource.get("downloads"))
        if entry.get("file") and "downloadable" in found
    ]
    if downloads:
        found["downloads"] = downloads
    for rest, name in _TEXTS:
        if text_of(resource.get(rest)):
            found[name] = text_of(resource[rest])
    for rest, name in _SALE:
        at_ms = epoch_ms(str(resource.get(rest) or ""))
        if at_ms:
            found[name] = rfc3339(at_ms)
    return found


def public_meta(resource: Resource) -> dict[str, Any]:
    """Meta data that people and other plugins show: no key of WordPress's own or of ours."""
    found = {}
    for entry in records(resource.get("meta_data")):
        key = entry.get("key")
        if isinstance(key, str) and key and not key.startswith(PLUMBING):
            found[key] = entry.get("value")
    return found


def meta_body(want: Mapping[str, Any], resource: Resource) -> list[Resource]:
    """The `meta_data` entries that make the public ones these: changed and new by key, those that
    are not wanted any more by their id with no value, which is how core deletes one."""
    body: list[Resource] = [
        {"key": key, "value": value}
        for key, value in want.items()
        if key and not key.startswith(PLUMBING)
    ]
    for entry in records(resource.get("meta_data")):
        key = str(entry.get("key") or "")
        if key and not key.startswith(PLUMBING) and key not in want:
            body.append({"id": entry.get("id"), "key": key, "value": None})
    return body


def details_body(value: Any) -> Resource:
    """The REST fields that make a product's details these. Core takes an address and a button of
    external products only, and times without milliseconds or zone."""
    held = normal_details(value)
    body: Resource = {name: bool(held.get(name)) for name in _FLAGS}
    body["downloads"] = [
        {"name": entry["name"], "file": entry["url"]} for entry in held.get("downloads", ())
    ]
    for rest, name in _TEXTS:
        if name in held:
            body[rest] = held[name]
    for rest, name in _SALE:
        body[rest] = str(held.get(name, "")).partition(".")[0]
    return body


def normal_details(value: Any) -> Fields:
    """What one reads back of details after writing them."""
    held = value if isinstance(value, Mapping) else {}
    found: Fields = {name: True for name in _FLAGS if held.get(name)}
    listed = held.get("downloads")
    downloads = [
        {"name": str(entry.get("name") or ""), "url": str(entry["url"])}
        for entry in (listed if isinstance(listed, list) else ())
        if isinstance(entry, Mapping) and entry.get("url") and "downloadable" in found
    ]
    if downloads:
        found["downloads"] = downloads
    found |= {name: str(held[name]) for _, name in _TEXTS if held.get(name)}
    for _, name in _SALE:
        at_ms = epoch_ms(str(held.get(name) or "")) // 1000 * 1000
        if at_ms:
            found[name] = rfc3339(at_ms)
    return found


def order_extras(resource: Resource) -> Fields:
    """Fees, coupons and refunds; the refunds' totals are told as what was paid back."""
    fields: Fields = {}
    if isinstance(resource.get("fee_lines"), list):
        fields["fees"] = [
            {"name": text_of(line.get("name")), "total": amount(line.get("total"))[1]}
            for line in records(resource["fee_lines"])
        ]
    if isinstance(resource.get("coupon_lines"), list):
        fields["coupons"] = [
            {"code": text_of(line.get("code")), "discount": amount(line.get("discount"))[1]}
            for line in records(resource["coupon_lines"])
        ]
    if isinstance(resource.get("refunds"), list):
        fields["refunds"] = [
            {
                "id": wire.identifier(entry.get("id")),
                "reason": text_of(entry.get("reason")),
                "total": (amount(entry.get("total"))[1] or "").removeprefix("-") or None,
            }
            for entry in records(resource["refunds"])
        ]
    if meta_value(resource, NOTES) is not None:
        fields["notes"] = told_notes(_decoded(meta_value(resource, NOTES)))
    if isinstance(resource.get(STAFF_NOTES), list):
        written = records(resource[STAFF_NOTES])
        fields["staffNotes"] = [found for one in written if (found := _staff_note(one))]
    parcels = meta_value(resource, TRACKING_ITEMS)
    if isinstance(parcels, list):
        fields["parcels"] = [
            _parcel(one)
            for one in records(parcels)
            if not str(one.get("tracking_id") or "").startswith(OWN_PARCEL)
        ]
    return fields


def told_notes(value: Any) -> list[Fields]:
    """`{"text"[, "toCustomer": true]}` of each note; a text alone is a private one."""
    found: list[Fields] = []
    several = value if isinstance(value, list) else [value]
    for one in several:
        entry = one if isinstance(one, Mapping) else {"text": one}
        text = text_of(entry.get("text"))
        if text and text.strip():
            note: Fields = {"text": text.strip()}
            found.append({**note, "toCustomer": True} if entry.get("toCustomer") else note)
    return found


def _staff_note(entry: Resource) -> Fields:
    """What a person wrote in the shop, for its keepers or for the customer."""
    text = (text_of(entry.get("note")) or "").strip()
    if not text:
        return {}
    found: Fields = {"text": text, "toCustomer": bool(entry.get("customer_note"))}
    found["by"] = text_of(entry.get("author"))
    at_ms = epoch_ms(str(entry.get("date_created_gmt") or ""))
    return {**found, "at": rfc3339(at_ms)} if at_ms else found


def _parcel(entry: Resource) -> Fields:
    """What the shop's keeper entered of a parcel."""
    carrier = text_of(entry.get("custom_tracking_provider")) or text_of(
        entry.get("tracking_provider")
    )
    found: Fields = {"carrier": carrier, "number": text_of(entry.get("tracking_number"))}
    url = text_of(entry.get("custom_tracking_link"))
    if url:
        found["url"] = url
    shipped_s = wire.whole(entry.get("date_shipped"))
    return {**found, "shippedAt": rfc3339(shipped_s * 1000)} if shipped_s else found


def parcels_with(
    held: Any, entity_id: str, values: Mapping[str, Any] | None, at_s: int
) -> list[Resource]:
    """The order's parcels with ours among them as its tracking plugin wants it (`values` None: not
    any more). The day on which it was first told stays."""
    ours = OWN_PARCEL + entity_id
    others = [one for one in records(held) if one.get("tracking_id") != ours]
    before = next((one for one in records(held) if one.get("tracking_id") == ours), {})
    number = text_of((values or {}).get("trackingNumber"))
    if not number:
        return others
    parcel: Resource = {
        "tracking_provider": "",
        "custom_tracking_provider": text_of((values or {}).get("courierCode")) or "",
        "custom_tracking_link": "",
        "tracking_number": number,
        "date_shipped": before.get("date_shipped") or str(at_s),
        "tracking_id": ours,
    }
    return [*others, parcel]


def _decoded(value: Any) -> Any:
    try:
        return msgspec.json.decode(value) if isinstance(value, str) else value
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
