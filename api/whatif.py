"""`whatif` jobs as clients see them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from api.errors import invalid, not_found
from api.imports import shape
from schemas.policy import Policies, Rule
from streams.database import Database
from streams.upkeep.jobs import Job, Jobs
from streams.whatif.job import KIND

MOST_MS = 92 * 86_400_000


async def begin(
    database: Database,
    organization_id: str,
    since_ms: int,
    until_ms: int,
    rules: Sequence[Rule] | None,
) -> Job:
    """Queue one. Raises 422 for a span that is none or too long."""
    if not 0 < until_ms - since_ms <= MOST_MS:
        raise invalid(
            "The span must be longer than nothing and at most 92 days.", "Choose a later `since`."
        )
    arguments: dict[str, Any] = {"sinceMs": since_ms, "untilMs": until_ms}
    if rules is not None:
        arguments["policies"] = msgspec.to_builtins(Policies(rules=tuple(rules)))
    return await Jobs(database).queue(organization_id, KIND, arguments=arguments, alone=False)


async def shown(database: Database, organization_id: str, job_id: str) -> dict[str, Any]:
    """How far it is, and what it has found. Raises 404."""
    job = await Jobs(database).get(organization_id, job_id)
    if job is None or job.kind != KIND:
        raise not_found(f"There is no such job {job_id}.", "POST /api/whatif begins one.")
    return told(job)


def told(job: Job) -> dict[str, Any]:
    """With its differences as JSON."""
    found = shape(job)
    listed = job.details.get("listed")
    if listed is not None:
        found["details"] = {**found["details"], "listed": json.loads(listed)}
    return found
