"""Erases one person: from here on, then what is, then what was, with a proof at the end.

1. A row in `ss_erasures`: no new file and no replay holds their data any more.
2. The engine is told of every entity of theirs; it writes to the platforms that let it.
3. Our views in MongoDB, looked through.
4. The archive's files that hold them are written anew; the old ones are removed at once.
5. All of it is looked through again; what is found is the proof's `left`.

Every step may be repeated; a crash goes on where it was when the same is asked again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.archive import SYSTEM, events_of
from schemas.clock import unix_ms
from schemas.codec import decode
from schemas.envelope import rfc3339
from schemas.fields import PERSONAL
from schemas.outcome import Erase
from schemas.topics import CONFLICTS, DEADLETTER, TOPICS
from streams.archive.cache_erased import forget_cached
from streams.archive.erasing import Person, erased
from streams.archive.erasures import Erasures
from streams.archive.files import land, rows_of
from streams.archive.finding import Subject, find_subject
from streams.archive.joined import Sources
from streams.archive.keeping import Keeper
from streams.archive.manifest import ArchiveFile, Manifest, MovedOn
from streams.archive.reading import open_archive
from streams.archive.retention import Retention
from streams.archive.views_erased import erase_views, left_elsewhere
from streams.database import Document
from streams.entities import COLLECTION
from streams.identity import HOME
from streams.kafka.records import Outgoing, Publishes
from streams.replies import reply_record
from streams.sync.erase import MARK, SOURCE, sealed
from streams.sync.record import Record
from streams.whatsapp.media import Media

ENGINE_S = 60.0
"""How long the engine and the platforms are waited for."""
TRIES = 20
_NAMED = 5
Tell = Callable[[str], Awaitable[None]]


class NobodyFound(LookupError):
    """Nothing of ours is about this person."""


@dataclass(frozen=True)
class Desk:
    """What an erasure works with."""

    sources: Sources
    publisher: Publishes
    tell: Tell
    by: str


async def preview(sources: Sources, organization_id: str, customer: str) -> Document:
    """What an erasure would do; nothing is changed. Raises NobodyFound, PyMongoError, OSError."""
    subject = await _subject(sources, organization_id, customer)
    person = subject.person()
    archived = await _touched(sources, person)
    return {
        "dryRun": True,
        "customerIds": sorted(subject.customer_ids),
        "entities": person.counts(),
        "archive": {"files": len(archived), "events": sum(archived.values())},
        "views": await erase_views(sources.database, person, dry_run=True),
    }


async def begin(sources: Sources, organization_id: str, customer: str) -> Person:
    """From here on nothing new is archived or replayed that tells of them; the same asked again
    goes on with what is unfinished. Raises NobodyFound, PyMongoError."""
    subject = await _subject(sources, organization_id, customer)
    erasures = Erasures(sources.database, sources.keyring)
    known = await erasures.unfinished(organization_id, _customer(subject))
    return known or await erasures.begin(subject, _customer(subject))


async def carry_out(desk: Desk, person: Person) -> Document:
    """Do it; the proof, which is kept as well. Safe to repeat. Raises PyMongoError, PublishFailed,
    OSError."""
    sources = desk.sources
    await desk.tell("the engine")
    pending = await _engine(desk, person)
    await desk.tell("views")
    views = await erase_views(sources.database, person)
    messages = [name for kind, name in person.entities if kind == "message"]
    files = await Media(sources.database, sources.home).forget(person.organization, messages)
    cached = await forget_cached(sources.endpoints, person)
    await desk.tell("archive")
    archive = await _archive(sources, person)
    await desk.tell("looking again")
    await erase_views(sources.database, person)  # what was on its way into them meanwhile
    now_ms = unix_ms()
    counts = person.counts()
    proof = {
        "at": rfc3339(now_ms),
        "by": desk.by,
        "entities": counts,
        "fields": {kind: sorted(PERSONAL.get(kind, ())) for kind in counts},
        "views": views,
        "files": files,
        "archive": archive,
        "left": {
            "engine": pending,
            "archiveEvents": sum((await _touched(sources, person)).values()),
            "views": await erase_views(sources.database, person, dry_run=True),
            "yourOwnCollections": await left_elsewhere(sources.database, person),
            "platforms": await _platforms(sources, person),
            "cache": cached,
        },
        "kafka": held_by_kafka(now_ms),
    }
    await Erasures(sources.database, sources.keyring).end(person.erasure, proof)
    return proof


async def _subject(sources: Sources, organization_id: str, customer: str) -> Subject:
    subject = await find_subject(sources.database, organization_id, customer)
    if not subject.entities and not subject.needles:
        raise NobodyFound(f"There is no customer {customer}.")
    return subject


def _customer(subject: Subject) -> str:
    return ",".join(sorted(subject.customer_ids))


# The engine


async def _engine(desk: Desk, person: Person) -> list[str]:
    """Tell it; entities that still hold something when patience ends."""
    now_ms = unix_ms()
    entities = sorted(place for place in person.entities if place[0] in PERSONAL)
    ids = await _ids(desk.sources, person)
    for start in range(0, len(entities), 200):
        await desk.publisher.publish(
            *(
                reply_record(
                    Erase(
                        organization_id=person.organization,
                        type=kind,
                        entity_id=name,
                        id=f"{person.erasure}:{kind}:{name}",
                        by=desk.by,
                        at_ms=now_ms,
                        ids=ids.get((kind, name), ()),
                    ),
                    "streams/erasure",
                )
                for kind, name in entities[start : start + 200]
            )
        )
    await desk.publisher.publish(*await _conflicts(desk.sources, person))
    end_s = time.monotonic() + ENGINE_S
    while True:
        left = await _unfinished(desk.sources, person)
        if not left or time.monotonic() > end_s:
            return left
        await asyncio.sleep(0.5)


async def _ids(sources: Sources, person: Person) -> dict[tuple[str, str], tuple[str, ...]]:
    """What is to stand for platforms' ids that tell who it is, by entity."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    async for record in _records(sources, person):
        if telling := _telling(record, person):
            found[record.type, record.entity_id] = tuple(map(sealed, telling))
    return found


def _telling(record: Record, person: Person) -> list[str]:
    """A platform's ids of the entity that hold a number of theirs."""
    ids = (replica.external_id or "" for replica in record.replicas.values())
    return sorted({one for one in ids if person.coded_in(one)})


async def _conflicts(sources: Sources, person: Person) -> list[Outgoing]:
    """A compacted topic forgets a key by an empty record."""
    found = []
    match = {"organizationId": person.organization}
    async for row in sources.database["ss_conflicts"].find(match, {"type": 1, "entityId": 1,
                                                                   "field": 1}):  # fmt: skip
        place = row.get("type", ""), row.get("entityId", "")
        if place in person.entities and row.get("field") in PERSONAL.get(place[0], ()):
            key = "/".join((person.organization, *place, row["field"]))
            found.append(Outgoing(CONFLICTS, key.encode(), None))
    return found


async def _unfinished(sources: Sources, person: Person) -> list[str]:
    """Entities whose record is not yet without the person, and of which that can be expected."""
    left = []
    async for record in _records(sources, person):
        owed = {
            name
            for name, agreed in record.fields.items()
            if name in PERSONAL[record.type] and agreed.source != SOURCE and _tells(agreed.value)
        }
        home = record.replicas.get(HOME)
        if home is not None and home.exists:  # it can be written, so that is waited for
            shown = home.shadow.items()
            owed |= {n for n, one in shown if n in PERSONAL[record.type] and _tells(one.seen)}
        if owed or _telling(record, person):
            left.append(f"{record.type}/{record.entity_id}")
    return left


async def _platforms(sources: Sources, person: Person) -> dict[str, list[str]]:
    """What platforms were last seen to hold, by platform: `type/id field` of a few."""
    found: dict[str, list[str]] = {}
    async for record in _records(sources, person):
        for name, replica in record.replicas.items():
            fields = [
                field
                for field, shown in replica.shadow.items()
                if field in PERSONAL[record.type] and _tells(shown.seen)
            ]
            if fields and replica.exists:
                place = f"{record.type}/{record.entity_id}: {', '.join(sorted(fields))}"
                found.setdefault(name, []).append(place)
    return {name: places[:_NAMED] for name, places in found.items()}


async def _records(sources: Sources, person: Person) -> Any:
    ids = [f"{person.organization}/{kind}/{name}" for kind, name in person.entities]
    async for row in sources.database[COLLECTION].find({"_id": {"$in": ids}}, {"record": 1}):
        record = decode(row["record"], Record)
        if record.type in PERSONAL:
            yield record


def _tells(value: Any) -> bool:
    """Whether a value still tells something of somebody."""
    if isinstance(value, Mapping):
        return any(map(_tells, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_tells, value))
    return isinstance(value, str) and value not in ("", MARK)


# The archive


async def _archive(sources: Sources, person: Person) -> dict[str, int]:
    """Write files anew until none holds the person; files and events. Raises OSError."""
    files = events = 0
    manifest = Manifest(sources.database, sources.location.name)
    for _ in range(TRIES):
        done = await _touched(sources, person)
        if not done:
            break
        snapshot = await manifest.snapshot(person.organization)
        for one in snapshot.files:
            if one.name in done:
                try:
                    events += await _rewrite(sources, manifest, one, person)
                    files += 1
                except (MovedOn, FileNotFoundError):
                    continue  # a day file took it in; the next look finds that
    keeper = Keeper(sources.database, sources.location, Retention())
    await keeper.clear(at_once=True)  # not even for those who are reading
    return {"files": files, "events": events}


async def _rewrite(sources: Sources, manifest: Manifest, one: ArchiveFile, person: Person) -> int:
    """One file; how many events were changed. Raises MovedOn, OSError."""

    def work() -> tuple[list[ArchiveFile], int]:
        rows = events_of(rows_of(sources.location, [one]))
        clean = [erased(event, person) for event in rows]
        changed = sum(event is not None for event in clean)
        kept = [new or old for new, old in zip(clean, rows, strict=True)]
        return land(sources.location, kept, one.level), changed

    new, changed = await asyncio.to_thread(work)
    try:
        await manifest.replace([one], new)
    except MovedOn:
        for left in new:
            await asyncio.to_thread(sources.location.remove, left.name)
        raise
    return changed


async def _touched(sources: Sources, person: Person) -> dict[str, int]:
    """Files that hold the person, with how many events do. Raises OSError."""
    archive = await open_archive(sources.database, sources.location, person.organization)

    def look() -> dict[str, int]:
        found = {}
        for one in archive.files():
            rows = rows_of(sources.location, [one])
            likely = rows.filter(_likely(rows, person)) if one.organization != SYSTEM else rows
            count = sum(erased(event, person) is not None for event in events_of(likely))
            if count:
                found[one.name] = count
        return found

    return await asyncio.to_thread(look)


def _likely(rows: pa.Table, person: Person) -> Any:
    """Rows worth a closer look: of their entities, or with their digits or addresses somewhere.
    What hides them (a dead letter's base64, JSON's escapes, spaces in a number) is looked at
    too."""
    ids = pa.array(sorted({name for _, name in person.entities}), pa.string())
    found = pc.is_in(rows.column("entity_id"), value_set=ids)
    found = pc.or_(found, pc.equal(rows.column("topic"), DEADLETTER.name))
    keys = [f"{person.organization}/{place}".encode() for place in sorted(person.places)]
    found = pc.or_(found, pc.is_in(rows.column("key"), value_set=pa.array(keys, pa.binary())))
    found = pc.or_(found, pc.is_valid(rows.column("raw")))
    text = pc.fill_null(rows.column("value"), "")
    for needle in (*person.needles, *person.coded, "\\u"):
        shape = r"[\s().-]{0,2}".join(needle) if needle.isdigit() else None
        held = (
            pc.match_substring_regex(text, shape)
            if shape
            else pc.match_substring(text, needle, ignore_case=True)
        )
        keyed = pc.match_substring(rows.column("key"), needle)
        found = pc.or_(found, pc.or_(held, keyed))
    return found


def held_by_kafka(now_ms: int) -> list[dict[str, str]]:
    """Until when Kafka's own log may hold what was said of somebody before now."""
    return [
        {
            "topic": topic.name,
            "until": "its next compaction"
            if topic.compacted
            else rfc3339(now_ms + (topic.retention_ms or 0)),
        }
        for topic in TOPICS
    ]
