"""Job `force`: a `Resync` for each entity of an organisation, or of one type of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from schemas.clock import unix_ms
from schemas.outcome import Resync
from streams.database import Database, Document
from streams.kafka.records import Publishes
from streams.replies import reply_record
from streams.upkeep.runner import JobContext, Runner

KIND = "force"
BATCH = 200


def register(runner: Runner) -> None:
    """Four at once: what they ask for is answered by others."""
    runner.register(KIND, force, at_once=4)


async def force(job: JobContext) -> None:
    """`arguments.type`: only this one. Goes on behind the last entity it asked for."""
    entity_type = job.arguments.get("type")
    database, done = job.tools.database, int(job.cursor.get("done", 0))
    await job.save(done=done, total=await count(database, job.organization_id, entity_type))
    after = job.cursor.get("after")
    async for batch in _batches(database, job.organization_id, entity_type, after):
        await ask_for(job.tools.publisher, job.organization_id, batch, job.job.id)
        done += len(batch)
        await job.save(cursor={"after": list(batch[-1]), "done": done}, done=done)


async def ask_for(
    publisher: Publishes, organization_id: str, entities: Iterable[tuple[str, str]], cause: str
) -> None:
    """Have every replica of these (type, entity id) read, and what is owed sent. Raises
    PublishFailed."""
    now_ms = unix_ms()
    records = []
    for entity_type, entity_id in entities:
        resync = Resync(
            organization_id=organization_id,
            type=entity_type,
            entity_id=entity_id,
            id=f"{cause}:{entity_type}:{entity_id}",
            at_ms=now_ms,
        )
        records.append(reply_record(resync, "streams/upkeep"))
    await publisher.publish(*records)


async def count(database: Database, organization_id: str, entity_type: str | None) -> int:
    """Entities that some platform holds."""
    pipeline = [*_entities(organization_id, entity_type), {"$count": "n"}]
    rows = await (await database["ss_links"].aggregate(pipeline)).to_list()
    return int(rows[0]["n"]) if rows else 0


def _entities(organization_id: str, entity_type: str | None) -> list[Document]:
    """Every entity of the organisation that some platform holds, once."""
    match: Document = {"organizationId": organization_id, "externalId": {"$exists": True}}
    if entity_type is not None:
        match["type"] = entity_type
    return [
        {"$match": match},
        {"$group": {"_id": {"type": "$type", "entityId": "$entityId"}}},
    ]


async def _batches(
    database: Database, organization_id: str, entity_type: str | None, after: list[str] | None
) -> AsyncIterator[list[tuple[str, str]]]:
    pipeline = [*_entities(organization_id, entity_type), {"$sort": {"_id": 1}}]
    if after is not None:
        behind = {"_id": {"$gt": {"type": after[0], "entityId": after[1]}}}
        pipeline.insert(2, {"$match": behind})
    batch: list[tuple[str, str]] = []
    async for row in await database["ss_links"].aggregate(pipeline):
        batch.append((row["_id"]["type"], row["_id"]["entityId"]))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
