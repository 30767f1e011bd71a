"""Jobs: rows of `ss_jobs`. Any process may queue one; a runner (`runner.py`) does it.

    {_id, organizationId, kind, replica, state, total, done, cursor, arguments, details,
     startedAtMs, endedAtMs, notBeforeMs, reason, owner, leaseUntilMs, attempts, open, alone,
     expiresAt}

States: queued, running, paused, done, failed, cancelled; `open` until it has ended. A job with
`alone` is the only open one of that name (a unique index): queueing it again finds the one that is
there.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from schemas.clock import unix_ms
from streams.database import Database, Document

State = Literal["queued", "running", "paused", "done", "failed", "cancelled"]
Steer = Literal["pause", "resume", "cancel"]

LEASE_MS = 30_000
KEPT = timedelta(days=7)
"""How long an ended job can be looked at."""
MOST_ATTEMPTS = 8
"""So often a job is taken up without having come any further; then it has failed."""
STEERS: Mapping[Steer, tuple[tuple[State, ...], State]] = {
    "pause": (("queued", "running"), "paused"),
    "resume": (("paused", "failed"), "queued"),
    "cancel": (("queued", "running", "paused"), "cancelled"),
}
"""What may be asked of a job: (states it must be in, state it then has)."""


@dataclass(frozen=True)
class Job:
    """One job as it was read."""

    id: str
    organization_id: str
    kind: str
    replica: str = ""
    """Of which connection; empty where it is about the whole organisation."""
    state: State = "queued"
    total: int = 0
    """0 while nobody knows."""
    done: int = 0
    cursor: Mapping[str, Any] = field(default_factory=dict)
    """Where to go on after a crash, in the words of its kind."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    """For people: figures and results beside `done` of `total`."""
    started_at_ms: int = 0
    ended_at_ms: int = 0
    reason: str = ""
    owner: str = ""
    attempts: int = 0


class Jobs:
    """The rows. Errors: PyMongo's own."""

    def __init__(self, database: Database, clock_ms: Callable[[], int] = unix_ms) -> None:
        self._rows = database["ss_jobs"]
        self._clock_ms = clock_ms

    async def queue(
        self,
        organization_id: str,
        kind: str,
        replica: str = "",
        *,
        arguments: Mapping[str, Any] | None = None,
        total: int = 0,
        alone: bool = True,
    ) -> Job:
        """A new job; with `alone` the unfinished one of this kind and replica, where there is one
        (its own arguments then stand)."""
        row: Document = {
            "_id": uuid.uuid4().hex,
            "organizationId": organization_id,
            "kind": kind,
            "replica": replica,
            "state": "queued",
            "total": total,
            "done": 0,
            "cursor": {},
            "arguments": dict(arguments or {}),
            "details": {},
            "startedAtMs": self._clock_ms(),
            "endedAtMs": 0,
            "notBeforeMs": 0,
            "reason": "",
            "owner": "",
            "leaseUntilMs": 0,
            "attempts": 0,
            "open": True,
        }
        name = f"{organization_id}/{replica}/{kind}"
        if not alone:
            await self._rows.insert_one(row)
            return _job(row)
        while True:
            try:
                await self._rows.insert_one({**row, "alone": name})
                return _job(row)
            except DuplicateKeyError:
                found = await self._rows.find_one({"alone": name, "open": True})
                if found is not None:
                    return _job(found)

    async def ended(
        self,
        organization_id: str,
        kind: str,
        replica: str = "",
        *,
        arguments: Mapping[str, Any] | None = None,
        total: int = 1,
    ) -> Job:
        """A job that was small enough to be done at once: kept for whoever asks for it."""
        now_ms = self._clock_ms()
        row: Document = {
            "_id": uuid.uuid4().hex,
            "organizationId": organization_id,
            "kind": kind,
            "replica": replica,
            "state": "done",
            "total": total,
            "done": total,
            "arguments": dict(arguments or {}),
            "startedAtMs": now_ms,
            **self._end(),
        }
        await self._rows.insert_one(row)
        return _job(row)

    async def get(self, organization_id: str, job_id: str) -> Job | None:
        """The organisation's job, or None."""
        row = await self._rows.find_one({"_id": job_id, "organizationId": organization_id})
        return None if row is None else _job(row)

    async def newest(
        self, organization_id: str, *, kind: str = "", replica: str = "", limit: int = 50
    ) -> list[Job]:
        """The newest first."""
        where: Document = {"organizationId": organization_id}
        if kind:
            where["kind"] = kind
        if replica:
            where["replica"] = replica
        rows = self._rows.find(where).sort("startedAtMs", -1).limit(limit)
        return [_job(row) async for row in rows]

    async def steer(self, organization_id: str, job_id: str, steer: Steer) -> Job | None:
        """Pause, resume or cancel. None where there is no such job, where its state forbids it, or
        where another of its name is under way. Who runs it hears of it within seconds."""
        states, state = STEERS[steer]
        assign: Document = {"state": state, "owner": "", "leaseUntilMs": 0, "reason": ""}
        update: Document = {"$set": assign}
        if state == "queued":
            assign |= {"notBeforeMs": 0, "attempts": 0, "endedAtMs": 0, "open": True}
            update["$unset"] = {"expiresAt": ""}
        if state == "cancelled":
            assign |= self._end()
        try:
            row = await self._rows.find_one_and_update(
                {"_id": job_id, "organizationId": organization_id, "state": {"$in": states}},
                update,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:
            return None
        return None if row is None else _job(row)

    # For runners

    async def claim(self, kinds: Collection[str], owner: str) -> Job | None:
        """The oldest job that waits, or whose runner is gone; from now on this owner's."""
        now_ms = self._clock_ms()
        row = await self._rows.find_one_and_update(
            {
                "kind": {"$in": list(kinds)},
                "$or": [
                    {"state": "queued", "notBeforeMs": {"$lte": now_ms}},
                    {"state": "running", "leaseUntilMs": {"$lt": now_ms}},
                ],
            },
            {
                "$set": {"state": "running", "owner": owner, "leaseUntilMs": now_ms + LEASE_MS},
                "$inc": {"attempts": 1},
            },
            sort=[("startedAtMs", 1)],
            return_document=ReturnDocument.AFTER,
        )
        return None if row is None else _job(row)

    async def save(self, job: Job, changes: Mapping[str, Any]) -> bool:
        """Set these names and keep the lease. False: it is this owner's no longer."""
        assign = {**changes, "leaseUntilMs": self._clock_ms() + LEASE_MS}
        done = await self._rows.update_one(
            {"_id": job.id, "owner": job.owner, "state": "running"}, {"$set": assign}
        )
        return done.matched_count == 1

    async def again(self, job: Job, reason: str, wait_ms: int) -> None:
        """Put it back: to be gone on with from its cursor, by anybody."""
        now_ms = self._clock_ms()
        assign = {"state": "queued", "reason": reason, "notBeforeMs": now_ms + wait_ms, "owner": ""}
        await self._rows.update_one(
            {"_id": job.id, "owner": job.owner, "state": "running"}, {"$set": assign}
        )

    async def end(self, job: Job, state: Literal["done", "failed"], reason: str = "") -> None:
        """It has come to its end."""
        await self._rows.update_one(
            {"_id": job.id, "owner": job.owner, "state": "running"},
            {"$set": {"state": state, "reason": reason, "owner": "", **self._end()}},
        )

    async def forget_before(self, job: Job) -> None:
        """Those of its kind that ended well before it: of what is done every few minutes the last
        is enough."""
        await self._rows.delete_many(
            {
                "organizationId": job.organization_id,
                "kind": job.kind,
                "replica": job.replica,
                "state": "done",
                "startedAtMs": {"$lt": job.started_at_ms},
            }
        )

    def _end(self) -> Document:
        return {
            "open": False,
            "endedAtMs": self._clock_ms(),
            "expiresAt": datetime.now(UTC) + KEPT,
        }


def _job(row: Document) -> Job:
    return Job(
        id=row["_id"],
        organization_id=row["organizationId"],
        kind=row.get("kind", ""),
        replica=row.get("replica", ""),
        state=row["state"],
        total=row["total"],
        done=row["done"],
        cursor=row.get("cursor", {}),
        arguments=row.get("arguments", {}),
        details=row.get("details", {}),
        started_at_ms=row["startedAtMs"],
        ended_at_ms=row.get("endedAtMs", 0),
        reason=row.get("reason", ""),
        owner=row.get("owner", ""),
        attempts=row.get("attempts", 0),
    )
