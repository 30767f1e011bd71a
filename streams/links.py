"""Identity: which entity of ours an item of a platform is. Kept in `ss_links`, read through Redis.

Two kinds of document, each unique by its `_id`:

    {_id: "l|org|woocommerce|product|412", organizationId, replica, type, externalId, entityId,
     keys: ["sku:TEA-400"], linkedAtMs, goneAtMs?}
    {_id: "c|org|item|sku:TEA-400", organizationId, matchType, matchKey, entityId}

A link never changes its entity, except when a sink says what it created. Claims are inserted before
links and whoever loses an insert takes the winner's entity, so two processes always agree; a crash
in between leaves a claim that the next sighting finds.

An item joins the entity that claimed its match key unless that entity has another living item on
the same platform already: two products with one SKU in one shop stay two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError
from redis.asyncio import Redis

from connectors.protocol import Sighting
from streams.database import Database, Document
from streams.identity import (
    Place,
    Plan,
    Request,
    claim_id,
    claim_row,
    link_id,
    namespace,
)
from streams.linkcache import Known, LinkCache

ROUNDS = 8
"""Each lost insert needs one more look; losing eight times in a row means something is wrong."""
_DUPLICATE = 11000
_NEWEST_S = 10.0

EVENTS = "event"
"""Not a platform: entities that were only ever named by a queued event."""
_SHARING = {
    kind: ("product", "variation", "inventory") for kind in ("product", "variation", "inventory")
}
"""Types that share their SKUs."""

MatchKey = tuple[str, str, str]
"""Organisation, entity type, match key."""


class LinksContended(Exception):
    """Others kept winning the inserts. Trying again helps."""


class Links:
    """See the module. Errors: LinksContended, PyMongo's own when the database is away; Redis's
    never: without it every look-up asks MongoDB."""

    def __init__(
        self,
        database: Database,
        redis: Redis | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rows = database["ss_links"]
        self._cache = LinkCache(redis, database.name, clock)
        self._clock = clock
        self._external: dict[tuple[str, str, str, str], tuple[float, str]] = {}

    async def resolve(
        self, organization_id: str, replica: str, sightings: Sequence[Sighting]
    ) -> list[str]:
        """Entity ids in the order of the sightings; unknown items are linked."""
        return await self.resolve_many(
            [Request(organization_id, replica, sighting) for sighting in sightings]
        )

    async def resolve_many(self, requests: Sequence[Request]) -> list[str]:
        """The same for a whole chunk of any organisations: a handful of queries altogether."""
        known = await self._cache.get({request.link_id for request in requests})
        found: list[str | None] = [None] * len(requests)
        pending = []
        for index, request in enumerate(requests):
            link = known.get(request.link_id)
            if link is not None and link.keys.issuperset(request.sighting.match_keys):
                found[index] = link.entity_id
            else:
                pending.append(index)
        for _ in range(ROUNDS):
            if not pending:
                return [entity_id or "" for entity_id in found]
            pending = await self._round(requests, found, pending)
        raise LinksContended(f"{len(pending)} items could not be linked")

    async def _round(
        self, requests: Sequence[Request], found: list[str | None], pending: Sequence[int]
    ) -> list[int]:
        """Resolve what can be; the indexes whose inserts were lost are returned."""
        wanted: set[str] = set()
        for index in pending:
            wanted.update(requests[index].reads())
        rows = {row["_id"]: row async for row in self._rows.find({"_id": {"$in": list(wanted)}})}
        plan = Plan(rows, await self._living(requests, pending, rows), int(self._clock() * 1000))
        for index in pending:
            found[index] = plan.decide(index, requests[index])
        lost = await self._insert(plan.claims)
        retry = {index for row_id in lost for index in plan.claimants.get(row_id, ())}
        # Before the links: what joined a loser (stock its product) must not be linked as it was.
        retry |= {index for index in pending if plan.leaders.get(index, index) in retry}
        links = [row for row in plan.links if plan.owner[row["_id"]] not in retry]
        lost = await self._insert(links)
        retry |= {plan.owner[row_id] for row_id in lost}
        retry |= {index for index in pending if plan.leaders.get(index, index) in retry}
        if plan.updates:
            await self._rows.bulk_write(list(plan.updates), ordered=False)
        await self._release(plan.outworn)
        learnt = {}
        for index in pending:
            if index not in retry:
                request, entity_id = requests[index], found[index] or ""
                row = rows.get(request.link_id) or {}
                keys = {*row.get("keys", ()), *request.sighting.match_keys}
                keys -= {key for of, _, key in plan.outworn if of is request}
                learnt[request.link_id] = Known(entity_id, frozenset(keys))
        await self._cache.put(learnt)
        return sorted(retry)

    async def _release(self, outworn: Sequence[tuple[Request, str, str]]) -> None:
        """A SKU that no item of the entity bears any more may be another's."""
        for request, entity_id, key in outworn:
            sharing = _SHARING.get(request.sighting.type, (request.sighting.type,))
            bearers: Document = {
                "organizationId": request.organization_id,
                "type": {"$in": list(sharing)},
                "keys": key,
            }
            if await self._rows.find_one({**bearers, "entityId": entity_id}, {"_id": 1}):
                continue
            row_id = claim_id(request.organization_id, namespace(request.sighting.type), key)
            await self._rows.delete_one({"_id": row_id, "entityId": entity_id})
            heir = await self._rows.find_one({**bearers, "goneAtMs": {"$exists": False}})
            if heir is not None:  # two items have exchanged their SKUs, or handed one on
                await self._insert([claim_row(request, key, heir["entityId"])])

    async def move(
        self,
        organization_id: str,
        replica: str,
        entity_type: str,
        external_id: str,
        *,
        source: str,
        target: str,
    ) -> bool:
        """A person says that the item is another entity's: its link changes, and what it alone was
        known by. False where it was not `source`'s (any more)."""
        row_id = link_id(organization_id, replica, entity_type, external_id)
        row = await self._rows.find_one_and_update(
            {"_id": row_id, "entityId": source},
            {"$set": {"entityId": target, "linkedAtMs": int(self._clock() * 1000)}},
        )
        if row is None:
            return False
        keys = row.get("keys", [])
        for key in keys:
            others = {"organizationId": organization_id, "entityId": source, "keys": key}
            if await self._rows.find_one(others, {"_id": 1}) is None:
                claim = claim_id(organization_id, namespace(entity_type), key)
                await self._rows.update_one(
                    {"_id": claim, "entityId": source}, {"$set": {"entityId": target}}
                )
        self._external.clear()
        await self._cache.put({row_id: Known(target, frozenset(keys))})
        return True

    async def items(self, organization_id: str, entity_type: str, entity_id: str) -> dict[str, str]:
        """Replica to external id, of items that are not gone."""
        rows = self._rows.find(
            {
                "organizationId": organization_id,
                "type": entity_type,
                "entityId": entity_id,
                "externalId": {"$exists": True},
                "goneAtMs": {"$exists": False},
            }
        ).sort("linkedAtMs", 1)
        return {row["replica"]: row["externalId"] async for row in rows if row["replica"] != EVENTS}

    async def _living(
        self,
        requests: Sequence[Request],
        pending: Iterable[int],
        rows: Mapping[str, Document],
    ) -> dict[Place, str]:
        """(organisation, replica, type, entity) to external id, for entities that may be joined."""
        entities: set[str] = set()
        organizations: set[str] = set()
        types: set[str] = set()
        for index in pending:
            request = requests[index]
            if request.link_id not in rows:
                entities.update(request.joinable(rows))
                organizations.add(request.organization_id)
                types.add(request.sighting.type)
        if not entities:
            return {}
        cursor = self._rows.find(
            {
                "organizationId": {"$in": list(organizations)},
                "type": {"$in": list(types)},
                "entityId": {"$in": list(entities)},
                "goneAtMs": {"$exists": False},
            }
        )
        return {
            (row["organizationId"], row["replica"], row["type"], row["entityId"]): row["externalId"]
            async for row in cursor
            if "externalId" in row
        }

    async def _insert(self, rows: Sequence[Document]) -> list[str]:
        """Insert all; the ids of those that were there already."""
        if not rows:
            return []
        try:
            await self._rows.bulk_write([InsertOne(row) for row in rows], ordered=False)
        except BulkWriteError as error:
            failed = error.details.get("writeErrors", [])
            if error.details.get("writeConcernErrors") or any(
                told["code"] != _DUPLICATE for told in failed
            ):
                raise
            return [rows[told["index"]]["_id"] for told in failed]
        return []

    async def entity_ids(self, places: Iterable[Place]) -> dict[Place, str]:
        """(organisation, replica, type, external id) to entity id, for those that are linked."""
        wanted = {link_id(*place): place for place in places}
        known = await self._cache.get(set(wanted))
        missing = [row_id for row_id in wanted if row_id not in known]
        if missing:
            learnt = {}
            async for row in self._rows.find({"_id": {"$in": missing}}):
                learnt[row["_id"]] = Known(row["entityId"], frozenset(row.get("keys", ())))
            await self._cache.put(learnt)
            known = {**known, **learnt}
        return {wanted[row_id]: link.entity_id for row_id, link in known.items()}

    async def claimed(
        self, keys: Iterable[tuple[str, str, str]]
    ) -> dict[tuple[str, str, str], str]:
        """(organisation, entity type, match key) to the entity that claimed it."""
        wanted = {key: claim_id(key[0], namespace(key[1]), key[2]) for key in keys}
        if not wanted:
            return {}
        rows = {
            row["_id"]: row["entityId"]
            async for row in self._rows.find({"_id": {"$in": list(set(wanted.values()))}})
        }
        return {key: rows[row_id] for key, row_id in wanted.items() if row_id in rows}

    async def entity_id(
        self, organization_id: str, replica: str, entity_type: str, external_id: str
    ) -> str | None:
        """Our id of the platform's item, or None."""
        place = (organization_id, replica, entity_type, external_id)
        return (await self.entity_ids([place])).get(place)

    async def external_id(
        self, organization_id: str, replica: str, entity_type: str, entity_id: str
    ) -> str | None:
        """The platform's id of our entity, or None: the newest that is not gone."""
        place = (organization_id, replica, entity_type, entity_id)
        kept = self._external.get(place)
        if kept is not None and self._clock() < kept[0]:
            return kept[1]
        rows = await self._rows.find(
            {
                "organizationId": organization_id,
                "type": entity_type,
                "entityId": entity_id,
                "replica": replica,
            }
        ).to_list()
        if not rows:
            return None
        best = max(rows, key=lambda row: ("goneAtMs" not in row, row.get("linkedAtMs", 0)))
        if len(self._external) > 50_000:
            self._external.clear()
        self._external[place] = (self._clock() + _NEWEST_S, best["externalId"])
        return str(best["externalId"])

    async def link(
        self,
        organization_id: str,
        replica: str,
        entity_type: str,
        entity_id: str,
        external_id: str,
    ) -> str:
        """What a sink created (or adopted) is this entity, whatever was thought of it before."""
        row_id = link_id(organization_id, replica, entity_type, external_id)
        await self._rows.update_one(
            {"_id": row_id},
            {
                "$set": {
                    "organizationId": organization_id,
                    "replica": replica,
                    "type": entity_type,
                    "externalId": external_id,
                    "entityId": entity_id,
                    "linkedAtMs": int(self._clock() * 1000),
                },
                "$unset": {"goneAtMs": ""},
                "$setOnInsert": {"keys": []},
            },
            upsert=True,
        )
        self._external.pop((organization_id, replica, entity_type, entity_id), None)
        await self._cache.put({row_id: Known(entity_id, frozenset())})
        return entity_id

    async def gone(self, places: Iterable[Place]) -> None:
        """These items are said to be deleted: another with their SKU may take their entity."""
        ids = [link_id(*place) for place in places]
        if not ids:
            return
        now_ms = int(self._clock() * 1000)
        await self._rows.bulk_write(
            [UpdateOne({"_id": row_id}, {"$set": {"goneAtMs": now_ms}}) for row_id in ids],
            ordered=False,
        )
        self._external.clear()
        await self._cache.drop(ids)

    async def organizations_of(
        self, replica: str, entity_type: str, external_ids: Sequence[str]
    ) -> dict[str, list[str]]:
        """External id to the organisations that have such an item (a deletion without a pre-image
        does not tell whose it was)."""
        found: dict[str, list[str]] = {}
        cursor = self._rows.find(
            {"externalId": {"$in": list(external_ids)}, "replica": replica, "type": entity_type},
            {"externalId": 1, "organizationId": 1},
        )
        async for row in cursor:
            found.setdefault(row["externalId"], []).append(row["organizationId"])
        return found
