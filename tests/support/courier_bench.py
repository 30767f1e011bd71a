"""A sandbox of couriers on loopback, served, so that the whole of the product can call it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from api.main import listen
from runtime.demo.merchant import Merchant
from runtime.demo.system import System
from sandbox.app import create_sandbox
from sandbox.client import SandboxClient
from sandbox.world import World
from support.in_process import direct

SETTINGS: dict[str, dict[str, str]] = {
    "aramex": {"username": "sandbox-user", "account_number": "A1"},
    "ups": {"account_number": "A1"},
    "fedex": {"account_number": "A1"},
    "dhl": {"tracking": "unified"},
    "trans_express": {},
}
SECRETS: dict[str, dict[str, str]] = {
    "aramex": {"password": "sandbox-password", "account_pin": "sandbox-pin"},
    "ups": {"client_id": "sandbox-client", "client_secret": "sandbox-client-secret"},
    "fedex": {
        "track_client_id": "sandbox-client",
        "track_client_secret": "sandbox-client-secret",
        "ship_client_id": "sandbox-client",
        "ship_client_secret": "sandbox-client-secret",
    },
    "dhl": {"api_key": "sandbox-key"},
    "trans_express": {"api_key": "sandbox-key"},
}
PICKUP = {
    "pickup_name": "Lanka Crafts",
    "pickup_phone": "+94112345678",
    "pickup_address": "42 Galle Road",
    "pickup_city": "Colombo",
    "pickup_district": "Colombo",
    "pickup_postal_code": "00300",
    "default_weight_kg": "1.2",
}


@dataclass
class CourierBench:
    """What tests tell the sandbox, and where it is."""

    control: SandboxClient
    world: World
    url: str
    transport: httpx.AsyncBaseTransport
    """The same sandbox without a network: what is killed in a call leaves no socket behind."""

    async def account(self, code: str, name: str = "") -> dict[str, Any]:
        """A fresh account there; what `POST /api/couriers` takes for it."""
        await self.control.create_courier(code, name or code)
        return self.given(code, name)

    def given(self, code: str, name: str = "") -> dict[str, Any]:
        """To connect an account that is there."""
        return given_at(self.url, code, name)


def given_at(sandbox_url: str, code: str, name: str = "") -> dict[str, Any]:
    """What `POST /api/couriers` takes for an account of that sandbox."""
    settings = {
        "base_url": f"{sandbox_url}/couriers/{name or code}",
        "allow_private_addresses": "true",
        **SETTINGS[code],
        **PICKUP,
    }
    return {"code": code, "settings": settings, "secrets": dict(SECRETS[code])}


async def connected(merchant: Merchant, system: System) -> str:
    """An account of Aramex in the system's sandbox, connected; its name there."""
    account = f"aramex-{merchant.organization_id}"
    await merchant.sandbox.create_courier("aramex", account)
    await merchant.ask("POST", "/api/couriers", given_at(system.sandbox_url, "aramex", account))
    return account


@contextlib.asynccontextmanager
async def courier_bench() -> AsyncIterator[CourierBench]:
    app = create_sandbox(httpx.MockTransport(lambda _: httpx.Response(200)))
    opened = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{opened.getsockname()[1]}"
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[opened]))
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0)
    async with httpx.AsyncClient(base_url=url) as http:
        yield CourierBench(SandboxClient(http), app.state.world, url, direct(app))
    server.should_exit = True
    await task
    await app.state.world.sender.close()
