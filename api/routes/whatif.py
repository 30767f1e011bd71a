"""`POST /api/whatif`, `GET /api/whatif/{id}`: what other rules would have made of the past."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from api.deps import UseCaller, UseServices
from api.routes.policies import PolicyRule
from api.shapes import to_json
from api.timetravel import moment
from api.whatif import begin, shown, told
from schemas.policy import Rule

router = APIRouter(prefix="/api/whatif", tags=["history"])


class WhatIf(BaseModel):
    """The span, and the rules to try; none: whether everything comes out the same again."""

    model_config = ConfigDict(extra="forbid")

    since: Annotated[str, Field(max_length=40)]
    until: Annotated[str, Field(max_length=40)] = ""
    rules: Annotated[list[PolicyRule], Field(max_length=500)] | None = None


@router.post("", status_code=202)
async def post_whatif(asked: WhatIf, caller: UseCaller, use: UseServices) -> Response:
    """Make every decision of that span again by these rules. Nothing is sent or changed; the
    answer is a job, whose `details` fill while it goes on."""
    now_ms = use.clock_ms()
    since_ms = moment(asked.since, "since", now_ms)
    until_ms = moment(asked.until, "until", now_ms) if asked.until else now_ms
    rules = None if asked.rules is None else [Rule(**one.model_dump()) for one in asked.rules]
    job = await begin(use.database, caller.organization_id, since_ms, until_ms, rules)
    return Response(
        to_json(told(job)),
        status_code=202,
        media_type="application/json",
        headers={"location": f"/api/whatif/{job.id}"},
    )


@router.get("/{job_id}")
async def get_whatif(job_id: str, caller: UseCaller, use: UseServices) -> Response:
    """How far it is and what it has found: every difference is counted, the first are listed."""
    found = await shown(use.database, caller.organization_id, job_id)
    return Response(to_json(found), media_type="application/json")
