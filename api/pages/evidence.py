"""What stands behind the figures of /sync: `/sync/evidence`; and `/sync/recover`: what could not be
handled, sent again."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from pymongo.errors import PyMongoError
from starlette.responses import RedirectResponse

from api.deps import UseCaller, UseServices
from api.pages.away import REACHABLE, away
from api.pages.i18n import N_, _, ngettext
from api.pages.render import page
from api.pages.visiting import UseVisitor
from api.services import Services
from api.standing import AGREED, CANNOT_HOLD
from api.why import standings
from schemas.codec import decode
from schemas.envelope import rfc3339
from streams.deadletter import list_letters, retry_letters
from streams.kafka import PublishFailed
from streams.kafka.lag import LagUnknown
from streams.sync.contexts import loader
from streams.sync.record import Record

router = APIRouter(include_in_schema=False, dependencies=REACHABLE)

SEE_OTHER = 303
SHOWN = 20
HOUR_MS = 3_600_000
WINDOWS = {
    "hour": (HOUR_MS, N_("the last hour")),
    "day": (24 * HOUR_MS, N_("the last 24 hours")),
    "week": (7 * 24 * HOUR_MS, N_("the last 7 days")),
    "all": (0, N_("all that is kept (90 days)")),
}
MOST_SENT = 2_000
"""Sent again at once; the rest by another press, so that a page always answers."""
STAGES = {
    "inbound": N_("Deliveries that were not understood"),
    "reconcile": N_("Changes that could not be decided"),
    "api": N_("Deliveries for a number that nobody has"),
}


@router.get("/sync/evidence")
async def evidence_page(request: Request, caller: UseVisitor, use: UseServices) -> Response:
    """Servers, platforms, what waits, who watches, what is owed."""
    organization_id = caller.organization_id
    try:
        status = await use.status.of(organization_id)
        owed = await owed_now(use, organization_id)
        name = await use.directory.name_of(organization_id)
    except PyMongoError:
        return away(request)
    database, kafka, redis, live = await asyncio.gather(
        use.checks.database(), use.checks.kafka(), use.checks.redis(), use.checks.websocket()
    )
    try:
        queued = dict(await use.checks.queued())
    except LagUnknown:
        queued = {}
    return page(
        request,
        "evidence.html",
        organization=name,
        sync=status,
        checks={"MongoDB": database, "Kafka": kafka, "Redis": redis, _("Live events"): live},
        queued={topic: count for topic, count in sorted(queued.items()) if count},
        owed=owed,
    )


async def owed_now(use: Services, organization_id: str) -> list[dict[str, Any]]:
    """The writes that a platform has not answered to, the oldest first. Raises PyMongoError."""
    match = {"organizationId": organization_id, "owedSinceMs": {"$exists": True}}
    rows = use.database["ss_entities"].find(match).sort("owedSinceMs", 1).limit(SHOWN)
    context, now_ms = await loader(use.directory)(organization_id), use.clock_ms()
    found = []
    async for row in rows:
        record = decode(row["record"], Record)
        waiting = {
            (one.replica, one.reason or one.state)
            for field in record.fields
            for one in standings(record, field, context, now_ms)
            if one.state not in (AGREED, CANNOT_HOLD)
        }
        found.append(
            {
                "type": row["type"],
                "id": row["entityId"],
                "label": row["label"] or row["entityId"],
                "since": rfc3339(row["owedSinceMs"]),
                "waiting": sorted(waiting),
            }
        )
    return found


async def low_stock(use: Services, organization_id: str) -> tuple[list[dict[str, Any]], int]:
    """Items with little or nothing left, the least first; and how many there are."""
    match = {"organizationId": organization_id, "low": {"$exists": True}}
    rows = use.database["ss_entities"].find(match, {"record": 0}).sort("low", 1).limit(SHOWN)
    found = [{"id": r["entityId"], "sku": r["sku"], "left": r["low"]} async for r in rows]
    ids = [f"{organization_id}/{kind}/{one['id']}" for one in found for kind in ITEMS]
    named = use.database["ss_entities"].find({"_id": {"$in": ids}}, {"entityId": 1, "label": 1})
    labels = {row["entityId"]: row["label"] async for row in named}
    for one in found:
        one["label"] = labels.get(one["id"]) or one["sku"] or one["id"]
    if len(found) < SHOWN:
        return found, len(found)
    return found, await use.database["ss_entities"].count_documents(match, limit=1_000)


ITEMS = ("product", "variation")


async def failed_count(use: Services, organization_id: str) -> int:
    """Letters that wait for somebody, up to a thousand."""
    match = {"organizationId": organization_id, "state": "parked"}
    return await use.database["ss_deadletter"].count_documents(match, limit=1_000)


@router.get("/sync/recover")
async def recover_page(
    request: Request,
    caller: UseVisitor,
    use: UseServices,
    window: str = "day",
    sent: int = -1,
    left: int = 0,
) -> Response:
    """What would be sent again: how much, why it failed, and the newest of it. Sends nothing."""
    chosen = window if window in WINDOWS else "day"
    try:
        letters = await list_letters(
            use.database,
            caller.organization_id,
            since_ms=_since(use, chosen),
            limit=MOST_SENT,
        )
        trial = await retry_letters(
            use.database,
            use.publisher,
            caller.organization_id,
            since_ms=_since(use, chosen),
            dry_run=True,
            limit=MOST_SENT,
        )
        name = await use.directory.name_of(caller.organization_id)
    except PyMongoError:
        return away(request)
    reasons = dict(trial.impossible)
    return page(
        request,
        "recover.html",
        organization=name,
        windows=WINDOWS,
        window=chosen,
        letters=[(one, reasons.get(one.letter.id, "")) for one in letters[:SHOWN]],
        stages=Counter(one.letter.stage for one in letters).most_common(),
        stage_words=STAGES,
        possible=len(trial.sent),
        impossible=len(trial.impossible),
        more=len(letters) == MOST_SENT,
        note=_sent_note(sent, left),
    )


@router.post("/sync/recover")
async def recover(
    caller: UseCaller, use: UseServices, window: Annotated[str, Form(pattern="^[a-z]{1,8}$")]
) -> Response:
    """Send it again, oldest first. What cannot be sent stays, with its reason."""
    chosen = window if window in WINDOWS else "day"
    try:
        done = await retry_letters(
            use.database,
            use.publisher,
            caller.organization_id,
            since_ms=_since(use, chosen),
            limit=MOST_SENT,
        )
        left = await failed_count(use, caller.organization_id)
    except (PublishFailed, PyMongoError):
        return RedirectResponse("/sync?note=away", SEE_OTHER)
    back = f"/sync/recover?window={chosen}&sent={len(done.sent)}&left={left}"
    return RedirectResponse(back, SEE_OTHER)


def _since(use: Services, window: str) -> int:
    length_ms = WINDOWS[window][0]
    return use.clock_ms() - length_ms if length_ms else 0


def _sent_note(sent: int, left: int) -> str:
    if sent < 0:
        return ""
    told = ngettext("%(num)s was sent again.", "%(num)s were sent again.", sent)
    if left:
        told += " " + ngettext("%(num)s is left.", "%(num)s are left.", left)
    return told
