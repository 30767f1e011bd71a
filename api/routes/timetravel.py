"""`GET /api/entities/{type}/{id}/at`, `GET /api/history/at`, `GET /api/history/diff`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated

from aiokafka.errors import KafkaError
from fastapi import APIRouter, Query, Response
from starlette.responses import StreamingResponse

from api.deps import UseCaller, UseServices
from api.errors import invalid, unavailable
from api.shapes import to_json
from api.timetravel import moment, past_of

router = APIRouter(tags=["history"])

NDJSON = "application/x-ndjson"
Time = Annotated[str, Query(max_length=40, description="RFC 3339: 2026-11-23T10:30:00Z")]
Type = Annotated[str, Query(max_length=40, description="product, inventory, order, ...")]


@router.get("/api/entities/{type}/{entity_id:path}/at")
async def get_entity_at(
    type: str,
    entity_id: str,
    caller: UseCaller,
    use: UseServices,
    time: Time,
    organizationId: str | None = None,
) -> Response:
    """One entity as it stood at a time: agreed values, what each platform held, open conflicts."""
    caller.check(organizationId)
    at_ms = moment(time, "time", use.clock_ms())
    past = past_of(use, caller.organization_id)
    with _away():
        return _json(to_json(await past.entity(type, entity_id, at_ms)))


@router.get("/api/entities/{type}/{entity_id:path}/versions")
async def get_entity_versions(
    type: str,
    entity_id: str,
    caller: UseCaller,
    use: UseServices,
    organizationId: str | None = None,
) -> Response:
    """Every change of one entity that the archive and Kafka hold, oldest first."""
    caller.check(organizationId)
    past = past_of(use, caller.organization_id)
    with _away():
        return _json(to_json({"versions": await past.versions(type, entity_id)}))


@router.get("/api/history/at")
async def get_history_at(
    caller: UseCaller,
    use: UseServices,
    time: Time,
    type: Type = "",
    organizationId: str | None = None,
) -> Response:
    """Everything as it stood at a time, streamed: one line of JSON an entity."""
    caller.check(organizationId)
    at_ms = moment(time, "time", use.clock_ms())
    past = past_of(use, caller.organization_id)
    return await _streamed(past.everything(at_ms, type))


@router.get("/api/history/diff")
async def get_history_diff(
    caller: UseCaller,
    use: UseServices,
    begin: Annotated[str, Query(alias="from", max_length=40, description="RFC 3339")],
    to: Time,
    type: Type = "",
    organizationId: str | None = None,
) -> Response:
    """What became of everything between two times, streamed: one line of JSON an entity that is
    different."""
    caller.check(organizationId)
    from_ms, to_ms = moment(begin, "from", use.clock_ms()), moment(to, "to", use.clock_ms())
    if from_ms > to_ms:
        raise invalid("`from` is after `to`.", "Turn them round.")
    past = past_of(use, caller.organization_id)
    return await _streamed(past.diff(from_ms, to_ms, type))


@contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise unavailable("Kafka, or the archive's store, does not answer.") from error


async def _streamed(lines: AsyncIterator[bytes]) -> Response:
    """What is away is told as a problem before the first line, not in the middle."""
    with _away():
        first = await anext(lines, b"")

    async def all_() -> AsyncIterator[bytes]:
        yield first
        async for line in lines:
            yield line

    return StreamingResponse(all_(), media_type=NDJSON, headers={"cache-control": "no-store"})


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
