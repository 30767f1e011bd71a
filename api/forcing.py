"""Forced sync: a `Resync` for each entity, and a job that tells how far it has come."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import structlog
from pymongo.errors import PyMongoError

from api.errors import not_found
from api.shapes import Shown
from schemas.base import entity_key
from schemas.codec import encode
from schemas.envelope import Envelope, new_traceparent, rfc3339
from schemas.outcome import Resync
from schemas.topics import RESOLUTIONS
from streams.database import Database, Document
from streams.kafka import Outgoing, PublishFailed
from streams.kafka.records import Publishes

log = structlog.get_logger(__name__)

BATCH = 200
KEPT_S = 86_400
AT_ONCE = 4


class Job(Shown, frozen=True, kw_only=True):
    """One forced sync."""

    id: str
    state: str
    """running, done or failed"""
    total: int
    done: int
    started_at: str
    reason: str = ""


class Forcing:
    """Begins forced syncs and knows their progress. Running one twice is safe: a resync reads."""

    def __init__(
        self,
        database: Database,
        publisher: Publishes,
        clock_ms: Callable[[], int] = lambda: int(time.time() * 1000),
    ) -> None:
        self._links = database["ss_links"]
        self._jobs = database["ss_jobs"]
        self._publisher = publisher
        self._clock_ms = clock_ms
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def begin(self, organization_id: str, kind: str | None, entity_id: str | None) -> Job:
        """One entity: asked for when this returns. Else a job in the background. Raises
        PublishFailed, PyMongoError."""
        now_ms = self._clock_ms()
        job_id = uuid.uuid4().hex
        single = kind is not None and entity_id is not None
        row: Document = {
            "_id": job_id,
            "organizationId": organization_id,
            "type": kind,
            "entityId": entity_id,
            "state": "running",
            "total": 1 if single else await self._count(organization_id, kind),
            "done": 0,
            "startedAtMs": now_ms,
            "reason": "",
            "expiresAt": datetime.now(UTC) + timedelta(seconds=KEPT_S),
        }
        if kind is not None and entity_id is not None:
            await self._publish(organization_id, job_id, [(kind, entity_id)])
            row |= {"state": "done", "done": 1}
        await self._jobs.insert_one(row)
        if not single:
            task = asyncio.create_task(self._work(organization_id, job_id, kind))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return _job(row)

    async def progress(self, organization_id: str, job_id: str) -> Job:
        """Raises the 404 problem, PyMongoError."""
        row = await self._jobs.find_one({"_id": job_id, "organizationId": organization_id})
        if row is None:
            raise not_found(f"There is no forced sync {job_id}.", "Jobs are kept for a day.")
        return _job(row)

    async def settled(self) -> None:
        """Returns when nothing is running any more."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        """End what is running; its job says so."""
        for task in tuple(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _work(self, organization_id: str, job_id: str, kind: str | None) -> None:
        state, reason = "failed", "The api was stopped; start it again."
        try:
            async with self._turns:
                async for batch in self._batches(organization_id, kind):
                    await self._publish(organization_id, job_id, batch)
                    await self._jobs.update_one({"_id": job_id}, {"$inc": {"done": len(batch)}})
            state, reason = "done", ""
        except (PublishFailed, PyMongoError) as error:
            log.warning("a forced sync stopped", job=job_id, error=repr(error))
            reason = "Kafka or MongoDB did not answer; start it again."
        finally:
            with contextlib.suppress(PyMongoError):
                await self._jobs.update_one(
                    {"_id": job_id}, {"$set": {"state": state, "reason": reason}}
                )

    async def _publish(
        self, organization_id: str, job_id: str, entities: list[tuple[str, str]]
    ) -> None:
        now_ms = self._clock_ms()
        records = []
        for kind, entity_id in entities:
            resync = Resync(
                organization_id=organization_id,
                type=kind,
                entity_id=entity_id,
                id=f"{job_id}:{kind}:{entity_id}",
                at_ms=now_ms,
            )
            envelope = Envelope(
                id=resync.id,
                type="resolution.resync",
                source="api",
                organization_id=organization_id,
                subject=f"{kind}/{entity_id}",
                time_ms=now_ms,
                traceparent=new_traceparent(),
            )
            key = entity_key(organization_id, kind, entity_id)
            records.append(Outgoing(RESOLUTIONS, key, encode(resync), envelope.headers()))
        await self._publisher.publish(*records)

    async def _count(self, organization_id: str, kind: str | None) -> int:
        found = await self._links.aggregate([*_entities(organization_id, kind), {"$count": "n"}])
        rows = await found.to_list()
        return int(rows[0]["n"]) if rows else 0

    async def _batches(
        self, organization_id: str, kind: str | None
    ) -> AsyncIterator[list[tuple[str, str]]]:
        batch: list[tuple[str, str]] = []
        async for row in await self._links.aggregate(_entities(organization_id, kind)):
            batch.append((row["_id"]["type"], row["_id"]["entityId"]))
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch


def _entities(organization_id: str, kind: str | None) -> list[Document]:
    """Every entity of the organisation that some platform holds, once."""
    match: Document = {"organizationId": organization_id, "externalId": {"$exists": True}}
    if kind is not None:
        match["type"] = kind
    return [
        {"$match": match},
        {"$group": {"_id": {"type": "$type", "entityId": "$entityId"}}},
    ]


def _job(row: Document) -> Job:
    return Job(
        id=row["_id"],
        state=row["state"],
        total=row["total"],
        done=row["done"],
        started_at=rfc3339(row["startedAtMs"]),
        reason=row["reason"],
    )
