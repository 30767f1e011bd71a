"""`GET /api/jobs`, `GET /api/jobs/{id}`, `POST /api/jobs/{id}/{pause|resume|cancel}`: what is done
in the background."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from api.deps import UseCaller, UseServices
from api.errors import conflict, not_found
from api.imports import shape
from api.shapes import to_json
from streams.upkeep.jobs import STEERS, Jobs

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


@router.get("")
async def list_jobs(
    caller: UseCaller,
    use: UseServices,
    kind: Annotated[str, Query(description="import, drift, force, ...")] = "",
    replica: Annotated[str, Query(description="of which connection")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """The newest first."""
    found = await Jobs(use.database).newest(
        caller.organization_id, kind=kind, replica=replica, limit=limit
    )
    return _json({"jobs": [shape(job) for job in found]})


@router.get("/{job_id}")
async def show_job(job_id: str, caller: UseCaller, use: UseServices) -> Response:
    """How far it has come."""
    job = await Jobs(use.database).get(caller.organization_id, job_id)
    if job is None:
        raise not_found(f"There is no job {job_id}.", "Jobs are kept for a week.")
    return _json(shape(job))


@router.post("/{job_id}/{steer}")
async def steer_job(
    job_id: str,
    steer: Literal["pause", "resume", "cancel"],
    caller: UseCaller,
    use: UseServices,
) -> Response:
    """Pause it, let it go on where it was, or end it."""
    jobs = Jobs(use.database)
    job = await jobs.steer(caller.organization_id, job_id, steer)
    if job is not None:
        return _json(shape(job))
    held = await jobs.get(caller.organization_id, job_id)
    if held is None:
        raise not_found(f"There is no job {job_id}.", "Jobs are kept for a week.")
    states = " or ".join(STEERS[steer][0])
    raise conflict(
        f"This job is {held.state}; to {steer} it, it must be {states}, and no other like it may "
        "be under way.",
        "Look at GET /api/jobs.",
    )


def _json(body: object) -> Response:
    return Response(to_json(body), media_type="application/json")
