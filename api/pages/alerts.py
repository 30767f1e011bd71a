"""`/alerts`: what is wrong now, who is told of it, and what they were told. Plain forms."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi_problem.error import Problem
from pydantic import ValidationError
from starlette.responses import RedirectResponse

from api.alerts import Alerts, spoken
from api.deps import Caller, UseCaller, UseServices
from api.pages.away import REACHABLE
from api.pages.i18n import N_, _, language
from api.pages.render import page
from api.pages.visiting import UseVisitor
from api.services import Services
from streams.access import Role
from streams.alerts.conditions import SHOP
from streams.alerts.settings import AlertSettings
from streams.alerts.words import NAMES

router = APIRouter(prefix="/alerts", include_in_schema=False, dependencies=REACHABLE)

SEE_OTHER = 303
Many = Annotated[str, Form(max_length=4_000)]
CHANNELS = {"email": N_("E-mail"), "webhook": N_("Webhook"), "whatsapp": "WhatsApp"}
STATES = {
    "due": ("info", N_("tried again")),
    "sent": ("good", N_("sent")),
    "failed": ("bad", N_("not sent")),
}
"""Of a delivery: tone and word."""


@router.get("")
async def alerts_page(
    request: Request, caller: UseVisitor, use: UseServices, note: str = ""
) -> Response:
    """What stands, and for owners who is told."""
    return await _page(request, use, caller, note=_(NOTES[note]) if note in NOTES else "")


NOTES = {
    "saved": N_("Saved. Send a test alert to see it arrive."),
    "tested": N_("The test was sent: below is how it went."),
}

NOBODY = N_("There is nobody to tell. Save an e-mail address, a webhook or a number first.")


@router.post("")
async def save(
    request: Request,
    caller: UseCaller,
    use: UseServices,
    emails: Many = "",
    webhook: Annotated[str, Form(max_length=1_000)] = "",
    whatsapp: Many = "",
    spoken: Annotated[str, Form(pattern="^(en|si|ta)$")] = "en",
    watched: Annotated[list[str] | None, Form(max_length=50)] = None,
) -> Response:
    """Who is told, and of what."""
    given = {
        "emails": _listed(emails),
        "webhookUrl": webhook,
        "whatsapp": _listed(whatsapp, r"[\n,;]+"),  # numbers are typed with blanks
        "off": [name for name in SHOP if name not in (watched or [])],
        "language": spoken,
    }
    try:
        settings = AlertSettings.model_validate(given)
    except ValidationError as error:
        told = str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")
        return await _page(request, use, caller, 422, trouble=told, given=given)
    secret = await Alerts(use, caller.organization_id).desk.save(caller.organization_id, settings)
    if secret:
        return await _page(request, use, caller, secret=secret)
    return RedirectResponse("/alerts?note=saved", SEE_OTHER)


@router.post("/secret")
async def new_secret(request: Request, caller: UseCaller, use: UseServices) -> Response:
    """Another secret for the webhook."""
    desk = Alerts(use, caller.organization_id).desk
    settings = await desk.settings(caller.organization_id)
    secret = await desk.save(caller.organization_id, settings, new_secret=True)
    return await _page(request, use, caller, secret=secret)


@router.post("/test")
async def test(request: Request, caller: UseCaller, use: UseServices) -> Response:
    """To everybody, now."""
    try:
        await Alerts(use, caller.organization_id).test()
    except Problem as error:
        return await _page(request, use, caller, error.status, trouble=_(NOBODY))
    return RedirectResponse("/alerts?note=tested#sent", SEE_OTHER)


async def _page(
    request: Request,
    use: Services,
    caller: Caller,
    status: int = 200,
    *,
    given: dict[str, Any] | None = None,
    **told: str,
) -> Response:
    alerts, owner = Alerts(use, caller.organization_id), caller.role is Role.OWNER
    settings = await alerts.desk.settings(caller.organization_id)
    chosen = given or settings.model_dump(mode="json", by_alias=True)
    return page(
        request,
        "alerts.html",
        status,
        organization=await use.directory.name_of(caller.organization_id),
        standing=await alerts.open(language()),
        history=[one for one in await alerts.history(language()) if one["overAt"]],
        owner=owner,
        messages=await alerts.messages(language()) if owner else [],
        chosen=chosen,
        conditions={name: NAMES[name][spoken(language())] for name in SHOP},
        channels=CHANNELS,
        states=STATES,
        mail=bool(use.alerts.smtp_host),
        **{"note": "", "trouble": "", "secret": "", **told},
    )


def _listed(text: str, between: str = r"[\s,;]+") -> list[str]:
    return [part.strip() for part in re.split(between, text) if part.strip()]
