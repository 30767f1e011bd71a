"""Job `preview`: what a first connection would meet, before anything moves.

It reads the platform and what we hold, links nothing and tells the engine nothing. Rows go into
`ss_previews`:

    {_id: "job|kind|type|id", jobId, organizationId, type, kind, entityId, externalId, label, sku,
     differences: [{field, here, there}], note, expiresAt}

and the counts, with the page that was read, into the job's cursor: a page read twice counts once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReplaceOne

from connectors.errors import ConnectorError
from connectors.protocol import Connection, Connector, Listed, Lists, Profile, Sighting, TypeProfile
from connectors.registry import connector
from schemas.base import Fields
from schemas.codec import decode
from streams.database import Document
from streams.inbound.references import Bearer, resolved
from streams.sync.record import Record
from streams.upkeep.comparing import (
    TWICE,
    Found,
    entity_of,
    found_there,
    missing_there,
    places_of,
)
from streams.upkeep.imports import PAGE, TYPES
from streams.upkeep.runner import JobContext, Runner

KIND = "preview"
KEPT = timedelta(days=7)
OURS_PAGE = 500


def register(runner: Runner) -> None:
    """One at a time is enough for what a person waits for in front of a page."""
    runner.register(KIND, preview, at_once=2)


async def preview(job: JobContext) -> None:
    """The platform's side first, then what only we hold."""
    connection = await job.connection()
    known = connector(connection.platform)
    view = Preview(job, connection, known)
    async with job.client(connection) as client:
        if isinstance(client, Lists):
            await view.there(client)
    await view.here()


class Preview:
    """One run."""

    def __init__(self, job: JobContext, connection: Connection, known: Connector) -> None:
        self._job = job
        self._connection = connection
        self._known = known
        self._profile: Profile = known.profile(connection, {})
        self._rows = job.tools.database["ss_previews"]
        self._entities = job.tools.database["ss_entities"]
        cursor: Mapping[str, Any] = job.cursor
        self._counts: dict[str, dict[str, int]] = {
            kind: dict(counts) for kind, counts in cursor.get("counts", {}).items()
        }
        self._read = int(cursor.get("read", 0))
        self._expected = int(cursor.get("expected", 0))
        self._at: tuple[str, str, str] = (
            cursor.get("side", "there"),
            cursor.get("type", TYPES[0]),
            cursor.get("page", ""),
        )

    # What the platform holds

    async def there(self, client: Lists) -> None:
        """Page by page. Raises as `Lists.page`, PyMongoError."""
        side, begun, page = self._at
        if side != "there":
            return
        if not self._job.cursor:
            for kind in TYPES:
                self._expected += (await client.page(kind, limit=1)).total or 0
        for kind in TYPES[TYPES.index(begun) :]:
            cursor = page if kind == begun else ""
            while True:
                found = await client.page(kind, cursor, limit=PAGE)
                await self._keep(await self._compared(found.items))
                cursor = found.next
                self._read += len(found.items)
                await self._save("there", kind, cursor)
                if not cursor:
                    break
            if kind != TYPES[-1]:
                await self._save("there", TYPES[TYPES.index(kind) + 1], "")
        await self._save("here", self._made[0] if self._made else "", "")

    async def _compared(self, items: Sequence[Listed]) -> list[Found]:
        sightings = [sighting for item in items for sighting in self._parsed(item)]
        org, replica = self._connection.organization_id, self._connection.replica
        places = [
            (org, replica, kind, number)
            for sighting in sightings
            for kind, number in places_of(sighting)
        ]
        linked = await self._job.tools.links.entity_ids(places)
        keys = [(org, one.type, key) for one in sightings for key in one.match_keys]
        claimed = await self._job.tools.links.claimed(keys)
        ids = [entity_of(org, replica, one, linked, claimed) for one in sightings]
        records = await self._records(zip(sightings, ids, strict=True))
        fields = await self._resolved(sightings)
        found = []
        for sighting, entity_id, held in zip(sightings, ids, fields, strict=True):
            record = records.get((sighting.type, entity_id))
            told = found_there(sighting, record, self._type(sighting.type), held)
            if told is not None:
                found.append(told)
        return await self._once(found)

    def _parsed(self, item: Listed) -> list[Sighting]:
        try:
            parsed = self._known.parse(self._connection, item.topic, {}, item.body, 0)
        except ConnectorError:
            return []  # the import parks it with its reason
        return [one for one in parsed.sightings if one.seen is not None and one.seen.exists]

    async def _resolved(self, sightings: Sequence[Sighting]) -> list[Fields]:
        """The fields with our ids, as the engine would be told of them."""
        bearers = [
            Bearer(
                self._connection.organization_id,
                self._connection.replica,
                sighting.type,
                sighting.seen.fields if sighting.seen else {},
            )
            for sighting in sightings
        ]
        references = await resolved(bearers, self._job.tools.links)
        return [references.fields(bearer) for bearer in bearers]

    async def _records(self, wanted: Any) -> dict[tuple[str, str], Record]:
        org = self._connection.organization_id
        ids = {f"{org}/{sighting.type}/{entity_id}" for sighting, entity_id in wanted if entity_id}
        found = {}
        async for row in self._entities.find({"_id": {"$in": list(ids)}}, {"record": 1}):
            record = decode(row["record"], Record)
            if record.tombstone is None:
                found[record.type, record.entity_id] = record
        return found

    async def _once(self, found: Sequence[Found]) -> list[Found]:
        """An entity of ours is one item there: the second that looks like it stays apart."""
        ids = [one.entity_id for one in found if one.entity_id]
        rows = self._rows.find(
            {"jobId": self._job.job.id, "entityId": {"$in": ids}},
            {"type": 1, "entityId": 1, "externalId": 1},
        )
        taken = {(row["type"], row["entityId"]): row["externalId"] async for row in rows}
        kept = []
        for one in found:
            holder = taken.setdefault((one.type, one.entity_id), one.external_id)
            if one.entity_id and holder != one.external_id:
                one = replace(one, kind="onlyThere", entity_id="", differences=(), note=TWICE)
            kept.append(one)
        return kept

    # What only we hold

    @property
    def _made(self) -> tuple[str, ...]:
        """Types that would be made there."""
        return tuple(kind for kind, held in sorted(self._profile.types.items()) if held.creates)

    async def here(self) -> None:
        """Our entities that no item there was found to be. Raises PyMongoError."""
        side, begun, page = self._at
        made = self._made
        if side != "here":
            begun, page = (made[0] if made else ""), ""
        for kind in made[made.index(begun) :] if begun in made else ():
            last = page if kind == begun else ""
            while True:
                rows = await self._ours(kind, last)
                if not rows:
                    break
                await self._keep(await self._missing(kind, rows))
                last = rows[-1]["_id"]
                await self._save("here", kind, last)
            following = made.index(kind) + 1
            if following < len(made):
                await self._save("here", made[following], "")

    async def _ours(self, kind: str, after: str) -> list[Document]:
        org = self._connection.organization_id
        bounds = {"$gt": after or f"{org}/{kind}/", "$lt": f"{org}/{kind}0"}  # "0" follows "/"
        rows = self._entities.find({"_id": bounds}, {"record": 1, "label": 1, "sku": 1})
        return await rows.sort("_id", 1).limit(OURS_PAGE).to_list()

    async def _missing(self, kind: str, rows: Sequence[Document]) -> list[Found]:
        records = [decode(row["record"], Record) for row in rows]
        matched = {
            row["entityId"]
            async for row in self._rows.find(
                {
                    "jobId": self._job.job.id,
                    "type": kind,
                    "entityId": {"$in": [record.entity_id for record in records]},
                    "kind": {"$in": ["matched", "differing"]},
                },
                {"entityId": 1},
            )
        }
        found = [
            missing_there(record, self._type(kind), row.get("label", ""), row.get("sku", ""))
            for row, record in zip(rows, records, strict=True)
            if record.entity_id not in matched
        ]
        return [one for one in found if one is not None]

    # What is kept of it

    def _type(self, kind: str) -> TypeProfile:
        return self._profile.types.get(kind, TypeProfile())

    async def _keep(self, found: Sequence[Found]) -> None:
        for one in found:
            counts = self._counts.setdefault(one.type, {})
            counts[one.kind] = counts.get(one.kind, 0) + 1
            if one.kind == "differing":
                counts["matched"] = counts.get("matched", 0) + 1
        job_id, until = self._job.job.id, datetime.now(UTC) + KEPT
        writes = []
        for one in found:
            place = f"{job_id}|{one.kind}|{one.type}|{one.external_id or one.entity_id}"
            row: Document = {
                "jobId": job_id,
                "organizationId": self._connection.organization_id,
                "kind": one.kind,
                "type": one.type,
                "entityId": one.entity_id,
                "externalId": one.external_id,
                "label": one.label,
                "sku": one.sku,
                "differences": [
                    {"field": name, "here": here, "there": there}
                    for name, here, there in one.differences
                ],
                "note": one.note,
                "expiresAt": until,
            }
            writes.append(ReplaceOne({"_id": place}, row, upsert=True))
        if writes:
            await self._rows.bulk_write(writes, ordered=False)

    async def _save(self, side: str, kind: str, page: str) -> None:
        await self._job.save(
            cursor={
                "side": side,
                "type": kind,
                "page": page,
                "counts": self._counts,
                "read": self._read,
                "expected": self._expected,
            },
            done=self._read,
            total=max(self._expected, self._read),
            details={"counts": self._counts},
        )
        self._at = (side, kind, page)
