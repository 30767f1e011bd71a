"""A sandbox's couriers and clients of ours, in one process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from connectors.couriers.client import CourierClient
from connectors.couriers.registry import courier
from connectors.protocol import Connection
from sandbox.client import SandboxClient
from sandbox.world import World
from support.in_process import sandbox_in_process

ROOT = "https://sandbox.test/couriers"
SECRETS = {
    "password": "sandbox-password",
    "account_pin": "sandbox-pin",
    "api_key": "sandbox-key",
    "api_token": "sandbox-key",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-client-secret",
    "track_client_id": "sandbox-client",
    "track_client_secret": "sandbox-client-secret",
    "ship_client_id": "sandbox-client",
    "ship_client_secret": "sandbox-client-secret",
    "email": "sandbox-user",
}


@dataclass
class Bench:
    control: SandboxClient
    transport: httpx.AsyncBaseTransport
    world: World
    clients: list[CourierClient[Any]] = field(default_factory=list)
    ids: int = 0

    async def open(self, code: str, *, name: str = "", **settings: str) -> CourierClient[Any]:
        """A client of a fresh account at the sandbox."""
        name = name or code
        if name not in self.world.depots:
            await self.control.create_courier(code, name)
        return self.client(code, name, **settings)

    def client(self, code: str, name: str = "", **settings: str) -> CourierClient[Any]:
        """Another client of an account."""
        held = self.connection(code, name or code, **settings)

        def now_ms() -> int:
            return int(self.world.clock.now() * 1000)

        client = CourierClient(
            courier(code), held, self.transport, clock=self.world.clock.now, now_ms=now_ms
        )
        self.clients.append(client)
        return client

    def connection(self, code: str, name: str, **settings: str) -> Connection:
        secrets = {one: settings.pop(one) for one in list(settings) if one in SECRETS}
        chosen = {
            "courier": code,
            "base_url": f"{ROOT}/{name}",
            "mydhl_base_url": f"{ROOT}/{name}/mydhlapi/test",
            "username": "sandbox-user",
            "account_number": "A1",
            "client_id": "C100",
            "tenant": "royalexpress",
            "business_id": "B1",
            "service": "EN",
            **settings,
        }
        if code == "dhl":
            chosen["service"] = "express"
        return Connection("c1", "org", "courier", f"courier:{code}", chosen, {**SECRETS, **secrets})


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with sandbox_in_process() as sandbox:
        await sandbox.control.set_clock(freeze="2026-02-04T08:00:00")
        bench = Bench(sandbox.control, sandbox.transport, sandbox.world)
        yield bench
        for client in bench.clients:
            await client.close()
