"""What a WooCommerce shop can hold (DESIGN: rule 10). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from connectors.protocol import Profile, TypeProfile
from connectors.woocommerce import shipments
from connectors.woocommerce.writing import (
    normal,
    normal_customer,
    normal_order,
    normal_variation,
)

_PRODUCT = frozenset(
    ("sku", "name", "description", "shortDescription", "price", "salePrice", "status", "weight",
     "dimensions", "categories", "tags", "images", "attributes", "details", "groupedProducts",
     "metadata")
)  # fmt: skip
_VARIATION = frozenset(
    ("sku", "price", "salePrice", "attributes", "image", "weight", "dimensions")
)  # fmt: skip
_STOCK = frozenset(("quantity", "backorders", "lowStockThreshold"))
_ORDER = frozenset(
    ("number", "status", "placedOn", "items", "subtotal", "discount", "shippingTotal", "taxTotal",
     "total", "fees", "coupons", "refunds", "currency", "payment", "billing", "shipping", "note",
     "notes", "staffNotes", "parcels", "createdAt")
)  # fmt: skip

TYPES: Mapping[str, TypeProfile] = {
    "product": TypeProfile(
        readable=_PRODUCT | {"productType"},
        writable=_PRODUCT,
        initial=frozenset(("productType",)),
        creates=True,
        deletes=True,
        required=frozenset(("name",)),
        normal=normal,
    ),
    "variation": TypeProfile(
        readable=_VARIATION | {"parentId"},
        writable=_VARIATION,
        initial=frozenset(("parentId",)),
        creates=True,
        deletes=True,
        required=frozenset(("parentId", "price")),
        normal=normal_variation,
    ),
    "inventory": TypeProfile(
        readable=_STOCK | {"sku"},
        writable=_STOCK,
        creates=True,
        required=frozenset(("quantity",)),
    ),
    "order": TypeProfile(
        readable=_ORDER,
        writable=frozenset(("status", "note", "notes", "refunds")),
        initial=frozenset(
            (
                "items",
                "billing",
                "shipping",
                "payment",
                "currency",
                "shippingTotal",
                "total",
                "fees",
            )
        ),
        creates=True,
        required=frozenset(("items",)),
        normal=normal_order,
    ),
    "shipment": TypeProfile(
        readable=shipments.FIELDS,
        writable=shipments.FIELDS,
        initial=frozenset(("orderId",)),
        creates=True,
        required=frozenset(("orderId", "trackingNumber")),
    ),
    "customer": TypeProfile(
        readable=frozenset(("name", "email", "phone", "addresses")),
        writable=frozenset(("name", "phone", "addresses")),
        initial=frozenset(("email",)),
        required=frozenset(("email",)),
        normal=normal_customer,
    ),
}
MAKES_CUSTOMERS: Mapping[str, TypeProfile] = {
    **TYPES, "customer": replace(TYPES["customer"], creates=True)
}  # fmt: skip
CREATE_CUSTOMERS = "create_customers"
"""The setting `yes` or `no`: whether customers with an e-mail address get accounts in the shop.
Unset: where our plugin is, which keeps WooCommerce from writing to each of them; without it that
cannot be kept back, so it is for the merchant to say."""


def profile_of(settings: Mapping[str, str], capabilities: Mapping[str, str]) -> Profile:
    """With the plugin writes are compare-and-set under the item's lock."""
    plugin = bool(capabilities.get("plugin"))
    makes = settings.get(CREATE_CUSTOMERS) or ("yes" if plugin else "no")
    return Profile(
        platform="woocommerce",
        types=MAKES_CUSTOMERS if makes == "yes" else TYPES,
        compares=plugin,
        reads=True,
    )
