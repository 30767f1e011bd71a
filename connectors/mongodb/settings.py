"""How the merchant's own collections and fields are called. Names can be mapped per organisation:

collection_product = goods          the collection that holds products
field_product_price = unitPrice     the name of the field `price` of a product
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from schemas.fields import ENTITY_TYPES

COLLECTIONS = {
    "product": "products",
    "order": "orders",
    "customer": "customers",
    "inventory": "inventory",
    "message": "messages",
    "shipment": "shipments",
}
"""Entity type to collection. Variations live inside their product (`variants[]`)."""

_COLLECTION, _FIELD = "collection_", "field_"


@dataclass(frozen=True, eq=False)
class Shape:
    """Names in one merchant's database."""

    collections: Mapping[str, str] = field(default_factory=lambda: dict(COLLECTIONS))
    """Entity type to collection."""
    types: Mapping[str, str] = field(
        default_factory=lambda: {name: kind for kind, name in COLLECTIONS.items()}
    )
    """Collection to entity type."""
    names: Mapping[str, Mapping[str, str]] = field(
        default_factory=lambda: {
            kind: {n: n for n in table} for kind, table in ENTITY_TYPES.items()
        }
    )
    """Entity type to canonical field to the name in the document."""

    def collection(self, entity_type: str) -> str:
        """The collection that holds this type (a variation's is its product's)."""
        return self.collections["product" if entity_type == "variation" else entity_type]


DEFAULT = Shape()


def shape_of(settings: Mapping[str, str]) -> Shape:
    """The names that a connection's settings tell."""
    mapped = {
        name: value for name, value in settings.items() if name.startswith((_COLLECTION, _FIELD))
    }
    return _shape(tuple(sorted(mapped.items()))) if mapped else DEFAULT


@lru_cache(maxsize=1024)
def _shape(settings: tuple[tuple[str, str], ...]) -> Shape:
    collections = dict(DEFAULT.collections)
    names = {kind: dict(table) for kind, table in DEFAULT.names.items()}
    for name, value in settings:
        if name.startswith(_COLLECTION):
            entity_type = name.removeprefix(_COLLECTION)
            if entity_type in collections:
                collections[entity_type] = value
        else:
            entity_type, _, canonical_name = name.removeprefix(_FIELD).partition("_")
            if canonical_name in names.get(entity_type, {}):
                names[entity_type][canonical_name] = value
    return Shape(collections, {name: kind for kind, name in collections.items()}, names)
