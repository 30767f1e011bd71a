"""Job `import`: everything a platform holds into topic `inbound`, page by page.

The cursor is saved once a page is in Kafka, so an import that was killed goes on where it was and
repeats one page at most; a repeated item is the same item again, which changes nothing. One page is
held at a time, and no more is fetched while the engine has enough to do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from connectors.protocol import Connection, Lists, Page
from schemas.clock import unix_ms
from streams.connections import SETTLE_MS
from streams.database import Database
from streams.inbox import Inbox
from streams.integrations import FIRST_SYNC
from streams.organizations import FRESH_S
from streams.upkeep.deliveries import LOOK_S, deliver, room
from streams.upkeep.polling import begin_polling
from streams.upkeep.runner import JobContext, JobFailed, Runner

KIND = "import"
TYPES = ("customer", "product", "variation", "order")
"""What is named by others comes before them. Stock is in products and variations."""
PAGE = 100
DRAINED_S = 60.0
"""Before the next type; a busy system is not waited for longer."""
LAST_S = 600.0
"""The same at the end: until then what was read is decided by the choice that was made for it."""


@dataclass
class Progress:
    """How far an import has come; its form in the job's row is `cursor` and `details`."""

    began_ms: int
    type: str = TYPES[0]
    """What is being read; empty at the end."""
    page: str = ""
    done: dict[str, int] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: dict[str, Any]) -> Progress:
        """Of a job that was begun."""
        return cls(
            int(cursor["beganMs"]),
            str(cursor["type"]),
            str(cursor["page"]),
            dict(cursor["done"]),
            dict(cursor["total"]),
        )

    def turn(self, kind: str, page: Page) -> None:
        """This page has been read."""
        self.done[kind] = self.done.get(kind, 0) + len(page.items)
        if page.total is not None:
            self.total[kind] = page.total
        self.page = page.next
        if not page.next:
            following = TYPES.index(kind) + 1
            self.type = TYPES[following] if following < len(TYPES) else ""

    def cursor(self) -> dict[str, Any]:
        """For the job's row."""
        return {
            "beganMs": self.began_ms,
            "type": self.type,
            "page": self.page,
            "done": self.done,
            "total": self.total,
        }

    @property
    def read(self) -> int:
        """Items so far."""
        return sum(self.done.values())

    @property
    def expected(self) -> int:
        """Items altogether, where the platform tells; never fewer than were read."""
        return sum(max(self.total.get(kind, 0), self.done.get(kind, 0)) for kind in TYPES)

    def details(self, rate: float) -> dict[str, Any]:
        """For people. `etaS` is null while nobody can tell."""
        left = self.expected - self.read
        return {
            "types": {
                kind: {
                    "done": self.done.get(kind, 0),
                    "total": max(self.total.get(kind, 0), self.done.get(kind, 0)),
                }
                for kind in TYPES
            },
            "reading": self.type,
            "ratePerS": round(rate, 1),
            "etaS": round(left / rate) if rate > 0 else None,
        }


def register(runner: Runner) -> None:
    """Two at once: an import must leave room for everything else."""
    runner.register(KIND, import_all, at_once=2)


async def import_all(job: JobContext, clock: Callable[[], float] = time.monotonic) -> None:
    """Errors are the runner's to judge."""
    connection = await confirmed(job)
    inbox = Inbox(job.tools.database)
    async with job.client(connection) as client:
        if not isinstance(client, Lists):
            return  # written only: there is nothing to read
        progress = Progress.of(job.cursor) if job.cursor else await _begun(client)
        began, at_start, drained = clock(), progress.read, False
        while kind := progress.type:
            found = await client.page(kind, progress.page, limit=PAGE)
            await room(job.tools.waiting)
            await deliver(
                job.tools.publisher,
                inbox,
                connection,
                kind,
                found.items,
                cause=f"import:{job.job.id}",
                at_ms=unix_ms(),
            )
            progress.turn(kind, found)
            rate = (progress.read - at_start) / max(clock() - began, 0.001)
            await job.save(
                cursor=progress.cursor(),
                done=progress.read,
                total=progress.expected,
                details=progress.details(rate),
            )
            if not found.next:
                drained = await _drained(job, DRAINED_S if progress.type else LAST_S)
    await begin_polling(job.tools.database, connection, progress.began_ms)
    if drained:
        await choice_is_over(job.tools.database, connection)


async def choice_is_over(database: Database, connection: Connection) -> None:
    """Who wins was said of what differed at the beginning. An item that is made on both sides later
    is nobody's to overwrite: the newest wins, and unequal stock asks a person."""
    await database["ss_integrations"].update_one(
        {
            "_id": connection.id,
            "organizationId": connection.organization_id,
            "firstSync": connection.first_sync,
        },
        {"$set": {"firstSync": FIRST_SYNC}},
    )


async def confirmed(job: JobContext) -> Connection:
    """The connection, once every process surely knows who wins. Raises JobFailed where nobody has
    said it."""
    end_s = time.monotonic() + SETTLE_MS / 1000 + 2 * FRESH_S
    while time.monotonic() < end_s:
        connection = await job.connection()
        if connection.confirmed:
            if not job.cursor:
                await asyncio.sleep(FRESH_S)  # others may have looked a moment before us
            return connection
        await asyncio.sleep(LOOK_S)
    raise JobFailed("Nobody has chosen who wins yet: look at the preview and confirm it.")


async def _begun(client: Lists) -> Progress:
    """Totals are asked for first, so that the progress means something from the start."""
    progress = Progress(unix_ms())
    for kind in TYPES:
        total = (await client.page(kind, limit=1)).total
        if total is not None:
            progress.total[kind] = total
    return progress


async def _drained(job: JobContext, limit_s: float) -> bool:
    """What was read so far has been identified: an order's lines then find their products."""
    end_s = time.monotonic() + limit_s
    while await job.tools.waiting() > 0:
        if time.monotonic() > end_s:
            return False
        await asyncio.sleep(LOOK_S)
    return True
