"""Both sides of a comparison: what a platform told, in our ids, and what our records say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

import structlog
from msgspec.structs import replace

from connectors.errors import ConnectorError
from connectors.protocol import Connection, Listed, Sighting
from connectors.registry import connector
from schemas.clock import unix_ms
from schemas.codec import decode
from streams.database import Database, Document
from streams.entities import COLLECTION, PAGE, Known, known, place_of
from streams.inbound.references import bearer_of, resolved, told_fields
from streams.links import Links
from streams.sync.record import Record

log = structlog.get_logger(__name__)

Place = tuple[str, str]
"""(entity type, external id)"""


class Books:
    """Of one replica. Errors: PyMongo's own."""

    def __init__(self, database: Database, links: Links, connection: Connection) -> None:
        self._rows = database[COLLECTION]
        self._database = database
        self._links = links
        self._connection = connection
        self._connector = connector(connection.platform)
        self.unreadable = 0
        """Items that could not be understood."""

    @property
    def organization_id(self) -> str:
        """Whose."""
        return self._connection.organization_id

    @property
    def replica(self) -> str:
        """Of which platform."""
        return self._connection.replica

    def known(self, entity_type: str) -> AsyncIterator[Known]:
        """All that this replica has or had, by our records."""
        return known(self._database, self.organization_id, self.replica, entity_type)

    async def records(self, places: Iterable[Place]) -> dict[Place, Record]:
        """The records that have these items."""
        wanted: dict[str, list[str]] = {}
        for entity_type, external_id in places:
            wanted.setdefault(entity_type, []).append(place_of(self.replica, external_id))
        found: dict[Place, Record] = {}
        for entity_type, names in wanted.items():
            match = {"organizationId": self.organization_id, "type": entity_type}
            rows = self._rows.find({**match, "places": {"$in": names}}, {"record": 1})
            async for row in rows:
                record = decode(row["record"], Record)
                found[entity_type, record.replicas[self.replica].external_id or ""] = record
        return found

    async def lacking(self, entity_type: str) -> AsyncIterator[Record]:
        """Records of entities that this replica does not have."""
        there = {"$elemMatch": {"name": self.replica, "exists": True}}
        match: Document = {
            "organizationId": self.organization_id,
            "type": entity_type,
            "replicas": {"$not": there},
        }
        async for row in self._rows.find(match, {"record": 1}, batch_size=PAGE):
            yield decode(row["record"], Record)

    async def labels(self, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """(type, entity id) to what people call it."""
        ids = [f"{self.organization_id}/{kind}/{entity_id}" for kind, entity_id in places]
        rows = self._rows.find({"_id": {"$in": ids}}, {"type": 1, "entityId": 1, "label": 1})
        return {(row["type"], row["entityId"]): row["label"] async for row in rows}

    async def strangers(self, places: Sequence[Place]) -> dict[Place, tuple[str, bool]]:
        """Of items that no record has: the entity they are linked to, and whether that has another
        item there already. Only those that are linked."""
        asked = [(self.organization_id, self.replica, *place) for place in places]
        linked = await self._links.entity_ids(asked) if asked else {}
        ids = {f"{self.organization_id}/{at[2]}/{entity}" for at, entity in linked.items()}
        there = {"$elemMatch": {"name": self.replica, "exists": True}}
        match = {"_id": {"$in": list(ids)}, "replicas": there}
        held = {row["_id"] async for row in self._rows.find(match, {"_id": 1})} if ids else set()
        return {
            (at[2], at[3]): (entity, f"{self.organization_id}/{at[2]}/{entity}" in held)
            for at, entity in linked.items()
        }

    async def told(self, items: Sequence[Listed]) -> dict[str, list[Sighting]]:
        """External id of the item to what it tells, fields in our ids. What is in the trash, or
        cannot be understood, tells nothing."""
        parsed: dict[str, list[Sighting]] = {}
        for item in items:
            parsed[item.external_id] = [s for s in self._parse(item) if s.seen is not None]
        every = [sighting for sightings in parsed.values() for sighting in sightings]
        bearers = [bearer_of(self.organization_id, self.replica, one) for one in every]
        found = await resolved(bearers, self._links)
        fields = {
            id(one): told_fields(bearer, one, found)
            for one, bearer in zip(every, bearers, strict=True)
        }
        return {
            external_id: [_with_fields(one, fields[id(one)]) for one in sightings]
            for external_id, sightings in parsed.items()
        }

    def _parse(self, item: Listed) -> Sequence[Sighting]:
        try:
            now_ms = unix_ms()
            told = self._connector.parse(self._connection, item.topic, {}, item.body, now_ms)
        except ConnectorError as error:
            self.unreadable += 1
            log.warning("an item cannot be compared", item=item.external_id, reason=str(error))
            return ()
        return told.sightings


def _with_fields(sighting: Sighting, fields: Mapping[str, object]) -> Sighting:
    if sighting.seen is None:
        return sighting
    seen = replace(sighting.seen, fields=dict(fields))
    return Sighting(
        sighting.type,
        sighting.external_id,
        seen,
        sighting.match_keys,
        sighting.item_of,
        sighting.parent,
    )
