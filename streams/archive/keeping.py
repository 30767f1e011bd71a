"""Keeps the archive in order: small files become day files, what is older than is to be kept goes,
and so does what no manifest names. Runs beside the archiver; safe to run twice."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import structlog
from pymongo.errors import PyMongoError

from schemas.archive import events_of
from schemas.clock import unix_ms
from streams.archive.files import land, rows_of, write
from streams.archive.location import Location
from streams.archive.manifest import ArchiveFile, Manifest, MovedOn
from streams.archive.retention import COMPACTED, SNAPSHOT, Retention, expired, newest
from streams.archive.rows import SORTED, day_of
from streams.database import Database

log = structlog.get_logger(__name__)

LOOKS_EVERY_S = 300.0
SWEEP_EVERY_S = 6 * 3600.0
MANY = 16
"""So many small files of one topic and day are made one, while the day goes on."""
LATE_MS = 3_600_000
"""A day is over so long after its end."""
MOST_BYTES = 192 * 1024**2
"""Of rows in memory that become one file."""
LARGE = 0.5
"""A file that is so full already is left alone."""
STRAY_S = 3600.0
"""A file that no manifest names is somebody's who is still writing, for so long."""


class Keeper:
    """Errors are logged and tried again at the next look."""

    def __init__(
        self,
        database: Database,
        location: Location,
        retention: Retention,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._manifest = Manifest(database, location.name)
        self._location = location
        self._retention = retention
        self._clock_ms = clock_ms

    async def run(self) -> None:
        """Until cancelled."""
        swept_s = -SWEEP_EVERY_S
        while True:
            try:
                await self.compact()
                await self.retain()
                await self.clear()
                if time.monotonic() - swept_s >= SWEEP_EVERY_S:
                    await self.sweep()
                    swept_s = time.monotonic()
            except MovedOn:
                continue
            except (OSError, PyMongoError) as error:
                log.warning("archive keeper waits", reason=repr(error))
            await asyncio.sleep(LOOKS_EVERY_S)

    async def compact(self, *, all_days: bool = False) -> int:
        """Make day files; how many small files went into them. `all_days`: today's too, however
        few. Raises MovedOn, OSError."""
        snapshot = await self._manifest.snapshot()
        today = day_of(self._clock_ms() - LATE_MS)
        done = 0
        for group in groups(snapshot.files, today, all_days=all_days):
            new = await asyncio.to_thread(self._merge, group)
            try:
                await self._manifest.replace(group, [new])
            except MovedOn:
                await asyncio.to_thread(self._location.remove, new.name)
                raise
            done += len(group)
        return done

    async def retain(self) -> int:
        """Let go of what is older than is to be kept; how many files. Raises MovedOn, OSError."""
        snapshot = await self._manifest.snapshot()
        old = expired(snapshot.files, self._retention, self._clock_ms())
        gone = [one for one in old if one.topic not in COMPACTED]
        if gone:
            await self._manifest.replace(gone, [])
        places: dict[tuple[str, str], list[ArchiveFile]] = defaultdict(list)
        for one in old:
            if one.topic in COMPACTED:
                places[one.organization, one.topic].append(one)
        for group in places.values():
            if any(one.level != SNAPSHOT for one in group):
                new = await asyncio.to_thread(self._snapshot, group)
                await self._manifest.replace(group, new)
                gone += group
        if gone:
            log.info("archive: retention", files=len(gone), rows=sum(one.rows for one in gone))
        return len(gone)

    async def clear(self, *, at_once: bool = False) -> int:
        """Remove replaced files whose time is over (`at_once`: all); how many. Raises OSError."""
        now_ms = 2**53 if at_once else self._clock_ms()
        names = await self._manifest.replaced(now_ms)
        for name in names:
            await asyncio.to_thread(self._location.remove, name)
        await self._manifest.forget(names)
        return len(names)

    async def sweep(self) -> int:
        """Remove what no manifest names: left by a crash; how many files. Raises OSError."""
        found = await asyncio.to_thread(self._location.listed)
        known = await self._manifest.names()  # after the listing: what came since is not in it
        before_s = self._clock_ms() / 1000 - STRAY_S
        stray = [name for name, at_s in found if name not in known and at_s < before_s]
        for name in stray:
            await asyncio.to_thread(self._location.remove, name)
        if stray:
            log.info("archive: strays removed", files=len(stray))
        return len(stray)

    def _snapshot(self, group: Sequence[ArchiveFile]) -> list[ArchiveFile]:
        return land(self._location, newest(events_of(rows_of(self._location, group))), SNAPSHOT)

    def _merge(self, group: Sequence[ArchiveFile]) -> ArchiveFile:
        table = rows_of(self._location, group).sort_by(SORTED)
        return write(self._location, table, group[0].day, level=1)


def groups(
    files: Sequence[ArchiveFile], today: str, *, all_days: bool = False
) -> list[list[ArchiveFile]]:
    """Pure: files that are to become one. Days before `today` wholly; today's, and what comes after
    it, where there are many."""
    places: dict[tuple[str, str, str, str], list[ArchiveFile]] = defaultdict(list)
    for one in files:
        if one.plain_bytes < LARGE * MOST_BYTES and one.level != SNAPSHOT:
            places[one.organization, one.topic, one.log, one.day].append(one)
    found = []
    for (*_, day), small in sorted(places.items()):
        if len(small) < (2 if all_days or day < today else MANY):
            continue
        taken: list[ArchiveFile] = []
        held = 0
        for one in sorted(small, key=lambda file: file.from_ms):
            if taken and held + one.plain_bytes > MOST_BYTES:
                found.append(taken)
                taken, held = [], 0
            taken.append(one)
            held += one.plain_bytes
        found.append(taken)
    return [group for group in found if len(group) > 1]
