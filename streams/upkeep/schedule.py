"""When scheduled work is due: one row of `ss_schedules` for each (organisation, replica, kind).

Whoever moves the row's time ahead has the turn, so any number of processes start it once.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from connectors.protocol import Connection
from schemas.clock import unix_ms
from streams.database import Database
from streams.directory import Directory
from streams.upkeep.jobs import Jobs

LOOK_S = 15.0
"""How often organisations and their connections are looked through."""
SPREAD = 0.1
"""Share of an interval by which turns move, so that a thousand shops are not asked at once."""

Wanted = Callable[[Connection], bool]


def usable(connection: Connection) -> bool:
    """Connected for good, and not paused."""
    return connection.active and connection.confirmed


@dataclass(frozen=True)
class Every:
    """A kind of job that is queued every so many seconds (0: never)."""

    kind: str
    seconds: float
    wanted: Wanted | None = usable
    """For which connections; None: once for each organisation, without a replica."""


class Schedules:
    """Queues what is due."""

    def __init__(
        self,
        database: Database,
        directory: Directory,
        jobs: Jobs,
        schedules: Sequence[Every],
        clock_ms: Callable[[], int] = unix_ms,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._rows = database["ss_schedules"]
        self._directory = directory
        self._jobs = jobs
        self._schedules = [every for every in schedules if every.seconds > 0]
        self._clock_ms = clock_ms
        self._dice = dice
        self._not_before: dict[str, int] = {}

    async def look(self) -> int:
        """Queue what is due now; how many. Raises PyMongoError."""
        queued = 0
        for organization_id in await self._directory.organizations():
            connections = await self._directory.connections(organization_id)
            for every in self._schedules:
                replicas = (
                    [""]
                    if every.wanted is None
                    else [found.replica for found in connections if every.wanted(found)]
                )
                for replica in replicas:
                    if await self._turn(organization_id, replica, every):
                        await self._jobs.queue(organization_id, every.kind, replica)
                        queued += 1
        return queued

    async def _turn(self, organization_id: str, replica: str, every: Every) -> bool:
        """Whether it is due and this process has the turn."""
        place, now_ms = f"{organization_id}/{replica}/{every.kind}", self._clock_ms()
        if self._not_before.get(place, 0) > now_ms:
            return False
        interval_ms = int(every.seconds * 1000)
        next_ms = now_ms + int(interval_ms * (1 + SPREAD * (self._dice() - 0.5)))
        # An interval that was made shorter counts at once.
        latest_ms = now_ms + int(interval_ms * (1 + SPREAD))
        row = await self._rows.find_one_and_update(
            {
                "_id": place,
                "$or": [{"nextAtMs": {"$lte": now_ms}}, {"nextAtMs": {"$gt": latest_ms}}],
            },
            {"$set": {"nextAtMs": next_ms}},
            return_document=ReturnDocument.AFTER,
        )
        if row is not None:
            self._not_before[place] = next_ms
            return True
        first_ms = now_ms + int(interval_ms * (0.2 + 0.8 * self._dice()))
        try:
            await self._rows.insert_one({"_id": place, "nextAtMs": first_ms})
            self._not_before[place] = first_ms
        except DuplicateKeyError:
            held = await self._rows.find_one({"_id": place})
            self._not_before[place] = min(held["nextAtMs"], latest_ms) if held else 0
        return False
