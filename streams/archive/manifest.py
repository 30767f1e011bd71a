"""What the archive consists of: collection `ss_archive`. A file is part of history exactly as long
as its row is here; positions and rows move together, in one transaction.

    {_id: "position|<location>|<log>|<topic>|<partition>", kind: "position", location, log, topic,
     partition, next, lastMs}
    {_id: "file|<location>|<name>", kind: "file", location, log, name, organizationId, topic, day,
     rows, bytes, plainBytes, fromMs, toMs, ranges: {"<partition>": [first, last]}, level,
     addedAtMs}
    {_id: "status|<location>", kind: "status", location, atMs, state, alarm, ...}
    rows of files that were replaced: kind "old", removeAtMs
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import stamina
from pymongo.errors import DuplicateKeyError, OperationFailure

from schemas.clock import unix_ms
from streams.database import Database, Document

COLLECTION = "ss_archive"
SNAPSHOT_AWAY = frozenset({239, 246})
"""MongoDB's SnapshotTooOld and SnapshotUnavailable."""
GRACE_MS = 600_000
"""A replaced file stays so long for whoever is reading it."""

ERASURES = "erasures"
"""`_id` of {kind: "erasures", version, commits}: rows are committed only in the version of the
erasures that they have been through."""

Source = tuple[str, str, int]
"""(log, topic, partition)"""


class MovedOn(Exception):
    """Another archiver has committed meanwhile, or a file was replaced: read the manifest again."""


@dataclass(frozen=True)
class Position:
    """How far one partition is archived."""

    next: int
    """The first offset that is not in the archive."""
    last_ms: int
    """`at_ms` of the last one that is."""


@dataclass(frozen=True)
class ArchiveFile:
    """One Parquet file."""

    name: str
    """Below the location: `organisation/topic/day/...parquet`."""
    organization: str
    topic: str
    log: str
    day: str
    """Of its rows' `at_ms`, in UTC: 2026-11-22."""
    rows: int
    bytes: int
    plain_bytes: int
    """About what its rows take in memory."""
    from_ms: int
    to_ms: int
    ranges: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    """Partition to first and last offset."""
    level: int = 0
    """0: as it came; 1: made from others."""


@dataclass(frozen=True)
class Snapshot:
    """The archive at one moment."""

    files: tuple[ArchiveFile, ...]
    positions: Mapping[Source, Position]


def _of_the_moment(error: Exception) -> bool:
    """A snapshot cannot be read while collections are being made or dropped."""
    return isinstance(error, OperationFailure) and error.code in SNAPSHOT_AWAY


class Manifest:
    """Errors: PyMongoError."""

    def __init__(self, database: Database, location: str) -> None:
        self._database = database
        self._rows = database[COLLECTION]
        self.location = location

    async def snapshot(self, organization_id: str | None = None) -> Snapshot:
        """Everything, or one organisation's files with those of the system. Files and positions
        are of one moment."""
        match: Document = {"location": self.location, "kind": {"$in": ["file", "position"]}}
        if organization_id is not None:
            match["organizationId"] = {"$in": [organization_id, "_", None]}
        async for attempt in stamina.retry_context(on=_of_the_moment, timeout=10.0):
            with attempt:
                async with self._database.client.start_session(snapshot=True) as session:
                    rows = await self._rows.find(match, session=session).to_list()
        files = [_file(row) for row in rows if row["kind"] == "file"]
        return Snapshot(
            tuple(sorted(files, key=lambda one: one.name)),
            {_source(row): _position(row) for row in rows if row["kind"] == "position"},
        )

    async def commit(
        self,
        expected: Mapping[Source, Position | None],
        reached: Mapping[Source, Position],
        files: Sequence[ArchiveFile],
        erasures: int = 0,
    ) -> None:
        """Move positions and add files, all or nothing. `erasures`: the version of the erasures
        that these rows have been through. Raises MovedOn where that or a position is not as
        expected."""

        async def write(session: Any) -> None:
            await self._touch_erasures(session, erasures)
            for source, position in reached.items():
                await self._move(session, source, expected.get(source), position)
            if files:
                await self._rows.insert_many([self._row(one) for one in files], session=session)

        try:
            async with self._database.client.start_session() as session:
                await session.with_transaction(write)
        except DuplicateKeyError as error:
            raise MovedOn("another archiver began here") from error

    async def replace(self, old: Collection[ArchiveFile], new: Sequence[ArchiveFile]) -> None:
        """Put files in the place of others, all or nothing. Raises MovedOn where one of the old is
        no longer part of the archive; the caller then removes the new."""
        remove_at_ms = unix_ms() + GRACE_MS

        async def write(session: Any) -> None:
            ids = [self._id(one.name) for one in old]
            done = await self._rows.update_many(
                {"_id": {"$in": ids}, "kind": "file"},
                {"$set": {"kind": "old", "removeAtMs": remove_at_ms}},
                session=session,
            )
            if done.modified_count != len(ids):
                raise MovedOn("a file was replaced meanwhile")
            if new:
                await self._rows.insert_many([self._row(one) for one in new], session=session)

        async with self._database.client.start_session() as session:
            await session.with_transaction(write)

    async def replaced(self, now_ms: int) -> list[str]:
        """Names of replaced files whose time is over."""
        match = {"location": self.location, "kind": "old", "removeAtMs": {"$lte": now_ms}}
        return [row["name"] async for row in self._rows.find(match, {"name": 1})]

    async def forget(self, names: Collection[str]) -> None:
        """These files are removed."""
        ids = [self._id(name) for name in names]
        await self._rows.delete_many({"_id": {"$in": ids}, "kind": "old"})

    async def names(self) -> set[str]:
        """Every file that is or was part of the archive."""
        match = {"location": self.location, "kind": {"$in": ["file", "old"]}}
        return {row["name"] async for row in self._rows.find(match, {"name": 1})}

    async def tell(self, **status: Any) -> None:
        """How the archiver is, for health and for people."""
        row = {"kind": "status", "location": self.location, **status}
        place = {"_id": f"status|{self.location}"}
        await self._rows.update_one(place, {"$set": row}, upsert=True)

    async def status(self) -> Document | None:
        """What was last told."""
        return await self._rows.find_one({"_id": f"status|{self.location}"})

    async def _touch_erasures(self, session: Any, version: int) -> None:
        """A write, not a look: of a commit and a new erasure at one moment, one must wait."""
        change = {"$inc": {"commits": 1}, "$setOnInsert": {"kind": "erasures", "version": 0}}
        row = await self._rows.find_one_and_update(
            {"_id": ERASURES}, change, upsert=True, return_document=True, session=session
        )
        if row is None or row["version"] != version:
            raise MovedOn("somebody is to be erased from these records first")

    async def _move(
        self, session: Any, source: Source, expected: Position | None, position: Position
    ) -> None:
        row_id = "|".join(("position", self.location, *map(str, source)))
        moved = {"next": position.next, "lastMs": position.last_ms}
        if expected is None:
            log, topic, partition = source
            row = {"_id": row_id, "kind": "position", "location": self.location, "log": log}
            await self._rows.insert_one(
                {**row, "topic": topic, "partition": partition, **moved}, session=session
            )
            return
        done = await self._rows.update_one(
            {"_id": row_id, "next": expected.next}, {"$set": moved}, session=session
        )
        if done.matched_count != 1:
            raise MovedOn(f"{source[1]}/{source[2]} is not at {expected.next} any more")

    def _id(self, name: str) -> str:
        return f"file|{self.location}|{name}"

    def _row(self, one: ArchiveFile) -> Document:
        return {
            "_id": self._id(one.name),
            "kind": "file",
            "location": self.location,
            "log": one.log,
            "name": one.name,
            "organizationId": one.organization,
            "topic": one.topic,
            "day": one.day,
            "rows": one.rows,
            "bytes": one.bytes,
            "plainBytes": one.plain_bytes,
            "fromMs": one.from_ms,
            "toMs": one.to_ms,
            "ranges": {str(number): list(pair) for number, pair in one.ranges.items()},
            "level": one.level,
            "addedAtMs": unix_ms(),
        }


def _file(row: Document) -> ArchiveFile:
    return ArchiveFile(
        name=row["name"],
        organization=row["organizationId"],
        topic=row["topic"],
        log=row["log"],
        day=row["day"],
        rows=row["rows"],
        bytes=row["bytes"],
        plain_bytes=row["plainBytes"],
        from_ms=row["fromMs"],
        to_ms=row["toMs"],
        ranges={int(number): (pair[0], pair[1]) for number, pair in row["ranges"].items()},
        level=row["level"],
    )


def _source(row: Document) -> Source:
    return row["log"], row["topic"], row["partition"]


def _position(row: Document) -> Position:
    return Position(row["next"], row["lastMs"])
