"""`GET /api/sync/status`, `POST /api/sync/force`, `GET /api/sync/force/{id}`, and the certificate:
`GET` and `POST /api/sync/certificate`."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from api.certificate import Certification
from api.deps import UseCaller, UseServices
from api.errors import malformed
from api.imports import shape as job_shape
from api.shapes import to_json

router = APIRouter(prefix="/api/sync", tags=["sync"])

EntityType = Literal["product", "variation", "inventory", "order", "customer", "message"]


class Force(BaseModel):
    """What to read again everywhere: one entity, a type, or (both left out) everything."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    type: EntityType | None = None
    entity_id: Annotated[str, Field(max_length=300)] | None = Field(None, alias="entityId")
    organization_id: str | None = Field(None, alias="organizationId")


@router.get("/status")
async def sync_status(
    caller: UseCaller,
    use: UseServices,
    organizationId: str | None = None,
) -> Response:
    """The same object the live client has as `syncStatus`."""
    caller.check(organizationId)
    status = await use.status.of(caller.organization_id)
    return Response(to_json(status), media_type="application/json")


@router.post("/force", status_code=202)
async def force(caller: UseCaller, use: UseServices, wanted: Force | None = None) -> Response:
    """Read every replica again and send what is owed now. Safe to repeat; answers with a job."""
    wanted = wanted or Force.model_validate({})
    caller.check(wanted.organization_id)
    if wanted.entity_id and not wanted.type:
        raise malformed("entityId needs its type.", 'Send {"type": "product", "entityId": "..."}.')
    job = await use.forcing.begin(caller.organization_id, wanted.type, wanted.entity_id)
    return Response(to_json(job), status_code=202, media_type="application/json")


@router.get("/force/{job_id}")
async def force_progress(job_id: str, caller: UseCaller, use: UseServices) -> Response:
    """How far a forced sync has come."""
    job = await use.forcing.progress(caller.organization_id, job_id)
    return Response(to_json(job), media_type="application/json")


@router.get("/certificate")
async def certificate(caller: UseCaller, use: UseServices) -> Response:
    """Whether all platforms hold the same: the newest comparison of each, item by item."""
    found = await Certification(use.database, use.directory).newest(caller.organization_id)
    return Response(to_json(found), media_type="application/json")


@router.post("/certificate", status_code=202)
async def certify(caller: UseCaller, use: UseServices) -> Response:
    """Compare every platform now. Answers with the jobs; follow them at /api/jobs/{id}."""
    jobs = await Certification(use.database, use.directory).run(caller.organization_id)
    body = to_json({"jobs": [job_shape(job) for job in jobs]})
    return Response(body, status_code=202, media_type="application/json")
