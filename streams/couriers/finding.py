"""Which order is meant: by our id, its number, or a platform's id."""

from __future__ import annotations

from schemas.codec import decode
from streams.database import Database
from streams.entities import COLLECTION, find_record, search_of
from streams.sync.record import Record

MOST = 200


async def find_order(database: Database, organization_id: str, name: str) -> Record | None:
    """None where there is none, or several of which each could be meant. Errors: PyMongoError."""
    found = await find_record(database, organization_id, "order", name)
    if found is not None:
        return found
    if not name.strip():
        return None
    match = {"organizationId": organization_id, "type": "order", **search_of(name)}
    rows = database[COLLECTION].find(match, {"record": 1}).limit(MOST)
    records = [decode(row["record"], Record) async for row in rows]
    numbered = [record for record in records if _number(record) == name]
    fits = numbered or [record for record in records if name in _places(record)]
    return fits[0] if len(fits) == 1 else None


def _number(record: Record) -> str:
    agreed = record.fields.get("number")
    return str(agreed.value) if agreed is not None and agreed.value is not None else ""


def _places(record: Record) -> set[str]:
    return {held.external_id for held in record.replicas.values() if held.external_id}
