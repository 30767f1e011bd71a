"""`/`, `/login`, `/logout`, `/sync`, `/integrations`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi_problem.error import Problem
from pymongo.errors import PyMongoError
from starlette.responses import RedirectResponse

from api.deps import Caller, UseCaller, UseServices, find_caller
from api.errors import unavailable
from api.live import RECENT, open_now
from api.login import COOKIE, SESSION_S
from api.pages.render import for_script, page
from api.pages.words import FIELDS, KINDS, MONEY, REPLICAS, STATES, event_title, latency_word
from api.routes.health import product_version
from api.services import Services
from api.shapes import LiveConflict, LiveEvent, live_conflict, live_event, to_json
from schemas.codec import decode
from streams.kafka import PublishFailed

router = APIRouter(include_in_schema=False)

LOCAL = "mongodb"
SEE_OTHER = 303


@router.get("/")
async def home() -> Response:
    """The sync page is the front door."""
    return RedirectResponse("/sync", SEE_OTHER)


@router.get("/login")
async def login(request: Request, use: UseServices, token: str = "") -> Response:
    """Exchange the one-time link for a session. Opened again in the same browser it goes on."""
    if token:
        cookie = await use.sessions.open(token)
        if cookie is not None:
            answer = RedirectResponse("/sync", SEE_OTHER)
            answer.set_cookie(
                COOKIE,
                cookie,
                max_age=SESSION_S,
                httponly=True,
                samesite="lax",
                secure=request.url.scheme == "https" or use.settings.production,
                path="/",
            )
            answer.headers["referrer-policy"] = "no-referrer"
            return answer
    if await find_caller(request, use) is not None:
        return RedirectResponse("/sync", SEE_OTHER)
    return page(request, "login.html", 401, used=bool(token), organization="")


@router.post("/logout")
async def logout(request: Request, caller: UseCaller, use: UseServices) -> Response:
    """End the session."""
    await use.sessions.close(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/login", SEE_OTHER)
    answer.delete_cookie(COOKIE, path="/")
    return answer


@router.get("/sync")
async def sync_page(request: Request, use: UseServices, note: str = "") -> Response:
    """How the sync stands, what needs a decision, what happened."""
    caller = await find_caller(request, use)
    if caller is None:
        return RedirectResponse("/login", SEE_OTHER)
    try:
        values = await _sync_values(use, caller)
    except PyMongoError:
        return page(request, "away.html", 503, organization="")
    return page(request, "sync.html", note=NOTES.get(note, ""), **values)


@router.post("/sync/conflicts/{conflict_id:path}")
async def decide(
    conflict_id: str,
    caller: UseCaller,
    use: UseServices,
    resolution: Annotated[str, Form()],
    version: Annotated[int, Form()],
    value: Annotated[str, Form()] = "",
) -> Response:
    """A plain form, so that it works without JavaScript. `value` is JSON."""
    try:
        await use.conflicts.resolve(
            caller.organization_id,
            conflict_id,
            resolution,
            by=caller.by,
            value=decode(value, object) if value else None,
            version=version,
        )
    except (PublishFailed, PyMongoError):
        return RedirectResponse("/sync?note=away", SEE_OTHER)
    except Problem as problem:
        note = "changed" if problem.status == 409 else "gone"
        return RedirectResponse(f"/sync?note={note}", SEE_OTHER)
    return RedirectResponse("/sync?note=decided#conflicts", SEE_OTHER)


@router.post("/sync/force")
async def force(caller: UseCaller, use: UseServices) -> Response:
    """Read everything again, from a plain form."""
    try:
        await use.forcing.begin(caller.organization_id, None, None)
    except (PublishFailed, PyMongoError):
        return RedirectResponse("/sync?note=away", SEE_OTHER)
    return RedirectResponse("/sync?note=forced", SEE_OTHER)


@router.get("/integrations")
async def integrations_page(request: Request, use: UseServices) -> Response:
    """What is connected, and how it is."""
    caller = await find_caller(request, use)
    if caller is None:
        return RedirectResponse("/login", SEE_OTHER)
    try:
        found = await use.directory.integrations(caller.organization_id)
        connections = await use.directory.connections(caller.organization_id)
        name = await use.directory.name_of(caller.organization_id)
    except PyMongoError as error:
        raise unavailable("MongoDB does not answer.") from error
    checks = {c.replica: await use.checks.probe(c) for c in connections if c.platform != LOCAL}
    database = await use.checks.database()
    return page(
        request,
        "integrations.html",
        organization=name,
        integrations=[(entry, checks.get(entry.replica)) for entry in found],
        database=database,
        base_url=use.settings.base_url,
        organization_id=caller.organization_id,
    )


NOTES = {
    "decided": "Your decision is on its way. The card disappears when every platform has it.",
    "changed": "The values changed before you decided. Please look at them again.",
    "gone": "That conflict cannot be decided like this any more.",
    "forced": "Reading every platform again. Differences are sent as they are found.",
    "away": "That did not work: Kafka or MongoDB does not answer. Nothing was changed; try again.",
}


async def _sync_values(use: Services, caller: Caller) -> dict[str, Any]:
    organization_id = caller.organization_id
    status = await use.status.of(organization_id)
    stored, _ = await use.conflicts.page(organization_id, "open", "", 50)
    lines = open_now(stored, use.feed.recent_conflicts(organization_id))
    conflicts = [live_conflict(line) for line in lines]
    ring = use.feed.ring_of(organization_id)
    newest = ring.newest(organization_id, RECENT)
    events = [live_event(entry.line, entry.cursor) for entry in reversed(newest)]
    start = {
        "organizationId": organization_id,
        "syncStatus": status,
        "words": {
            "replicas": REPLICAS,
            "kinds": KINDS,
            "states": STATES,
            "fields": FIELDS,
            "money": MONEY,
        },
    }
    return {
        "organization": await use.directory.name_of(organization_id),
        "sync": status,
        "conflicts": [(conflict, choices(conflict)) for conflict in conflicts],
        "events": events,
        "start": for_script(to_json(start)),
        "version": product_version(),
        "kinds": KINDS,
        "tones": STATES,
        "title": _title,
    }


def _title(event: LiveEvent) -> str:
    fields = list(event.data)
    return event_title(
        event.kind, event.source, event.replica, fields, latency_word(event.latency_ms)
    )


def choices(conflict: LiveConflict) -> list[dict[str, Any]]:
    """A button for each side: its value and what it sends; `remote` only where that is clear."""
    sides = sorted(conflict.candidates, key=lambda side: (side != LOCAL, side == "agreed", side))
    others = [side for side in sides if side != LOCAL]
    found = []
    for side in sides:
        value = conflict.candidates[side]
        if side == LOCAL:
            resolution = "local"
        elif len(others) == 1 and LOCAL in conflict.candidates:
            resolution = "remote"
        else:
            resolution = "manual"
        found.append(
            {
                "side": side,
                "value": value,
                "resolution": resolution,
                "json": to_json(value).decode() if resolution == "manual" else "",
                "at": conflict.changed_at.get(side),
            }
        )
    return found
