"""`/api/whatsapp`: messages to customers, what is held, templates, and notifications."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints

from api.deps import UseCaller, UseServices
from api.routes.integrations import as_json
from api.whatsapp import WhatsAppDesk, message_shape, problem_of
from streams.whatsapp.notify import Notifications
from streams.whatsapp.sends import OPEN
from streams.whatsapp.service import REFUSALS

router = APIRouter(prefix="/api/whatsapp", tags=["whatsapp"])

Key = Annotated[str, StringConstraints(max_length=400, pattern=r"^[^~]*$")]


class NewMessage(BaseModel):
    """A message to one customer."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    to: Annotated[str, StringConstraints(min_length=3, max_length=40)]
    """A phone number: E.164, or as it is dialled in the shop's country."""
    content: str | dict[str, Any]
    """Text, or the kind's own fields."""
    kind: Literal[
        "text", "image", "document", "template", "interactive", "buttons", "list", "product",
        "products", "catalog", "reaction",
    ] = Field("text", validation_alias=AliasChoices("kind", "type"))  # fmt: skip
    organization_id: str | None = Field(None, alias="organizationId")
    key: Key = ""
    """The same key is one message, whatever is retried; or send the header Idempotency-Key."""
    purpose: Literal["answer", "notification"] | None = None
    """A notification respects quiet hours and opt-out; left out: templates are notifications."""
    reply_to: Annotated[str, StringConstraints(max_length=200)] = Field("", alias="replyTo")
    """WhatsApp's id of the message that it quotes."""


class Submission(BaseModel):
    """Which of the templates that we need; empty: all that are missing."""

    model_config = ConfigDict(extra="forbid")

    names: Annotated[list[str], Field(max_length=10)] = []
    languages: Annotated[list[Literal["en", "si", "ta"]], Field(max_length=3)] = []


@router.post("/messages", status_code=202)
async def send_message(
    given: NewMessage,
    caller: UseCaller,
    use: UseServices,
    idempotency_key: Annotated[Key, Header(alias="Idempotency-Key")] = "",
) -> Response:
    """Send one. `state` says whether it went out (`sent`), is on its way (`accepted`), or is `held`
    and why; follow it by its id. Free-form reaches who wrote within 24 hours; others a template."""
    caller.check(given.organization_id)
    desk = WhatsAppDesk(use, caller.organization_id)
    try:
        row = await desk.service.send_message(
            given.to,
            given.content,
            given.kind,
            caller.organization_id,
            key=given.key or idempotency_key,
            purpose=given.purpose,
            reply_to=given.reply_to,
        )
    except REFUSALS as error:
        raise problem_of(error) from error
    return as_json(message_shape(row), 202 if row.state in OPEN else 200)


@router.get("/messages")
async def list_sent_messages(
    caller: UseCaller,
    use: UseServices,
    to: Annotated[str, Query(max_length=40)] = "",
    state: Literal["", "waiting", "held", "sent", "failed", "unknown", "dropped", "cancelled"] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    organizationId: str | None = None,
) -> Response:
    """Messages of ours, newest first."""
    caller.check(organizationId)
    found = await WhatsAppDesk(use, caller.organization_id).service.sends.list(
        caller.organization_id, states=[state] if state else [], to=to, limit=limit
    )
    return as_json({"messages": [message_shape(row) for row in found]})


@router.get("/messages/{message_id}")
async def get_message(message_id: str, caller: UseCaller, use: UseServices) -> Response:
    """How one stands."""
    return as_json(
        message_shape(await WhatsAppDesk(use, caller.organization_id).message(message_id))
    )


@router.get("/held")
async def held(
    caller: UseCaller,
    use: UseServices,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    organizationId: str | None = None,
) -> Response:
    """Messages that wait, each with its reason and when it is looked at again."""
    caller.check(organizationId)
    found = await WhatsAppDesk(use, caller.organization_id).service.sends.list(
        caller.organization_id, states=["held"], limit=limit
    )
    return as_json({"held": [message_shape(row) for row in found]})


@router.post("/messages/{message_id}/release")
async def release(message_id: str, caller: UseCaller, use: UseServices) -> Response:
    """Send a held message now: past quiet hours, age and the spend cap; not past Meta's rules."""
    desk = WhatsAppDesk(use, caller.organization_id)
    await desk.message(message_id)
    try:
        return as_json(
            message_shape(await desk.service.release(caller.organization_id, message_id))
        )
    except REFUSALS as error:
        raise problem_of(error) from error


@router.post("/messages/{message_id}/cancel")
async def cancel(message_id: str, caller: UseCaller, use: UseServices) -> Response:
    """Never send a message that waits."""
    desk = WhatsAppDesk(use, caller.organization_id)
    await desk.message(message_id)
    try:
        row = await desk.service.cancel(caller.organization_id, message_id, "a person")
    except REFUSALS as error:
        raise problem_of(error) from error
    return as_json(message_shape(row))


@router.get("/templates")
async def list_templates(
    caller: UseCaller,
    use: UseServices,
    refresh: bool = False,
    organizationId: str | None = None,
) -> Response:
    """Templates with state and quality, as Meta listed them, and which of ours are missing."""
    caller.check(organizationId)
    return as_json(await WhatsAppDesk(use, caller.organization_id).templates(refresh=refresh))


@router.post("/templates/submit")
async def submit_templates(
    caller: UseCaller, use: UseServices, given: Submission | None = None
) -> Response:
    """Ask Meta to approve what notifications need. Approval takes minutes to a day."""
    wanted = given or Submission()
    desk = WhatsAppDesk(use, caller.organization_id)
    told = await desk.submit(wanted.names, list(wanted.languages))
    return as_json({"submitted": told, **await desk.templates()})


@router.get("/notifications")
async def get_notifications(
    caller: UseCaller, use: UseServices, organizationId: str | None = None
) -> Response:
    """Which statuses customers are told of, how, and what this month has cost."""
    caller.check(organizationId)
    return as_json(await WhatsAppDesk(use, caller.organization_id).notifications())


@router.put("/notifications")
async def set_notifications(
    given: Notifications, caller: UseCaller, use: UseServices, organizationId: str | None = None
) -> Response:
    """Replace them."""
    caller.check(organizationId)
    return as_json(await WhatsAppDesk(use, caller.organization_id).set_notifications(given))
