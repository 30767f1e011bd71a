"""Fields that name other entities: our ids to the merchant's own, on the way out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

ITEM = ("product", "variation")
REFERENCES: dict[tuple[str, str], Sequence[str]] = {
    ("order", "customerId"): ("customer",),
    ("message", "customerId"): ("customer",),
    ("shipment", "orderId"): ("order",),
    ("inventory", "productId"): ITEM,
    ("variation", "parentId"): ("product",),
    ("product", "groupedProducts"): ("product",),
}
Lookup = Callable[[Sequence[str], str], Awaitable[str | None]]
"""(entity types to try, entity id) -> the platform's id, or None."""


async def outward(entity_type: str, fields: Mapping[str, Any], lookup: Lookup) -> dict[str, Any]:
    """The fields with the platform's ids in place of ours. An id without a link stays: an entity
    that the merchant's database does not hold yet will be made there under this very id."""
    found = dict(fields)
    for (kind, name), types in REFERENCES.items():
        if kind != entity_type:
            continue
        value = found.get(name)
        if isinstance(value, str):
            found[name] = await lookup(types, value) or value
        elif isinstance(value, list):
            found[name] = [await lookup(types, str(one)) or one for one in value]
    if entity_type == "order" and isinstance(found.get("items"), list):
        found["items"] = [await _line(line, lookup) for line in found["items"]]
    return found


async def _line(line: Mapping[str, Any], lookup: Lookup) -> dict[str, Any]:
    product_id = line.get("productId")
    if not isinstance(product_id, str):
        return dict(line)
    return {**line, "productId": await lookup(ITEM, product_id) or product_id}
