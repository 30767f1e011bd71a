"""`/api/conversations`: who is talked to on WhatsApp, what was said, and what staff answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.conversations import Desk, conversation_json, message_json
from api.deps import UseCaller, UseServices
from api.errors import not_found
from api.services import Services
from api.shapes import to_json
from streams.whatsapp.media import Media, served_as

router = APIRouter(prefix="/api/conversations", tags=["conversations"])


class ReplyBody(BaseModel):
    """`{"text"}`, `{"template"}`, or any kind of message as `POST /api/whatsapp/messages` takes."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field("", max_length=4096)
    template: dict[str, Any] | None = None
    kind: str = Field("", max_length=40)
    content: Any = None

    @model_validator(mode="after")
    def one_of_them(self) -> ReplyBody:
        """Exactly one of the three."""
        if sum((bool(self.text.strip()), self.template is not None, bool(self.kind))) != 1:
            raise ValueError("give text, template, or kind with content")
        return self

    def message(self) -> tuple[str, Any]:
        """(kind, content)"""
        if self.template is not None:
            return "template", self.template
        return (self.kind, self.content) if self.kind else ("text", self.text)


class HandoverBody(BaseModel):
    """Who answers from now on."""

    model_config = ConfigDict(extra="forbid")

    to: Literal["person", "machine"]


@router.get("")
async def list_conversations(
    caller: UseCaller,
    use: UseServices,
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    unread: Annotated[bool, Query(description="only those with unread messages")] = False,
    waiting: Annotated[bool, Query(description="only those that wait for a person")] = False,
    organizationId: str | None = None,
) -> Response:
    """Newest first; `next` is empty at the end."""
    caller.check(organizationId)
    found, following = await _desk(use).page(
        caller.organization_id, cursor=cursor, limit=limit, unread=unread, waiting=waiting
    )
    now_ms = use.clock_ms()
    shown = [conversation_json(one, now_ms) for one in found]
    return _json({"conversations": shown, "next": following})


@router.get("/{conversation_id}")
async def show_conversation(conversation_id: str, caller: UseCaller, use: UseServices) -> Response:
    """One conversation: window, consent, who answers."""
    found = await _desk(use).find(caller.organization_id, conversation_id)
    return _json(conversation_json(found, use.clock_ms()))


@router.get("/{conversation_id}/messages")
async def list_messages(
    conversation_id: str,
    caller: UseCaller,
    use: UseServices,
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """What was said, newest first, with delivery state; `next` is empty at the end."""
    desk = _desk(use)
    conversation = await desk.find(caller.organization_id, conversation_id)
    found, following = await desk.messages(conversation, cursor=cursor, limit=limit)
    return _json({"messages": [message_json(one) for one in found], "next": following})


@router.post("/{conversation_id}/reply", status_code=202)
async def reply(
    conversation_id: str,
    body: ReplyBody,
    caller: UseCaller,
    use: UseServices,
    idempotency_key: Annotated[str, Header(max_length=200)] = "",
) -> Response:
    """Have an answer sent. Free text only within 24 hours of the customer's last message, else a
    template. The same Idempotency-Key is one message."""
    desk = _desk(use)
    conversation = await desk.find(caller.organization_id, conversation_id)
    row = await desk.reply(conversation, *body.message(), use.clock_ms(), idempotency_key)
    return _json({"id": row.entity_id, "state": row.state, "reason": row.reason}, 202)


@router.post("/{conversation_id}/handover")
async def hand_over(
    conversation_id: str, body: HandoverBody, caller: UseCaller, use: UseServices
) -> Response:
    """To a person: the automatic answers fall silent here. To the machine: they speak again."""
    desk, now_ms = _desk(use), use.clock_ms()
    await desk.find(caller.organization_id, conversation_id)
    place = (caller.organization_id, conversation_id)
    if body.to == "person":
        found = await desk.conversations.hand_over(*place, f"staff:{caller.by}", now_ms)
    else:
        found = await desk.conversations.hand_back(*place, now_ms)
    return _json(conversation_json(found, now_ms))


@router.post("/{conversation_id}/read")
async def mark_read(conversation_id: str, caller: UseCaller, use: UseServices) -> Response:
    """Everything so far has been seen."""
    desk, now_ms = _desk(use), use.clock_ms()
    conversation = await desk.find(caller.organization_id, conversation_id)
    await desk.conversations.mark_read(
        caller.organization_id, conversation_id, max(conversation.last_inbound_ms, 0)
    )
    found = await desk.find(caller.organization_id, conversation_id)
    return _json(conversation_json(found, now_ms))


@router.get("/{conversation_id}/media/{message_id}")
async def show_media(
    conversation_id: str, message_id: str, caller: UseCaller, use: UseServices
) -> Response:
    """The file that came with a message, once it has been fetched. Raises 404."""
    conversation = await _desk(use).find(caller.organization_id, conversation_id)
    media = Media(use.database, use.settings.home)
    found = await media.kept(caller.organization_id, conversation.conversation_id, message_id)
    if found is None:
        raise not_found(
            "There is no file with this message, or it has not been fetched.",
            "The message's `file` says how it stands.",
        )
    content, headers = served_as(found)
    return Response(content, headers=headers)


def _desk(use: Services) -> Desk:
    return Desk(use.database, use.publisher)


def _json(body: object, status: int = 200) -> Response:
    return Response(to_json(body), status, media_type="application/json")
