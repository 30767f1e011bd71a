"""Does the jobs: several side by side, each under a lease that is renewed while it lives.

A kind of job is one async function, registered by its module:

    async def sweep(job: JobContext) -> None:
        for page in range(job.cursor.get("page", 0), pages):
            ...
            await job.save(cursor={"page": page + 1}, done=done)

    def register(runner: Runner) -> None:
        runner.register("drift", sweep)
        runner.every(Every("drift", seconds=3600))

It is cancelled when its job was paused or cancelled, when the process stops, and when the lease is
lost. What it raises decides how it goes on: `JobFailed`, and what only a person can mend, end it;
what heals by itself is tried again from the cursor, ever later.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from connectors.errors import ConnectorError, Retry, Unknown
from connectors.protocol import Client, Connection
from connectors.registry import connector
from streams.database import Database
from streams.directory import Directory
from streams.effects.calls import Calls
from streams.ending import ended
from streams.kafka.lag import LagUnknown
from streams.kafka.publisher import PublishFailed
from streams.kafka.records import Publishes
from streams.links import Links
from streams.upkeep.jobs import LEASE_MS, MOST_ATTEMPTS, Job, Jobs
from streams.upkeep.schedule import LOOK_S, Every, Schedules

log = structlog.get_logger(__name__)

AT_ONCE = 6
IDLE_S = 0.5
RENEW_S = LEASE_MS / 1000 / 6
"""A pause or a cancellation is heard within this time."""
AGAIN_MS = 2_000
LONGEST_MS = 300_000
STOP_S = 5.0

Work = Callable[["JobContext"], Awaitable[None]]
Waiting = Callable[[], Awaitable[int]]


async def _nothing_waits() -> int:
    return 0


class JobFailed(Exception):
    """The job cannot be done; its text tells people why, and what helps."""


@dataclass(frozen=True)
class Tools:
    """What jobs work with; one of each a process."""

    database: Database
    directory: Directory
    publisher: Publishes
    links: Links
    waiting: Waiting = _nothing_waits
    """How many records are on their way to the engine."""
    calls: Calls | None = None
    """Where calls are noted down that cannot be undone."""


@dataclass
class JobContext:
    """A job as the function that does it sees it."""

    job: Job
    tools: Tools
    jobs: Jobs
    cursor: dict[str, Any] = field(default_factory=dict)
    """Where to go on; what was last saved."""

    @property
    def organization_id(self) -> str:
        """Whose job it is."""
        return self.job.organization_id

    @property
    def replica(self) -> str:
        """The connection it is about, or nothing."""
        return self.job.replica

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What it was queued with."""
        return self.job.arguments

    async def save(
        self,
        *,
        cursor: Mapping[str, Any] | None = None,
        done: int | None = None,
        total: int | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep how far it has come; call it after what the cursor covers is durable. Raises
        CancelledError where it has been paused, cancelled or taken over meanwhile."""
        changes: dict[str, Any] = {}
        if cursor is not None:
            self.cursor = dict(cursor)
            changes |= {"cursor": self.cursor, "attempts": 0}
        for name, value in (("done", done), ("total", total)):
            if value is not None:
                changes[name] = value
        if details is not None:
            changes["details"] = dict(details)
        if not await self.jobs.save(self.job, changes):
            raise asyncio.CancelledError

    async def connection(self) -> Connection:
        """The one it is about. Raises JobFailed where it is there no longer."""
        directory, place = self.tools.directory, (self.organization_id, self.replica)
        found = await directory.connection(*place)
        if found is None:  # made a moment ago, perhaps, by another process
            directory.forget_connections()
            found = await directory.connection(*place)
        if found is None:
            raise JobFailed(f"There is no connection {self.replica} any more.")
        return found

    @contextlib.asynccontextmanager
    async def client(self, connection: Connection | None = None) -> AsyncIterator[Client]:
        """The connection's I/O, closed at the end. Raises JobFailed, ConnectorError."""
        held = connection or await self.connection()
        client = connector(held.platform).client(held)
        try:
            yield client
        finally:
            await client.close()


class Runner:
    """One per process; any number of processes."""

    def __init__(self, tools: Tools, *, at_once: int = AT_ONCE) -> None:
        self.tools = tools
        self.jobs = Jobs(tools.database)
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._at_once = at_once
        self._kinds: dict[str, tuple[Work, int]] = {}
        self._brief: set[str] = set()
        self._schedules: list[Every] = []
        self._running: dict[asyncio.Task[None], Job] = {}

    def register(
        self, kind: str, work: Work, *, at_once: int = AT_ONCE, brief: bool = False
    ) -> None:
        """Jobs of this kind are done by `work`, at most so many at once in this process. `brief`:
        they come every few minutes, and only the last that ended well is kept."""
        self._kinds[kind] = (work, at_once)
        if brief:
            self._brief.add(kind)

    def every(self, schedule: Every) -> None:
        """Queue such a job every so often."""
        self._schedules.append(schedule)

    async def run(self) -> None:
        """Until cancelled; what is under way is then put back for others."""
        schedules = Schedules(self.tools.database, self.tools.directory, self.jobs, self._schedules)
        looking = asyncio.create_task(_keep_looking(schedules))
        try:
            while True:
                try:
                    started = await self.start_waiting()
                except PyMongoError as error:
                    log.warning("jobs wait for MongoDB", reason=repr(error)[:200])
                    started = False
                if not started:
                    await asyncio.sleep(IDLE_S)
        finally:
            await ended(looking)
            await self.stop()

    async def start_waiting(self) -> bool:
        """Take up one job that waits, if there is one and a place for it."""
        if len(self._running) >= self._at_once:
            return False
        busy = [job.kind for job in self._running.values()]
        free = [kind for kind, (_, most) in self._kinds.items() if busy.count(kind) < most]
        job = await self.jobs.claim(free, self._owner) if free else None
        if job is None:
            return False
        task = asyncio.create_task(self._do(job), name=f"job {job.kind} {job.id}")
        self._running[task] = job
        task.add_done_callback(self._forget)
        return True

    async def settled(self) -> None:
        """Returns when no job is under way here."""
        while self._running:
            await asyncio.wait(list(self._running))

    async def stop(self) -> None:
        """End what is under way, and put it back."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(list(self._running), timeout=STOP_S)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("a job's end could not be noted", exc_info=task.exception())

    async def _do(self, job: Job) -> None:
        if job.attempts > MOST_ATTEMPTS:
            await self.jobs.end(
                job, "failed", f"It stopped {MOST_ATTEMPTS} times at the same place: {job.reason}"
            )
            return
        work, _ = self._kinds[job.kind]
        context = JobContext(job, self.tools, self.jobs, dict(job.cursor))
        doing = asyncio.ensure_future(work(context))
        renewing = asyncio.create_task(self._renew(job, doing))
        try:
            await asyncio.wait({doing})
        except asyncio.CancelledError:
            doing.cancel()
            await asyncio.wait({doing}, timeout=STOP_S)
            with contextlib.suppress(PyMongoError):
                await self.jobs.again(job, "", 0)
            raise
        finally:
            renewing.cancel()
        await self._settle(job, doing)

    async def _renew(self, job: Job, doing: asyncio.Future[None]) -> None:
        """Keep the lease; end the work when the job is not this process's any more."""
        missed = 0.0
        while not doing.done():
            await asyncio.sleep(RENEW_S)
            try:
                held = await self.jobs.save(job, {})
                missed = 0.0
            except PyMongoError:
                missed += RENEW_S
                held = missed < LEASE_MS / 1000 - RENEW_S
            while not held and not doing.done():
                doing.cancel()  # PyMongo can swallow one that meets the end of a call
                await asyncio.sleep(1)

    async def _settle(self, job: Job, doing: asyncio.Future[None]) -> None:
        if doing.cancelled():
            return  # paused, cancelled or taken over: its row says so already
        error = doing.exception()
        wait_ms = min(AGAIN_MS * 2 ** max(0, job.attempts - 1), LONGEST_MS)
        match error:
            case None:
                await self.jobs.end(job, "done")
                if job.kind in self._brief:
                    await self.jobs.forget_before(job)
            case Retry():
                wait_ms = max(wait_ms, int(1000 * (error.retry_after_s or 0)))
                await self.jobs.again(job, str(error), wait_ms)
            case Unknown() | PyMongoError() | PublishFailed() | LagUnknown() | TimeoutError():
                log.warning("a job waits", kind=job.kind, job=job.id, reason=repr(error)[:300])
                await self.jobs.again(job, str(error)[:300] or "no answer in time", wait_ms)
            case JobFailed() | ConnectorError():
                await self.jobs.end(job, "failed", str(error))
            case _:
                log.error("a job failed", kind=job.kind, job=job.id, exc_info=error)
                await self.jobs.end(job, "failed", f"A fault of ours: {error!r}"[:500])


async def _keep_looking(schedules: Schedules) -> None:
    while True:
        try:
            await schedules.look()
        except PyMongoError as error:
            log.warning("schedules wait for MongoDB", reason=repr(error)[:200])
        await asyncio.sleep(LOOK_S)
