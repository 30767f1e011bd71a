"""`/conversations`: who has written on WhatsApp, what was said, and a box to answer in. Plain
forms, so that all of it works without JavaScript; with it the page follows what happens."""

from __future__ import annotations

import secrets
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi_problem.error import Problem
from pymongo.errors import PyMongoError
from starlette.responses import RedirectResponse

from api.conversations import Desk, Shown, is_open
from api.deps import Caller, UseCaller, UseServices
from api.pages.away import REACHABLE, away
from api.pages.i18n import N_
from api.pages.render import page
from api.pages.visiting import UseVisitor
from api.services import Services
from connectors.whatsapp.templates import Template
from schemas.envelope import rfc3339

router = APIRouter(include_in_schema=False, dependencies=REACHABLE)

SEE_OTHER = 303
MOST_VALUES = 10
FILTERS = {"": N_("All"), "unread": N_("Unread"), "waiting": N_("Waiting for a person")}
STATES = {
    "queued": N_("On its way"),
    "sent": N_("Sent"),
    "delivered": N_("Delivered"),
    "read": N_("Read"),
    "failed": N_("Not delivered"),
    "held": N_("Waiting"),
    "unknown": N_("Nobody knows whether it was sent"),
}
KINDS = {
    "image": N_("Picture"),
    "video": N_("Video"),
    "audio": N_("Voice message"),
    "document": N_("Document"),
    "sticker": N_("Sticker"),
    "location": N_("Place"),
    "contacts": N_("Contact"),
    "order": N_("Order from the catalogue"),
    "reaction": N_("Reaction"),
    "system": N_("Notice of WhatsApp"),
    "notification": N_("Notification"),
    "template": N_("Template"),
    "list": N_("Menu"),
    "products": N_("Products"),
    "product": N_("Product"),
    "unsupported": N_("A kind of message that WhatsApp does not pass on"),
    "unknown": N_("A kind of message that WhatsApp does not pass on"),
}
"""Types of messages that need a word beside their text."""
LANGUAGES = {"en": "English", "si": "සිංහල", "ta": "தமிழ்"}


@router.get("/conversations")
async def conversations_page(
    request: Request,
    caller: UseVisitor,
    use: UseServices,
    show: str = "",
    cursor: Annotated[str, Query()] = "",
) -> Response:
    """The list."""
    return await _answer(request, caller, use, "", show, cursor, part="conversations.html")


@router.get("/conversations/part/list")
async def list_part(
    request: Request, caller: UseVisitor, use: UseServices, show: str = "", open: str = ""
) -> Response:
    """The list alone, for a page that is open."""
    return await _answer(
        request, caller, use, open, show, "", part="conversations_list.html", thread=False
    )


@router.get("/conversations/{conversation_id}")
async def conversation_page(
    request: Request,
    conversation_id: str,
    caller: UseVisitor,
    use: UseServices,
    show: str = "",
    cursor: str = "",
    note: str = "",
) -> Response:
    """One conversation; opening it counts as reading it."""
    return await _answer(request, caller, use, conversation_id, show, cursor, note=note[:300])


@router.get("/conversations/{conversation_id}/part")
async def thread_part(
    request: Request, conversation_id: str, caller: UseVisitor, use: UseServices
) -> Response:
    """Its messages alone, for a page that is open."""
    return await _answer(
        request, caller, use, conversation_id, "", "", part="conversations_thread.html"
    )


@router.post("/conversations/{conversation_id}/reply")
async def reply(
    conversation_id: str,
    caller: UseCaller,
    use: UseServices,
    text: Annotated[str, Form(max_length=4096)] = "",
    template: Annotated[str, Form(max_length=600)] = "",
    values: Annotated[str, Form(max_length=4096)] = "",
    key: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """What staff wrote, or the template they chose."""
    desk = Desk(use.database, use.publisher)
    conversation = await desk.find(caller.organization_id, conversation_id)
    kind, content = "text", text.strip()
    given: Any = content
    if template:
        name, _, language = template.partition("/")
        lines = [line.strip() for line in values.splitlines() if line.strip()]
        kind = "template"
        given = {"name": name, "language": language, "parameters": lines[:MOST_VALUES]}
    if not template and not content:
        return _back(conversation_id)
    try:
        await desk.reply(conversation, kind, given, use.clock_ms(), key)
    except Problem as problem:
        return _back(conversation_id, str(problem.detail))
    return _back(conversation_id)


@router.post("/conversations/{conversation_id}/handover")
async def hand_over(
    conversation_id: str,
    caller: UseCaller,
    use: UseServices,
    to: Annotated[str, Form(pattern="person|machine")],
) -> Response:
    """Who answers from now on."""
    desk, now_ms = Desk(use.database, use.publisher), use.clock_ms()
    await desk.find(caller.organization_id, conversation_id)
    if to == "person":
        by = f"staff:{caller.by}"
        await desk.conversations.hand_over(caller.organization_id, conversation_id, by, now_ms)
    else:
        await desk.conversations.hand_back(caller.organization_id, conversation_id, now_ms)
    return _back(conversation_id)


def _back(conversation_id: str, note: str = "") -> Response:
    asked = f"?{urlencode({'note': note})}" if note else ""
    return RedirectResponse(f"/conversations/{quote(conversation_id, safe='')}{asked}", SEE_OTHER)


async def _answer(
    request: Request,
    caller: Caller,
    use: Services,
    conversation_id: str,
    show: str,
    cursor: str,
    *,
    note: str = "",
    part: str = "conversations.html",
    thread: bool = True,
) -> Response:
    try:
        values = await _values(use, caller, conversation_id if thread else "", show, cursor)
        name = await use.directory.name_of(caller.organization_id)
    except PyMongoError:
        return away(request)
    open_id = values["open_id"] or conversation_id
    return page(request, part, organization=name, note=note, **{**values, "open_id": open_id})


async def _values(
    use: Services, caller: Caller, conversation_id: str, show: str, cursor: str
) -> dict[str, Any]:
    desk, org, now_ms = Desk(use.database, use.publisher), caller.organization_id, use.clock_ms()
    show = show if show in FILTERS else ""
    talk = await desk.find(org, conversation_id) if conversation_id else None
    messages: list[Shown] = []
    templates: list[Template] = []
    older = ""
    if talk is not None:
        messages, older = await desk.messages(talk, cursor=cursor)
        messages.reverse()
        await desk.conversations.mark_read(org, conversation_id, talk.last_inbound_ms)
        templates = await desk.templates(talk)
    found, following = await desk.page(
        org,
        cursor="" if talk else cursor,
        unread=show == "unread",
        waiting=show == "waiting",
    )
    return {
        "talks": found,
        "following": following,
        "talk": talk,
        "open_id": conversation_id,
        "messages": messages,
        "older": older,
        "cursor": cursor,
        "templates": templates,
        "window_open": talk is not None and is_open(talk, now_ms),
        "show": show,
        "filters": FILTERS,
        "states": STATES,
        "kinds": KINDS,
        "tongues": LANGUAGES,
        "instant": rfc3339,
        "key": secrets.token_hex(16),
    }
