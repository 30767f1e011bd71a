"""Conversations as staff see them: the lists, the messages of one, and what staff does there."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.errors import invalid, malformed, not_found
from connectors.whatsapp.limits import BadMessage
from connectors.whatsapp.messages import message_of, spoken
from connectors.whatsapp.templates import APPROVED, Template
from schemas.codec import decode
from schemas.envelope import rfc3339
from streams.database import Database, Document
from streams.entities import COLLECTION
from streams.kafka import PublishFailed
from streams.kafka.records import Publishes
from streams.sync.record import Record
from streams.whatsapp.answering import WINDOW_MS
from streams.whatsapp.conversations import Conversation, Conversations
from streams.whatsapp.dispatch import command_record
from streams.whatsapp.sends import Outgoing, Sends
from streams.whatsapp.templates import Templates

PAGE = 50
STILL = ("waiting", "held", "sent", "unknown")
"""States of a message that is to be seen, whether or not its entity is there yet."""
UNTOLD = ("held", "unknown")
"""Of these the entity says nothing."""
EXPLAINED = ("held", "failed", "dropped", "unknown", "cancelled")


@dataclass(frozen=True, slots=True)
class Shown:
    """One message of a thread."""

    id: str
    direction: str
    type: str
    text: str
    status: str
    at_ms: int
    reason: str = ""
    """Of ours: why it waits, or was not delivered."""
    media: Mapping[str, Any] | None = None
    file: Mapping[str, Any] | None = None
    """What was fetched of its media: {state, mimeType, size, reason}."""
    context: Mapping[str, Any] | None = None
    edited: bool = False
    deleted: bool = False

    @property
    def place(self) -> str:
        """Where older ones begin."""
        return f"{self.at_ms}/{self.id}"


class Desk:
    """One organisation's at a time. Errors: Problem, PyMongoError."""

    def __init__(self, database: Database, publisher: Publishes) -> None:
        self._database = database
        self._publisher = publisher
        self._rows = database[COLLECTION]
        self._sends = Sends(database)
        self.conversations = Conversations(database)

    async def find(self, organization_id: str, conversation_id: str) -> Conversation:
        """Raises 404."""
        found = await self.conversations.get(organization_id, conversation_id)
        if found is None:
            raise not_found("There is no such conversation.", "GET /api/conversations lists them.")
        return found

    async def page(
        self,
        organization_id: str,
        *,
        cursor: str = "",
        limit: int = PAGE,
        unread: bool = False,
        waiting: bool = False,
    ) -> tuple[Sequence[Conversation], str]:
        """Newest first, and the cursor behind it."""
        found = await self.conversations.list(
            organization_id,
            after=cursor,
            limit=limit + 1,
            unread_only=unread,
            waiting_only=waiting,
        )
        return found[:limit], found[limit - 1].place if len(found) > limit else ""

    async def messages(
        self, conversation: Conversation, *, cursor: str = "", limit: int = PAGE
    ) -> tuple[list[Shown], str]:
        """Newest first, and the cursor behind them. Raises 400."""
        threads = [conversation.conversation_id, *conversation.former]
        match: Document = {
            "organizationId": conversation.organization_id,
            "thread": {"$in": threads},
        }
        if cursor:
            at, _, identity = cursor.partition("/")
            if not at.isdecimal() or not identity:
                raise malformed(f"{cursor!r} is not a cursor.", "Take `next` as it was given.")
            match["$or"] = [
                {"sentMs": {"$lt": int(at)}},
                {"sentMs": int(at), "entityId": {"$lt": identity}},
            ]
        sort = [("sentMs", -1), ("entityId", -1)]
        rows = [row async for row in self._rows.find(match).sort(sort).limit(limit + 1)]
        ids = [row["entityId"] for row in rows]
        org = conversation.organization_id
        sends = {row["_id"]: row async for row in self._database["ss_sends"].find(_own(org, ids))}
        files = {row["_id"]: row async for row in self._database["ss_media"].find(_kept(org, ids))}
        shown = [
            _shown(row, sends.get(row["entityId"]), files.get(f"{org}/{row['entityId']}"))
            for row in rows[:limit]
        ]
        older = shown[-1].place if len(rows) > limit else ""
        if not cursor:
            shown = [*await self._on_their_way(conversation, shown, bool(older)), *shown]
            shown.sort(key=lambda one: (one.at_ms, one.id), reverse=True)
        return shown, older

    async def _on_their_way(
        self, conversation: Conversation, shown: Sequence[Shown], more: bool
    ) -> list[Shown]:
        """Messages of ours that are not in the history yet, of the time that `shown` covers."""
        if conversation.phone is None:
            return []
        rows = await self._sends.list(
            conversation.organization_id, states=STILL, to=conversation.phone
        )
        known = {one.id for one in shown}
        since_ms = shown[-1].at_ms if more else 0
        return [
            Shown(
                id=row.entity_id,
                direction="out",
                type=row.kind,
                text=row.text,
                status=_standing(row),
                at_ms=row.created_ms,
                reason=row.reason if row.state in EXPLAINED else "",
            )
            for row in rows
            if row.entity_id not in known and row.created_ms >= since_ms
        ]

    async def templates(self, conversation: Conversation) -> list[Template]:
        """Those that may be sent now."""
        known = await Templates(self._database).known(
            conversation.organization_id, conversation.replica
        )
        return [one for one in known.templates or () if one.status == APPROVED and one.plain]

    async def reply(
        self, conversation: Conversation, kind: str, content: Any, now_ms: int, key: str = ""
    ) -> Outgoing:
        """Have it sent; the same `key` is one message. Raises 422 where it may not be."""
        if conversation.phone is None:
            raise invalid(
                "This customer shows no phone number, so nothing can be sent to them.",
                "They can share it in the chat.",
            )
        if kind != "template" and not is_open(conversation, now_ms):
            raise invalid(
                "The customer has not written for 24 hours, so WhatsApp takes templates only.",
                "Send a template, or wait until the customer writes.",
            )
        try:
            message = message_of(kind, content)
        except BadMessage as error:
            raise invalid(f"This cannot be sent: {error}.", "Change it and send again.") from error
        row = await self._sends.want(
            conversation.organization_id,
            f"staff:{key or secrets.token_hex(16)}",
            replica=conversation.replica,
            to=conversation.phone,
            purpose="answer",
            kind=kind,
            message=message,
            text=spoken(message),
        )
        try:
            await self._publisher.publish(command_record(row, now_ms))
        except PublishFailed:
            return row  # it is found waiting, and sent then
        return row


def is_open(conversation: Conversation, now_ms: int) -> bool:
    """Whether free text may be sent: the customer wrote within 24 hours."""
    return now_ms - conversation.last_inbound_ms < WINDOW_MS


def _own(organization_id: str, ids: Sequence[str]) -> Document:
    return {"organizationId": organization_id, "_id": {"$in": list(ids)}}


def _kept(organization_id: str, ids: Sequence[str]) -> Document:
    return {"_id": {"$in": [f"{organization_id}/{one}" for one in ids]}}


def _shown(row: Document, send: Document | None, file: Document | None) -> Shown:
    record = decode(row["record"], Record)
    fields = {name: agreed.value for name, agreed in record.fields.items()}
    reason = ""
    if send is not None and send["state"] in EXPLAINED:
        reason = str(send.get("reason") or "")
    return Shown(
        id=record.entity_id,
        direction=str(fields.get("direction") or "in"),
        type=str(fields.get("type") or "text"),
        text=str(fields.get("body") or ""),
        status=_status(fields, send),
        at_ms=row["sentMs"],
        reason=reason,
        media=fields.get("media") or None,
        file=file,
        context=fields.get("context") or None,
        edited=bool(fields.get("editedAt")),
        deleted=bool(fields.get("revokedAt")),
    )


def _status(fields: Mapping[str, Any], send: Document | None) -> str:
    """Of ours: `held` and `unknown` are known to the sending alone."""
    if send is not None and send["state"] in UNTOLD:
        return str(send["state"])
    return str(fields.get("status") or "")


def _standing(row: Outgoing) -> str:
    """Of one that has no entity yet."""
    if row.state in UNTOLD:
        return row.state
    return row.delivery or ("sent" if row.state == "sent" else "queued")


def conversation_json(found: Conversation, now_ms: int) -> dict[str, Any]:
    """As the API tells it; times in RFC 3339."""
    last, given, consent = found.last_message, found.handed_over, found.consent
    return {
        "id": found.conversation_id,
        "name": found.name,
        "phone": found.phone,
        "userId": found.user_id,
        "language": found.language,
        "unread": found.unread,
        "windowOpen": is_open(found, now_ms),
        "windowEndsAt": rfc3339(found.last_inbound_ms + WINDOW_MS)
        if found.last_inbound_ms
        else None,
        "lastMessage": last
        and {
            "text": last.text,
            "direction": last.direction,
            "status": last.status,
            "at": rfc3339(last.at_ms),
        },
        "handedOver": given and {"by": given.by, "at": rfc3339(given.at_ms)},
        "consent": consent
        and {"state": consent.state, "source": consent.source, "at": rfc3339(consent.at_ms)},
        "customerId": found.customer_id,
    }


def message_json(shown: Shown) -> dict[str, Any]:
    """As the API tells it."""
    return {
        "id": shown.id,
        "direction": shown.direction,
        "type": shown.type,
        "text": shown.text,
        "status": shown.status,
        "reason": shown.reason,
        "at": rfc3339(shown.at_ms),
        "media": shown.media,
        "file": shown.file
        and {name: shown.file.get(name) for name in ("state", "mimeType", "size", "reason")},
        "context": shown.context,
        "edited": shown.edited,
        "deleted": shown.deleted,
    }
