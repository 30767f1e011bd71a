"""What a WooCommerce shop can hold (DESIGN: rule 10). Pure."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.protocol import Profile, TypeProfile
from connectors.woocommerce.writing import normal, normal_order, normal_variation

_PRODUCT = frozenset(
    ("sku", "name", "description", "shortDescription", "price", "salePrice", "status", "weight",
     "dimensions", "categories", "tags", "images", "attributes")
)  # fmt: skip
_VARIATION = frozenset(("sku", "price", "salePrice", "attributes", "image"))
_STOCK = frozenset(("quantity", "backorders", "lowStockThreshold"))
_ORDER = frozenset(
    ("number", "status", "placedOn", "items", "subtotal", "discount", "shippingTotal", "taxTotal",
     "total", "currency", "payment", "billing", "shipping", "note", "createdAt")
)  # fmt: skip

TYPES: Mapping[str, TypeProfile] = {
    "product": TypeProfile(
        readable=_PRODUCT,
        writable=_PRODUCT,
        creates=True,
        deletes=True,
        required=frozenset(("name",)),
        normal=normal,
    ),
    "variation": TypeProfile(
        readable=_VARIATION,
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
        writable=frozenset(("status",)),
        initial=frozenset(
            (
                "items",
                "billing",
                "shipping",
                "note",
                "payment",
                "currency",
                "shippingTotal",
                "total",
            )
        ),
        creates=True,
        required=frozenset(("items",)),
        normal=normal_order,
    ),
    "customer": TypeProfile(
        readable=frozenset(("name", "email", "phone", "addresses")),
        writable=frozenset(("name", "phone")),
    ),
}


def profile_of(capabilities: Mapping[str, str]) -> Profile:
    """With the plugin writes are compare-and-set under the item's lock."""
    return Profile(
        platform="woocommerce", types=TYPES, compares=bool(capabilities.get("plugin")), reads=True
    )
