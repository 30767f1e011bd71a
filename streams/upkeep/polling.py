"""Job `poll`: what changed on a platform since it was last asked, whether webhooks told of it or
not.

`ss_polls`: {_id: "org/replica", seen: {type: the newest change seen, in ms of the platform's own
clock}, slowAtMs, atMs, found}. The platform's clock orders its changes, so its being wrong does no
harm.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from connectors.errors import Malformed
from connectors.protocol import Connection, Listed, Lists, Parsed
from connectors.registry import UnknownPlatform, connector
from streams.connections import ENVIRONMENT
from streams.database import Database, Document
from streams.identity import HOME
from streams.inbox import Inbox
from streams.upkeep.deliveries import deliver
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


def register(runner: Runner, minutes: float) -> None:
    """`minutes` between polls of one connection; 0 never."""
    runner.register(KIND, poll, at_once=3)
    runner.every(Every(KIND, seconds=minutes * 60, wanted=can_be_asked))


def can_be_asked(connection: Connection) -> bool:
    """Our own database is watched, and a catalogue that is only written tells nothing."""
    if connection.replica == HOME or not usable(connection):
        return False
    try:
        return connector(connection.platform).profile(connection, {}).reads
    except UnknownPlatform:
        return False


async def poll(job: JobContext) -> None:
    """`arguments.sinceMs` (of the platform's clock): the gap that webhooks left, in every type."""
    connection = await job.connection()
    if not connection.confirmed:
        return
    now_ms = int(time.time() * 1000)
    rows = job.tools.database["ss_polls"]
    place = {"_id": place_of(connection)}
    state = await rows.find_one(place)
    async with job.client(connection) as client:
        if not isinstance(client, Lists):
            return
        if state is None:
            if connection.id.startswith(ENVIRONMENT):
                await job.jobs.queue(connection.organization_id, "import", connection.replica)
                return
            state = await begin_polling(job.tools.database, connection, now_ms)
        since_ms = job.arguments.get("sinceMs")
        seldom = since_ms is not None or now_ms - int(state.get("slowAtMs", 0)) >= SELDOM_MS
        found, seen = 0, dict(state["seen"])
        for kind in (*OFTEN, *SELDOM) if seldom else OFTEN:
            asked_ms = int(seen.get(kind, now_ms - SKEW_MS))
            if since_ms is not None:
                asked_ms = min(asked_ms, int(since_ms))
            told, newest_ms = await _changed(job, client, connection, kind, asked_ms)
            seen[kind] = max(int(seen.get(kind, 0)), newest_ms) or asked_ms
            found += told
            await rows.update_one(place, {"$set": {f"seen.{kind}": seen[kind]}}, upsert=True)
        await rows.update_one(
            place,
            {"$set": {"atMs": now_ms, "found": found} | ({"slowAtMs": now_ms} if seldom else {})},
        )
    await job.save(done=found, total=found, details={"seen": seen})


async def _changed(
    job: JobContext, client: Lists, connection: Connection, kind: str, since_ms: int
) -> tuple[int, int]:
    """Publish what changed; (how many items, the newest change)."""
    inbox, cursor, count, newest_ms = Inbox(job.tools.database), "", 0, 0
    while True:
        page = await client.page(kind, cursor, since_ms=since_ms, limit=PAGE)
        times = changed_ms(connection, page.items)
        items = [
            item
            for item, at_ms in zip(page.items, times, strict=True)
            if at_ms is None or at_ms > since_ms - SAME_MS
        ]
        newest_ms = max([newest_ms, *(at_ms for at_ms in times if at_ms is not None)])
        await deliver(
            job.tools.publisher,
            inbox,
            connection,
            kind,
            items,
            cause=f"poll:{job.job.id}",
            at_ms=int(time.time() * 1000),
        )
        count += len(items)
        cursor = page.next
        if not cursor:
            return count, newest_ms


def changed_ms(connection: Connection, items: Sequence[Listed]) -> list[int | None]:
    """When each item last changed by the platform's clock; None where it does not say. Pure."""
    known = connector(connection.platform)
    found: list[int | None] = []
    for item in items:
        try:
            parsed = known.parse(connection, item.topic, {}, item.body, 0)
        except Malformed:
            parsed = Parsed()  # the inbound worker keeps it, with the reason
        seen = parsed.sightings[0].seen if parsed.sightings else None
        found.append(seen.changed_at_ms if seen else None)
    return found


async def begin_polling(database: Database, connection: Connection, at_ms: int) -> Document:
    """Everything up to about this time (of our clock) is known."""
    seen = dict.fromkeys((*OFTEN, *SELDOM), at_ms - SKEW_MS)
    state = {"seen": seen, "slowAtMs": at_ms, "atMs": at_ms, "found": 0}
    await database["ss_polls"].update_one(
        {"_id": place_of(connection)}, {"$setOnInsert": state}, upsert=True
    )
    return state


def place_of(connection: Connection) -> str:
    """`_id` of what upkeep keeps of a connection."""
    return f"{connection.organization_id}/{connection.replica}"
