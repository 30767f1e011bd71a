"""What a new item needs besides its own values: ids of products, categories and tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.errors import Retry
from connectors.protocol import Links
from connectors.woocommerce.extras import meta_body
from connectors.woocommerce.terms import TAXONOMIES, Terms
from connectors.woocommerce.wire import Resource
from connectors.woocommerce.writing import customer_body, order_body, rest_fields
from schemas.command import Create

ITEM_TYPES = ("product", "variation")
MADE_TYPES = ("simple", "variable", "grouped", "external")
"""Core's own; a plugin's type is another's to make."""


class NotThereYet(Retry):
    """Another item must be in the shop first; nothing is wrong with the shop."""


async def item_of(command: Create, links: Links, entity_id: str) -> str | None:
    """The shop's id of our product or variation."""
    for entity_type in ITEM_TYPES:
        found = await links.external_id(
            command.organization_id, command.replica, entity_type, entity_id
        )
        if found is not None:
            return found
    return None


async def create_body(command: Create, links: Links, terms: Terms, *, plain: bool) -> Resource:
    """The REST body of a new item. Raises as `Rest.send`."""
    if command.type == "product":
        return await _product_body(command, links, terms)
    if command.type == "customer":
        return customer_body(command.want)
    if command.type != "order":
        return rest_fields(command.type, command.want)
    names = {
        str(entry["productId"])
        for entry in command.want.get("items") or ()
        if isinstance(entry, Mapping) and entry.get("productId")
    }
    found = {name: await item_of(command, links, name) for name in sorted(names)}
    known = {name: external_id for name, external_id in found.items() if external_id}
    return order_body(command.want, known, plain=plain)


async def members_of(organization_id: str, replica: str, members: Any, links: Links) -> list[int]:
    """The shop's ids of a group's members; one that we have never linked is the shop's own. Raises
    NotThereYet."""
    found = []
    for name in members if isinstance(members, list) else ():
        number = await links.external_id(organization_id, replica, "product", str(name))
        if number is None and not str(name).isdigit():
            raise NotThereYet(f"the group's product {name} is not in the shop yet")
        found.append(int(number or name))
    return found


async def _product_body(command: Create, links: Links, terms: Terms) -> Resource:
    kind = command.want.get("productType")
    body: Resource = {
        "type": kind if kind in MADE_TYPES else "simple",
        **rest_fields("product", command.want),
    }
    if command.want.get("groupedProducts"):
        body["grouped_products"] = await members_of(
            command.organization_id, command.replica, command.want["groupedProducts"], links
        )
    metadata = command.want.get("metadata")
    if isinstance(metadata, Mapping) and metadata:
        body["meta_data"] = meta_body(metadata, {})
    for taxonomy in TAXONOMIES:
        names = command.want.get(taxonomy)
        if isinstance(names, list) and names:
            body[taxonomy] = await terms.named(taxonomy, names)
    attributes = command.want.get("attributes")
    if isinstance(attributes, Mapping) and attributes:
        shared = await terms.attributes(str(name) for name in attributes)
        body["attributes"] = [
            {
                "id": shared.get(str(name).strip().lower(), 0),
                "name": str(name),
                "visible": True,
                "options": [str(one) for one in (held if isinstance(held, list) else [held])],
            }
            for name, held in attributes.items()
        ]
    return body
