"""When each platform was last heard, and how often: noted in memory by whoever takes deliveries,
kept in `ss_pulses` every few seconds, read by upkeep.

    {_id: "org/replica", sinceMs, lastMs, nativeMs, pluginMs, refusedMs,
     hours: {hour since 1970: bursts}}
    {_id: "org", pingMs}
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from schemas.clock import unix_ms
from streams.database import Database

log = structlog.get_logger(__name__)

BURST_MS = 30_000
"""What comes sooner after the last is of the same thing: one sale sends three deliveries."""
KEEP_S = 3.0
HOUR_MS = 3_600_000


class Pulse:
    """One process's ears. Losing what was not kept yet makes a shop look a little quieter."""

    def __init__(self, clock_ms: Callable[[], int] = unix_ms) -> None:
        self._clock_ms = clock_ms
        self._last: dict[str, int] = {}
        self._set: dict[str, dict[str, int]] = {}
        self._bursts: dict[str, dict[str, int]] = {}

    def heard(self, place: str, by: str) -> None:
        """A delivery of `org/replica` was taken; `by`: native or plugin."""
        now_ms = self._clock_ms()
        noted = self._set.setdefault(place, {})
        noted["lastMs"] = noted[f"{by}Ms"] = now_ms
        if now_ms - self._last.get(place, 0) > BURST_MS:
            hours = self._bursts.setdefault(place, {})
            hour = str(now_ms // HOUR_MS)
            hours[hour] = hours.get(hour, 0) + 1
        self._last[place] = now_ms

    def refused(self, place: str) -> None:
        """A signed delivery held an error instead of its item: whoever made the webhooks may not
        see items any more. It names no item, so the gap has to be asked for."""
        self._set.setdefault(place, {})["refusedMs"] = self._clock_ms()

    def pinged(self, organization_id: str) -> None:
        """A shop of theirs reached us while a webhook was being made. Pings are not signed and name
        no shop, so that is all they tell."""
        self._set.setdefault(organization_id, {})["pingMs"] = self._clock_ms()

    async def keep(self, database: Database) -> None:
        """Write down what was noted. Raises PyMongoError, and then forgets nothing."""
        noted, bursts = self._set, self._bursts
        self._set, self._bursts = {}, {}
        writes = []
        for place, values in noted.items():
            update: dict[str, Any] = {"$max": values, "$setOnInsert": {"sinceMs": self._clock_ms()}}
            if place in bursts:
                update["$inc"] = {f"hours.{hour}": n for hour, n in bursts[place].items()}
            writes.append(UpdateOne({"_id": place}, update, upsert=True))
        if not writes:
            return
        try:
            await database["ss_pulses"].bulk_write(writes, ordered=False)
        except PyMongoError:
            for place, values in noted.items():
                self._set[place] = {**values, **self._set.get(place, {})}
            for place, hours in bursts.items():
                kept = self._bursts.setdefault(place, {})
                for hour, count in hours.items():
                    kept[hour] = kept.get(hour, 0) + count
            raise

    async def run(self, database: Database) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(KEEP_S)
            try:
                await self.keep(database)
            except PyMongoError as error:
                log.debug("pulses wait for MongoDB", reason=repr(error)[:200])
