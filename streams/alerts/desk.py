"""Alerts as they are kept.

    ss_alert_settings  {_id: organisation, organizationId, settings, secrets: {webhook: sealed}}
    ss_alerts          {_id, organizationId, key, condition, subject, values, sinceMs, state,
                        raisedMs, toldMs, goneMs, overMs, againMs, open, expiresAt}
    ss_alert_messages  {_id, organizationId, atMs, test, shop, language, news: [{what, alert}],
                        deliveries: [{channel, to, state, attempts, nextMs, reason, atMs}], due,
                        expiresAt}

What an evaluation found and the message that it made are one transaction: a crash neither loses a
message nor makes it twice. A delivery is repeated until it is answered; its message's id says so.
"""

from __future__ import annotations

import base64
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pymongo import ReplaceOne
from pymongo.asynchronous.client_session import AsyncClientSession

from streams.alerts.evaluate import Alert, Evaluation, News
from streams.alerts.settings import AlertSettings
from streams.alerts.words import Language
from streams.database import Database, Document
from streams.keyring import Keyring

SETTINGS = "ss_alert_settings"
ALERTS = "ss_alerts"
MESSAGES = "ss_alert_messages"
OPERATOR = "@operator"
"""In the place of an organisation's id, which cannot hold an @: whoever runs the servers."""
KEPT = timedelta(days=90)
WEBHOOK = "webhook"

Channel = Literal["email", "webhook", "whatsapp"]
DeliveryState = Literal["due", "sent", "failed"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way to one address."""

    channel: Channel
    to: str
    state: DeliveryState = "due"
    attempts: int = 0
    next_ms: int = 0
    reason: str = ""
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """What people are told at one time."""

    id: str
    organization_id: str
    at_ms: int
    shop: str
    language: Language
    news: tuple[News, ...]
    deliveries: tuple[Delivery, ...]

    @property
    def is_test(self) -> bool:
        """Made by the button."""
        return not self.news


class AlertDesk:
    """Errors: PyMongo's own, KeyringError."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._settings = database[SETTINGS]
        self._alerts = database[ALERTS]
        self._messages = database[MESSAGES]
        self._keyring = keyring

    # What was chosen

    async def settings(self, organization_id: str) -> AlertSettings:
        """The organisation's; the defaults where it has chosen nothing."""
        row = await self._settings.find_one({"_id": organization_id})
        return AlertSettings.model_validate((row or {}).get("settings", {}))

    async def save(
        self, organization_id: str, settings: AlertSettings, *, new_secret: bool = False
    ) -> str:
        """Keep them. Returns the webhook's secret where one was made: for a first address, or on
        demand; it is shown this once."""
        row = await self._settings.find_one({"_id": organization_id}) or {}
        held = row.get("secrets", {})
        made = ""
        if settings.webhook_url and (new_secret or WEBHOOK not in held):
            made = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
            sealed = self._keyring.seal(
                made, organization_id=organization_id, record=organization_id, name=WEBHOOK
            )
            held = {**held, WEBHOOK: sealed}
        kept = settings.model_dump(mode="json", by_alias=True)
        values = {"organizationId": organization_id, "settings": kept, "secrets": held}
        await self._settings.update_one({"_id": organization_id}, {"$set": values}, upsert=True)
        return made

    async def secret(self, organization_id: str) -> str:
        """What the organisation's webhook is signed with; empty where there is none."""
        row = await self._settings.find_one({"_id": organization_id}) or {}
        sealed = row.get("secrets", {}).get(WEBHOOK)
        if sealed is None:
            return ""
        return self._keyring.open(
            sealed, organization_id=organization_id, record=organization_id, name=WEBHOOK
        )

    # Alerts

    async def open_alerts(self, organization_id: str) -> list[Alert]:
        """Those that stand, or wait to be told of, the oldest first."""
        rows = self._alerts.find({"organizationId": organization_id, "open": True})
        return [_alert(row) async for row in rows.sort("sinceMs", 1)]

    async def history(self, organization_id: str, limit: int) -> list[Alert]:
        """Those that people were told of, the newest first."""
        match = {"organizationId": organization_id, "toldMs": {"$gt": 0}}
        rows = self._alerts.find(match).sort("sinceMs", -1).limit(limit)
        return [_alert(row) async for row in rows]

    async def last_told_ms(self, organization_id: str) -> int:
        """When the last message was made that was no test."""
        match = {"organizationId": organization_id, "test": False}
        row = await self._messages.find_one(match, {"atMs": 1}, sort=[("atMs", -1)])
        return int(row["atMs"]) if row else 0

    async def keep(
        self,
        organization_id: str,
        found: Evaluation,
        known: Sequence[Alert],
        message: Message | None,
    ) -> None:
        """What has changed, and the message about it, as one."""
        before = set(map(repr, known))
        changed = [alert for alert in found.alerts if repr(alert) not in before]
        writes = [
            ReplaceOne({"_id": row["_id"]}, row, upsert=True)
            for row in (_alert_row(organization_id, alert) for alert in changed)
        ]
        if not writes and message is None:
            return

        async def write(session: AsyncClientSession) -> None:
            if writes:
                await self._alerts.bulk_write(writes, ordered=False, session=session)
            if message is not None:
                await self._messages.insert_one(_message_row(message), session=session)

        async with self._database.client.start_session() as session:
            await session.with_transaction(write)

    # Messages

    async def add_message(self, message: Message) -> None:
        """One that comes of no evaluation: a test."""
        await self._messages.insert_one(_message_row(message))

    async def due(self, organization_id: str, now_ms: int) -> list[Message]:
        """Messages of which a delivery is due."""
        match = {
            "organizationId": organization_id,
            "due": True,
            "deliveries": {"$elemMatch": {"state": "due", "nextMs": {"$lte": now_ms}}},
        }
        rows = self._messages.find(match).sort("atMs", 1).limit(50)
        return [_message(row) async for row in rows]

    async def note(self, message: Message, place: int, delivery: Delivery) -> Message:
        """How the delivery at `place` went; the message as it is then."""
        deliveries = list(message.deliveries)
        deliveries[place] = delivery
        after = replace(message, deliveries=tuple(deliveries))
        values = {f"deliveries.{place}": _delivery_row(delivery), "due": _is_due(after)}
        await self._messages.update_one({"_id": message.id}, {"$set": values})
        return after

    async def messages(self, organization_id: str, limit: int) -> list[Message]:
        """The newest first."""
        rows = self._messages.find({"organizationId": organization_id}).sort("atMs", -1)
        return [_message(row) async for row in rows.limit(limit)]


def new_message(
    organization_id: str,
    shop: str,
    settings: AlertSettings,
    news: Sequence[News],
    now_ms: int,
) -> Message | None:
    """To everybody that is to be told; None where nobody is."""
    to = [Delivery("email", one) for one in settings.emails]
    to += [Delivery("webhook", settings.webhook_url)] if settings.webhook_url else []
    to += [Delivery("whatsapp", one) for one in settings.whatsapp]
    if not to:
        return None
    identifier = uuid.uuid4().hex
    return Message(
        identifier, organization_id, now_ms, shop, settings.language, tuple(news), tuple(to)
    )


def _alert_row(organization_id: str, alert: Alert) -> Document:
    row: Document = {
        "_id": f"{organization_id}/{alert.key}/{alert.since_ms}",
        "organizationId": organization_id,
        "condition": alert.condition,
        "subject": alert.subject,
        "values": dict(alert.values),
        "sinceMs": alert.since_ms,
        "state": alert.state,
        "raisedMs": alert.raised_ms,
        "toldMs": alert.told_ms,
        "goneMs": alert.gone_ms,
        "overMs": alert.over_ms,
        "againMs": alert.again_ms,
        "open": not alert.closed,
    }
    if alert.closed:
        row["expiresAt"] = datetime.fromtimestamp(alert.over_ms / 1000, UTC) + KEPT
    return row


def _alert(row: Document) -> Alert:
    return Alert(
        condition=row["condition"],
        subject=row["subject"],
        values=row["values"],
        since_ms=row["sinceMs"],
        state=row["state"],
        raised_ms=row["raisedMs"],
        told_ms=row["toldMs"],
        gone_ms=row["goneMs"],
        over_ms=row["overMs"],
        closed=not row["open"],
        again_ms=row.get("againMs", 0),
    )


def _message_row(message: Message) -> Document:
    return {
        "_id": message.id,
        "organizationId": message.organization_id,
        "atMs": message.at_ms,
        "test": message.is_test,
        "shop": message.shop,
        "language": message.language,
        "news": [{"what": one.what, "alert": _told(one.alert)} for one in message.news],
        "deliveries": [_delivery_row(one) for one in message.deliveries],
        "due": _is_due(message),
        "expiresAt": datetime.fromtimestamp(message.at_ms / 1000, UTC) + KEPT,
    }


def _message(row: Document) -> Message:
    return Message(
        id=row["_id"],
        organization_id=row["organizationId"],
        at_ms=row["atMs"],
        shop=row["shop"],
        language=row["language"],
        news=tuple(News(one["what"], Alert(**one["alert"])) for one in row["news"]),
        deliveries=tuple(_delivery(one) for one in row["deliveries"]),
    )


def _told(alert: Alert) -> dict[str, Any]:
    """Without what only the next evaluation needs: older processes do not know it."""
    row = asdict(alert)
    del row["again_ms"]
    return row


def _is_due(message: Message) -> bool:
    return any(one.state == "due" for one in message.deliveries)


def _delivery_row(one: Delivery) -> dict[str, Any]:
    return {
        "channel": one.channel,
        "to": one.to,
        "state": one.state,
        "attempts": one.attempts,
        "nextMs": one.next_ms,
        "reason": one.reason,
        "atMs": one.at_ms,
    }


def _delivery(row: Document) -> Delivery:
    return Delivery(
        channel=row["channel"],
        to=row["to"],
        state=row["state"],
        attempts=row["attempts"],
        next_ms=row["nextMs"],
        reason=row["reason"],
        at_ms=row["atMs"],
    )
