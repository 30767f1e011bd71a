"""The platform's ids inside fields to ours, for a whole chunk at once. An id without a link stays
as it is, except a variation's parent, which is then left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from connectors.protocol import Sighting
from schemas.base import Fields
from streams.identity import HOME, Place

ITEM = ("product", "variation")
REFERENCES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "order": {"customerId": ("customer",)},
    "message": {"customerId": ("customer",)},
    "shipment": {"orderId": ("order",)},
    "inventory": {"productId": ITEM},
    "variation": {"parentId": ("product",)},
    "product": {"groupedProducts": ("product",)},
}
"""A field holds one id, or a list of them."""


class Identities(Protocol):
    """`streams.links.Links`."""

    async def entity_ids(self, places: Iterable[Place]) -> dict[Place, str]:
        """For those that are linked."""
        ...

    async def claimed(
        self, keys: Iterable[tuple[str, str, str]]
    ) -> dict[tuple[str, str, str], str]:
        """For those that are claimed."""
        ...


@dataclass(frozen=True)
class Bearer:
    """Fields that may name other entities, in the words of one replica."""

    organization_id: str
    replica: str
    type: str
    fields: Fields

    def places(self) -> Iterator[Place]:
        """What they may name."""
        for name, types in REFERENCES.get(self.type, {}).items():
            for value in _several(self.fields.get(name)):
                for entity_type in types:
                    yield self.organization_id, self.replica, entity_type, value
        for line in self.lines():
            if isinstance(line.get("productId"), str):
                for entity_type in ITEM:
                    yield self.organization_id, self.replica, entity_type, line["productId"]

    def lines(self) -> list[dict[str, Any]]:
        """An order's."""
        items = self.fields.get("items") if self.type == "order" else None
        return [line for line in items if isinstance(line, dict)] if items else []


class Resolved:
    """What a chunk's references turned out to be."""

    def __init__(
        self, linked: Mapping[Place, str], claimed: Mapping[tuple[str, str, str], str]
    ) -> None:
        self._linked = linked
        self._claimed = claimed

    def fields(self, bearer: Bearer) -> Fields:
        """The fields with our ids."""
        changed: Fields = {}
        for name, types in REFERENCES.get(bearer.type, {}).items():
            value = bearer.fields.get(name)
            if isinstance(value, str):
                changed[name] = self._one(bearer, types, value) or value
            elif isinstance(value, list):
                changed[name] = [self._one(bearer, types, one) or one for one in _several(value)]
        if bearer.lines():
            changed["items"] = [self._line(bearer, line) for line in bearer.fields["items"]]
        return {**bearer.fields, **changed} if changed else bearer.fields

    def _one(self, bearer: Bearer, types: Iterable[str], external_id: str) -> str | None:
        for entity_type in types:
            place = (bearer.organization_id, bearer.replica, entity_type, external_id)
            if place in self._linked:
                return self._linked[place]
        return None

    def _line(self, bearer: Bearer, line: dict[str, Any]) -> dict[str, Any]:
        product_id, sku = line.get("productId"), line.get("sku")
        found = self._one(bearer, ITEM, product_id) if isinstance(product_id, str) else None
        if found is None and isinstance(sku, str):
            found = self._claimed.get((bearer.organization_id, "product", f"sku:{sku}"))
        return {**line, "productId": found} if found is not None else line


def _several(value: Any) -> list[str]:
    held = value if isinstance(value, list) else [value]
    return [one for one in held if isinstance(one, str)]


def bearer_of(organization_id: str, replica: str, sighting: Sighting) -> Bearer:
    """A variation's parent is named by the sighting, whatever the fields say."""
    fields = sighting.seen.fields if sighting.seen else {}
    if sighting.parent is not None:
        fields = {**fields, "parentId": sighting.parent}
    return Bearer(organization_id, replica, sighting.type, fields)


def told_fields(bearer: Bearer, sighting: Sighting, found: Resolved) -> Fields:
    """What a sighting says in our ids: what the engine is told of it."""
    fields = found.fields(bearer)
    if sighting.parent and fields.get("parentId") == sighting.parent and bearer.replica != HOME:
        return {name: value for name, value in fields.items() if name != "parentId"}
    return fields


async def resolved(bearers: Iterable[Bearer], identities: Identities) -> Resolved:
    """Look up what all of them name: one query for links, one for the SKUs left over."""
    bearers = list(bearers)
    places = {place for bearer in bearers for place in bearer.places()}
    linked = await identities.entity_ids(places) if places else {}
    keys = {
        (bearer.organization_id, "product", f"sku:{line['sku']}")
        for bearer in bearers
        for line in bearer.lines()
        if line.get("sku")
    }
    return Resolved(linked, await identities.claimed(keys) if keys else {})
