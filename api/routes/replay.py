"""`GET /api/replay`: an organisation's history as JSON lines, from the archive and Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from aiokafka.errors import KafkaError
from fastapi import APIRouter
from fastapi import Query as Ask
from fastapi.responses import StreamingResponse

from api.deps import UseCaller, UseServices
from api.errors import invalid, malformed, unavailable
from schemas.archive import ArchivedEvent
from schemas.event import timestamp_ms
from streams.archive.joined import Sources, bounded, history
from streams.archive.reading import Query
from streams.archive.replaying import SETTLED_MS, CursorInvalid, line_of, place_of

router = APIRouter(prefix="/api/replay", tags=["history"])

MOST = 100_000
AT_ONCE = asyncio.Semaphore(2)
"""A replay reads whole files; two of them leave the rest of the process its time."""
CONTENT_TYPE = "application/x-ndjson"

Names = Annotated[list[str] | None, Ask(max_length=32)]
Number = Annotated[int | None, Ask(ge=0)]


@router.get("", response_class=StreamingResponse)
async def replay(
    caller: UseCaller,
    use: UseServices,
    since: Annotated[str, Ask(max_length=40, description="RFC 3339, included")] = "",
    until: Annotated[str, Ask(max_length=40, description="RFC 3339, not included")] = "",
    topic: Names = None,
    type: Names = None,
    entity: Annotated[str, Ask(max_length=500, description="our id")] = "",
    kind: Names = None,
    source: Names = None,
    partition: Number = None,
    fromOffset: Number = None,
    toOffset: Number = None,
    cursor: Annotated[str, Ask(max_length=200, description="of the last line you have")] = "",
    limit: Annotated[int, Ask(ge=1, le=MOST)] = 1_000,
    organizationId: str | None = None,
) -> StreamingResponse:
    """One event a line, oldest first; `cursor` of the last line is where the next page begins, and
    a page with fewer lines than `limit` is the last for now. Nothing of it reaches a platform."""
    caller.check(organizationId)
    if use.history is None:
        raise unavailable("There is no archive here.")
    if (fromOffset is not None or toOffset is not None) and (
        partition is None or len(topic or ()) != 1
    ):
        raise invalid("Offsets are of one partition.", "Send `topic` and `partition` with them.")
    try:
        after = place_of(cursor) if cursor else None
    except CursorInvalid as error:
        raise malformed(str(error), "Take `cursor` as a line gave it.") from error
    query = Query(
        organization=caller.organization_id,
        topics=frozenset(topic or ()),
        types=frozenset(type or ()),
        entity_id=entity,
        kinds=frozenset(kind or ()),
        sources=frozenset(source or ()),
        since_ms=_moment(since, "since"),
        until_ms=_moment(until, "until"),
        partition=partition,
        from_offset=fromOffset,
        to_offset=toOffset,
        after=after,
    )
    lines = _lines(use.history, bounded(query, use.clock_ms() - SETTLED_MS), limit)
    try:
        first = await anext(lines, b"")  # what is away is told as a problem, not in the middle
    except (KafkaError, OSError, TimeoutError) as error:
        raise unavailable("Kafka, or the archive's store, does not answer.") from error
    headers = {"cache-control": "no-store"}
    return StreamingResponse(_with(first, lines), media_type=CONTENT_TYPE, headers=headers)


async def _lines(sources: Sources, query: Query, limit: int) -> AsyncIterator[bytes]:
    """Pieces of some thousand lines."""
    left = limit
    async with AT_ONCE:
        async for batch in history(sources, query):
            piece = batch[:left]
            left -= len(piece)
            yield await asyncio.to_thread(_encoded, piece)
            if left <= 0:
                return


def _encoded(events: list[ArchivedEvent]) -> bytes:
    return b"".join(map(line_of, events))


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _moment(text: str, name: str) -> int | None:
    if not text:
        return None
    try:
        return timestamp_ms(text)
    except ValueError as error:
        raise invalid(f"{name}: {error}", "Send a time such as 2026-11-22T10:00:00Z.") from error
