"""Entities as people find them: the views `ss_entities` and `ss_conflicts`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.errors import conflict, malformed, not_found
from schemas.codec import decode
from schemas.feed import ConflictLine
from schemas.fields import ENTITY_TYPES
from streams.database import Database, Document
from streams.directory import Directory
from streams.entities import COLLECTION, find_record, place_of, search_of, word_of
from streams.sync.context import Context
from streams.sync.contexts import loader
from streams.sync.record import Record

SHOWN_MATCHES = 10
MOST_CONFLICTS = 200
ITEM = ("product", "variation")
STOCK = ENTITY_TYPES["inventory"]
BY = ("id", "sku", "external")


@dataclass(frozen=True)
class Row:
    """One entity in a list."""

    type: str
    entity_id: str
    label: str
    sku: str
    version: int
    at_ms: int
    replicas: tuple[Mapping[str, object], ...]


class Entities:
    """One organisation's at a time. Errors: Problem, PyMongoError."""

    def __init__(self, database: Database, directory: Directory) -> None:
        self._database = database
        self._directory = directory
        self._rows = database[COLLECTION]

    async def page(
        self, organization_id: str, entity_type: str, text: str, after: str, limit: int
    ) -> tuple[list[Row], str]:
        """In the order of type and id; the cursor behind the page is empty at the end."""
        begin = f"{organization_id}/{entity_type}/" if entity_type else f"{organization_id}/"
        if after and "/" not in after:
            raise malformed(f"{after!r} is not a cursor.", "Take `next` as it was given.")
        start = max(begin, f"{organization_id}/{after}") if after else begin
        match: Document = {"_id": {"$gt": start, "$lt": f"{begin[:-1]}0"}}  # "0" follows "/"
        if text.strip():
            match |= {"organizationId": organization_id, **search_of(text)}
        rows = self._rows.find(match, {"record": 0, "words": 0, "places": 0})
        found = [_row(row) async for row in rows.sort("_id").limit(limit + 1)]
        if len(found) <= limit:
            return found, ""
        last = found[limit - 1]
        return found[:limit], f"{last.type}/{last.entity_id}"

    async def find(self, organization_id: str, entity_type: str, name: str, by: str = "") -> Record:
        """By our id, else the SKU, else a platform's id (`woocommerce/412`, or `412` alone where
        that is clear); `by`: by this only. Raises 404, 409 where several bear the name."""
        for way in (by,) if by else BY:
            if way == "id":
                record = await find_record(self._database, organization_id, entity_type, name)
                if record is not None:
                    return record
                continue
            found = await self._named(organization_id, entity_type, name, way)
            if len(found) > 1:
                raise _several(entity_type, name, found)
            if found:
                return decode(found[0]["record"], Record)
        known = {"id": "id", "sku": "SKU", "external": "platform's id"}.get(by, "id or SKU")
        raise not_found(
            f"There is no {entity_type} with the {known} {name}.",
            "GET /api/entities?q= finds what there is.",
        )

    async def _named(
        self, organization_id: str, entity_type: str, name: str, way: str
    ) -> list[Document]:
        match: Document = {"organizationId": organization_id, "type": entity_type}
        if way == "sku":  # in any case; the index is that of the words
            any_case = {"$regex": f"^{re.escape(name)}$", "$options": "i"}
            match |= {"words": word_of(name), "sku": any_case}
        else:
            connections = await self._directory.connections(organization_id)
            places = [name, *(place_of(found.replica, name) for found in connections)]
            match["places"] = {"$in": places}
        rows = self._rows.find(match).sort("_id").limit(SHOWN_MATCHES)
        found = [row async for row in rows]
        exactly = [row for row in found if way == "sku" and row["sku"] == name]
        return exactly or found

    async def conflicts(self, record: Record, field: str = "") -> list[ConflictLine]:
        """Its conflicts, open and decided, newest first."""
        match: Document = {
            "organizationId": record.organization_id,
            "type": record.type,
            "entityId": record.entity_id,
        }
        if field:
            match["field"] = field
        rows = self._database["ss_conflicts"].find(match, {"line": 1})
        return [
            decode(row["line"], ConflictLine)
            async for row in rows.sort("openedAtMs", -1).limit(200)
        ]

    async def context(self, organization_id: str) -> Context:
        """The organisation's connections and rules, as the engine sees them."""
        return await loader(self._directory)(organization_id)


def type_with(field: str, entity_type: str) -> str:
    """The type to look in: an item's stock lives in `inventory`, under the item's own id."""
    if entity_type in ("", *ITEM) and field in STOCK and field not in ENTITY_TYPES["product"]:
        return "inventory"
    return entity_type or "product"


def _row(row: Document) -> Row:
    return Row(
        type=row["type"],
        entity_id=row["entityId"],
        label=row["label"],
        sku=row["sku"],
        version=row["version"],
        at_ms=row["atMs"],
        replicas=tuple(row["replicas"]),
    )


def _several(entity_type: str, name: str, found: Sequence[Document]) -> Exception:
    listed = [
        {
            "entityId": row["entityId"],
            "label": row["label"],
            "sku": row["sku"],
            "replicas": [
                place_of(one["name"], one["externalId"])
                for one in row["replicas"]
                if one["externalId"]
            ],
        }
        for row in found
    ]
    return conflict(
        f"{len(found)} of your {entity_type} entries are called {name}.",
        "Name one of `matches` by its entityId with by=id, or by platform and id with by=external.",
        matches=listed,
    )
