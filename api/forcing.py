"""Forced sync: a `Resync` for one entity at once, for a type or for all by a job of upkeep."""

from __future__ import annotations

import uuid

from api.errors import not_found
from api.shapes import Shown
from schemas.envelope import rfc3339
from streams.database import Database
from streams.kafka.records import Publishes
from streams.upkeep.jobs import Job, Jobs
from streams.upkeep.resyncing import KIND, ask_for, count


class Forced(Shown, frozen=True, kw_only=True):
    """One forced sync."""

    id: str
    state: str
    """queued, running, paused, done, failed or cancelled"""
    total: int
    done: int
    started_at: str
    reason: str = ""


class Forcing:
    """Begins forced syncs and knows their progress. Running one twice is safe: a resync reads."""

    def __init__(self, database: Database, publisher: Publishes) -> None:
        self._database = database
        self._jobs = Jobs(database)
        self._publisher = publisher

    async def begin(self, organization_id: str, kind: str | None, entity_id: str | None) -> Forced:
        """One entity: asked for when this returns. Else a job in the background. Raises
        PublishFailed, PyMongoError."""
        arguments = {"type": kind, "entityId": entity_id}
        if kind is not None and entity_id is not None:
            cause = uuid.uuid4().hex
            await ask_for(self._publisher, organization_id, [(kind, entity_id)], cause)
            return _forced(await self._jobs.ended(organization_id, KIND, arguments=arguments))
        total = await count(self._database, organization_id, kind)
        job = await self._jobs.queue(
            organization_id, KIND, arguments=arguments, total=total, alone=False
        )
        return _forced(job)

    async def progress(self, organization_id: str, job_id: str) -> Forced:
        """Raises the 404 problem, PyMongoError."""
        job = await self._jobs.get(organization_id, job_id)
        if job is None or job.kind != KIND:
            raise not_found(f"There is no forced sync {job_id}.", "Jobs are kept for a week.")
        return _forced(job)


def _forced(job: Job) -> Forced:
    return Forced(
        id=job.id,
        state=job.state,
        total=job.total,
        done=job.done,
        started_at=rfc3339(job.started_at_ms),
        reason=job.reason,
    )
