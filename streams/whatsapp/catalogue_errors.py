"""Which items the catalogue does not take, and why: `ss_catalogue_errors`, from the last whole
sync, and what the engine's writes were refused for and still are.

    {_id: "org/replica/sku", organizationId, replica, sku, type, entityId, reason, atMs}
"""

from __future__ import annotations

from typing import Any

from schemas.codec import decode
from schemas.feed import FeedLine
from streams import entities, history
from streams.database import Database
from streams.sync.record import Record
from streams.whatsapp.facts import value_of

ERRORS = "ss_catalogue_errors"
NAMES = ("sku", "type", "entityId", "replica", "reason", "atMs")
ITEMS = ("product", "variation", "inventory")
PLATFORM = "whatsapp"


async def errors_of(
    database: Database, organization_id: str, limit: int = 200
) -> list[dict[str, Any]]:
    """Newest first, each item once. Errors: PyMongoError."""
    rows = database[ERRORS].find({"organizationId": organization_id}).sort("atMs", -1).limit(limit)
    found = {row["sku"]: {name: row[name] for name in NAMES} async for row in rows}
    for line in await _failed(database, organization_id, limit):
        key = f"{organization_id}/{line.type}/{line.entity_id}"
        row = await database[entities.COLLECTION].find_one({"_id": key}, {"record": 1})
        record = decode(row["record"], Record) if row is not None else None
        held = record.replicas.get(line.replica) if record is not None else None
        if record is None or held is None or not held.rejected or record.tombstone is not None:
            continue
        sku = str(value_of(record, "sku") or held.external_id or line.entity_id)
        values = (sku, line.type, line.entity_id, line.replica, line.reason, line.at_ms)
        found.setdefault(sku, dict(zip(NAMES, values, strict=True)))
    return sorted(found.values(), key=lambda one: -int(one["atMs"]))[:limit]


async def _failed(database: Database, organization_id: str, limit: int) -> list[FeedLine]:
    """The newest refusal of each item within the history that is kept."""
    match = {"organizationId": organization_id, "kind": "failed", "type": {"$in": list(ITEMS)}}
    rows = database[history.COLLECTION].find(match, {"line": 1}).sort("atMs", -1).limit(limit)
    lines = [decode(row["line"], FeedLine) async for row in rows]
    newest: dict[tuple[str, str], FeedLine] = {}
    for line in lines:
        if line.replica.startswith(PLATFORM):
            newest.setdefault((line.type, line.entity_id), line)
    return list(newest.values())
