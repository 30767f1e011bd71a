"""Meta's webhooks: signed over the raw body, repeated until taken, in no promised order."""

import asyncio
import hashlib
import hmac
import secrets
from typing import Any
from urllib.parse import urlencode

from sandbox.sender import Sender, escaped_json
from sandbox.whatsapp.errors import KNOWN, short_message
from sandbox.whatsapp.number import Number, user_id

Record = dict[str, Any]

ERROR_PAGE = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


def signature(app_secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def envelope(number: Number, value: Record) -> Record:
    settings = number.settings
    whole = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": settings.display_phone_number,
            "phone_number_id": number.id,
        },
        **value,
    }
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": settings.account_id, "changes": [{"value": whole, "field": "messages"}]}],
    }


def status_value(number: Number, message: Record, status: str, error_code: int) -> Record:
    """One entry of `statuses`."""
    entry: Record = {
        "id": message["id"],
        "status": status,
        "timestamp": str(number.clock.seconds()),
        "recipient_id": message["to"],
    }
    if status != "failed":
        entry["recipient_user_id"] = user_id(message["to"])
    if message["biz_opaque_callback_data"]:
        entry["biz_opaque_callback_data"] = message["biz_opaque_callback_data"]
    if status in ("sent", "delivered"):
        category = message.get("category", "service")
        # Inside the window utility templates are free, like all that is no template.
        free = category == "service" or (category == "utility" and message.get("in_window"))
        entry["pricing"] = {
            "billable": not free,
            "pricing_model": "PMP",
            "type": "free_customer_service" if free else "regular",
            "category": category,
        }
    if error_code:
        title = short_message(error_code)
        entry["errors"] = [
            {
                "code": error_code,
                "title": title,
                "message": title,
                "error_data": {"details": KNOWN.get(error_code, (400, "", ""))[2] or title},
                "href": ERROR_PAGE,
            }
        ]
    return entry


class Outbound:
    """Sends webhooks of all numbers."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def report(self, number: Number, message: Record, error_code: int) -> None:
        """The statuses that follow an accepted message, one after the other."""
        self._sender.start(self._report(number, message, error_code))

    async def _report(self, number: Number, message: Record, error_code: int) -> None:
        for status in ["failed"] if error_code else list(number.settings.statuses):
            if number.settings.status_delay_s > 0:
                await asyncio.sleep(number.settings.status_delay_s)
            message["status"] = status
            entry = status_value(number, message, status, error_code)
            message["statuses"].append({"status": status, "at": number.clock.now()})
            await self._push(number, envelope(number, {"statuses": [entry]}))

    def push(self, number: Number, document: Record) -> None:
        self._sender.start(self._push(number, document))

    async def _push(self, number: Number, document: Record) -> None:
        faults = number.faults
        body = escaped_json(document)
        if not number.settings.webhook_url or faults.chance(faults.webhooks.lose_probability):
            return
        if faults.webhooks.delay_s > 0:
            await asyncio.sleep(faults.webhooks.delay_s)
        if faults.chance(faults.webhooks.reorder_probability):
            self._sender.start(self._post(number, body, faults.webhooks.reorder_delay_s))
            return
        await self._post(number, body)
        if faults.chance(faults.webhooks.duplicate_probability):
            await self._post(number, body)

    async def _post(self, number: Number, body: bytes, delay_s: float = 0.0) -> None:
        """At once, then with falling frequency, as long as the settings say."""
        settings = number.settings
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": signature(settings.app_secret, body),
        }
        if delay_s > 0:
            await asyncio.sleep(delay_s)
        for attempt in range(settings.delivery_attempts):
            if attempt > 1:
                await asyncio.sleep(settings.retry_base_s * 2 ** (attempt - 2))
            async with self._sender.slots:
                status = await self._sender.post(settings.webhook_url, body, headers)
            self._sender.note(
                at=number.clock.now(), whatsapp=number.id, attempt=attempt, status=status,
                size=len(body),
            )  # fmt: skip
            if status == 200:
                return

    async def verify(self, number: Number) -> bool:
        """Meta's check of a new address: the challenge comes back as plain text."""
        challenge = str(secrets.randbelow(10**10))
        query = {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": number.settings.verify_token,
        }
        url = f"{number.settings.webhook_url}?{urlencode(query)}"
        return await self._sender.network.ask("GET", url, b"", {}) == (200, challenge)
