"""What the shop said to one command, as an answer of ours. Pure."""

from __future__ import annotations

from typing import Any

from connectors.protocol import Answer, StateCommand
from connectors.woocommerce import wire
from connectors.woocommerce.mapping import seen_of
from connectors.woocommerce.wire import Resource
from schemas.command import Create
from schemas.observation import Seen


def external_id_of(command: StateCommand, resource: Resource) -> str:
    """The command's item, or for a create the id of what was found or made."""
    if not isinstance(command, Create):
        return command.external_id
    number = wire.identifier(resource.get("id"))
    parent = wire.identifier(resource.get("parent_id"))
    is_variation = resource.get("type") == "variation" or command.type == "variation"
    return f"{parent}:{number}" if is_variation and parent else number


def tell(
    command: StateCommand,
    result: Any,
    resource: Resource,
    country: str,
    reason: str = "",
    external_id: str | None = None,
) -> Answer:
    """An answer with what the item holds."""
    found = external_id or external_id_of(command, resource)
    return Answer(
        result=result,
        seen=seen_of(command.type, found, resource, country),
        external_id=found,
        reason=reason,
    )


def missing(command: StateCommand, reason: str = "") -> Answer:
    """There is no such item."""
    if isinstance(command, Create):
        return Answer(result="missing", reason=reason)
    seen = Seen(external_id=command.external_id, exists=False)
    return Answer(result="missing", seen=seen, external_id=command.external_id, reason=reason)


def found_by_sku(command: Create, resource: Resource, country: str) -> Answer:
    """An item has the SKU already: refused, so that it is linked rather than made twice. One of
    the other kind (a variation for a product) cannot be linked: that needs a person."""
    other = "product" if command.type == "variation" else "variation"
    if (resource.get("type") == "variation") == (other == "variation"):
        sku = wire.text_of(resource.get("sku"))
        reason = f"sku: {sku} belongs to a {other} in the shop; give one of them another SKU"
        return Answer(result="failed", reason=reason)
    return tell(command, "refused", resource, country, reason="sku")
