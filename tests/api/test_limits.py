"""A body without end is answered before it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request

from api.errors import add_problems
from api.limits import STRANGERS_BYTES, BodyLimit
from api.settings import MAX_BODY_BYTES


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    add_problems(app)

    @app.post("/{path:path}")
    async def take(path: str, request: Request) -> int:
        return len(await request.body())

    app.add_middleware(BodyLimit)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as opened:
        yield opened


async def parts(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 4_096


async def test_what_is_short_enough_passes(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/events", content=parts(4))
    assert (answer.status_code, answer.text) == (200, "16384")


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/api/events", MAX_BODY_BYTES), ("/api/integrations/pair", STRANGERS_BYTES)],
)
async def test_what_is_too_long_is_a_problem(
    client: httpx.AsyncClient, path: str, limit: int
) -> None:
    announced = await client.post(path, content=b"x" * (limit + 1))
    streamed = await client.post(path, content=parts(limit // 4_096 + 1))
    for answer in (announced, streamed):
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
