"""Messages to customers, templates and notifications, as people and programs see them."""

from __future__ import annotations

from typing import Any

from fastapi_problem.error import Problem

from api.errors import conflict, invalid, not_found
from api.services import Services
from connectors.errors import ConnectorError
from connectors.protocol import Connection
from connectors.whatsapp.client import WhatsAppClient
from connectors.whatsapp.limits import BadMessage
from connectors.whatsapp.templates import NEEDED, shape
from schemas.envelope import rfc3339
from schemas.phone import NotANumber
from streams.effects.ledger import Unsettled
from streams.whatsapp.budget import Spending
from streams.whatsapp.notify import (
    STATUSES,
    STORED,
    Notifications,
    amount,
    month_of,
    notifications_of,
)
from streams.whatsapp.sends import OPEN, Outgoing, attempt_of
from streams.whatsapp.service import (
    KeyUsed,
    NotConnected,
    NotOpen,
    NotUnknown,
    WhatsAppService,
)
from streams.whatsapp.templates import Known, Templates

SILENT = "-"
"""Told of no status at all, said aloud: an empty setting would give way to the environment's."""


def problem_of(error: Exception) -> Problem:
    """What went wrong with a message, as a problem document."""
    detail = str(error)
    match error:
        case NotConnected():
            return not_found(detail.capitalize() + ".", "POST /api/integrations connects one.")
        case KeyUsed():
            return conflict(
                "This Idempotency-Key belongs to another message.", "Use one key for each message."
            )
        case NotOpen() | NotUnknown():
            return conflict(
                f"Nothing was changed: {detail}.", "Look at it again: it has moved on meanwhile."
            )
        case NotANumber():
            return invalid(detail, "Correct `to` and send it again.")
        case BadMessage():
            return invalid(detail, "Correct `content` and send it again.")
    return invalid(detail, "Correct it and send it again.")


class WhatsAppDesk:
    """One organisation's. Errors: Problem, PyMongoError."""

    def __init__(self, use: Services, organization_id: str) -> None:
        self._use = use
        self._organization_id = organization_id
        self.service = WhatsAppService(use.database, use.directory, use.publisher, use.clock_ms)
        self._templates = Templates(use.database, use.clock_ms)

    async def message(self, message_id: str) -> Outgoing:
        """Raises the 404 problem."""
        found = await self.service.sends.get(self._organization_id, message_id)
        if found is None:
            raise not_found(f"There is no message {message_id}.")
        return found

    async def connection(self) -> Connection:
        """The organisation's number. Raises the 404 problem."""
        try:
            return await self.service.connection(self._organization_id)
        except NotConnected as error:
            raise problem_of(error) from error

    # Templates

    async def templates(self, *, refresh: bool = False) -> dict[str, Any]:
        """All that Meta lists, and those that notifications need and are not there."""
        try:
            known = await self.service.templates(self._organization_id, refresh=refresh)
        except NotConnected as error:
            raise problem_of(error) from error
        except ConnectorError as error:
            raise invalid(str(error).capitalize() + ".", "Complete the connection.") from error
        return templates_shape(known)

    async def known_templates(self) -> dict[str, Any]:
        """The same without asking Meta, for a page that must come at once."""
        connection = await self.connection()
        return templates_shape(
            await self._templates.known(self._organization_id, connection.replica)
        )

    async def submit(self, names: list[str], languages: list[str]) -> list[dict[str, Any]]:
        """Ask Meta to approve what notifications need; what is there already is left alone."""
        connection = await self.connection()
        client = self._client(connection)
        told = []
        try:
            there = {(one.name, one.language) for one in await client.templates()}
            for wanted in NEEDED:
                for language in wanted.bodies:
                    if names and wanted.name not in names:
                        continue
                    if languages and language not in languages:
                        continue
                    told.append(
                        {"name": wanted.name, "language": language}
                        | await self._submit(client, there, wanted.name, language)
                    )
            await self._templates.refresh(self._organization_id, connection.replica, client)
        except ConnectorError as error:
            raise invalid(
                f"Meta did not answer as expected: {error}.",
                "Check the token's permission whatsapp_business_management and the waba_id.",
            ) from error
        finally:
            await client.close()
        return told

    async def _submit(
        self, client: WhatsAppClient, there: set[tuple[str, str]], name: str, language: str
    ) -> dict[str, Any]:
        if (name, language) in there:
            return {"submitted": False, "reason": "it is there already"}
        wanted = next(one for one in NEEDED if one.name == name)
        try:
            return {"submitted": True, "status": await client.submit_template(wanted, language)}
        except ConnectorError as error:
            return {"submitted": False, "reason": str(error)}

    def _client(self, connection: Connection) -> WhatsAppClient:
        try:
            return self.service.client(connection)
        except ConnectorError as error:
            raise invalid(str(error).capitalize() + ".", "Complete the connection.") from error

    # Notifications

    async def notifications(self) -> dict[str, Any]:
        """The settings, and what this month has cost."""
        settings = notifications_of(await self.connection())
        month, _ = month_of(self._use.clock_ms(), settings.time_zone)
        spent = await Spending(self._use.database).of(self._organization_id, month)
        shown = settings.model_dump(mode="json", by_alias=True)
        return {
            **shown,
            "month": {
                "name": month,
                "spent": amount(spent.spent),
                "currency": settings.currency,
                "messages": spent.messages,
            },
        }

    async def set_notifications(self, wanted: Notifications) -> dict[str, Any]:
        """They count within two seconds, for news from then on."""
        connection = await self.connection()
        stored = wanted.model_dump_json(by_alias=True)
        await self._use.directory.change(
            self._organization_id,
            connection.id,
            settings={STORED: stored, STATUSES: wanted.told() or SILENT},
        )
        await self.service.sends.wake(self._organization_id)
        return await self.notifications()


def message_shape(row: Outgoing) -> dict[str, Any]:
    """One message. `state`: accepted (on its way), held (see `reason`), sent, failed, unknown,
    dropped, cancelled; `delivery`: how far WhatsApp brought it."""
    shown: dict[str, Any] = {
        "id": row.id,
        "messageId": row.entity_id,
        "conversationId": row.to,
        "to": row.to,
        "kind": row.kind,
        "purpose": row.purpose,
        "state": "accepted" if row.state == "waiting" else row.state,
        "reason": row.reason or None,
        "why": row.why or None,
        "until": rfc3339(row.due_ms) if row.state in OPEN and row.due_ms else None,
        "delivery": row.delivery or None,
        "vendorId": row.vendor_id or None,
        "text": row.text or None,
        "template": row.sent.get("template") or None,
        "language": row.sent.get("language") or None,
        "attempts": row.attempt,
        "about": {"type": row.about_type, "id": row.about_id}
        if row.about_type != "message"
        else None,
        "key": row.key,
        "createdAt": rfc3339(row.created_ms),
        "updatedAt": rfc3339(row.updated_ms),
    }
    return shown


def effect_shape(found: Unsettled, row: Outgoing | None) -> dict[str, Any]:
    """One effect of which nobody knows whether it happened."""
    resendable = row is not None and row.attempt == attempt_of(found.effect_key)[1]
    return {
        "key": found.effect_key,
        "effect": found.effect,
        "platform": found.replica,
        "about": {"type": found.type, "id": found.entity_id},
        "reason": found.reason,
        "claimedAt": rfc3339(found.claimed_at_ms),
        "listed": found.listed,
        "resendable": found.listed and resendable,
        "message": None if row is None else message_shape(row),
        "help": None
        if resendable
        else "POST /api/shipments/{id}/settle tells what the courier's portal shows.",
    }


def templates_shape(known: Known) -> dict[str, Any]:
    """Templates with their states, and what is missing of what we need."""
    found = known.templates or ()
    there = {(one.name, one.language) for one in found}
    missing = [
        {"name": one.name, "language": language, "body": body}
        for one in NEEDED
        for language, body in one.bodies.items()
        if (one.name, language) not in there
    ]
    return {
        "templates": [shape(one) for one in sorted(found, key=lambda t: (t.name, t.language))],
        "needed": missing,
        "listedAt": rfc3339(known.listed_ms) if known.listed_ms else None,
        "trouble": known.trouble or None,
    }
