"""A new variation: its parent must be variable and offer the variation's options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.protocol import Links
from connectors.woocommerce.rest import API, Rest
from connectors.woocommerce.terms import Terms
from connectors.woocommerce.wire import Resource, records, text_of
from connectors.woocommerce.writing import rest_fields
from schemas.command import Create


async def parent_of(command: Create, links: Links) -> str | None:
    """The shop's id of the product that the variation belongs to."""
    parent = command.want.get("parentId")
    if not parent:
        return None
    return await links.external_id(command.organization_id, command.replica, "product", str(parent))


async def variation_body(rest: Rest, parent: str, command: Create, terms: Terms) -> Resource:
    """The REST body of a new variation, after its parent was made ready. Raises as `Rest.send`."""
    given = command.want.get("attributes")
    options = (
        {str(name): str(value) for name, value in given.items()}
        if isinstance(given, Mapping)
        else {}
    )
    return {
        **rest_fields("variation", command.want),
        "attributes": await offered(rest, parent, options, terms),
    }


async def offered(
    rest: Rest, parent: str, options: Mapping[str, str], terms: Terms
) -> list[Resource]:
    """A variation's attributes, after its product was made to offer them. Raises as `Rest.send`."""
    product = await rest.get(f"/products/{parent}")
    held = records(product.get("attributes") if isinstance(product, dict) else None)
    missing = options.keys() - {str(entry.get("name") or "") for entry in held}
    shared = await terms.attributes(missing) if missing else {}
    ready, attributes = offering(held, options, shared)
    if not ready or product.get("type") != "variable":
        body = {"type": "variable", "attributes": attributes}
        product = await rest.send("PUT", f"{API}/products/{parent}", body=body)
        held = records(product.get("attributes"))
    numbers = {_key(entry.get("name")): entry.get("id") or 0 for entry in held}
    return [
        {"id": numbers.get(_key(name), 0), "name": name, "option": value}
        for name, value in options.items()
    ]


def offering(
    held: list[Resource], options: Mapping[str, str], shared: Mapping[str, int]
) -> tuple[bool, list[Resource]]:
    """(whether all is offered already, the parent's attributes with these options among them).
    What is there keeps its place and its other options; `shared`: ids of those that the shop has
    for all products. Pure."""
    attributes = [dict(entry) for entry in held]
    by_name = {_key(entry.get("name")): entry for entry in attributes}
    ready = True
    for name, value in options.items():
        entry = by_name.get(_key(name))
        if entry is None:
            entry = {"name": name, "visible": True, "variation": True, "options": []}
            if _key(name) in shared:
                entry["id"] = shared[_key(name)]
            attributes.append(entry)
            by_name[_key(name)] = entry
            ready = False
        known: list[Any] = list(entry.get("options") or [])
        if _key(value) not in {_key(one) for one in known}:
            entry["options"] = [*known, value]
            ready = False
        if not entry.get("variation"):
            entry["variation"] = True
            ready = False
    return ready, attributes


def _key(name: Any) -> str:
    return (text_of(name) or "").strip().lower()
