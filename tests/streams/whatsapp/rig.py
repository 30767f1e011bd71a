"""A sink's performer of messages on a real MongoDB, against the sandbox's Graph API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from connectors.protocol import Connection, EffectSettled
from connectors.whatsapp import WhatsApp
from connectors.whatsapp.messages import message_of
from sandbox.client import SandboxClient
from schemas.command import Perform
from schemas.outcome import Outcome
from streams.database import Database
from streams.directory import Directory
from streams.effects.calls import Calls
from streams.links import Links
from streams.sinks.lines import Line
from streams.whatsapp.conversations import Conversations
from streams.whatsapp.dispatch import command_of
from streams.whatsapp.rates import Rates
from streams.whatsapp.receipts import Receipts
from streams.whatsapp.sending import Sending
from streams.whatsapp.sends import Outgoing, Sends
from tests.streams.conftest import KafkaLog

NUMBER, WABA, CATALOGUE = "104857392017364", "217530984412087", "1083364729915520"
TO, DIGITS = "+94771234567", "94771234567"
START_MS = 1_784_522_405_000
HOUR_MS = 3_600_000


class Clock:
    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Rig:
    """A sink's performer with everything around it, and hands on both sides."""

    database: Database
    kafka: KafkaLog
    control: SandboxClient
    transport: httpx.AsyncBaseTransport
    directory: Directory
    clock: Clock
    rates: Rates
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sends = Sends(self.database, self.clock)
        self.sending = self.new_sending()
        self.receipts = Receipts(self.database, self.clock)
        self.conversations = Conversations(self.database)
        self.lines: dict[str, Line] = {}

    def new_sending(self, calls: Calls | None = None) -> Sending:
        return Sending(
            self.database,
            publisher=self.kafka,
            links=Links(self.database),
            directory=self.directory,
            rates=self.rates,
            calls=calls,
            clock_ms=self.clock,
        )

    def line(self, **settings: str) -> Line:
        given = {
            "base_url": "https://sandbox.test/v25.0", "phone_number_id": NUMBER, "waba_id": WABA,
            "catalog_id": CATALOGUE, "order_statuses": "processing,shipped,delivered",
            "notification_wait_s": "0", **self.settings, **settings,
        }  # fmt: skip
        connection = Connection(
            "c1", "org", "whatsapp", "whatsapp", given, {"access_token": "sandbox-token-1"}
        )
        client = WhatsApp(transport=self.transport).client(connection)
        return Line(connection, client, self.clock)

    async def news(self, status: str = "shipped", order: str = "o1", **line: str) -> Outcome:
        command = Perform(
            organization_id="org", type="order", entity_id=order, replica="whatsapp",
            effect_key=f"org:order_status:{order}:{status}", effect="order_status",
            arguments={"to": TO, "status": status, "number": "1041"}, epoch=1, issued_at_ms=0,
        )  # fmt: skip
        return await self.sending.perform(command, self.line(**line))

    async def answer(self, key: str = "a", text: str = "Hello", **line: str) -> Outcome:
        await self.sends.want(
            "org", key, replica="whatsapp", to=TO, purpose="answer", kind="text",
            message=message_of("text", text), text=text,
        )  # fmt: skip
        return await self.again(key, **line)

    async def again(self, key: str, **line: str) -> Outcome:
        row = await self.row(key)
        return await self.sending.perform(command_of(row, self.clock()), self.line(**line))

    async def row(self, key: str = "org:order_status:o1:shipped") -> Outgoing:
        found = await self.sends.of_key("org", key)
        assert found is not None
        return found

    async def says(self, status: str, key: str = "", reason: str = "", **more: Any) -> None:
        """A status by webhook, twice."""
        row = await self.row(key) if key else await self.row()
        told = EffectSettled(row.effect_key, row.vendor_id or "wamid.late", status, reason, **more)
        for _ in range(2):
            await self.receipts.evidence("org", told, self.clock())

    async def writes(self, ago_ms: int = 1000) -> None:
        """The customer wrote."""
        await self.control.customer_writes(NUMBER, DIGITS, "Hello")
        await self.conversations.seen_inbound("org", TO, "w1", self.clock() - ago_ms, phone=TO)

    async def sent(self) -> list[dict[str, Any]]:
        return await self.control.messages(NUMBER)

    async def effect(self, key: str) -> Mapping[str, Any]:
        return await self.database["ss_effects"].find_one({"effectKey": key}) or {}
