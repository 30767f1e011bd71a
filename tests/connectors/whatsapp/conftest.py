"""A sandbox's number and a client of ours, in one process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.protocol import Connection
from connectors.whatsapp import WhatsApp
from connectors.whatsapp.client import WhatsAppClient
from sandbox.client import SandboxClient
from schemas.command import Create, Delete, Perform, Write
from support.in_process import sandbox_in_process

FIXTURES = Path(__file__).parents[2] / "fixtures" / "whatsapp"
NUMBER = "104857392017364"
WABA = "217530984412087"
CATALOGUE = "1083364729915520"


def sample(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def raw(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


def connection(**settings: str) -> Connection:
    return Connection(
        id="c1",
        organization_id="org",
        platform="whatsapp",
        replica="whatsapp",
        settings={
            "base_url": "https://sandbox.test/v25.0",
            "phone_number_id": NUMBER,
            "waba_id": WABA,
            "catalog_id": CATALOGUE,
            "currency": "LKR",
            "site_url": "https://shop.example.com",
            "image_link": "https://cdn.example.com/none.jpg",
            "catalog_gap_s": "0",
            **settings,
        },
        secrets={
            "access_token": "sandbox-token-1",
            "app_secret": "0f1e2d3c4b5a6978",
            "verify_token": "v",
        },
    )


class Known:
    """Links, as a dictionary."""

    def __init__(self, **found: str) -> None:
        self.found = found

    async def external_id(
        self, organization_id: str, replica: str, entity_type: str, entity_id: str
    ) -> str | None:
        return self.found.get(f"{entity_type}_{entity_id}")


@dataclass
class Bench:
    control: SandboxClient
    transport: httpx.AsyncBaseTransport
    client: WhatsAppClient

    def open(self, **settings: str) -> WhatsAppClient:
        client = WhatsApp(transport=self.transport).client(connection(**settings))
        assert isinstance(client, WhatsAppClient)
        return client

    async def items(self) -> dict[str, Any]:
        return await self.control.catalogue(NUMBER)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with sandbox_in_process() as sandbox:
        await sandbox.control.create_number(
            NUMBER,
            catalog_id=CATALOGUE,
            access_token="sandbox-token-1",
            catalog_delay_s=0.0,
            templates=[{"name": "order_status", "language": "en", "parameters": 2}],
            account_id=WABA,
        )
        client = WhatsApp(transport=sandbox.transport).client(connection())
        assert isinstance(client, WhatsAppClient)
        yield Bench(sandbox.control, sandbox.transport, client)
        await client.close()


BASE: dict[str, Any] = {"organization_id": "org", "replica": "whatsapp", "issued_at_ms": 0}


def create(entity_type: str, entity_id: str, op: tuple[int, int] = (1, 1), **more: Any) -> Create:
    return Create(type=entity_type, entity_id=entity_id, op=op, **BASE, **more)


def write(
    entity_type: str, entity_id: str, external_id: str, op: tuple[int, int] = (1, 2), **more: Any
) -> Write:
    return Write(
        type=entity_type, entity_id=entity_id, external_id=external_id, op=op, **BASE, **more
    )


def delete(entity_type: str, entity_id: str, external_id: str) -> Delete:
    return Delete(type=entity_type, entity_id=entity_id, external_id=external_id, op=(1, 3), **BASE)


TEXT = {"type": "text", "text": {"preview_url": False, "body": "Your order 1041: Shipped."}}


def perform(to: str = "+94771234567", message: Any = TEXT, **more: Any) -> Perform:
    return Perform(
        type="order",
        entity_id="o1",
        effect_key="org:order_status:o1:shipped",
        effect="message",
        arguments={"to": to, "message": message, **more},
        epoch=1,
        **BASE,
    )
