"""`/api/whatsapp/catalog`: the whole catalogue written anew, what is wrong with which item, and
news of the account."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.deps import UseCaller, UseServices
from api.errors import conflict
from api.imports import shape
from api.shapes import to_json
from schemas.envelope import rfc3339
from streams.upkeep.jobs import Jobs
from streams.whatsapp.catalogue import KIND, update_catalog
from streams.whatsapp.catalogue_errors import errors_of
from streams.whatsapp.updates import Updates

router = APIRouter(prefix="/api/whatsapp", tags=["whatsapp"])


@router.post("/catalog/sync", status_code=202)
async def sync_catalog(
    caller: UseCaller, use: UseServices, organizationId: str | None = None
) -> Response:
    """Write every item of every catalogue as it stands now. `done` of `total` tells how far it is,
    here and at GET /api/jobs/{id}; while one is under way it is found, not begun again."""
    caller.check(organizationId)
    jobs = await update_catalog(use.database, use.directory, caller.organization_id)
    if not jobs:
        raise conflict(
            "No WhatsApp number of yours that is active has a catalogue.",
            "Set catalog_id of the connection at /integrations, or resume it.",
        )
    return _json({"jobs": [shape(job) for job in jobs]}, 202)


@router.get("/catalog")
async def show_catalog(
    caller: UseCaller, use: UseServices, organizationId: str | None = None
) -> Response:
    """The last whole syncs, and how many items are wrong."""
    caller.check(organizationId)
    jobs = await Jobs(use.database).newest(caller.organization_id, kind=KIND, limit=10)
    wrong = await errors_of(use.database, caller.organization_id)
    return _json({"jobs": [shape(job) for job in jobs], "errors": len(wrong)})


@router.get("/catalog/errors")
async def list_errors(
    caller: UseCaller,
    use: UseServices,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    organizationId: str | None = None,
) -> Response:
    """Items that WhatsApp does not take, with what helps; newest first."""
    caller.check(organizationId)
    found = await errors_of(use.database, caller.organization_id, limit)
    shown = [
        {**{k: v for k, v in one.items() if k != "atMs"}, "at": rfc3339(one["atMs"])}
        for one in found
    ]
    return _json({"errors": shown})


@router.get("/updates")
async def list_updates(
    caller: UseCaller,
    use: UseServices,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    organizationId: str | None = None,
) -> Response:
    """What WhatsApp told of the account, its number and its templates; newest first. `trouble` says
    why nothing could be done with one."""
    caller.check(organizationId)
    found = await Updates(use.database).newest(caller.organization_id, limit)
    shown = [
        {
            "field": one.field,
            "value": one.value,
            "applied": one.applied,
            "trouble": one.trouble,
            "replica": one.replica,
            "at": rfc3339(one.at_ms),
        }
        for one in found
    ]
    return _json({"updates": shown})


def _json(body: object, status: int = 200) -> Response:
    return Response(to_json(body), status, media_type="application/json")
