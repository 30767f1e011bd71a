"""Pure: a parcel that came back, as changes of stock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.event import QueuedEvent
from streams.couriers.orders import Incomplete
from streams.couriers.shipments import Wanted
from streams.sync.record import Record

Line = tuple[str, str]
"""(entity id of the product or variation, SKU); one of them may be empty."""


def restocking(
    shipment: Wanted,
    order: Record | None,
    items: Sequence[Mapping[str, Any]] | None,
    alone: bool,
    now_ms: int,
) -> list[QueuedEvent]:
    """One event for each item, its id that of the parcel and the item: the same again changes
    nothing. `items`: what of the order was in it; else all of the order, where it is the order's
    only parcel (`alone`). Raises Incomplete."""
    ordered = _ordered(order)
    if not ordered:
        raise Incomplete("The order of this parcel has no items that are known here.")
    if items is None and not alone:
        raise Incomplete(
            "The order went in several parcels: say what was in this one, as items with sku and "
            "quantity."
        )
    wanted = ordered if items is None else _chosen(items, ordered)
    return [
        QueuedEvent.model_validate(
            {
                "id": f"restock:{shipment.id}:{entity_id or sku}",
                "type": "inventory",
                "action": "update",
                "source": "courier",
                "data": {**_named(entity_id, sku), "delta": quantity},
                "timestamp": now_ms,
                "organizationId": shipment.organization_id,
            }
        )
        for (entity_id, sku), quantity in sorted(wanted.items())
    ]


def _ordered(order: Record | None) -> Counter[Line]:
    agreed = None if order is None else order.fields.get("items")
    lines = agreed.value if agreed is not None and isinstance(agreed.value, list) else []
    found: Counter[Line] = Counter()
    for line in lines:
        entity_id, sku = str(line.get("productId") or ""), str(line.get("sku") or "")
        quantity = line.get("quantity")
        if (entity_id or sku) and isinstance(quantity, int) and quantity > 0:
            found[entity_id, sku] += quantity
    return found


def _chosen(items: Sequence[Mapping[str, Any]], ordered: Counter[Line]) -> Counter[Line]:
    found: Counter[Line] = Counter()
    for item in items:
        name = str(item["sku"])
        line = next((line for line in ordered if name in line), None)
        if line is None:
            raise Incomplete(f"{name} is not in the order.")
        found[line] += int(item["quantity"])
        if found[line] > ordered[line]:
            raise Incomplete(f"The order has only {ordered[line]} of {name}.")
    return found


def _named(entity_id: str, sku: str) -> dict[str, str]:
    return {"entityId": entity_id} if entity_id else {"sku": sku}
