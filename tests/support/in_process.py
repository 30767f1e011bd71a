"""The sandbox without a socket: requests go straight into its application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from fastapi import FastAPI

from sandbox.app import create_sandbox
from sandbox.client import SandboxClient
from sandbox.world import World


@dataclass(frozen=True)
class InProcess:
    """A sandbox of one test."""

    control: SandboxClient
    transport: httpx.AsyncBaseTransport
    """For clients of its platforms: a connection that it drops is a `ReadError`."""
    world: World


def direct(app: FastAPI) -> httpx.AsyncBaseTransport:
    """Into an application; httpx asserts where a connection was dropped before the answer."""
    asgi = httpx.ASGITransport(app)

    async def forward(request: httpx.Request) -> httpx.Response:
        try:
            return await asgi.handle_async_request(request)
        except AssertionError:
            raise httpx.ReadError("dropped", request=request) from None

    return httpx.MockTransport(forward)


@asynccontextmanager
async def sandbox_in_process() -> AsyncIterator[InProcess]:
    """One that ends with the block; its webhooks are answered 200."""
    app = create_sandbox(httpx.MockTransport(lambda _: httpx.Response(200)))
    asgi = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=asgi, base_url="https://sandbox.test") as http:
        yield InProcess(SandboxClient(http), direct(app), app.state.world)
    await app.state.world.sender.close()
