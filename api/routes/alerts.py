"""`/api/alerts`: what is wrong now, what people were told, and who is told."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.alerts import Alerts, message_shape, settings_shape
from api.deps import UseCaller, UseServices
from api.errors import invalid
from api.pages.i18n import language
from api.routes.integrations import as_json
from streams.alerts.settings import AlertSettings

router = APIRouter(prefix="/api/alerts", tags=["alerts"])


@router.get("")
async def list_alerts(
    caller: UseCaller, use: UseServices, organizationId: str | None = None
) -> Response:
    """What stands now, and the newest 50 that people were told of, in the language that the request
    wants."""
    caller.check(organizationId)
    alerts = Alerts(use, caller.organization_id)
    return as_json(
        {"open": await alerts.open(language()), "history": await alerts.history(language())}
    )


@router.get("/messages")
async def list_alert_messages(caller: UseCaller, use: UseServices) -> Response:
    """The newest 50 messages with what became of each delivery. Owners only: it names addresses."""
    messages = await Alerts(use, caller.organization_id).messages(language())
    return as_json({"messages": messages})


@router.get("/settings")
async def get_alert_settings(caller: UseCaller, use: UseServices) -> Response:
    """Who is told, of what, in which language."""
    desk = Alerts(use, caller.organization_id).desk
    return as_json(settings_shape(await desk.settings(caller.organization_id)))


@router.put("/settings")
async def put_alert_settings(
    wanted: AlertSettings, caller: UseCaller, use: UseServices
) -> Response:
    """Replace them. The first webhook address makes a secret (Standard Webhooks), shown this once
    as `webhookSecret`."""
    desk = Alerts(use, caller.organization_id).desk
    secret = await desk.save(caller.organization_id, wanted)
    return as_json(settings_shape(wanted, secret))


@router.post("/settings/secret")
async def new_alert_secret(caller: UseCaller, use: UseServices) -> Response:
    """Another secret for the webhook, shown this once; the old one signs nothing any more."""
    desk = Alerts(use, caller.organization_id).desk
    settings = await desk.settings(caller.organization_id)
    if not settings.webhook_url:
        raise invalid("There is no webhook.", "Save its address first.")
    secret = await desk.save(caller.organization_id, settings, new_secret=True)
    return as_json(settings_shape(settings, secret))


@router.post("/test")
async def send_test_alert(caller: UseCaller, use: UseServices) -> Response:
    """Send a test to everybody that is told, now; the answer says how each delivery went."""
    message = await Alerts(use, caller.organization_id).test()
    return as_json(message_shape(message, language()))
