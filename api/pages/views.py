"""`/`, `/sync` and the switch of languages."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Query, Request, Response
from pymongo.errors import PyMongoError
from starlette.responses import RedirectResponse

from api.deps import Caller, UseCaller, UseServices
from api.events import OUTCOMES, Search, found_events
from api.live import RECENT
from api.pages.away import REACHABLE, away
from api.pages.evidence import failed_count, low_stock
from api.pages.i18n import COOKIE as LANGUAGE
from api.pages.i18n import N_, SYMBOLS, _, currency, forms, language, passed_forms
from api.pages.naming import CHOICES, FIELDS, IDS, MOMENTS, PLACES, STATUSES
from api.pages.refusals import CODES
from api.pages.render import for_script, page
from api.pages.review import review
from api.pages.told import REASONS
from api.pages.visiting import UseVisitor
from api.pages.words import (
    KINDS,
    MONEY,
    NEWCOMERS,
    OUTCOME_WORDS,
    REPLICAS,
    STATES,
    TITLES,
    TYPES,
    event_title,
    latency_word,
    replica_word,
)
from api.routes.health import product_version
from api.services import Services
from api.shapes import Cursor, LiveEvent, live_event, to_json
from streams.kafka import PublishFailed

router = APIRouter(include_in_schema=False, dependencies=REACHABLE)

SEE_OTHER = 303
YEAR_S = 365 * 86_400


@router.get("/")
async def home() -> Response:
    """The sync page is the front door."""
    return RedirectResponse("/sync", SEE_OTHER)


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
    request: Request,
    caller: UseVisitor,
    use: UseServices,
    note: str = "",
    about: str = "",
    action: str = "",
    ruled: int | None = None,
    type: Annotated[str, Query(max_length=40)] = "",
    outcome: Annotated[str, Query(max_length=40)] = "",
    source: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """How the sync stands, what needs a decision, what happened."""
    try:
        values = await _sync_values(use, caller, Search(type, outcome, source))
        values |= await review(use, caller, note, about[:600], action[:64], ruled)
    except PyMongoError:
        return away(request)
    return page(request, "sync.html", top=_(FORCED) if note == "forced" else "", **values)


@router.post("/sync/force")
async def force(caller: UseCaller, use: UseServices) -> Response:
    """Read everything again, from a plain form."""
    try:
        await use.forcing.begin(caller.organization_id, None, None)
    except (PublishFailed, PyMongoError):
        return RedirectResponse("/sync?note=away", SEE_OTHER)
    return RedirectResponse("/sync?note=forced", SEE_OTHER)


FORCED = N_("Reading every platform again. Differences are sent as they are found.")


TEXTS = {
    "live": N_("Live"),
    "login": N_("Please log in again"),
    "connecting": N_("Connecting"),
    "reconnecting": N_("Reconnecting, %(number)s s behind"),
    "silent": N_("No word from the server for %(number)s s"),
    "goOn": N_("Go on"),
    "pause": N_("Pause"),
    "moment": N_("One moment…"),
    "justNow": N_("just now"),
    "broken": N_("That did not work. Nothing was changed; try again in a moment."),
    "empty": N_("(empty)"),
    "none": N_("(none)"),
    "nothing": N_("none"),
    "yes": N_("yes"),
    "no": N_("no"),
    "ms": N_("%(number)s ms"),
    "s": N_("%(number)s s"),
    "min": N_("%(number)s min"),
    "paused": N_("Paused"),
    "upToDate": N_("Up to date"),
    "waiting": N_("Waiting for a change"),
}
"""What sync.js says by itself."""


def script_words() -> dict[str, Any]:
    """Everything that the scripts of pages say, in the reader's language."""
    return {
        "replicas": {name: replica_word(name) for name in REPLICAS},
        "you": _("You"),
        "fields": {name: _(word) for name, word in FIELDS.items()},
        "types": {name: _(word) for name, word in TYPES.items()},
        "statuses": {name: _(word) for name, word in STATUSES.items()},
        "newcomers": NEWCOMERS,
        "moments": MOMENTS,
        "places": PLACES,
        "ids": IDS,
        "choices": {
            field: {value: _(word) for value, word in choices.items()}
            for field, choices in CHOICES.items()
        },
        "reasons": {reason: _(word) for reason, word in REASONS.items()},
        "ago": passed_forms(),
        "titles": {name: _(word) for name, word in TITLES.items()},
        "texts": {name: _(word) for name, word in TEXTS.items()},
        "counts": {
            "held": forms("Go on (%(num)s new)", "Go on (%(num)s new)"),
            "spoken": forms("%(num)s new event.", "%(num)s new events."),
            "forced": forms(
                "Reading %(num)s item again on every platform. Differences are sent as they are "
                "found.",
                "Reading %(num)s items again on every platform. Differences are sent as they are "
                "found.",
            ),
        },
        "kinds": KINDS,
        "states": STATES,
        "money": MONEY,
        "refusals": {code: _(sentence) for code, sentence in CODES.items()},
        "currency": currency(),
        "symbols": SYMBOLS.get(language(), {}),
    }


async def _sync_values(use: Services, caller: Caller, search: Search) -> dict[str, Any]:
    organization_id = caller.organization_id
    status = await use.status.of(organization_id)
    ring = use.feed.ring_of(organization_id)
    if search == Search():
        newest = ring.newest(organization_id, RECENT)
        lines = [(entry.line, entry.cursor) for entry in reversed(newest)]
    else:
        found, _more = await found_events(use, organization_id, search, limit=RECENT)
        lines = [(one.line, Cursor(ring.partition, one.place[1])) for one in found]
    start = {
        "organizationId": organization_id,
        "syncStatus": status,
        "words": script_words(),
        "filter": {
            "type": search.type,
            "kinds": OUTCOMES.get(search.outcome, ()),
            "source": search.replica,
        },
    }
    scarce, scarce_count = await low_stock(use, organization_id)
    return {
        "organization": await use.directory.name_of(organization_id),
        "sync": status,
        "events": [live_event(line, cursor) for line, cursor in lines],
        "start": for_script(to_json(start)),
        "version": product_version(),
        "kinds": KINDS,
        "tones": STATES,
        "title": _title,
        "search": search,
        "types": TYPES,
        "outcomes": OUTCOME_WORDS,
        "scarce": scarce,
        "scarce_count": scarce_count,
        "failed": await failed_count(use, organization_id),
    }


def _title(event: LiveEvent) -> str:
    latency = latency_word(event.latency_ms)
    made = event.type if event.version == 1 else ""
    return event_title(event.kind, event.source, event.replica, list(event.data), latency, made)
