"""What is not for sale, as the views of the engine have it: a catalogue's item is written by its
product and by its stock, and stock alone does not know. Errors: PyMongoError."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.codec import decode
from streams.database import Database
from streams.entities import COLLECTION
from streams.sync.record import Record
from streams.whatsapp.facts import value_of

ITEMS = ("product", "variation")


class Shelf:
    """Views are a moment behind: what was written in this moment its writer remembers."""

    def __init__(self, database: Database) -> None:
        self._rows = database[COLLECTION]

    async def unsold(self, organization_id: str, entity_ids: Iterable[str]) -> set[str]:
        """Those products and variations of these that are not for sale; a variation is not where
        its product is not."""
        ids = list(entity_ids)
        found = await self._records(organization_id, ids)
        parents = {one.entity_id: str(value_of(one, "parentId") or "") for one in found}
        above = await self._records(organization_id, [one for one in parents.values() if one])
        gone = {one.entity_id for one in (*found, *above) if not sold(one)}
        return {one for one in ids if one in gone or parents.get(one) in gone}

    async def _records(self, organization_id: str, entity_ids: Iterable[str]) -> list[Record]:
        wanted = [f"{organization_id}/{kind}/{one}" for one in entity_ids for kind in ITEMS]
        if not wanted:
            return []
        rows = self._rows.find({"_id": {"$in": wanted}}, {"record": 1})
        return [decode(row["record"], Record) async for row in rows]


def sold(record: Record | None) -> bool:
    """Whether it is for sale, as far as anybody says. Pure."""
    status = value_of(record, "status") if record is not None else None
    return status in (None, "", "active")
