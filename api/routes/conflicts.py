"""`GET /api/conflicts`, `GET /api/conflicts/{id}`, `POST /api/conflicts/{id}/resolve`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.conflicts import Choice
from api.deps import UseCaller, UseServices
from api.shapes import live_conflict, to_json

router = APIRouter(prefix="/api/conflicts", tags=["conflicts"])


class Decision(BaseModel):
    """What a person decided, and what they saw."""

    model_config = ConfigDict(extra="forbid")

    resolution: Choice
    value: Any = None
    """For `manual`."""
    candidates: dict[str, Any] | None = None
    """The values that were shown, by replica; else `version`; else the values as they are now."""
    version: Annotated[int, Field(ge=0)] | None = None


@router.get("")
async def list_conflicts(
    caller: UseCaller,
    use: UseServices,
    status: Literal["open", "resolved", ""] = "open",
    cursor: Annotated[str, Query(max_length=300)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    organizationId: str | None = None,
) -> Response:
    """Newest first; `next` is empty at the end."""
    caller.check(organizationId)
    found, following = await use.conflicts.page(caller.organization_id, status, cursor, limit)
    page = {"conflicts": [live_conflict(line) for line in found], "next": following}
    return Response(to_json(page), media_type="application/json")


@router.get("/{conflict_id:path}")
async def get_conflict(conflict_id: str, caller: UseCaller, use: UseServices) -> Response:
    """One conflict."""
    line = await use.conflicts.get(caller.organization_id, conflict_id)
    return Response(to_json(live_conflict(line)), media_type="application/json")


@router.post("/{conflict_id:path}/resolve", status_code=202)
async def resolve_conflict(
    conflict_id: str, decision: Decision, caller: UseCaller, use: UseServices
) -> Response:
    """Decide a conflict. Safe to repeat; 409 when the values have changed since they were shown."""
    shown = await use.conflicts.resolve(
        caller.organization_id,
        conflict_id,
        decision.resolution,
        by=caller.by,
        value=decision.value,
        candidates=decision.candidates,
        version=decision.version,
    )
    body = {"accepted": True, "conflict": shown}
    return Response(to_json(body), status_code=202, media_type="application/json")
