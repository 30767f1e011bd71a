"""How a message reaches a person: e-mail by SMTP, a signed webhook, a WhatsApp template.

A delivery is tried until it is answered, by `streams/sinks/schedule.py`, for a day. Repeats carry
the message's id (`Message-ID`, `webhook-id`, the ledger's key), so that who takes them can tell.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import httpx
import msgspec
from standardwebhooks.webhooks import Webhook

from connectors.errors import ConnectorError, Paused, Refused, Retry, Unknown
from connectors.http import open_http, send
from connectors.network import way_out
from schemas.envelope import rfc3339
from streams.alerts.conditions import PAGES
from streams.alerts.desk import OPERATOR, AlertDesk, Delivery, Message
from streams.alerts.settings import AlertEnvironment
from streams.alerts.words import HELP, Said, line_of, say, say_test
from streams.connections import DEFAULT_ORGANIZATION
from streams.database import Database
from streams.directory import Directory
from streams.kafka.records import Publishes
from streams.keyring import KeyringError
from streams.metrics import ALERTS
from streams.sinks.schedule import SCHEDULE_S, next_attempt
from streams.whatsapp.service import REFUSALS, WhatsAppService

TIMEOUT_S = 10.0
GIVE_UP_MS = 24 * 3_600_000
ANSWER_BYTES = 100_000
TEMPLATE = "shop_alert"
"""One text in its body: what is wrong."""
MOST_CHARACTERS = 600
"""Of a template's value; Meta takes 1,024 for the whole body."""


class NotSent(Exception):
    """It did not reach them, in words. `again`: whether trying again helps."""

    def __init__(self, reason: str, *, again: bool = True) -> None:
        super().__init__(reason)
        self.again = again


@dataclass(frozen=True)
class Channels:
    """All ways out. Errors: PyMongo's own."""

    database: Database
    directory: Directory
    publisher: Publishes
    environment: AlertEnvironment

    async def deliver(self, desk: AlertDesk, message: Message, now_ms: int) -> Message:
        """Try what is due, all at once; the message as it is then."""
        places = [
            place
            for place, one in enumerate(message.deliveries)
            if one.state == "due" and one.next_ms <= now_ms
        ]
        tried = await asyncio.gather(
            *(self._try(desk, message, message.deliveries[place], now_ms) for place in places)
        )
        for place, delivery in zip(places, tried, strict=True):
            ALERTS.labels(delivery.channel, delivery.state).inc()
            message = await desk.note(message, place, delivery)
        return message

    async def _try(
        self, desk: AlertDesk, message: Message, delivery: Delivery, now_ms: int
    ) -> Delivery:
        attempts = delivery.attempts + 1
        base = self.environment.public_url.rstrip("/")
        if message.is_test:
            said = say_test(message.shop, message.language, base)
        else:
            said = say(message.shop, message.news, message.language, base)
        try:
            match delivery.channel:
                case "email":
                    told = await self._email(message, delivery.to, said)
                case "webhook":
                    told = await self._webhook(desk, message, delivery.to, said, base)
                case "whatsapp":
                    told = await self._whatsapp(message, delivery.to, said)
        except NotSent as error:
            over = not error.again or now_ms - message.at_ms > GIVE_UP_MS or message.is_test
            wait_ms = int(1000 * next_attempt(SCHEDULE_S, attempts))
            return replace(
                delivery,
                state="failed" if over else "due",
                attempts=attempts,
                next_ms=now_ms + wait_ms,
                reason=str(error)[:300],
                at_ms=now_ms,
            )
        return replace(
            delivery, state="sent", attempts=attempts, next_ms=0, reason=told, at_ms=now_ms
        )

    async def _email(self, message: Message, to: str, said: Said) -> str:
        use = self.environment
        if not use.smtp_host or not use.sender:
            raise NotSent(
                "no mail server is set up: SMARTSTORE_SMTP_HOST and SMARTSTORE_SMTP_FROM",
                again=False,
            )
        mail = EmailMessage()
        mail["Subject"] = said.subject[:200]
        mail["From"], mail["To"] = use.sender, to
        mail["Date"] = format_datetime(datetime.fromtimestamp(message.at_ms / 1000, UTC))
        mail["Message-ID"] = f"<{message.id}@{use.sender.rpartition('@')[2].strip('> ')}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        mail.set_content(said.body)
        await asyncio.to_thread(_send_mail, use, mail)
        return ""

    async def _webhook(
        self, desk: AlertDesk, message: Message, url: str, said: Said, base_url: str
    ) -> str:
        body = msgspec.json.encode(payload_of(message, said, base_url))
        try:
            secret = await self._secret(desk, message.organization_id)
        except KeyringError as error:
            raise NotSent(str(error), again=False) from error
        headers = signed(secret, message.id, body, datetime.now(UTC))
        client = open_http("", transport=way_out(self.directory.networks, 1), timeout_s=TIMEOUT_S)
        async with client:
            try:
                request = client.build_request("POST", url, content=body, headers=headers)
                answer = await send(client, request, limit=ANSWER_BYTES)
            except (Refused, Paused) as error:
                raise NotSent(str(error), again=False) from error
            except (Retry, Unknown, ConnectorError) as error:
                raise NotSent(str(error)) from error
            except (httpx.InvalidURL, UnicodeError, ValueError) as error:
                raise NotSent(f"the address is none: {error}", again=False) from error
        if 200 <= answer.status < 300:
            return ""
        # 410 is Standard Webhooks' word for "never again".
        raise NotSent(f"it answered HTTP {answer.status}", again=answer.status != 410)

    async def _secret(self, desk: AlertDesk, organization_id: str) -> str:
        if organization_id == OPERATOR:
            return self.environment.webhook_secret.get_secret_value()
        return await desk.secret(organization_id)

    async def _whatsapp(self, message: Message, to: str, said: Said) -> str:
        organization_id = message.organization_id
        if organization_id == OPERATOR:
            organization_id = DEFAULT_ORGANIZATION
        content: dict[str, Any] = {
            "name": TEMPLATE,
            "language": message.language,
            "parameters": [_short(said.subject)],
        }
        service = WhatsAppService(self.database, self.directory, self.publisher)
        try:
            # An answer: staff asked for it, so neither quiet hours nor an opt-out hold it.
            row = await service.send_message(
                to,
                content,
                "template",
                organization_id,
                key=f"alert:{message.id}:{to}",
                purpose="answer",
            )
        except REFUSALS as error:
            raise NotSent(str(error), again=False) from error
        if row.state in ("failed", "dropped", "cancelled", "unknown"):
            raise NotSent(row.reason or row.state, again=False)
        if row.state == "held":
            raise NotSent(f"held: {row.reason}")
        return "" if row.state == "sent" else "handed to WhatsApp"


def payload_of(message: Message, said: Said, base_url: str) -> dict[str, Any]:
    """The webhook's body, in the shape that Standard Webhooks recommends."""
    language = message.language
    return {
        "type": "alerts.test" if message.is_test else "alerts.changed",
        "timestamp": rfc3339(message.at_ms),
        "data": {
            "organizationId": message.organization_id,
            "text": said.subject,
            "alerts": [
                {
                    "what": one.what,
                    "condition": one.alert.condition,
                    "subject": one.alert.subject,
                    "title": line_of(one, language),
                    "help": HELP[one.alert.condition][language],
                    "link": f"{base_url}{PAGES[one.alert.condition]}",
                    "since": rfc3339(one.alert.since_ms),
                }
                for one in message.news
            ],
        },
    }


def signed(secret: str, identifier: str, body: bytes, now: datetime) -> dict[str, str]:
    """Standard Webhooks' headers; without a secret no signature."""
    headers = {"content-type": "application/json", "webhook-id": identifier}
    headers["webhook-timestamp"] = str(int(now.timestamp()))
    if secret:
        headers["webhook-signature"] = Webhook(secret).sign(identifier, now, body.decode())
    return headers


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def _send_mail(use: AlertEnvironment, mail: EmailMessage) -> None:
    """In a thread of its own. Raises NotSent; its text holds no password."""
    context = ssl.create_default_context()
    try:
        if use.smtp_security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                use.smtp_host, use.smtp_port, timeout=TIMEOUT_S, context=context
            )
        else:
            server = smtplib.SMTP(use.smtp_host, use.smtp_port, timeout=TIMEOUT_S)
        with server:
            if use.smtp_security == "starttls":
                server.starttls(context=context)
            if use.smtp_username:
                server.login(use.smtp_username, use.smtp_password.get_secret_value())
            server.send_message(mail)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise NotSent(
            f"the mail server refuses the address ({codes[0]})", again=codes[0] < 500
        ) from None
    except smtplib.SMTPAuthenticationError as error:
        raise NotSent(f"the mail server refuses user and password ({error.smtp_code})") from None
    except smtplib.SMTPNotSupportedError as error:
        raise NotSent(f"the mail server cannot do this: {error}", again=False) from None
    except smtplib.SMTPResponseException as error:
        raise NotSent(f"the mail server answered {error.smtp_code}") from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(f"the mail server is not reached: {type(error).__name__}") from None
