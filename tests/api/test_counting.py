"""Requests are counted by the template of their route."""

from __future__ import annotations

import httpx
from fastapi import FastAPI
from prometheus_client import REGISTRY

from api.counting import Counting


def counted(route: str, status: str) -> float:
    labels = {"method": "GET", "route": route, "status": status}
    return REGISTRY.get_sample_value("smartstore_request_seconds_count", labels) or 0.0


async def test_ids_and_unknown_addresses_make_no_series_of_their_own() -> None:
    app = FastAPI()

    @app.get("/things/{name}")
    async def thing(name: str) -> dict[str, str]:
        return {"name": name}

    app.add_middleware(Counting)
    places = (("/things/{name}", "200"), ("other", "404"), ("/api/webhooks/whatsapp", "404"))
    before = [counted(*place) for place in places]
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for path in ("/things/1", "/things/2", "/nowhere/3", "/api/webhooks/whatsapp/org-1"):
            await client.get(path)
    after = [counted(*place) for place in places]
    assert [new - old for new, old in zip(after, before, strict=True)] == [2, 1, 1]
