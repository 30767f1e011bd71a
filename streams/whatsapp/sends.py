"""Messages that we want to send: `ss_sends`, one row each, unique by organisation and business key.

    {_id: message id, organizationId, key, replica, to, purpose, kind, message, event, replyTo,
     about: {type, id}, group, state, why, reason, dueAtMs, notBeforeMs, attempt, forced, noFree,
     told, vendorId, delivery, sent: {template, language, category, price, month}, cost, charged,
     text, createdAtMs, updatedAtMs}

A row says what is wanted and how it stands; whether a call was made is in the ledger of effects
(`ss_effects`) alone, under one key an attempt: `key`, `key~2`, ... A new attempt begins only when
Meta has said that the former was not delivered, or when a person asks for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from schemas.clock import unix_ms
from streams.database import Database, Document
from streams.identity import new_entity_id
from streams.inbound.normalise import EVENTS
from streams.whatsapp.planner import Purpose

COLLECTION = "ss_sends"
State = Literal["waiting", "held", "sent", "failed", "unknown", "dropped", "cancelled"]
OPEN: tuple[State, ...] = ("waiting", "held")
KEPT_MS = 180 * 86_400_000
BUSY_MS = 65_000
"""A message handed to a sink is looked at again after this, should the sink have died."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message as it was read. Times in ms since 1970."""

    id: str
    organization_id: str
    key: str
    replica: str
    to: str
    purpose: Purpose
    kind: str
    message: Mapping[str, Any] | None = None
    """As Meta takes it; None for a notification, which is written when it is sent."""
    event: Mapping[str, str] | None = None
    """Of a notification: kind (order, shipment), status, number, name, ..."""
    reply_to: str = ""
    about_type: str = "message"
    about_id: str = ""
    group: str = ""
    """Of messages that replace each other."""
    state: State = "waiting"
    why: str = ""
    reason: str = ""
    due_ms: int = 0
    """When it is looked at by itself."""
    not_before_ms: int = 0
    attempt: int = 1
    forced: bool = False
    no_free: bool = False
    told: bool = False
    vendor_id: str = ""
    delivery: str = ""
    sent: Mapping[str, str] = field(default_factory=dict)
    cost: int = 0
    charged: bool = False
    """What Meta says of the price has been counted."""
    text: str = ""
    created_ms: int = 0
    updated_ms: int = 0

    @property
    def effect_key(self) -> str:
        """In the ledger, and in Meta's callback data."""
        return attempt_key(self.key, self.attempt)

    @property
    def entity_id(self) -> str:
        """Of the attempt's `message` entity: one that failed stays as it is."""
        return message_id(self.organization_id, self.effect_key)


def attempt_key(key: str, attempt: int) -> str:
    """The ledger's key of an attempt."""
    return key if attempt == 1 else f"{key}~{attempt}"


def attempt_of(effect_key: str) -> tuple[str, int]:
    """(business key, attempt) of a ledger's key."""
    key, sign, number = effect_key.rpartition("~")
    return (key, int(number)) if sign and number.isdecimal() else (effect_key, 1)


def message_id(organization_id: str, key: str) -> str:
    """The same for the same key: also what identity makes of the key."""
    return new_entity_id(organization_id, EVENTS, "message", f"effect:{key}")


def _beside(side: str, created_at_ms: int, identity: str) -> list[Document]:
    """Rows older (`$lt`) or newer (`$gt`) than this one; of the same millisecond by their id."""
    return [
        {"createdAtMs": {side: created_at_ms}},
        {"createdAtMs": created_at_ms, "_id": {side: identity}},
    ]


class Sends:
    """The rows. Errors: PyMongo's own."""

    def __init__(self, database: Database, clock_ms: Callable[[], int] = unix_ms) -> None:
        self._rows = database[COLLECTION]
        self._clock_ms = clock_ms

    async def want(
        self,
        organization_id: str,
        key: str,
        *,
        replica: str,
        to: str,
        purpose: Purpose,
        kind: str,
        message: Mapping[str, Any] | None = None,
        event: Mapping[str, str] | None = None,
        reply_to: str = "",
        about: tuple[str, str] | None = None,
        group: str = "",
        wait_ms: int = 0,
        text: str = "",
    ) -> Outgoing:
        """The row of this key, made where it is missing: the same key is one message, whatever else
        is given with it. A new one takes the place of those of its group that were not sent."""
        now_ms, identity = self._clock_ms(), message_id(organization_id, key)
        row: Document = {
            "_id": identity, "organizationId": organization_id, "key": key, "replica": replica,
            "to": to, "purpose": purpose, "kind": kind, "message": message, "event": event,
            "replyTo": reply_to, "group": group, "state": "waiting", "why": "", "reason": "",
            "about": {"type": about[0], "id": about[1]}
            if about
            else {"type": "message", "id": identity},
            "dueAtMs": now_ms + wait_ms, "notBeforeMs": now_ms + wait_ms, "attempt": 1,
            "forced": False, "noFree": False, "told": False, "vendorId": "", "delivery": "",
            "sent": {}, "cost": 0, "charged": False, "text": text, "createdAtMs": now_ms,
            "updatedAtMs": now_ms,
            "expiresAt": datetime.fromtimestamp((now_ms + KEPT_MS) / 1000, UTC),
        }  # fmt: skip
        try:
            await self._rows.insert_one(row)
        except DuplicateKeyError:
            row = await self._rows.find_one({"_id": identity}) or row
        if row["group"] and row["state"] in OPEN:
            row = await self._newest_alone(row)
        return read(row)

    async def _newest_alone(self, row: Document) -> Document:
        """Of a group's messages that are not sent the newest stays, whoever of two that are made at
        once comes here last: each drops what is older than itself, and itself where it is not the
        newest. Never the newest, or nobody would be told."""
        mine = (row["createdAtMs"], row["_id"])
        group = {"organizationId": row["organizationId"], "group": row["group"]}
        dropped = self._stamped(state="dropped", why="newer", reason="newer news came")
        await self._rows.update_many(
            {**group, "state": {"$in": list(OPEN)}, "$or": _beside("$lt", *mine)},
            {"$set": dropped},
        )
        ended = {"state": {"$nin": ["dropped", "failed", "cancelled"]}}
        if await self._rows.find_one({**group, **ended, "$or": _beside("$gt", *mine)}):
            still = {"_id": row["_id"], "state": {"$in": list(OPEN)}}
            await self._rows.update_one(still, {"$set": dropped})
        return await self._rows.find_one({"_id": row["_id"]}) or row

    async def get(self, organization_id: str, identity: str) -> Outgoing | None:
        """By its id; None for another organisation's too."""
        row = await self._rows.find_one({"_id": identity, "organizationId": organization_id})
        return None if row is None else read(row)

    async def of_key(self, organization_id: str, key: str) -> Outgoing | None:
        """By its business key."""
        return await self.get(organization_id, message_id(organization_id, key))

    async def change(self, row: Outgoing, *, only_open: bool = False, **values: Any) -> bool:
        """Set what came of this attempt; False where another attempt has begun, or the message is
        over already (for what is still to be sent: also where newer news took its place). Names as
        in the document."""
        ahead = only_open or values.get("state") in OPEN
        done = await self._rows.update_one(
            {
                "_id": row.id,
                "attempt": row.attempt,
                "state": {"$in": list(OPEN)} if ahead else {"$nin": ["failed", "cancelled"]},
            },
            {"$set": self._stamped(**values)},
        )
        return done.matched_count == 1

    async def again(self, row: Outgoing, wait_ms: int, **values: Any) -> bool:
        """A new attempt, with a key of its own; False where it has begun already."""
        now_ms = self._clock_ms()
        changes = self._stamped(
            state="waiting", dueAtMs=now_ms + wait_ms, notBeforeMs=now_ms + wait_ms,
            attempt=row.attempt + 1, told=False, vendorId="", delivery="",
            charged=False, cost=0, sent={}, **values,
        )  # fmt: skip
        done = await self._rows.update_one(
            {"_id": row.id, "attempt": row.attempt, "state": {"$ne": "cancelled"}},
            {"$set": changes},
        )
        return done.modified_count == 1

    async def open_change(self, organization_id: str, identity: str, **values: Any) -> bool:
        """Of a message that is not sent yet; False where it is."""
        done = await self._rows.update_one(
            {"_id": identity, "organizationId": organization_id, "state": {"$in": list(OPEN)}},
            {"$set": self._stamped(**values)},
        )
        return done.matched_count == 1

    async def delivered(self, row: Outgoing, delivery: str) -> None:
        """How far it came; never back."""
        ranks = {"": 0, "sent": 1, "delivered": 2, "read": 3}
        below = [name for name, rank in ranks.items() if rank < ranks.get(delivery, 0)]
        await self._rows.update_one(
            {"_id": row.id, "attempt": row.attempt, "delivery": {"$in": below}},
            {"$set": self._stamped(delivery=delivery)},
        )

    async def charge(self, row: Outgoing, cost: int) -> bool:
        """Note what this attempt costs by Meta's word; False where it was noted."""
        done = await self._rows.update_one(
            {"_id": row.id, "attempt": row.attempt, "charged": False},
            {"$set": {"charged": True, "cost": cost}},
        )
        return done.modified_count == 1

    async def earlier(self, row: Outgoing) -> bool:
        """Whether a message to the same person, asked for before this one, is still on its way."""
        found = await self._rows.find_one(
            {
                "organizationId": row.organization_id,
                "to": row.to,
                "state": "waiting",
                "purpose": row.purpose,
                "createdAtMs": {"$lt": row.created_ms},
            },
            {"_id": 1},
        )
        return found is not None

    async def wake(self, organization_id: str, *, to: str = "", why: str = "") -> None:
        """Held messages are looked at now: a customer has written, a template was approved."""
        match: Document = {"organizationId": organization_id, "state": "held"}
        match |= {"to": to} if to else {}
        match |= {"why": why} if why else {}
        await self._rows.update_many(match, {"$set": {"dueAtMs": self._clock_ms()}})

    async def due(self, grace_ms: int, most: int) -> AsyncIterator[Outgoing]:
        """Those whose time has come, each handed to one asker, for a while. Answers at once, the
        rest `grace_ms` later."""
        now_ms = self._clock_ms()
        ready = [
            {"dueAtMs": {"$lte": now_ms - grace_ms}},
            {"dueAtMs": {"$lte": now_ms}, "purpose": "answer"},
        ]
        for _ in range(most):
            row = await self._rows.find_one_and_update(
                {"state": {"$in": list(OPEN)}, "$or": ready},
                {"$set": {"dueAtMs": now_ms + BUSY_MS}},
                sort=[("dueAtMs", ASCENDING)],
                return_document=ReturnDocument.AFTER,
            )
            if row is None:
                return
            yield read(row)

    async def list(
        self,
        organization_id: str,
        *,
        states: Sequence[str] = (),
        to: str = "",
        before_ms: int = 0,
        limit: int = 50,
    ) -> list[Outgoing]:
        """Newest first."""
        match: Document = {"organizationId": organization_id}
        match |= {"state": {"$in": list(states)}} if states else {}
        match |= {"to": to} if to else {}
        match |= {"createdAtMs": {"$lt": before_ms}} if before_ms else {}
        rows = self._rows.find(match).sort([("createdAtMs", DESCENDING), ("_id", DESCENDING)])
        return [read(row) async for row in rows.limit(limit)]

    def _stamped(self, **values: Any) -> Document:
        return {**values, "updatedAtMs": self._clock_ms()}


def read(row: Document) -> Outgoing:
    """The document as a value."""
    about = row.get("about") or {}
    return Outgoing(
        id=row["_id"],
        organization_id=row["organizationId"],
        key=row["key"],
        replica=row["replica"],
        to=row["to"],
        purpose=row["purpose"],
        kind=row["kind"],
        message=row.get("message"),
        event=row.get("event"),
        reply_to=row.get("replyTo", ""),
        about_type=about.get("type", "message"),
        about_id=str(about.get("id") or row["_id"]),
        group=row.get("group", ""),
        state=row["state"],
        why=row.get("why", ""),
        reason=row.get("reason", ""),
        due_ms=row.get("dueAtMs", 0),
        not_before_ms=row.get("notBeforeMs", 0),
        attempt=row.get("attempt", 1),
        forced=bool(row.get("forced")),
        no_free=bool(row.get("noFree")),
        told=bool(row.get("told")),
        vendor_id=row.get("vendorId", ""),
        delivery=row.get("delivery", ""),
        sent=row.get("sent") or {},
        cost=row.get("cost", 0),
        charged=bool(row.get("charged")),
        text=row.get("text", ""),
        created_ms=row["createdAtMs"],
        updated_ms=row["updatedAtMs"],
    )
