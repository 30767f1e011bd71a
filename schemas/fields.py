"""The canonical fields of every entity type, and how each merges. Names are those of the merchant's
own database (camelCase), so most values pass through unchanged.

Canonical values, so that `==` is the right comparison:
- money: a decimal as text without trailing zeros ("1899.5"), None for no price;
- text: str, None for none; a list of names for categories and tags;
- counters: int, None for "not managed";
- times: RFC 3339 in UTC.
"""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """How a field is compared and merged."""

    VALUE = "value"
    """One thing: a later value replaces an earlier one."""
    MONEY = "money"
    TEXT = "text"
    LIST = "list"
    MAP = "map"
    COUNTER = "counter"
    """Changes add up (stock)."""
    LATTICE = "lattice"
    """Moves forward only (status)."""


V, M, T, L, D = Kind.VALUE, Kind.MONEY, Kind.TEXT, Kind.LIST, Kind.MAP

ENTITY_TYPES: dict[str, dict[str, Kind]] = {
    "product": {
        "sku": V,
        "name": T,
        "description": T,
        "shortDescription": T,
        "price": M,
        "salePrice": M,
        "currency": V,
        "status": V,
        "categories": L,
        "tags": L,
        "images": L,
        "attributes": D,
        "weight": V,
        "dimensions": D,
        "productType": V,
        "details": D,
        "groupedProducts": L,
        "metadata": D,
    },
    "variation": {
        "parentId": V,
        "sku": V,
        "price": M,
        "salePrice": M,
        "attributes": D,
        "image": V,
        "weight": V,
        "dimensions": D,
    },
    "inventory": {
        "productId": V,
        "sku": V,
        "quantity": Kind.COUNTER,
        "reserved": Kind.COUNTER,
        "backorders": V,
        "lowStockThreshold": V,
        "location": V,
    },
    "order": {
        "number": V,
        "status": Kind.LATTICE,
        "placedOn": V,
        "customerId": V,
        "items": V,
        "subtotal": M,
        "discount": M,
        "shippingTotal": M,
        "taxTotal": M,
        "total": M,
        "fees": L,
        "coupons": L,
        "refunds": L,
        "currency": V,
        "payment": D,
        "billing": D,
        "shipping": D,
        "shipments": L,
        "parcels": L,
        "note": T,
        "notes": L,
        "staffNotes": L,
        "createdAt": V,
    },
    "customer": {
        "name": V,
        "email": V,
        "phone": V,
        "addresses": L,
        "language": V,
        "whatsapp": D,
        "tags": L,
    },
    "message": {
        "conversationId": V,
        "customerId": V,
        "platform": V,
        "direction": V,
        "type": V,
        "body": T,
        "media": D,
        "status": Kind.LATTICE,
        "vendorId": V,
        "sentAt": V,
    },
    "shipment": {
        "orderId": V,
        "orderNumber": V,
        "recipientName": V,
        "recipientPhone": V,
        "courierCode": V,
        "trackingNumber": V,
        "status": Kind.LATTICE,
        "statusText": V,
        "location": V,
        "description": V,
        "estimatedDelivery": V,
        "events": L,
        "codAmount": M,
        "currency": V,
        "weight": V,
        "pieces": V,
        "reference": V,
        "label": V,
        "createdAt": V,
    },
}

LATTICES: dict[str, dict[str, int]] = {
    "order": {
        "pending": 0,
        "failed": 1,
        "on-hold": 2,
        "processing": 2,
        "shipped": 3,
        "out-for-delivery": 4,
        "delivered": 5,
        "completed": 6,
        "cancelled": 7,
        "returned": 8,
        "refunded": 9,
    },
    "shipment": {
        "created": 0,
        "picked_up": 1,
        "in_transit": 2,
        "exception": 3,
        "out_for_delivery": 3,
        "delivered": 5,
        "cancelled": 5,
        "returned": 6,
    },
    "message": {"queued": 0, "sent": 1, "delivered": 2, "read": 3, "failed": 4},
}
"""Rank of each status. Equal ranks may go either way; a lower rank never replaces a higher one."""


PERSONAL: dict[str, frozenset[str]] = {
    "customer": frozenset(("name", "email", "phone", "addresses", "whatsapp")),
    "order": frozenset(("billing", "shipping", "note", "notes", "staffNotes")),
    "message": frozenset(
        ("conversationId", "body", "media", "senderName", "senderId", "context", "vendorId")
    ),
    "shipment": frozenset(("label", "description", "location", "reference")),
}
"""Fields that tell who somebody is, or what they said: what an erasure takes away. Amounts, items,
dates and statuses stay, so that the books still add up."""

EXISTENCE = "existence"
"""Not a field of an item but the item itself: `kept` or `deleted`, where that is in question."""


def kind_of(entity_type: str, field: str) -> Kind:
    """How this field merges; an unknown field (kept and passed by) is one plain value."""
    return ENTITY_TYPES.get(entity_type, {}).get(field, Kind.VALUE)
