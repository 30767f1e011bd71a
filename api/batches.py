"""What safety brakes hold, as batches: everything of one kind that one platform said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from api.conflicts import Conflicts, Many
from api.errors import not_found
from api.pages.i18n import N_, _, number_word
from api.pages.words import items_word, replica_word
from api.shapes import live_conflict
from schemas.envelope import rfc3339
from schemas.feed import ConflictLine
from streams.conflicts.bulk import KIND, Task
from streams.conflicts.rows import Filter
from streams.conflicts.words import UNDO
from streams.database import Database, Document
from streams.upkeep.jobs import Job, Jobs

SAMPLE = 5
RECENT, RECENT_MS = 5, 86_400_000


class Batches:
    """One organisation's at a time. Errors: problems, PyMongo's own."""

    def __init__(
        self, database: Database, conflicts: Conflicts, clock_ms: Callable[[], int]
    ) -> None:
        self._links = database["ss_links"]
        self._conflicts = conflicts
        self._rows = conflicts.rows.rows
        self._jobs = Jobs(database)
        self._clock_ms = clock_ms

    async def open(self, organization_id: str) -> list[dict[str, Any]]:
        """What is held now, the newest first."""
        match = {"organizationId": organization_id, "status": "open", "brake": {"$gt": ""}}
        groups = await self._rows.aggregate(
            [
                {"$match": match},
                {
                    "$group": {
                        "_id": {"replica": "$replica", "brake": "$brake", "type": "$type"},
                        "count": {"$sum": 1},
                        "firstMs": {"$min": "$openedAtMs"},
                        "lastMs": {"$max": "$openedAtMs"},
                    }
                },
                {"$sort": {"lastMs": -1, "_id": 1}},
            ]
        )
        return [await self._shape(organization_id, group) async for group in groups]

    async def one(
        self, organization_id: str, batch_id: str, after: str, limit: int
    ) -> dict[str, Any]:
        """The batch and a page of its items. Raises 404."""
        found = {batch["id"]: batch for batch in await self.open(organization_id)}
        if batch_id not in found:
            raise not_found(f"Nothing is held as {batch_id}.", "GET /api/batches lists what is.")
        wanted = filter_of(batch_id, None)
        lines, following = await self._conflicts.page(organization_id, wanted, after, limit)
        return {
            **found[batch_id],
            "items": [{**_item(line), "conflict": live_conflict(line)} for line in lines],
            "next": following,
        }

    async def decide(
        self, organization_id: str, batch_id: str, word: str, *, by: str, until_ms: int | None
    ) -> Many:
        """Apply or reject all of it, as a job; `until_ms`: only what was held by then, so that
        nobody decides what they have not seen. Raises 404."""
        wanted = filter_of(batch_id, until_ms)
        if not await self._conflicts.rows.count(organization_id, wanted, 1):
            raise not_found(f"Nothing is held as {batch_id}.", "GET /api/batches lists what is.")
        task = Task(word, filter=wanted, by=by, batch=batch_id)
        return await self._conflicts.decide_many(organization_id, task, job=True)

    async def recent(self, organization_id: str) -> list[dict[str, Any]]:
        """What was decided by jobs within the last day, newest first: for progress, and to take
        back."""
        since_ms = self._clock_ms() - RECENT_MS
        jobs = await self._jobs.newest(organization_id, kind=KIND, limit=RECENT)
        return [_action(job) for job in jobs if job.started_at_ms >= since_ms]

    async def progress(self, organization_id: str, action_id: str) -> dict[str, Any]:
        """How far an action has come. Raises 404."""
        job = await self._jobs.get(organization_id, action_id)
        if job is None or job.kind != KIND:
            raise not_found(
                f"There is no action {action_id}.", "Actions of many are kept for a week."
            )
        return _action(job)

    async def undo(self, organization_id: str, action_id: str, *, by: str) -> Many:
        """Take a decided batch back, as a job. Raises 404."""
        await self.progress(organization_id, action_id)
        task = Task(UNDO, undoes=action_id, by=by)
        return await self._conflicts.decide_many(organization_id, task, job=True)

    async def _shape(self, organization_id: str, group: Document) -> dict[str, Any]:
        place = group["_id"]
        total = await self._links.count_documents(
            {
                "organizationId": organization_id,
                "replica": place["replica"],
                "type": place["type"],
                "externalId": {"$exists": True},
            }
        )
        count = group["count"]
        batch_id = f"{place['brake']}.{place['type']}.{place['replica']}"
        lines = await self._conflicts.rows.newest(
            organization_id, filter_of(batch_id, None), SAMPLE
        )
        return {
            "id": batch_id,
            "brake": place["brake"],
            "type": place["type"],
            "replica": place["replica"],
            "count": count,
            "total": max(total, count),
            "title": title(place["replica"], place["brake"], place["type"], count, total),
            "firstAt": rfc3339(group["firstMs"]),
            "lastAt": rfc3339(group["lastMs"]),
            "lastMs": int(group["lastMs"]),
            "sample": [_item(line) for line in lines],
        }


def filter_of(batch_id: str, until_ms: int | None) -> Filter:
    """`stock.inventory.woocommerce` to its open conflicts. Raises 404."""
    parts = batch_id.split(".", 2)
    if len(parts) != 3 or not all(parts):
        raise not_found(f"{batch_id} is no batch.", "GET /api/batches lists what is held.")
    brake, kind, replica = parts
    return Filter(brake=brake, type=kind, held_replica=replica, opened_before_ms=until_ms)


def title(replica: str, brake: str, kind: str, count: int, total: int) -> str:
    """`WooCommerce reports 240 of 260 products at 0`."""
    where = replica_word(replica)
    many = number_word(count)
    if total:
        many = _("%(done)s of %(total)s", done=many, total=number_word(max(total, count)))
    match brake:
        case "stock":
            text = N_("%(where)s reports %(many)s %(what)s at 0")
        case "price":
            text = N_("%(where)s changed the price of %(many)s %(what)s by a lot")
        case _:
            text = N_("%(where)s says %(many)s %(what)s were deleted")
    return _(text, where=where, many=many, what=items_word(kind))


def _item(line: ConflictLine) -> dict[str, Any]:
    before, after = list(line.candidates.values())[:2]
    return {
        "id": line.id,
        "label": line.label,
        "entityId": line.entity_id,
        "field": line.field,
        "before": before,
        "after": after,
        "at": rfc3339(line.opened_at_ms),
    }


def _action(job: Job) -> dict[str, Any]:
    details = job.details
    counts = details.get("counts", {})
    return {
        "actionId": job.id,
        "batch": job.arguments.get("batch") or None,
        "resolution": job.arguments.get("resolution", ""),
        "state": job.state,
        "total": job.total,
        "done": job.done,
        "counts": counts,
        "problems": sum(n for state, n in counts.items() if state != "settled"),
        "told": details.get("told", []),
        "reason": job.reason,
        "startedAt": rfc3339(job.started_at_ms),
    }
