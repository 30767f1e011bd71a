"""Entities as they stood at any time: the changelog folded up to there, by the rules by which the
table itself is restored (`streams/sync/table.py`).

Where the changelog does not reach back so far, the agreed values are taken from the first record
that is known and what `ss_history` tells of the changes between is taken back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from schemas.archive import SYSTEM, ArchivedEvent
from schemas.base import entity_key
from schemas.codec import Undecodable, decode
from schemas.feed import FeedLine
from schemas.topics import ENTITIES
from streams.archive.joined import Sources, history
from streams.archive.reading import Query
from streams.database import Database
from streams.entities import find_record
from streams.history import KEPT_MS, lines_of
from streams.sync.record import CLAIM_KEY_PREFIX, Agreed, Record

Read = Callable[[Query], AsyncIterator[ArchivedEvent]]
"""All history in order, the archive's and what Kafka still holds behind it."""


def reader(sources: Sources) -> Read:
    """What the archive and Kafka hold, an event at a time."""

    async def read(query: Query) -> AsyncIterator[ArchivedEvent]:
        async for batch in history(sources, query):
            for event in batch:
                yield event

    return read


MOST_LINES = 2_000
"""Of the history of one entity: as far as one answer takes back."""


class _Outline(msgspec.Struct):
    epoch: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Version:
    """One record as it was written."""

    event: ArchivedEvent
    epoch: int
    version: int

    def record(self) -> Record:
        """Decoded. Raises Undecodable."""
        return decode(self.event.body or b"", Record)


@dataclass
class Fold:
    """The table as it stood after the events it took, in their order."""

    held: dict[bytes, Version] = field(default_factory=dict)
    _claims: dict[tuple[str, int], int] = field(default_factory=dict)

    def take(self, event: ArchivedEvent) -> Version | None:
        """What this event made stand; None: a claim, a deletion, or a woken former owner's word.
        In another log epochs begin anew, and what was written last holds."""
        if event.topic != ENTITIES.name:
            return None
        if event.key.startswith(CLAIM_KEY_PREFIX):
            self._claims[event.log, event.partition] = event.offset + 1
            return None
        body = event.body
        if not body:
            self.held.pop(event.key, None)
            return None
        try:
            outline = decode(body, _Outline)
        except Undecodable:
            return None  # the table's recovery skips it too
        held = self.held.get(event.key)
        if held is not None and held.event.log == event.log:
            fenced = outline.epoch < self._claims.get((event.log, event.partition), 0)
            if fenced or (outline.epoch, outline.version) < (held.epoch, held.version):
                return None
        found = self.held[event.key] = Version(event, outline.epoch, outline.version)
        return found


@dataclass(frozen=True)
class Then:
    """One entity at one time."""

    record: Record | None
    """None: there was none."""
    at_ms: int = 0
    """When it came to be so; 0 where that is not known."""
    complete: bool = True
    """False: taken back from a later record, so only agreed values are known, and those that
    nothing told of are the later ones."""


class TimeTravel:
    """One organisation's past. Errors: PyMongoError, and what `read` raises."""

    def __init__(self, database: Database, read: Read, now_ms: int) -> None:
        self._database = database
        self._read = read
        self._now_ms = now_ms

    async def versions(
        self, organization_id: str, entity_type: str, entity_id: str
    ) -> list[Version]:
        """Every record of one entity that stood, oldest first."""
        fold = Fold()
        found: list[Version] = []
        async for event in self._one(organization_id, entity_type, entity_id):
            version = fold.take(event)
            if version is not None:
                found.append(version)
        return found

    async def at(self, organization_id: str, entity_type: str, entity_id: str, at_ms: int) -> Then:
        """One entity as it stood."""
        fold = Fold()
        key = entity_key(organization_id, entity_type, entity_id)
        later: Version | None = None
        async for event in self._one(organization_id, entity_type, entity_id):
            if event.at_ms > at_ms and fold.held.get(key) is not None:
                break
            taken = fold.take(event)
            if event.at_ms > at_ms and taken is not None:
                later = taken
                break
        held = fold.held.get(key)
        if held is not None and later is None:
            return Then(held.record(), held.event.at_ms)
        if later is not None and later.version == 1:
            return Then(None)
        return await self._taken_back(organization_id, entity_type, entity_id, at_ms, later)

    async def _one(
        self, organization_id: str, entity_type: str, entity_id: str
    ) -> AsyncIterator[ArchivedEvent]:
        """Its changelog, with the claims that fence it."""
        claims = Query(organization=SYSTEM, topics=frozenset({ENTITIES.name}))
        fences = [event async for event in self._read(claims)]
        mine = Query(
            organization=organization_id,
            topics=frozenset({ENTITIES.name}),
            types=frozenset({entity_type}),
            entity_id=entity_id,
        )
        place = 0
        async for event in self._read(mine):
            while place < len(fences) and fences[place].place < event.place:
                yield fences[place]
                place += 1
            yield event

    async def _taken_back(
        self,
        organization_id: str,
        entity_type: str,
        entity_id: str,
        at_ms: int,
        later: Version | None,
    ) -> Then:
        if later is not None:
            record, until_ms = later.record(), later.event.at_ms
        else:
            present = await find_record(self._database, organization_id, entity_type, entity_id)
            if present is None:
                return Then(None)
            record, until_ms = present, self._now_ms
        lines = await lines_of(
            self._database, organization_id, entity_type, entity_id, limit=MOST_LINES
        )
        told = [line for _, line in lines if at_ms < line.at_ms <= until_ms]
        if any(line.kind == "changed" and line.version == 1 for line in told):
            return Then(None)
        reaches = at_ms >= self._now_ms - KEPT_MS and len(lines) < MOST_LINES
        if not reaches:
            return Then(None, complete=False)
        return Then(taken_back(record, told), complete=False)

    async def organization(
        self, organization_id: str, times: Sequence[int], entity_type: str = ""
    ) -> AsyncIterator[Mapping[bytes, Version]]:
        """Everything as it stood at each of these times, which rise. One read of the changelog."""
        fold = Fold()
        waiting = list(times)
        query = Query(
            organization=organization_id,
            topics=frozenset({ENTITIES.name}),
            until_ms=waiting[-1] + 1,
            system=True,
        )
        async for event in self._read(query):
            while event.at_ms > waiting[0]:
                waiting.pop(0)
                yield _chosen(fold, entity_type)
            fold.take(event)
        for _ in waiting:
            yield _chosen(fold, entity_type)


def _chosen(fold: Fold, entity_type: str) -> dict[bytes, Version]:
    return {
        key: version
        for key, version in fold.held.items()
        if not entity_type or version.event.type == entity_type
    }


def taken_back(record: Record, lines: Iterable[FeedLine]) -> Record:
    """The record with the agreed values from before these lines, newest first; of the platforms'
    copies nothing is known then."""
    fields = dict(record.fields)
    for line in lines:
        if line.kind != "changed":
            continue
        for name in line.fields:
            if name in line.previous:
                fields[name] = Agreed(line.previous[name], 0, "")
            else:
                fields.pop(name, None)
    return Record(
        organization_id=record.organization_id,
        type=record.type,
        entity_id=record.entity_id,
        fields=fields,
    )


@dataclass(frozen=True)
class Difference:
    """What became of one entity between two times."""

    before: Record | None
    after: Record | None
    fields: dict[str, tuple[Any, Any]]
    """Field to (then, now) of the agreed values; None where there was none."""

    @property
    def change(self) -> str:
        """created, deleted or changed"""
        if self.before is None or (self.before.tombstone and not _gone(self.after)):
            return "created"
        return "deleted" if _gone(self.after) and not _gone(self.before) else "changed"


def _gone(record: Record | None) -> bool:
    return record is None or record.tombstone is not None


def difference(before: Record | None, after: Record | None) -> Difference | None:
    """Of the agreed values; None: nothing that people would call a change."""
    old = {} if before is None else {name: held.value for name, held in before.fields.items()}
    new = {} if after is None else {name: held.value for name, held in after.fields.items()}
    moved = {
        name: (old.get(name), new.get(name))
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    }
    if not moved and _gone(before) == _gone(after):
        return None
    return Difference(before, after, moved)


def differences(
    before: Mapping[bytes, Version], after: Mapping[bytes, Version]
) -> Iterator[Difference]:
    """Of everything that is in either, in the order of keys."""
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old is new:
            continue
        found = difference(old.record() if old else None, new.record() if new else None)
        if found is not None:
            yield found
