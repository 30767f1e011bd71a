"""`POST /api/events` (queueEvent) and `GET /api/events` (the feed, newest first)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from api.deps import Caller, UseCaller, UseServices
from api.errors import malformed, unavailable
from api.feed import FeedAway
from api.ring import Entry
from api.services import Services
from api.shapes import read_cursor
from schemas.event import QueuedEvent
from streams.intake import Unavailable
from streams.queueing import event_record

router = APIRouter(prefix="/api/events", tags=["events"])

PAGE = 50
MOST = 500
SCANNED = 20_000
"""Feed records looked at for one page; a filter that finds little gets a cursor to go on from."""
WINDOW = 4_000

Matches = Callable[[Entry], bool]


class Queued(BaseModel):
    """The event is held by something durable."""

    id: str
    queued: bool = True
    held: bool = False
    """True: Kafka is away; MongoDB's inbox has it and it is sent on as soon as Kafka is back."""


@router.post("", status_code=202)
async def queue_event(event: QueuedEvent, caller: UseCaller, use: UseServices) -> Queued:
    """Queue an event. The same id again changes nothing."""
    caller.check(event.organization_id)
    try:
        kept = await use.intake.accept(event_record(event, use.clock_ms()))
    except Unavailable as error:
        raise unavailable("Neither Kafka nor MongoDB could take the event.") from error
    return Queued(id=event.id, held=bool(getattr(kept, "held", False)))


@router.get("")
async def list_events(
    caller: UseCaller,
    use: UseServices,
    type: Annotated[str, Query(description="product, order, ...")] = "",
    entity: Annotated[str, Query(description="entity id")] = "",
    source: Annotated[str, Query(description="replica that made or received it")] = "",
    kind: Annotated[str, Query(description="changed, arrived, conflict, ...")] = "",
    cursor: Annotated[str, Query(description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = PAGE,
    organizationId: str | None = None,
) -> Response:
    """Newest first. `next` is empty at the end of what Kafka still has."""
    caller.check(organizationId)
    before: int | None = None
    if cursor:
        place = read_cursor(cursor)
        if place is None or place.partition != use.feed.ring_of(caller.organization_id).partition:
            raise malformed(f"{cursor!r} is not a cursor of yours.", "Take `next` as it was given.")
        before = place.offset

    def wanted(entry: Entry) -> bool:
        line = entry.line
        return (
            (not type or line.type == type)
            and (not entity or line.entity_id == entity)
            and (not source or source in (line.source, line.replica))
            and (not kind or line.kind == kind)
        )

    try:
        found, following = await newest_first(use, caller, before, limit, wanted)
    except FeedAway as error:
        raise unavailable("Kafka, where older events are, does not answer.") from error
    body = b'{"events":[%s],"next":"%s"}' % (
        b",".join(entry.event for entry in found),
        following.encode(),
    )
    return Response(body, media_type="application/json")


async def newest_first(
    use: Services, caller: Caller, before: int | None, limit: int, wanted: Matches
) -> tuple[list[Entry], str]:
    """A page and the cursor behind it. Raises FeedAway."""
    organization_id = caller.organization_id
    ring = use.feed.ring_of(organization_id)
    stop = ring.stop if before is None else min(before, ring.stop)
    found: list[Entry] = []
    for entry in ring.before(organization_id, stop):
        if wanted(entry):
            found.append(entry)
            if len(found) == limit:
                return found, str(entry.cursor)
    stop = min(stop, ring.start)
    first = await use.feed.first_offset(organization_id) if stop else 0
    scanned = 0
    while stop > first and scanned < SCANNED:
        start = max(first, stop - WINDOW)
        window: list[Entry] = []
        async for piece in use.feed.history(organization_id, start, stop):
            window.extend(entry for entry in piece if wanted(entry))
        scanned += stop - start
        for entry in reversed(window):
            found.append(entry)
            if len(found) == limit:
                return found, str(entry.cursor)
        stop = start
    return found, f"{ring.partition}-{stop}" if stop > first else ""
