"""What the merchant's database can hold: every canonical field of every type."""

from __future__ import annotations

from connectors.protocol import Profile, TypeProfile
from schemas.fields import ENTITY_TYPES

_DELETES = {"product", "variation", "inventory"}
"""Orders, customers and messages are the merchant's books: nothing elsewhere deletes them here."""
_REQUIRED = {
    "product": {"name"},
    "variation": {"parentId", "sku"},
    "inventory": {"quantity"},
    "order": {"status"},
}
_FIXED = {"variation": {"parentId", "sku"}}
"""Part of the item's place: given when it is created, never written after."""

PROFILE = Profile(
    platform="mongodb",
    types={
        entity_type: TypeProfile(
            readable=frozenset(fields),
            writable=frozenset(fields) - _FIXED.get(entity_type, set()),
            initial=frozenset(_FIXED.get(entity_type, set())),
            creates=True,
            deletes=entity_type in _DELETES,
            required=frozenset(_REQUIRED.get(entity_type, set())),
        )
        for entity_type, fields in ENTITY_TYPES.items()
    },
)
