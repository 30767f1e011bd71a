"""Everything the merchant's database holds of one organisation, page by page, as change events that
`parse` understands. Variations are in their products and have no pages of their own; no document
tells when it changed, so every page is of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bson import json_util
from bson.timestamp import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from connectors.errors import Malformed
from connectors.mongodb.events import SNAPSHOT, event_json, snapshot_event
from connectors.mongodb.mapping import id_text, split_variation
from connectors.mongodb.settings import Shape
from connectors.mongodb.stored import id_values
from connectors.protocol import Listed, Page

VARIATION = "variation"


class Listing:
    """One organisation's documents. Errors: PyMongo's own."""

    def __init__(
        self, database: AsyncDatabase[dict[str, Any]], organization_id: str, shape: Shape
    ) -> None:
        self._database = database
        self._organization_id = organization_id
        self._shape = shape

    async def page(self, entity_type: str, cursor: str, limit: int) -> Page:
        """In the order of `_id`, whatever types the ids have: bounds of the index are used, because
        `$gt` compares within one type only."""
        if entity_type not in self._shape.collections:
            return Page(())
        collection = self._shape.collections[entity_type]
        mine = {"organizationId": self._organization_id}
        async with self._database.client.start_session(causal_consistency=True) as session:
            at = await self._moment(session)
            found = self._database[collection].find(mine, session=session)
            found = found.hint([("_id", 1)]).limit(limit + 1)
            if cursor:
                found = found.min([("_id", json_util.loads(cursor)["_id"])])
            rows = await found.to_list()
            total = None
            if not cursor:
                total = await self._database[collection].count_documents(mine, session=session)
        more = len(rows) > limit
        following = json_util.dumps({"_id": rows[limit]["_id"]}) if more else ""
        items = [self._listed(collection, row, at) for row in rows[:limit]]
        return Page(tuple(one for one in items if one is not None), following, total)

    async def read(self, entity_type: str, external_ids: Sequence[str]) -> tuple[Listed, ...]:
        """The documents with these ids; of a variation its product's."""
        collection = self._shape.collection(entity_type)
        of_document: dict[str, str] = {}
        for external_id in external_ids:
            of_document[external_id] = (
                split_variation(external_id)[0] if entity_type == VARIATION else external_id
            )
        ids = [value for text in set(of_document.values()) for value in id_values(text)]
        where = {"_id": {"$in": ids}, "organizationId": self._organization_id}
        async with self._database.client.start_session(causal_consistency=True) as session:
            at = await self._moment(session)
            rows = await self._database[collection].find(where, session=session).to_list()
        there = {id_text(row["_id"]): row for row in rows}
        found = []
        for external_id, document_id in of_document.items():
            row = there.get(document_id)
            item = self._listed(collection, row, at) if row is not None else None
            if item is not None:
                found.append(Listed(external_id, item.topic, item.body))
        return tuple(found)

    async def _moment(self, session: AsyncClientSession) -> Timestamp:
        """A moment that what is read next is not older than."""
        await self._database.command("ping", session=session)
        return session.operation_time or Timestamp(0, 0)

    def _listed(self, collection: str, row: dict[str, Any], at: Timestamp) -> Listed | None:
        """None for a document that the change stream does not follow either."""
        event = snapshot_event(collection, self._database.name, row, at)
        try:
            return Listed(id_text(row["_id"]), f"{collection}.{SNAPSHOT}", event_json(event))
        except Malformed:
            return None
