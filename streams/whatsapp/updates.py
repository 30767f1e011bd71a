"""News of the account that is no message: kept in `ss_whatsapp_updates` as it came, for 90 days,
and applied where somebody knows what to do with it.

    {_id: "org/replica/notice", organizationId, replica, field, value, trouble, applied, atMs,
     expiresAt}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import DESCENDING

from connectors.protocol import Notice
from connectors.whatsapp import wire
from connectors.whatsapp.updates import PREFERENCES, TEMPLATES, USER_ID
from streams.database import Database, Document
from streams.whatsapp.conversations import Conversations
from streams.whatsapp.templates import apply_update

COLLECTION = "ss_whatsapp_updates"
KEPT = timedelta(days=90)
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Update:
    """One piece of news."""

    replica: str
    field: str
    value: Mapping[str, Any]
    trouble: str
    """Why nobody could do anything with it."""
    applied: bool
    at_ms: int


class Updates:
    """Errors: PyMongoError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = database[COLLECTION]
        self._conversations = Conversations(database)

    async def hear(
        self, organization_id: str, replica: str, notice: Notice, received_ms: int
    ) -> None:
        """Apply and keep it; the same news again changes nothing."""
        at_ms = notice.at_ms or received_ms
        applied = not notice.trouble and await self._apply(organization_id, replica, notice, at_ms)
        row: Document = {
            "organizationId": organization_id,
            "replica": replica,
            "field": notice.field,
            "value": dict(notice.value),
            "trouble": notice.trouble,
            "applied": applied,
            "atMs": at_ms,
            "expiresAt": datetime.fromtimestamp(received_ms / 1000, UTC) + KEPT,
        }
        place = {"_id": f"{organization_id}/{replica}/{notice.id}"}
        await self._rows.update_one(place, {"$setOnInsert": row}, upsert=True)

    async def newest(self, organization_id: str, limit: int = SHOWN) -> list[Update]:
        """The newest first."""
        rows = self._rows.find({"organizationId": organization_id}).sort("atMs", DESCENDING)
        return [
            Update(
                row["replica"],
                row["field"],
                row["value"],
                row["trouble"],
                row["applied"],
                row["atMs"],
            )
            async for row in rows.limit(limit)
        ]

    async def _apply(self, organization_id: str, replica: str, notice: Notice, at_ms: int) -> bool:
        """Whether it changed anything of ours, or had been applied before."""
        value = notice.value
        if notice.field in TEMPLATES:
            return await apply_update(
                self._database, organization_id, replica, notice.field, value, at_ms
            )
        if notice.field == PREFERENCES:
            return await self._preferences(organization_id, value, at_ms)
        if notice.field == USER_ID:
            return await self._user_ids(organization_id, value)
        return False

    async def _preferences(
        self, organization_id: str, value: Mapping[str, Any], at_ms: int
    ) -> bool:
        """Stopped or resumed in WhatsApp's own settings: as good as a word."""
        applied = False
        for one in wire.records(value.get("user_preferences")):
            digits = wire.text(one.get("wa_id"))
            identity = f"+{digits.lstrip('+')}" if digits else wire.text(one.get("user_id"))
            word = one.get("value")
            if identity and word in ("stop", "resume"):
                await self._conversations.record_consent(
                    organization_id,
                    identity,
                    "out" if word == "stop" else "in",
                    PREFERENCES,
                    wire.seconds(one.get("timestamp")) or at_ms,
                )
                applied = True
        return applied

    async def _user_ids(self, organization_id: str, value: Mapping[str, Any]) -> bool:
        """A customer whom we know by WhatsApp's id only has another one."""
        applied = False
        for one in wire.records(value.get("user_id_update")) or [dict(value)]:
            held = one.get("user_id")
            ids = held if isinstance(held, Mapping) else one
            old = wire.text(ids.get("previous") or ids.get("previous_user_id"))
            new = wire.text(ids.get("current") or (held if isinstance(held, str) else None))
            if old and new:
                await self._conversations.moved(organization_id, old, {"userId": new})
                applied = True
        return applied
