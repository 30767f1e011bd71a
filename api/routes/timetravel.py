"""`GET /api/entities/{type}/{id}/at`, `GET /api/history/at`, `GET /api/history/diff`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.responses import StreamingResponse

from api.deps import UseCaller, UseServices
from api.errors import invalid
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
    return StreamingResponse(past.everything(at_ms, type), media_type=NDJSON)


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
    return StreamingResponse(past.diff(from_ms, to_ms, type), media_type=NDJSON)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
