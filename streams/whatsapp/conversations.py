"""Who is talked to on WhatsApp, one document each: `ss_conversations`, unique by organisation and
conversation. The messages themselves are entities; here is what must be known at once.

{organizationId, conversationId, phone, userId, name, language, lastInboundMs, lastOutboundMs,
 lastMs, lastMessage: {id, text, direction, atMs, status}, unread: [{id, atMs}], readMs,
 handedOver: {by, atMs} | null, handedBackMs, consent: {state, source, atMs} | null, customerId,
 replica, askedMs, former: [id]}

Everything only moves forward by time, and unread messages are a set of ids: telling the same thing
again, or in another order, ends the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from streams.database import Database, Document

COLLECTION = "ss_conversations"
Language = Literal["en", "si", "ta"]
Direction = Literal["in", "out"]
PAGE = 50
UNREAD_KEPT = 100
"""Above it, "100 or more" says enough."""
TEXT_KEPT = 200
RANKS = {"queued": 0, "sent": 1, "delivered": 2, "read": 3, "failed": 4}


@dataclass(frozen=True, slots=True)
class LastMessage:
    """The newest message either way. `text` is its beginning."""

    id: str
    text: str
    direction: Direction
    at_ms: int
    status: str = ""


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether this person wants messages that they did not ask for, and who said so."""

    state: Literal["in", "out"]
    source: str
    """`message:<id>` for the customer's own words, `user:<who>`, `import`, `error:131050`, ..."""
    at_ms: int


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A person answers from now on. `by`: `customer`, or who took over."""

    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """One person at WhatsApp. Times in ms since 1970 UTC, 0 where it never happened."""

    organization_id: str
    conversation_id: str
    """E.164 phone, else WhatsApp's user id."""
    phone: str | None = None
    user_id: str | None = None
    name: str | None = None
    language: Language | None = None
    last_inbound_ms: int = 0
    """The 24-hour window counts from here."""
    last_outbound_ms: int = 0
    last_message: LastMessage | None = None
    unread: int = 0
    handed_over: HandedOver | None = None
    consent: Consent | None = None
    customer_id: str | None = None
    last_ms: int = 0
    replica: str = "whatsapp"
    """The connection whose number they last wrote to."""
    former: tuple[str, ...] = ()
    """Ids that it had before: older messages are there."""

    @property
    def place(self) -> str:
        """Where a page goes on after it: `list(after=…)`."""
        return f"{self.last_ms}/{self.conversation_id}"


class Conversations:
    """All methods raise PyMongoError."""

    def __init__(self, database: Database) -> None:
        self._rows = database[COLLECTION]

    async def get(self, organization_id: str, conversation_id: str) -> Conversation | None:
        """None: nobody has written there or from there."""
        found = await self._rows.find_one(_place(organization_id, conversation_id))
        return None if found is None else read(found)

    async def list(
        self,
        organization_id: str,
        *,
        after: str = "",
        limit: int = PAGE,
        unread_only: bool = False,
        waiting_only: bool = False,
    ) -> tuple[Conversation, ...]:
        """Newest first, behind `after` (a `Conversation.place`); an unreadable place begins anew.
        `waiting_only`: those handed over to a person."""
        match: Document = {"organizationId": organization_id}
        at, _, identity = after.partition("/")
        if at.isdecimal() and identity:
            match["$or"] = [
                {"lastMs": {"$lt": int(at)}},
                {"lastMs": int(at), "conversationId": {"$lt": identity}},
            ]
        if unread_only:
            match["unread.0"] = {"$exists": True}
        if waiting_only:
            match["handedOver"] = {"$type": "object"}
        rows = self._rows.find(match).sort([("lastMs", DESCENDING), ("conversationId", DESCENDING)])
        return tuple([read(row) async for row in rows.limit(limit)])

    async def seen_inbound(
        self,
        organization_id: str,
        conversation_id: str,
        message_id: str,
        at_ms: int,
        *,
        text: str = "",
        name: str | None = None,
        phone: str | None = None,
        user_id: str | None = None,
        language: Language | None = None,
        customer_id: str | None = None,
        replica: str | None = None,
    ) -> Conversation:
        """The customer wrote. Opens the window, counts as unread until read. `language` counts only
        where none is known: a person's own choice (`choose_language`) stays."""
        old_unread = _or("$unread", [])
        is_new = {
            "$and": [
                {"$gt": [at_ms, _or("$readMs", 0)]},
                {"$not": [{"$in": [message_id, _or("$unread.id", [])]}]},
            ]
        }
        added = {"$concatArrays": [old_unread, [{"id": {"$literal": message_id}, "atMs": at_ms}]]}
        last = LastMessage(message_id, text, "in", at_ms)
        changes: Document = {
            **_last(last),
            "lastInboundMs": {"$max": [_or("$lastInboundMs", 0), at_ms]},
            "unread": {"$cond": [is_new, {"$slice": [added, -UNREAD_KEPT]}, old_unread]},
        }
        if name:
            newest = {"$gte": [at_ms, _or("$lastInboundMs", 0)]}
            literal = {"$literal": name}
            changes["name"] = {"$cond": [newest, literal, _or("$name", literal)]}
        known = {
            "phone": phone,
            "userId": user_id,
            "customerId": customer_id,
            "language": language,
        }
        changes |= {k: _or(f"${k}", {"$literal": v}) for k, v in known.items() if v}
        if replica:
            changes["replica"] = replica
        return await self._apply(organization_id, conversation_id, changes)

    async def note_outbound(
        self,
        organization_id: str,
        conversation_id: str,
        message_id: str,
        at_ms: int,
        *,
        text: str = "",
        status: str = "queued",
        phone: str | None = None,
    ) -> Conversation:
        """We wrote, or a message of ours came further. Of one message a status never goes back."""
        last = LastMessage(message_id, text, "out", at_ms, status)
        changes: Document = {
            **_last(last),
            "lastOutboundMs": {"$max": [_or("$lastOutboundMs", 0), at_ms]},
        }
        if phone:
            changes["phone"] = _or("$phone", {"$literal": phone})
        return await self._apply(organization_id, conversation_id, changes)

    async def note_status(
        self, organization_id: str, conversation_id: str, message_id: str, status: str
    ) -> None:
        """A message of ours came further: told where it is the last one. Never back."""
        match = {
            **_place(organization_id, conversation_id),
            "lastMessage.id": message_id,
            "lastMessage.status": {"$in": [s for s, r in RANKS.items() if r < RANKS[status]]},
        }
        await self._rows.update_one(match, {"$set": {"lastMessage.status": status}})

    async def record_consent(
        self,
        organization_id: str,
        conversation_id: str,
        state: Literal["in", "out"],
        source: str,
        at_ms: int,
    ) -> Conversation:
        """The newest word counts; of two at one moment, the refusal."""
        word = {"state": state, "source": {"$literal": source}, "atMs": at_ms}
        held_ms = _or("$consent.atMs", -1)
        equal = {"$and": [{"$eq": [at_ms, held_ms]}, state == "out"]}
        newer = {"$or": [{"$gt": [at_ms, held_ms]}, equal]}
        changes = {"consent": {"$cond": [newer, word, _or("$consent", None)]}}
        return await self._apply(organization_id, conversation_id, changes)

    async def choose_language(
        self, organization_id: str, conversation_id: str, language: Language
    ) -> Conversation:
        """The person's own choice."""
        return await self._apply(organization_id, conversation_id, {"language": language})

    async def hand_over(
        self, organization_id: str, conversation_id: str, by: str, at_ms: int
    ) -> Conversation:
        """From now on a person answers. An old wish, from before it was handed back, is past."""
        given = {"by": {"$literal": by}, "atMs": at_ms}
        wanted = {
            "$and": [
                {"$eq": [_or("$handedOver", None), None]},
                {"$gt": [at_ms, _or("$handedBackMs", -1)]},
            ]
        }
        changes = {"handedOver": {"$cond": [wanted, given, _or("$handedOver", None)]}}
        return await self._apply(organization_id, conversation_id, changes)

    async def hand_back(
        self, organization_id: str, conversation_id: str, at_ms: int
    ) -> Conversation:
        """The automatic answers speak again."""
        past = {"$lte": [_or("$handedOver.atMs", 0), at_ms]}
        changes = {
            "handedOver": {"$cond": [past, None, _or("$handedOver", None)]},
            "handedBackMs": {"$max": [_or("$handedBackMs", 0), at_ms]},
        }
        return await self._apply(organization_id, conversation_id, changes)

    async def mark_read(self, organization_id: str, conversation_id: str, up_to_ms: int) -> None:
        """Everything up to this moment has been seen by staff."""
        left = {
            "$filter": {"input": _or("$unread", []), "cond": {"$gt": ["$$this.atMs", up_to_ms]}}
        }
        changes = {"unread": left, "readMs": {"$max": [_or("$readMs", 0), up_to_ms]}}
        await self._rows.update_one(_place(organization_id, conversation_id), [{"$set": changes}])

    async def change_text(
        self, organization_id: str, conversation_id: str, message_id: str, text: str
    ) -> None:
        """The customer changed a message, or took it back: told where it is the last one."""
        match = {**_place(organization_id, conversation_id), "lastMessage.id": message_id}
        await self._rows.update_one(match, {"$set": {"lastMessage.text": text[:TEXT_KEPT]}})

    async def may_ask(
        self, organization_id: str, conversation_id: str, at_ms: int, every_ms: int
    ) -> bool:
        """Whether a message of this moment may be answered by a question of ours: not more often
        than `every_ms`. Asked again for the same moment, the answer is the same."""
        due = [
            {"askedMs": {"$exists": False}},
            {"askedMs": {"$lte": at_ms - every_ms}},
            {"askedMs": at_ms},
        ]
        done = await self._rows.update_one(
            {**_place(organization_id, conversation_id), "$or": due}, {"$set": {"askedMs": at_ms}}
        )
        return done.matched_count == 1

    async def moved(
        self, organization_id: str, conversation_id: str, told: Mapping[str, Any]
    ) -> None:
        """The customer has another number, or WhatsApp another id for them (`told`: waId, userId).
        The conversation goes on under the new name; where there is one already, a refusal to get
        messages goes there too."""
        digits = str(told.get("waId") or "").lstrip("+")
        phone = f"+{digits}" if digits.isdecimal() else None
        user_id = str(told.get("userId") or "") or None
        fresh = phone or (conversation_id if conversation_id.startswith("+") else user_id)
        if fresh is None:
            return
        changes = {k: v for k, v in (("phone", phone), ("userId", user_id)) if v}
        old = await self.get(organization_id, conversation_id)
        place = _place(organization_id, conversation_id)
        if fresh == conversation_id:
            if changes:
                await self._rows.update_one(place, {"$set": changes})
            return
        with contextlib.suppress(DuplicateKeyError):
            await self._rows.update_one(
                place,
                {
                    "$set": {"conversationId": fresh, **changes},
                    "$addToSet": {"former": conversation_id},
                },
            )
            return
        if old is not None and old.consent is not None:
            held = old.consent
            await self.record_consent(organization_id, fresh, held.state, held.source, held.at_ms)

    async def _apply(
        self, organization_id: str, conversation_id: str, changes: Document
    ) -> Conversation:
        """Upsert; two at once meet in the unique index, and the second finds it there."""
        place = _place(organization_id, conversation_id)
        for last in (False, True):
            try:
                found = await self._rows.find_one_and_update(
                    place, [{"$set": changes}], upsert=True, return_document=True
                )
                if found is not None:
                    return read(found)
            except DuplicateKeyError:
                if last:
                    raise
        raise AssertionError("the loop returns or raises")


def _place(organization_id: str, conversation_id: str) -> Document:
    return {"organizationId": organization_id, "conversationId": conversation_id}


def _or(expression: Any, otherwise: Any) -> Document:
    return {"$ifNull": [expression, otherwise]}


def _last(message: LastMessage) -> Document:
    """`lastMessage` and `lastMs`: forward by time; of one message, forward by status."""
    rank = RANKS.get(message.status, 0)
    ranks = [{"case": {"$eq": ["$lastMessage.status", s]}, "then": r} for s, r in RANKS.items()]
    held_rank = {"$switch": {"branches": ranks, "default": -1}}
    same = {"$eq": ["$lastMessage.id", {"$literal": message.id}]}
    further = {"$and": [same, {"$gt": [rank, held_rank]}]}
    newer = {"$and": [{"$not": [same]}, {"$gte": [message.at_ms, _or("$lastMessage.atMs", -1)]}]}
    text = {"$literal": message.text[:TEXT_KEPT]}
    told = {
        "id": {"$literal": message.id},
        # A status alone has no text: what was written stays.
        "text": {"$cond": [same, _or("$lastMessage.text", text), text]}
        if not message.text
        else text,
        "direction": message.direction,
        "atMs": message.at_ms,
        "status": message.status,
    }
    return {
        "lastMessage": {"$cond": [{"$or": [newer, further]}, told, "$lastMessage"]},
        "lastMs": {"$max": [_or("$lastMs", 0), message.at_ms]},
    }


def read(row: Document) -> Conversation:
    """The document as a value."""
    last, given, consent = row.get("lastMessage"), row.get("handedOver"), row.get("consent")
    return Conversation(
        organization_id=row["organizationId"],
        conversation_id=row["conversationId"],
        phone=row.get("phone"),
        user_id=row.get("userId"),
        name=row.get("name"),
        language=row.get("language"),
        last_inbound_ms=row.get("lastInboundMs", 0),
        last_outbound_ms=row.get("lastOutboundMs", 0),
        last_message=LastMessage(
            last["id"], last["text"], last["direction"], last["atMs"], last["status"]
        )
        if last
        else None,
        unread=len(row.get("unread") or ()),
        handed_over=HandedOver(given["by"], given["atMs"]) if given else None,
        consent=Consent(consent["state"], consent["source"], consent["atMs"]) if consent else None,
        customer_id=row.get("customerId"),
        last_ms=row.get("lastMs", 0),
        replica=row.get("replica") or "whatsapp",
        former=tuple(row.get("former") or ()),
    )
