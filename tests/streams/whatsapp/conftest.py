"""A shop with a number, as the handler of customers' messages meets it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from redis.asyncio import Redis

from connectors.protocol import Connection
from schemas.codec import encode
from schemas.observation import Observation, Seen
from streams.database import Database
from streams.directory import Directory
from streams.entities import EntityViews
from streams.kafka.records import Incoming, Outgoing
from streams.keyring import Keyring
from streams.sync.record import Agreed, Record, Replica
from streams.whatsapp.conversations import Conversation, Conversations
from streams.whatsapp.rates import Rates
from streams.whatsapp.talks import Talks
from support.in_process import sandbox_in_process
from tests.streams.conftest import KafkaLog
from tests.streams.whatsapp.rig import CATALOGUE, NUMBER, WABA, Clock, Rig

ORG, PHONE = "kandy", "+94771234567"
NOW_MS = 1_795_000_000_000
SETTINGS = {"catalog_id": "cat-1", "currency": "LKR", "phone_number_id": "n1"}


@dataclass
class Shop:
    """What a customer can do, and what the shop then has."""

    database: Database
    settings: dict[str, str] = field(default_factory=lambda: dict(SETTINGS))
    parked: list[str] = field(default_factory=list)
    published: list[Outgoing] = field(default_factory=list)
    now_ms: int = NOW_MS
    _offset: int = 0

    def __post_init__(self) -> None:
        self.conversations = Conversations(self.database)
        self.talks = Talks(self.database, self, self, self.park, lambda: self.now_ms)
        self.views = EntityViews(self.database, "log", self.park)

    async def connection(self, organization_id: str, replica: str) -> Connection | None:
        if replica != "whatsapp":
            return None
        return Connection("c1", organization_id, "whatsapp", replica, self.settings)

    async def park(self, _record: Incoming, reason: str) -> None:
        self.parked.append(reason)

    async def publish(self, *records: Outgoing) -> None:
        self.published += records

    async def hears(self, entity_type: str, external_id: str, **fields: Any) -> None:
        """An observation of WhatsApp's."""
        at_ms = fields.pop("at_ms", self.now_ms)
        seen = Seen(external_id=external_id, fields=fields, as_of=at_ms, changed_at_ms=at_ms)
        wire = Observation(
            organization_id=ORG,
            type=entity_type,
            entity_id=f"e-{external_id}",
            id=external_id,
            replica="whatsapp",
            seen=seen,
            received_at_ms=self.now_ms,
        )
        await self.talks.handle([self.record(wire.key, encode(wire))])

    async def writes(self, text: str, wamid: str = "w1", **fields: Any) -> None:
        """A customer's text."""
        told = {
            "conversationId": PHONE,
            "direction": "in",
            "type": "text",
            "body": text,
            "senderName": "Nadeesha",
            "senderId": "LK.1",
            **fields,
        }
        await self.hears("message", wamid, **told)

    async def holds(
        self,
        entity_type: str,
        entity_id: str,
        fields: Mapping[str, Any],
        *,
        version: int = 1,
        whatsapp: str = "",
        edits: Mapping[str, int] | None = None,
    ) -> None:
        """An entity as the engine has it."""
        agreed = {name: Agreed(value, 1, "mongodb") for name, value in fields.items()}
        replicas = {"whatsapp": Replica(external_id=whatsapp, exists=True)} if whatsapp else {}
        record = Record(
            ORG, entity_type, entity_id, 1, version, fields=agreed, replicas=replicas,
            edits=dict(edits or {}),
        )  # fmt: skip
        key = f"{ORG}/{entity_type}/{entity_id}".encode()
        await self.views.handle([self.record(key, encode(record))])

    async def sells(self, sku: str, name: str, price: str, quantity: int | None) -> None:
        """A product with its stock, in the catalogue."""
        fields = {"sku": sku, "name": name, "price": price, "status": "active"}
        await self.holds("product", sku.lower(), fields, whatsapp=sku)
        await self.holds("inventory", sku.lower(), {"quantity": quantity})

    async def talk(self, identity: str = PHONE) -> Conversation:
        found = await self.conversations.get(ORG, identity)
        assert found is not None
        return found

    async def answers(self) -> list[dict[str, Any]]:
        """What is to be sent, oldest first."""
        rows = self.database["ss_sends"].find({"organizationId": ORG}).sort("_id", 1)
        return sorted([row async for row in rows], key=lambda row: row["key"])

    async def texts(self) -> list[str]:
        return [row["text"] for row in await self.answers()]

    def record(self, key: bytes, value: bytes) -> Incoming:
        self._offset += 1
        return Incoming("observations", 0, self._offset, self.now_ms, key, value)


@pytest.fixture
def shop(fresh: Database) -> Shop:
    return Shop(fresh)


@pytest.fixture
async def rig(fresh: Database, kafka: KafkaLog, redis: Redis) -> AsyncIterator[Rig]:
    async with sandbox_in_process() as sandbox:
        await sandbox.control.create_number(
            NUMBER, catalog_id=CATALOGUE, account_id=WABA, access_token="sandbox-token-1",
            templates=[
                {"name": "order_status", "language": name, "parameters": 2} for name in ("en", "si")
            ],
        )  # fmt: skip
        directory = Directory(fresh, Keyring([bytes(32)]))
        rates = Rates(redis)
        yield Rig(fresh, kafka, sandbox.control, sandbox.transport, directory, Clock(), rates)
