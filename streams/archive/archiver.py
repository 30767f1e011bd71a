"""Lands every topic in Parquet, each offset exactly once (docs/adr/0009).

Records are read into a buffer of limited size; a full or old buffer is written as files, and one
transaction in MongoDB adds the files to the manifest and moves the positions. Whatever happens
before it has left only files that nobody names, whatever happens after it is not needed: so any
error, a kill included, means to begin again from the manifest.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable

import structlog
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from schemas.archive import ArchivedEvent
from schemas.clock import unix_ms
from schemas.settings import Endpoints
from streams.archive.erasing import erased_all
from streams.archive.erasures import Erasures
from streams.archive.files import land
from streams.archive.location import Location
from streams.archive.manifest import Manifest, MovedOn, Position, Source
from streams.archive.rows import log_id, size_of
from streams.archive.tailing import Tail
from streams.database import Database
from streams.inbox import Inbox
from streams.topics import history_of

log = structlog.get_logger(__name__)

BUFFER_BYTES = 32 * 1024**2
BUFFER_ROWS = 50_000
LONGEST_WAIT_S = 60.0
LOOKS_AGAIN_S = 10.0
"""While it pauses for want of room."""
TELLS_S = 15.0


class Archiver:
    """One for a Kafka log and a location. A second one does no harm: whichever commits first is
    right, and the other begins again."""

    def __init__(
        self,
        endpoints: Endpoints,
        database: Database,
        location: Location,
        erasures: Erasures,
        *,
        every_s: float,
        spare_mb: int,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._endpoints = endpoints
        self._database = database
        self._location = location
        self._erasures = erasures
        self._manifest = Manifest(database, location.name)
        self._every_s = every_s
        self._spare_mb = spare_mb
        self._clock_ms = clock_ms
        self._told_s = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            try:
                async for _ in self.rounds():
                    failures = 0
            except MovedOn as error:
                log.warning("archiver begins again", reason=str(error))
            except (KafkaError, OSError, PyMongoError, TimeoutError) as error:
                failures += 1
                log.warning("archiver waits", reason=repr(error))
                await self._alarm(f"{type(error).__name__}: {error}")
            await asyncio.sleep(min(LONGEST_WAIT_S, 2.0**failures) if failures else 0.1)

    async def rounds(self) -> AsyncGenerator[int, None]:
        """From the manifest's positions on: yields the number of rows after each commit."""
        log_name = log_id(await history_of(self._endpoints))
        snapshot = await self._manifest.snapshot()
        positions = {s: p for s, p in snapshot.positions.items() if s[0] == log_name}
        tail = Tail(self._endpoints, log_name, positions, Inbox(self._database))
        try:
            await tail.open()
            for (_, topic, number), lost in tail.skipped.items():
                log.error("kafka dropped records before they were archived", topic=topic,
                          partition=number, offsets=lost)  # fmt: skip
            committed: dict[Source, Position] = positions
            while True:
                await self._room(tail)
                events = await self._fill(tail)
                if events:
                    reached = dict(tail.reached)
                    await self._commit(events, committed, reached)
                    committed = reached
                    yield len(events)
        finally:
            await tail.close()

    async def _fill(self, tail: Tail) -> list[ArchivedEvent]:
        """What comes until the buffer is full, or the first of it is old enough."""
        events: list[ArchivedEvent] = []
        held, began_s = 0, time.monotonic()
        while len(events) < BUFFER_ROWS and held < BUFFER_BYTES:
            found = await tail.take()
            await self._tell(tail)
            if found and not events:
                began_s = time.monotonic()
            events += found
            held += sum(map(size_of, found))
            if time.monotonic() - began_s >= self._every_s:
                break
        return events

    async def _commit(
        self,
        events: list[ArchivedEvent],
        committed: dict[Source, Position],
        reached: dict[Source, Position],
    ) -> None:
        persons, version = await self._erasures.active()
        clean = await asyncio.to_thread(erased_all, events, persons)
        files = await asyncio.to_thread(land, self._location, clean)
        moved = {
            source: position
            for source, position in reached.items()
            if committed.get(source) != position
        }
        await self._manifest.commit(committed, moved, files, version)

    async def _room(self, tail: Tail) -> None:
        """Returns when the disk has room."""
        while True:
            free_mb = await asyncio.to_thread(self._location.free_mb)
            if free_mb is None or free_mb >= self._spare_mb:
                return
            text = (
                f"The archive pauses: {free_mb:,.0f} MB are free on its disk, {self._spare_mb:,} "
                "are to stay free. Make room, or set SMARTSTORE_ARCHIVE_SPARE_MB or _DAYS."
            )
            log.error("archiver pauses", free_mb=round(free_mb))
            await self._manifest.tell(
                atMs=self._clock_ms(), state="paused", alarm=text, waiting=tail.waiting()
            )
            await asyncio.sleep(LOOKS_AGAIN_S)

    async def _tell(self, tail: Tail) -> None:
        if time.monotonic() - self._told_s >= TELLS_S:
            self._told_s = time.monotonic()
            lost = sum(tail.skipped.values())
            alarm = f"{lost} records were gone from Kafka before they were archived" if lost else ""
            await self._manifest.tell(
                atMs=self._clock_ms(), state="running", alarm=alarm, waiting=tail.waiting()
            )

    async def _alarm(self, text: str) -> None:
        with contextlib.suppress(PyMongoError):
            await self._manifest.tell(atMs=self._clock_ms(), state="waiting", alarm=text)
