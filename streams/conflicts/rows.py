"""`ss_conflicts` as it is searched: by state, type, field, platform, brake and words."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from schemas.codec import decode
from schemas.feed import ConflictLine
from streams.database import Database, Document
from streams.views import row_id

ANY_BRAKE, NO_BRAKE = "any", "none"
STATUSES = ("open", "resolved", "automatic", "")
"""resolved: by a person · automatic: by a rule, or by a suggestion that acted · "": all."""


class BadCursor(ValueError):
    """This is no cursor of ours."""


@dataclass(frozen=True)
class Filter:
    """Which conflicts; what is empty does not count."""

    status: str = "open"
    type: str = ""
    field: str = ""
    replica: str = ""
    """One of its sides."""
    brake: str = ""
    """stock, price, deletes, any or none"""
    q: str = ""
    """Part of the item's name or id."""
    opened_before_ms: int | None = None
    """Only those opened at this moment or before."""
    opened_since_ms: int | None = None
    held_replica: str = ""
    """The side that a brake holds back."""


def match_of(organization_id: str, wanted: Filter) -> Document:
    """As a MongoDB query."""
    match: Document = {"organizationId": organization_id, **_STATUS[wanted.status]}
    for name, value in (("type", wanted.type), ("field", wanted.field)):
        if value:
            match[name] = value
    if wanted.replica:
        match["sides"] = wanted.replica
    if wanted.held_replica:
        match["replica"] = wanted.held_replica
    if wanted.brake == NO_BRAKE:
        match["brake"] = {"$in": ["", None]}
    elif wanted.brake == ANY_BRAKE:
        match["brake"] = {"$gt": ""}
    elif wanted.brake:
        match["brake"] = wanted.brake
    if wanted.q:
        words = {"$regex": re.escape(wanted.q), "$options": "i"}
        match["$and"] = [{"$or": [{"label": words}, {"entityId": words}]}]
    opened = {}
    if wanted.opened_before_ms is not None:
        opened["$lte"] = wanted.opened_before_ms
    if wanted.opened_since_ms is not None:
        opened["$gte"] = wanted.opened_since_ms
    if opened:
        match["openedAtMs"] = opened
    return match


_BY_HAND = {"automatic": {"$in": [False, None]}}
_STATUS: Mapping[str, Document] = {
    "open": {"status": "open"},
    "resolved": {"status": "resolved", **_BY_HAND},
    "automatic": {"status": "resolved", "automatic": True},
    "": {},
}


class ConflictRows:
    """Reads the view. Errors: PyMongo's own."""

    def __init__(self, database: Database) -> None:
        self.rows = database["ss_conflicts"]

    async def page(
        self, organization_id: str, wanted: Filter, after: str, limit: int
    ) -> tuple[list[ConflictLine], str]:
        """Newest first, and the cursor behind the page (empty at the end). Raises BadCursor."""
        match = match_of(organization_id, wanted)
        if after:
            opened, _, conflict_id = after.partition("-")
            if not opened.isdecimal() or len(opened) > 18:
                raise BadCursor(after)
            place = row_id(organization_id, conflict_id)
            older = [
                {"openedAtMs": {"$lt": int(opened)}},
                {"openedAtMs": int(opened), "_id": {"$lt": place}},
            ]
            match["$and"] = [*match.get("$and", []), {"$or": older}]
        rows = self.rows.find(match, {"line": 1}).sort([("openedAtMs", -1), ("_id", -1)])
        found = [decode(row["line"], ConflictLine) async for row in rows.limit(limit + 1)]
        if len(found) <= limit:
            return found, ""
        last = found[limit - 1]
        return found[:limit], f"{last.opened_at_ms}-{last.id}"

    async def get(self, organization_id: str, conflict_id: str) -> ConflictLine | None:
        """One of them, as the view has it."""
        found = await self.some(organization_id, [conflict_id])
        return found.get(conflict_id)

    async def some(
        self, organization_id: str, conflict_ids: Collection[str]
    ) -> dict[str, ConflictLine]:
        """Those of these ids that are there."""
        places = [row_id(organization_id, conflict_id) for conflict_id in conflict_ids]
        found = {}
        async for row in self.rows.find({"_id": {"$in": places}}, {"line": 1}):
            line = decode(row["line"], ConflictLine)
            found[line.id] = line
        return found

    async def count(self, organization_id: str, wanted: Filter, most: int = 100_000) -> int:
        """How many match, counted up to `most`."""
        match = match_of(organization_id, wanted)
        return await self.rows.count_documents(match, limit=most)

    async def newest(
        self, organization_id: str, wanted: Filter, limit: int
    ) -> Sequence[ConflictLine]:
        """At most so many, the newest first."""
        found, _ = await self.page(organization_id, wanted, "", limit)
        return found

    async def of_action(self, organization_id: str, action_id: str) -> list[str]:
        """Ids of the conflicts that one bulk action settled and that are still settled by it."""
        rows = self.rows.find(
            {
                "organizationId": organization_id,
                "status": "resolved",
                "resolutionId": {"$gte": f"{action_id}.", "$lt": f"{action_id}/"},
            },
            {"_id": 1},
        )
        return [row["_id"].partition("/")[2] async for row in rows]
