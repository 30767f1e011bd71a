"""Values that cannot be written by themselves: categories, tags and the members of a group have ids
of the shop's, pictures that are there already are named by theirs, attributes keep their places,
refunds and notes have calls of their own. All but `Rich` is pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.protocol import Links
from connectors.woocommerce import wire
from connectors.woocommerce.additions import FIELDS as ADDED
from connectors.woocommerce.additions import Additions
from connectors.woocommerce.extras import meta_body
from connectors.woocommerce.marks import raw_mark
from connectors.woocommerce.orders import members_of
from connectors.woocommerce.rest import Rest
from connectors.woocommerce.terms import TAXONOMIES, Terms
from connectors.woocommerce.variations import offered
from connectors.woocommerce.wire import (
    Resource,
    image_entry,
    option_texts,
    records,
    text_of,
)
from connectors.woocommerce.writing import item_ids
from schemas.command import Write

NEEDS_ITEM = {
    "product": frozenset(("images", "attributes", "metadata")),
    "variation": frozenset(("image", "attributes")),
}
"""Fields whose REST value is made from what the item holds now."""


def images_body(
    want: Sequence[Any], held: Sequence[Resource], mark: Mapping[str, Any] | None
) -> list[Resource]:
    """Pictures by id where the shop has them (uploading one again would make a copy), else by
    their address. The address goes with the id too: the mark then tells what the picture stands
    for."""
    ids = _ids_by_address(held, mark)
    body = []
    for entry in (image_entry(one) for one in want):
        if entry is None:
            continue
        number = ids.get(entry["src"])
        body.append({"id": number, **entry} if number else entry)
    return body


def _ids_by_address(held: Sequence[Resource], mark: Mapping[str, Any] | None) -> dict[str, int]:
    """Address to the shop's id: its own, and ours that it was uploaded from."""
    found: dict[str, int] = {}
    here = set()
    for image in held:
        number = wire.whole(image.get("id"))
        if number and image.get("src"):
            found[str(image["src"])] = number
            here.add(number)
    stored, asked = (records((mark or {}).get(name)) for name in ("value", "wanted"))
    for now, wanted in zip(stored, asked, strict=False):
        number = wire.whole(now.get("id"))
        if number in here and wanted.get("src"):
            found.setdefault(str(wanted["src"]), number or 0)
    return found


def attributes_body(
    want: Mapping[str, Any], held: Sequence[Resource], shared: Mapping[str, int] | None = None
) -> list[Resource]:
    """The item's attributes with these options: what is there keeps its id, its place and its use
    for variations; what is not wanted any more goes, unless variations are told apart by it.
    `shared`: ids of those that the shop has for all products."""
    wanted = {str(name).strip().lower(): (str(name), value) for name, value in want.items()}
    body = []
    for entry in held:
        found = wanted.pop(str(entry.get("name") or "").strip().lower(), None)
        if found is not None:
            body.append({**entry, "options": option_texts(found[1])})
        elif entry.get("variation"):
            body.append(dict(entry))
    for key, (name, value) in wanted.items():
        made: Resource = {"name": name, "visible": True, "options": option_texts(value)}
        number = (shared or {}).get(key)
        body.append({"id": number, **made} if number else made)
    return body


class Rich:
    """Completes what is to be written."""

    def __init__(self, rest: Rest, terms: Terms) -> None:
        self._rest = rest
        self._terms = terms
        self._additions = Additions(rest)

    async def body(
        self, command: Write, links: Links, resource: Resource | None = None
    ) -> Resource:
        """The REST fields of `want` that need the shop; `resource`: the item, where it was read
        already. Raises as `Rest.send`, and NotThereYet."""
        if command.type == "order" and ADDED & command.want.keys():
            held = resource if resource is not None else await self._read(command)
            mark = raw_mark("order", held)
            last = None if mark is None else tuple(mark["op"])
            if last == (None if command.after is None else tuple(command.after)):
                return await self._additions.make(command, held)
            return {}  # done already, or to be refused
        body: Resource = {}
        if command.want.get("groupedProducts") is not None and command.type == "product":
            body["grouped_products"] = await members_of(
                command.organization_id, command.replica, command.want["groupedProducts"], links
            )
        for taxonomy in TAXONOMIES:
            if command.type == "product" and taxonomy in command.want:
                names = command.want[taxonomy]
                body[taxonomy] = await self._terms.named(taxonomy, list(names or ()))
        if not NEEDS_ITEM.get(command.type, frozenset()) & command.want.keys():
            return body
        held = resource if resource is not None else await self._read(command)
        if "metadata" in command.want:
            body["meta_data"] = meta_body(command.want["metadata"] or {}, held)
        if "images" in command.want:
            mark = _mark_of(command.type, held, "images")
            body["images"] = images_body(
                command.want["images"] or (), records(held.get("images")), mark
            )
        if command.want.get("image"):
            image = held.get("image")
            mark = _mark_of(command.type, held, "image")
            listed = {name: [value] for name, value in mark.items() if isinstance(value, dict)}
            there = [image] if isinstance(image, dict) else []
            body["image"] = images_body([{"url": command.want["image"]}], there, listed)[0]
        if "attributes" in command.want:
            body["attributes"] = await self._attributes(command, held)
        return body

    async def _attributes(self, command: Write, held: Resource) -> list[Resource]:
        want = command.want["attributes"]
        chosen: Mapping[str, Any] = want if isinstance(want, Mapping) else {}
        if command.type == "product":
            there = records(held.get("attributes"))
            known = {str(entry.get("name") or "").strip().lower() for entry in there}
            new = [str(name) for name in chosen if str(name).strip().lower() not in known]
            shared = await self._terms.attributes(new) if new else {}
            return attributes_body(chosen, there, shared)
        _, parent = item_ids(command.external_id)
        options = {str(name): text_of(value) or "" for name, value in chosen.items()}
        return await offered(self._rest, str(parent), options, self._terms)

    async def _read(self, command: Write) -> Resource:
        number, parent = item_ids(command.external_id)
        path = f"/products/{parent}/variations/{number}" if parent else f"/products/{number}"
        if command.type == "order":
            path = f"/orders/{number}"
        found = await self._rest.get(path)
        return found if isinstance(found, dict) else {}


def _mark_of(entity_type: str, resource: Resource, name: str) -> dict[str, Any]:
    """The mark's entry of one REST field: `value` and `wanted`."""
    fields = (raw_mark(entity_type, resource) or {}).get("fields") or {}
    entry = fields.get(name)
    return entry if isinstance(entry, dict) else {}
