"""A sandbox in the test's own process, with a receiver of webhooks that needs no network."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from sandbox.app import create_sandbox
from sandbox.client import SandboxClient, ShopAccess
from sandbox.world import World

FIXTURES = Path(__file__).parent.parent / "fixtures"


def sample(path: str) -> Any:
    return json.loads((FIXTURES / path).read_text())


@dataclass
class Receiver:
    """Answers every webhook with `status`, and keeps what came."""

    status: int = 200
    requests: list[httpx.Request] = field(default_factory=list)
    challenge_answer: str | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if "hub.challenge" in request.url.params:
            wanted = request.url.params["hub.challenge"]
            return httpx.Response(self.status, text=self.challenge_answer or wanted)
        return httpx.Response(self.status)

    def topics(self) -> list[str]:
        return [request.headers.get("x-wc-webhook-topic", "ping") for request in self.requests]

    def bodies(self, topic: str) -> list[Any]:
        return [
            json.loads(request.content)
            for request in self.requests
            if request.headers.get("x-wc-webhook-topic") == topic
        ]


@dataclass
class Bench:
    app: Starlette
    control: SandboxClient
    http: httpx.AsyncClient
    receiver: Receiver

    @property
    def world(self) -> World:
        world: World = self.app.state.world
        return world

    async def shop(self, name: str = "shop", **settings: Any) -> "ShopClient":
        return ShopClient(self, await self.control.create_shop(name, **settings))


@dataclass
class ShopClient:
    """Calls a shop's REST API with its key."""

    bench: Bench
    access: ShopAccess

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        auth = more.pop("auth", (self.access.consumer_key, self.access.consumer_secret))
        address = f"/shops/{self.access.name}/wp-json/{path}"
        return await self.bench.http.request(method, address, json=body, auth=auth, **more)

    async def rest(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self.call(method, f"wc/v3/{path}", body, **more)

    async def sync(self, *operations: dict[str, Any]) -> list[dict[str, Any]]:
        answer = await self.call("POST", "smartstore/v1/sync", {"operations": list(operations)})
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        return results


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    receiver = Receiver()
    app = create_sandbox(httpx.MockTransport(receiver))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as http:
        yield Bench(app, SandboxClient(http), http, receiver)
    await app.state.world.sender.close()
