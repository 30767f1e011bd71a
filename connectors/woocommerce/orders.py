"""What a new item needs of identities: an order's lines and a variation's parent name products."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.protocol import Links
from connectors.woocommerce.wire import Resource
from connectors.woocommerce.writing import order_body, rest_fields
from schemas.command import Create

ITEM_TYPES = ("product", "variation")


async def item_of(command: Create, links: Links, entity_id: str) -> str | None:
    """The shop's id of our product or variation."""
    for entity_type in ITEM_TYPES:
        found = await links.external_id(
            command.organization_id, command.replica, entity_type, entity_id
        )
        if found is not None:
            return found
    return None


async def create_body(command: Create, links: Links, *, plain: bool) -> Resource:
    """The REST body of a new item."""
    if command.type != "order":
        body = rest_fields(command.type, command.want)
        return {"type": "simple", **body} if command.type == "product" else body
    names = {
        str(entry["productId"])
        for entry in command.want.get("items") or ()
        if isinstance(entry, Mapping) and entry.get("productId")
    }
    found = {name: await item_of(command, links, name) for name in sorted(names)}
    known = {name: external_id for name, external_id in found.items() if external_id}
    return order_body(command.want, known, plain=plain)
