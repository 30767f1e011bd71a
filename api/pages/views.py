"""`/`, `/login`, `/logout`, `/sync`, `/integrations`."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request, Response
from pymongo.errors import PyMongoError
from starlette.responses import RedirectResponse

from api.deps import Caller, UseCaller, UseServices, find_caller
from api.live import RECENT
from api.login import COOKIE, SESSION_S
from api.pages.i18n import COOKIE as LANGUAGE
from api.pages.render import for_script, page
from api.pages.review import review
from api.pages.words import FIELDS, KINDS, MONEY, REPLICAS, STATES, event_title, latency_word
from api.routes.health import product_version
from api.services import Services
from api.shapes import LiveEvent, live_event, to_json
from streams.kafka import PublishFailed

router = APIRouter(include_in_schema=False)

SEE_OTHER = 303
YEAR_S = 365 * 86_400


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


@router.post("/language")
async def switch_language(
    request: Request, language: Annotated[str, Form(pattern="^(en|si|ta)$")]
) -> Response:
    """Remember it in this browser, and back to where the switch was used."""
    came_from = urlsplit(request.headers.get("referer", ""))
    path = came_from.path if came_from.path.startswith("/") else "/"
    back = path.replace("//", "/") + (f"?{came_from.query}" if came_from.query else "")
    answer = RedirectResponse(back, SEE_OTHER)
    answer.set_cookie(LANGUAGE, language, max_age=YEAR_S, samesite="lax", path="/")
    return answer


@router.get("/sync")
async def sync_page(
    request: Request, use: UseServices, note: str = "", about: str = "", action: str = ""
) -> Response:
    """How the sync stands, what needs a decision, what happened."""
    caller = await find_caller(request, use)
    if caller is None:
        return RedirectResponse("/login", SEE_OTHER)
    try:
        values = await _sync_values(use, caller)
        values |= await review(use, caller, note, about[:600], action[:64])
    except PyMongoError:
        return away(request)
    return page(request, "sync.html", top=FORCED if note == "forced" else "", **values)


@router.post("/sync/force")
async def force(caller: UseCaller, use: UseServices) -> Response:
    """Read everything again, from a plain form."""
    try:
        await use.forcing.begin(caller.organization_id, None, None)
    except (PublishFailed, PyMongoError):
        return RedirectResponse("/sync?note=away", SEE_OTHER)
    return RedirectResponse("/sync?note=forced", SEE_OTHER)


def away(request: Request) -> Response:
    """Without MongoDB there is nothing to show; the page says so and looks again by itself."""
    return page(request, "away.html", 503, organization="")


FORCED = "Reading every platform again. Differences are sent as they are found."


async def _sync_values(use: Services, caller: Caller) -> dict[str, Any]:
    organization_id = caller.organization_id
    status = await use.status.of(organization_id)
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
