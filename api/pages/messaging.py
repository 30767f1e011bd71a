"""`/integrations/{id}/messages`: what WhatsApp tells customers by itself, what waits for a person,
and the templates. Plain forms: all of it works without JavaScript."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi_problem.error import Problem
from pydantic import ValidationError
from pymongo.errors import PyMongoError
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse

from api.deps import Caller, UseCaller, UseServices
from api.pages.away import REACHABLE, away
from api.pages.i18n import N_, _
from api.pages.render import page
from api.pages.standing import tab_values
from api.pages.visiting import UseVisitor
from api.services import Services
from api.whatsapp import WhatsAppDesk, effect_shape, message_shape
from schemas.fields import LATTICES
from streams.directory import DirectoryError
from streams.whatsapp.notify import Notifications, notifications_of
from streams.whatsapp.sends import attempt_of
from streams.whatsapp.service import REFUSALS
from streams.whatsapp.wording import ORDER, SHIPMENT

router = APIRouter(include_in_schema=False, dependencies=REACHABLE)

SEE_OTHER = 303
SHOWN = 50
DONE = {
    "saved": N_("Your changes are saved. They count for news from now on."),
    "sent": N_("It is on its way."),
    "cancelled": N_("It will not be sent."),
    "given-up": N_("It is not listed any more."),
    "submitted": N_("Meta looks at them now. That takes minutes to a day."),
}
LANGUAGES = {"en": "English", "si": "සිංහල", "ta": "தமிழ்"}
WAITING = {
    "window": N_("Waits for the customer to write"),
    "template": N_("Waits for a template"),
    "quiet": N_("Quiet hours"),
    "budget": N_("This month's money is spent"),
    "connection": N_("WhatsApp does not take messages now"),
}


@router.get("/integrations/{integration_id}/messages")
async def messages_page(
    request: Request,
    integration_id: str,
    caller: UseVisitor,
    use: UseServices,
    note: str = "",
    wrong: str = "",
) -> Response:
    """All of it."""
    return await _shown(request, use, caller, integration_id, note, wrong[:300])


@router.post("/integrations/{integration_id}/messages/notifications")
async def save(
    request: Request, integration_id: str, caller: UseCaller, use: UseServices
) -> Response:
    """What is told from now on."""
    desk = WhatsAppDesk(use, caller.organization_id)
    async with request.form(max_fields=80) as form:
        try:
            held = notifications_of(await desk.connection())
            await desk.set_notifications(wanted_of(form, held))
        except ValidationError as error:
            words = "; ".join(str(one["msg"]) for one in error.errors(include_url=False))
            return _back(integration_id, wrong=words)
        except (Problem, DirectoryError) as error:
            return _back(integration_id, wrong=str(error))
    return _back(integration_id, "saved")


@router.post("/integrations/{integration_id}/messages/templates")
async def submit(integration_id: str, caller: UseCaller, use: UseServices) -> Response:
    """Ask Meta to approve those that are missing."""
    try:
        await WhatsAppDesk(use, caller.organization_id).submit([], [])
    except Problem as error:
        return _back(integration_id, wrong=str(error.detail))
    return _back(integration_id, "submitted")


@router.post("/integrations/{integration_id}/messages/held/{message_id}/{act}")
async def decide_held(
    integration_id: str, message_id: str, act: str, caller: UseCaller, use: UseServices
) -> Response:
    """Send a held message now, or never."""
    service, org = WhatsAppDesk(use, caller.organization_id).service, caller.organization_id
    try:
        if act == "release":
            row = await service.release(org, message_id)
            return _back(integration_id, "sent", row.reason if row.state == "held" else "")
        await service.cancel(org, message_id, caller.by)
    except REFUSALS as error:
        return _back(integration_id, wrong=str(error))
    return _back(integration_id, "cancelled")


@router.post("/integrations/{integration_id}/messages/unknown/{act}")
async def decide_unknown(
    integration_id: str,
    act: str,
    caller: UseCaller,
    use: UseServices,
    key: Annotated[str, Form(max_length=600)],
) -> Response:
    """Send it again, though the customer may get it twice; or leave it."""
    service, org = WhatsAppDesk(use, caller.organization_id).service, caller.organization_id
    try:
        if act == "resend":
            await service.resend(org, key, caller.by)
            return _back(integration_id, "sent")
        await service.give_up(org, key, caller.by)
    except REFUSALS as error:
        return _back(integration_id, wrong=str(error))
    return _back(integration_id, "given-up")


def wanted_of(form: FormData, held: Notifications) -> Notifications:
    """The form as settings; how a status is told stays as it was. Raises ValidationError."""

    def told(kind: str, before: Any) -> dict[str, Any]:
        chosen = [str(one) for one in form.getlist(kind)]
        return {
            status: before[status].model_dump(by_alias=True)
            if status in before
            else {"template": "order_status" if kind == "orders" else "shipment_status"}
            for status in chosen
        }

    def text(name: str) -> str:
        return str(form.get(name) or "").strip()

    start, end = text("quiet_from"), text("quiet_to")
    prices = {name: price for name in ("utility", "marketing") if (price := text(f"price_{name}"))}
    return Notifications.model_validate(
        {
            **held.model_dump(mode="json", by_alias=True),
            "orders": told("orders", held.orders),
            "shipments": told("shipments", held.shipments),
            "language": text("language") or held.language,
            "waitS": text("wait") or 0,
            "quietHours": {"from": start, "to": end} if start and end else None,
            "prices": {**held.prices, **prices} if prices else {},
            "monthlyCap": text("cap") or None,
        }
    )


async def _shown(
    request: Request,
    use: Services,
    caller: Caller,
    integration_id: str,
    note: str,
    wrong: str,
) -> Response:
    org = caller.organization_id
    try:
        entry = await use.directory.integration(org, integration_id)
        desk = WhatsAppDesk(use, org)
        tabs = await tab_values(use, caller, entry)
        settings = await desk.notifications()
        held = await desk.service.sends.list(org, states=["held"], limit=SHOWN)
        unknown = await _unknown(use, desk, org)
        templates = await desk.known_templates()
    except DirectoryError:
        return RedirectResponse("/integrations", SEE_OTHER)
    except PyMongoError:
        return away(request)
    statuses = [
        ("orders", [one for one in LATTICES["order"] if one in ORDER], ORDER),
        ("shipments", [one for one in LATTICES["shipment"] if one in SHIPMENT], SHIPMENT),
    ]
    return page(
        request,
        "messages.html",
        **tabs,
        note=_(DONE.get(note, "")),
        wrong=wrong,
        settings=settings,
        statuses=statuses,
        tongues=LANGUAGES,
        held=[message_shape(row) for row in held],
        waiting=WAITING,
        unknown=unknown,
        templates=templates,
    )


async def _unknown(use: Services, desk: WhatsAppDesk, organization_id: str) -> list[dict[str, Any]]:
    """Messages alone: a parcel is settled on its own page."""
    found = []
    for one in await desk.service.ledger.unsettled(organization_id, use.clock_ms()):
        row = await desk.service.sends.of_key(organization_id, attempt_of(one.effect_key)[0])
        if one.listed and row is not None:
            found.append(effect_shape(one, row))
    return found


def _back(integration_id: str, note: str = "", wrong: str = "") -> Response:
    asked = urlencode({name: value for name, value in (("note", note), ("wrong", wrong)) if value})
    return RedirectResponse(f"/integrations/{integration_id}/messages?{asked}", SEE_OTHER)
