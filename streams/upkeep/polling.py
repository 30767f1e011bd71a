"""Job `poll`: what changed on a platform since it was last asked, whether webhooks told of it or
not.

`ss_polls`: {_id: "org/replica", seen: {type: the newest change seen, in ms of the platform's own
clock}, restUntilMs: {type: ms}, slowAtMs, gapMs, atMs, found}. The platform's clock orders its
changes, so its being wrong does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.protocol import Connection, Lists, Profile, Sighting
from connectors.registry import UnknownPlatform, connector
from schemas.clock import unix_ms
from streams.connections import ENVIRONMENT
from streams.database import Database, Document
from streams.identity import HOME
from streams.inbox import Inbox
from streams.sync.learn import differs
from streams.sync.record import Record
from streams.upkeep.deliveries import deliver, room
from streams.upkeep.drift.books import Books
from streams.upkeep.jobs import Jobs
from streams.upkeep.runner import JobContext, Runner
from streams.upkeep.schedule import Every, usable

KIND = "poll"
OFTEN = ("product", "order")
SELDOM = ("variation", "customer")
"""Customers know no time of change, variations hang on their products: asking costs many pages."""
SELDOM_MS = 3_600_000
SKEW_MS = 3_600_000
"""A first poll asks so far back: the platform's clock is not known yet."""
SAME_MS = 120_000
"""As far back as a listing's own window reaches: its clock has whole seconds."""
PAGE = 100
MANY_PAGES = 5
REST_MS = 15 * 60_000
"""Many items changed in one moment (a bulk edit) are within the window until another one changes:
once they are known they are not read every minute."""


@dataclass
class Found:
    """What a poll of one type came to."""

    news: int = 0
    pages: int = 0
    newest_ms: int = 0


def register(runner: Runner, minutes: float) -> None:
    """`minutes` between polls of one connection; 0 never."""
    runner.register(KIND, poll, at_once=3, brief=True)
    runner.every(Every(KIND, seconds=minutes * 60, wanted=can_be_asked))


def can_be_asked(connection: Connection) -> bool:
    """Our own database is watched, and a catalogue that is only written tells nothing."""
    if connection.replica == HOME or not usable(connection):
        return False
    try:
        return connector(connection.platform).profile(connection, {}).reads
    except UnknownPlatform:
        return False


async def ask_for_gap(
    database: Database, jobs: Jobs, connection: Connection, since_ms: int
) -> None:
    """Have everything asked for that changed since (by the platform's clock), by the poll that is
    queued already or by one more."""
    await database["ss_polls"].update_one({"_id": connection.place}, {"$min": {"gapMs": since_ms}})
    await jobs.queue(
        connection.organization_id, KIND, connection.replica, arguments={"sinceMs": since_ms}
    )


async def poll(job: JobContext) -> None:
    """The gap that webhooks left, in every type, since `arguments.sinceMs` or the row's `gapMs`: a
    poll that was queued before has none in its arguments."""
    connection = await job.connection()
    if not connection.confirmed or await _importing(job):
        return
    now_ms = unix_ms()
    rows = job.tools.database["ss_polls"]
    place = {"_id": connection.place}
    state = await rows.find_one(place)
    async with job.client(connection) as client:
        if not isinstance(client, Lists):
            return
        if state is None:
            if connection.id.startswith(ENVIRONMENT):
                await job.jobs.queue(connection.organization_id, "import", connection.replica)
                return
            state = await begin_polling(job.tools.database, connection, now_ms)
        gap_ms = state.get("gapMs")
        gaps = [int(one) for one in (job.arguments.get("sinceMs"), gap_ms) if one is not None]
        since_ms = min(gaps, default=None)
        seldom = since_ms is not None or now_ms - int(state.get("slowAtMs", 0)) >= SELDOM_MS
        found, seen, resting = 0, dict(state["seen"]), dict(state.get("restUntilMs", {}))
        books = Books(job.tools.database, job.tools.links, connection)
        for kind in (*OFTEN, *SELDOM) if seldom else OFTEN:
            asked_ms = int(seen.get(kind, now_ms - SKEW_MS))
            if since_ms is not None:
                asked_ms = min(asked_ms, since_ms)
            elif int(resting.get(kind, 0)) > now_ms:
                continue
            told = await _changed(job, client, books, connection, kind, asked_ms)
            seen[kind] = max(int(seen.get(kind, 0)), told.newest_ms) or asked_ms
            found += told.news
            assign = {f"seen.{kind}": seen[kind]}
            if not told.news and told.pages > MANY_PAGES:
                assign[f"restUntilMs.{kind}"] = now_ms + REST_MS
            await rows.update_one(place, {"$set": assign}, upsert=True)
        await rows.update_one(
            place,
            {"$set": {"atMs": now_ms, "found": found} | ({"slowAtMs": now_ms} if seldom else {})},
        )
        if gap_ms is not None:  # one that was found meanwhile stays
            await rows.update_one({**place, "gapMs": gap_ms}, {"$unset": {"gapMs": ""}})
    await job.save(done=found, total=found, details={"seen": seen})


async def _importing(job: JobContext) -> bool:
    """Whether everything is being read anyway."""
    newest = await job.jobs.newest(job.organization_id, kind="import", replica=job.replica, limit=1)
    return bool(newest) and newest[0].state in ("queued", "running")


async def _changed(
    job: JobContext, client: Lists, books: Books, connection: Connection, kind: str, since_ms: int
) -> Found:
    """Publish what changed and says something new."""
    inbox, cursor, found = Inbox(job.tools.database), "", Found()
    profile = connector(connection.platform).profile(connection, {})
    while True:
        page = await client.page(kind, cursor, since_ms=since_ms, limit=PAGE)
        told = await books.told(page.items)
        records = await books.records(
            (one.type, one.external_id) for sightings in told.values() for one in sightings
        )
        items = []
        for item in page.items:
            sightings = told[item.external_id]
            at_ms = changed_ms(sightings)
            found.newest_ms = max(found.newest_ms, at_ms or 0)
            recent = at_ms is None or at_ms > since_ms - SAME_MS
            if recent and is_news(sightings, records, profile, connection.replica):
                items.append(item)
        await room(job.tools.waiting)
        await deliver(
            job.tools.publisher,
            inbox,
            connection,
            kind,
            items,
            cause=f"poll:{job.job.id}",
            at_ms=unix_ms(),
        )
        found.news += len(items)
        found.pages += 1
        cursor = page.next
        if not cursor:
            return found


def changed_ms(sightings: Sequence[Sighting]) -> int | None:
    """When the item last changed by the platform's clock; None where it does not say. Pure."""
    seen = sightings[0].seen if sightings else None
    return seen.changed_at_ms if seen else None


def is_news(
    sightings: Sequence[Sighting],
    records: Mapping[tuple[str, str], Record],
    profile: Profile,
    replica: str,
) -> bool:
    """Whether an item says anything that our record does not: most of what a poll reads is known.
    What cannot be understood is no news: webhooks and imports park it, once. Pure."""
    for sighting in sightings:
        record = records.get((sighting.type, sighting.external_id))
        if record is None or sighting.seen is None:
            return True
        held = profile.types.get(sighting.type)
        if held is None or differs(record.replicas[replica], sighting.seen, held.readable):
            return True
    return False


async def begin_polling(database: Database, connection: Connection, at_ms: int) -> Document:
    """Everything up to about this time (of our clock) is known."""
    seen = dict.fromkeys((*OFTEN, *SELDOM), at_ms - SKEW_MS)
    state = {"seen": seen, "slowAtMs": at_ms, "atMs": at_ms, "found": 0}
    await database["ss_polls"].update_one(
        {"_id": connection.place}, {"$setOnInsert": state}, upsert=True
    )
    return state
