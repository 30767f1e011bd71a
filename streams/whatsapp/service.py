"""`WhatsAppService`: sending by the user's own names, as a Python call.

    async with open_whatsapp_service() as service:
        sent = await service.send_message("0771234567", "Your order is ready", "text", "default")

`sent.state` says whether it went out, waits, or was held and why. A `key` makes a send repeatable:
the same key is one message, whatever is retried.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from connectors.protocol import Connection
from connectors.registry import connector
from connectors.whatsapp.client import WhatsAppClient
from connectors.whatsapp.limits import BadMessage
from connectors.whatsapp.messages import message_of, spoken
from schemas.clock import unix_ms
from schemas.phone import NotANumber, e164_of
from schemas.settings import Endpoints
from streams.connections import DEFAULT_ORGANIZATION
from streams.database import Database, open_database
from streams.directory import Directory
from streams.effects.ledger import Ledger
from streams.kafka.publisher import Publisher, PublishFailed
from streams.kafka.records import Publishes
from streams.keyring import open_keyring
from streams.platforms import PlatformEnvironment
from streams.upkeep.jobs import Job
from streams.whatsapp.catalogue import update_catalog
from streams.whatsapp.dispatch import command_of, command_record
from streams.whatsapp.notify import notifications_of
from streams.whatsapp.planner import Purpose
from streams.whatsapp.sends import OPEN, Outgoing, Sends, attempt_of
from streams.whatsapp.templates import Known, Templates

PLATFORM = "whatsapp"
LOOK_S = 0.05
ANSWER_S = 1.5
"""So long a caller waits to hear whether a message went out or is held."""
MAX_KEY = 400


class NotConnected(Exception):
    """The organisation has no WhatsApp number. Connect one first."""


class KeyUsed(Exception):
    """The key belongs to another message. Use a key of its own for each message."""


class NotOpen(Exception):
    """The message is sent, or given up, already: nothing can be changed about it."""


class NotUnknown(Exception):
    """There is nothing to decide: what became of it is known, or a person has decided."""


class WhatsAppService:
    """Safe to share between tasks of one event loop. Errors: PyMongo's own when the database is
    away; Kafka may be away, then a message goes out when it is back."""

    def __init__(
        self,
        database: Database,
        directory: Directory,
        publisher: Publishes,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._database = database
        self.sends = Sends(database, clock_ms)
        self.ledger = Ledger(database)
        self._templates = Templates(database, clock_ms)
        self._directory = directory
        self._publisher = publisher
        self._clock_ms = clock_ms

    async def send_message(
        self,
        to: str,
        content: Any,
        kind: str = "text",
        organization_id: str = DEFAULT_ORGANIZATION,
        *,
        key: str = "",
        purpose: Purpose | None = None,
        reply_to: str = "",
        replica: str = "",
        wait_s: float | None = None,
    ) -> Outgoing:
        """Send one message (`connectors.whatsapp.messages` for kinds and content); how it stands
        after `wait_s`. Without a `purpose` a template is a notification (quiet hours and opt-out
        hold it), anything else an answer.

        Raises NotConnected, NotANumber, BadMessage, KeyUsed."""
        connection = await self.connection(organization_id, replica)
        if len(key) > MAX_KEY:
            raise BadMessage(f"key: at most {MAX_KEY} characters")
        if "~" in key:
            raise BadMessage("key: without ~, which counts attempts")
        settings = notifications_of(connection)
        number = e164_of(to, settings.country)
        message = message_of(kind, content, catalog_id=connection.settings.get("catalog_id", ""))
        is_template = message["type"] == "template"
        row = await self.sends.want(
            organization_id,
            f"api:{key or uuid.uuid4().hex}",
            replica=connection.replica,
            to=number,
            purpose=purpose or ("notification" if is_template else "answer"),
            kind=kind,
            message=message,
            reply_to=reply_to,
            text=spoken(message),
        )
        if row.to != number or row.message != message:
            raise KeyUsed("this key was used for another message")
        return await self._settled(row, ANSWER_S if wait_s is None else wait_s)

    async def update_catalog(self, organization_id: str = DEFAULT_ORGANIZATION) -> list[Job]:
        """Have every catalogue written whole; each job tells `done` of `total`. Raises
        NotConnected where no number has a catalogue."""
        jobs = await update_catalog(self._database, self._directory, organization_id)
        if not jobs:
            raise NotConnected("No WhatsApp number that is active has a catalogue.")
        return jobs

    async def connection(self, organization_id: str, replica: str = "") -> Connection:
        """The organisation's number, the first where it has several. Raises NotConnected."""
        for found in await self._directory.connections(organization_id):
            if found.platform == PLATFORM and replica in ("", found.replica):
                return found
        raise NotConnected("no WhatsApp number is connected; connect one under /integrations")

    async def templates(self, organization_id: str, *, refresh: bool = True) -> Known:
        """As Meta lists them now, or did last. Raises NotConnected, ConnectorError."""
        connection = await self.connection(organization_id)
        known = await self._templates.known(organization_id, connection.replica)
        if not refresh and known.templates is not None:
            return known
        client = self.client(connection)
        try:
            return await self._templates.refresh(organization_id, connection.replica, client)
        finally:
            await client.close()

    def client(self, connection: Connection) -> WhatsAppClient:
        """To be closed. Raises ConnectorError where the connection lacks something."""
        client = connector(connection.platform).client(connection)
        if not isinstance(client, WhatsAppClient):
            raise NotConnected(f"{connection.replica} is no WhatsApp number")
        return client

    async def release(self, organization_id: str, message_id: str) -> Outgoing:
        """Send a held message now, whatever rule of ours holds it. Raises NotOpen."""
        now_ms = self._clock_ms()
        done = await self.sends.open_change(
            organization_id, message_id, forced=True, dueAtMs=now_ms, notBeforeMs=0
        )
        row = await self.sends.get(organization_id, message_id)
        if row is None or not done:
            raise NotOpen("it is not held")
        return await self._settled(row, ANSWER_S)

    async def cancel(self, organization_id: str, message_id: str, by: str) -> Outgoing:
        """A message that was not sent never is. Raises NotOpen."""
        now_ms, row = self._clock_ms(), await self.sends.get(organization_id, message_id)
        if row is None or row.state not in OPEN:
            raise NotOpen("it is sent already, or over")
        command = command_of(row, now_ms)
        entry = await self.ledger.claim(command, now_ms)
        if not entry.mine:
            raise NotOpen("it is being sent at this moment")
        # Whoever comes to send it finds the key taken.
        await self.ledger.settle(command, "failed", now_ms, reason=f"cancelled by {by}")
        done = await self.sends.open_change(
            organization_id, message_id, state="cancelled", why="cancelled", reason=f"by {by}"
        )
        row = await self.sends.get(organization_id, message_id)
        if row is None or not done:
            raise NotOpen("it is over already")
        return row

    async def resend(self, organization_id: str, effect_key: str, by: str) -> Outgoing:
        """A person knows, or accepts, that the customer may get it twice: a new attempt under a
        key of its own. Raises NotUnknown."""
        key, attempt = attempt_of(effect_key)
        row = await self.sends.of_key(organization_id, key)
        if row is None or row.attempt != attempt:
            raise NotUnknown("there is no message of this key whose fate is unknown")
        decided = await self.ledger.decide(
            organization_id, effect_key, "resent", by, self._clock_ms()
        )
        if decided is None:
            raise NotUnknown("what became of it is known, or somebody has decided already")
        await self.sends.again(row, 0, why="", reason=f"sent again by {by}")
        fresh = await self.sends.get(organization_id, row.id)
        return await self._settled(fresh or row, ANSWER_S)

    async def give_up(self, organization_id: str, effect_key: str, by: str) -> Outgoing | None:
        """It stays unknown and is not listed any more. Raises NotUnknown."""
        decided = await self.ledger.decide(
            organization_id, effect_key, "given-up", by, self._clock_ms()
        )
        if decided is None:
            raise NotUnknown("what became of it is known, or somebody has decided already")
        key, attempt = attempt_of(effect_key)
        row = await self.sends.of_key(organization_id, key)
        if row is not None and row.attempt == attempt:
            await self.sends.change(row, state="unknown", why="given-up", reason=f"by {by}")
        return row

    async def _settled(self, row: Outgoing, wait_s: float) -> Outgoing:
        """Hand it to the sink, and hear how it goes."""
        if row.state not in OPEN:
            return row
        with contextlib.suppress(PublishFailed):  # it is due by itself
            await self._publisher.publish(command_record(row, self._clock_ms()))
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            await asyncio.sleep(LOOK_S)
            found = await self.sends.get(row.organization_id, row.id)
            if found is not None and (found.state != "waiting" or found.reason):
                return found
        return await self.sends.get(row.organization_id, row.id) or row


@asynccontextmanager
async def open_whatsapp_service(
    endpoints: Endpoints | None = None,
    home: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[WhatsAppService]:
    """From KAFKA_URL, DATABASE_URL and the key file in SMARTSTORE_HOME. Connects on first use."""
    use, environ = endpoints or Endpoints(), os.environ if environ is None else environ
    database = open_database(use, application="smartstore-whatsapp")
    publisher = Publisher(use)
    folder = home or Path(environ.get("SMARTSTORE_HOME", ".smartstore/data"))
    given = PlatformEnvironment.model_validate({name: v for name, v in environ.items() if v})
    try:
        directory = Directory(database, open_keyring(environ, folder), given)
        yield WhatsAppService(database, directory, publisher)
    finally:
        await publisher.stop()
        await database.client.close()


REFUSALS = (NotConnected, KeyUsed, NotOpen, NotUnknown, NotANumber, BadMessage)
"""What a caller did wrong; each says what."""

__all__ = [
    "REFUSALS",
    "BadMessage",
    "KeyUsed",
    "NotANumber",
    "NotConnected",
    "NotOpen",
    "NotUnknown",
    "WhatsAppService",
    "open_whatsapp_service",
]
