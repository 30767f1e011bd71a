"""First connections for people: a preview, who wins, and then the import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.errors import conflict, not_found
from schemas.envelope import rfc3339
from streams.database import Database
from streams.directory import Directory, Integration
from streams.upkeep import imports, preview
from streams.upkeep.jobs import Job, Jobs

PAGE_MOST = 200


class Imports:
    """See the module. Raises problems, DirectoryError, PyMongoError."""

    def __init__(self, database: Database, directory: Directory) -> None:
        self._rows = database["ss_previews"]
        self._jobs = Jobs(database)
        self._directory = directory

    async def preview(self, organization_id: str, integration_id: str) -> Job:
        """Begin one, or find the one that is under way."""
        found = await self._directory.integration(organization_id, integration_id)
        return await self._jobs.queue(organization_id, preview.KIND, found.replica)

    async def shown(
        self,
        organization_id: str,
        integration_id: str,
        *,
        cursor: str = "",
        kind: str = "",
        entity_type: str = "",
        limit: int = 50,
    ) -> dict[str, Any]:
        """The newest preview: how far it is, its counts, and a page of its rows; those that are the
        same on both sides only when asked for by `kind`."""
        found = await self._directory.integration(organization_id, integration_id)
        jobs = await self._jobs.newest(
            organization_id, kind=preview.KIND, replica=found.replica, limit=1
        )
        if not jobs:
            raise not_found(
                f"There is no preview of {found.replica} yet.",
                f"Begin one with POST /api/integrations/{integration_id}/preview.",
            )
        job = jobs[0]
        bounds = {"$gt": f"{job.id}|{cursor}", "$lt": f"{job.id}}}"}  # "}" follows "|"
        where: dict[str, Any] = {"_id": bounds, "kind": kind or {"$ne": "matched"}}
        if entity_type:
            where["type"] = entity_type
        size = max(1, min(limit, PAGE_MOST))
        rows = await self._rows.find(where).sort("_id", 1).limit(size + 1).to_list()
        more = len(rows) > size
        return {
            "job": shape(job),
            "counts": {
                name: {key: counts.get(key, 0) for key in KINDS}
                for name, counts in job.details.get("counts", {}).items()
            },
            "rows": [_row(row) for row in rows[:size]],
            "next": rows[size - 1]["_id"].split("|", 1)[1] if more else None,
        }

    async def confirm(
        self, organization_id: str, integration_id: str, winner: str
    ) -> tuple[Integration, Job]:
        """From now on it counts; its import begins. Raises the 409 problem for a winner that is not
        connected."""
        replicas = {found.replica for found in await self._directory.connections(organization_id)}
        if winner not in ("newest", "ask") and winner not in replicas:
            raise conflict(
                f"{winner} is not connected, so it cannot win.",
                f"Use newest, ask, or one of: {', '.join(sorted(replicas))}.",
            )
        found = await self._directory.confirm(organization_id, integration_id, winner)
        return found, await self.begin(found)

    async def begin(self, integration: Integration) -> Job:
        """Its import, or the one that is under way; and what else a new connection needs."""
        organization_id, replica = integration.organization_id, integration.replica
        job = await self._jobs.queue(organization_id, imports.KIND, replica)
        await self._jobs.queue(organization_id, "webhooks", replica)
        return job


KINDS = ("matched", "differing", "onlyHere", "onlyThere")
"""What a row of a preview can be; `matched` counts the differing ones too."""


def shape(job: Job) -> dict[str, Any]:
    """A job as clients see it."""
    return {
        "id": job.id,
        "kind": job.kind,
        "replica": job.replica,
        "state": job.state,
        "done": job.done,
        "total": job.total,
        "details": {name: value for name, value in job.details.items() if name != "counts"},
        "startedAt": rfc3339(job.started_at_ms),
        "endedAt": rfc3339(job.ended_at_ms) if job.ended_at_ms else None,
        "reason": job.reason,
    }


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": row["kind"],
        "type": row["type"],
        "entityId": row["entityId"] or None,
        "externalId": row["externalId"] or None,
        "label": row["label"],
        "sku": row["sku"],
        "differences": row["differences"],
        "note": row["note"],
    }
