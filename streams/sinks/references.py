"""A platform's ids inside values to our own, so that what a platform holds compares with what is
agreed. The same as an observation's, since an outcome's `seen` skips the normaliser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec.structs import replace

from schemas.observation import Seen

ITEM = ("product", "variation")
REFERENCES: Mapping[tuple[str, str], Sequence[str]] = {
    ("order", "customerId"): ("customer",),
    ("message", "customerId"): ("customer",),
    ("inventory", "productId"): ITEM,
    ("variation", "parentId"): ("product",),
}


class Identities(Protocol):
    """Platform ids to entities."""

    async def entity_id(
        self, organization_id: str, replica: str, entity_type: str, external_id: str
    ) -> str | None:
        """Our id of the platform's item, or None."""
        ...


async def inward(
    seen: Seen, entity_type: str, organization_id: str, replica: str, identities: Identities
) -> Seen:
    """The sighting with our ids in it. An id without a link stays as it is."""
    fields = seen.fields
    changed: dict[str, Any] = {}

    async def ours(types: Sequence[str], external_id: str) -> str:
        for one in types:
            found = await identities.entity_id(organization_id, replica, one, external_id)
            if found is not None:
                return found
        return external_id

    for (kind, name), types in REFERENCES.items():
        if kind == entity_type and isinstance(fields.get(name), str):
            changed[name] = await ours(types, fields[name])
    if entity_type == "order" and isinstance(fields.get("items"), list):
        changed["items"] = [
            {**line, "productId": await ours(ITEM, line["productId"])}
            if isinstance(line, dict) and isinstance(line.get("productId"), str)
            else line
            for line in fields["items"]
        ]
    return replace(seen, fields={**fields, **changed}) if changed else seen
