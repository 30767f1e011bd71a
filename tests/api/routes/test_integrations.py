"""Integrations: secrets stay in, organisations stay apart."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.servers


async def test_secrets_go_in_and_never_out(api: Any) -> None:
    secret = "cs_0123456789abcdef"
    new = {
        "platform": "woocommerce",
        "settings": {"site_url": "https://shop.example", "currency": "LKR"},
        "secrets": {"consumer_secret": secret},
    }
    async with api.client("kandy") as client:
        made = await client.post("/api/integrations", json=new)
        listed = await client.get("/api/integrations")
        path = f"/api/integrations/{made.json()['id']}"
        paused = await client.post(f"{path}/pause")
        changed = await client.patch(path, json={"settings": {"currency": "USD"}})
    async with api.client("galle") as other:
        assert (await other.get(path)).status_code == 404
        assert (await other.patch(path, json={"active": True})).status_code == 404
        assert (await other.delete(path)).status_code == 404
        assert (await other.get("/api/integrations")).json()["integrations"] == []
    async with api.client("kandy") as client:
        assert (await client.delete(path)).status_code == 204
        assert (await client.get(path)).status_code == 404
    assert made.status_code == 201
    assert made.json()["secrets"]["consumer_secret"]["hint"] == "••••cdef"
    for answer in (made, listed, paused, changed):
        assert secret not in answer.text
    assert paused.json()["active"] is False
    assert changed.json()["settings"]["currency"] == "USD"


@pytest.mark.parametrize(
    "body",
    [
        {"platform": "shopify"},
        {"platform": "mongodb"},
        {"platform": "woocommerce", "settings": {"site_url": "file:///etc/passwd"}},
        {"platform": "woocommerce", "settings": {"site_url": "https://u:p@shop.example"}},
        {"platform": "woocommerce", "settings": {"a.b": "x"}},
        {"platform": "woocommerce", "replica": "whatsapp"},
        {"platform": "woocommerce", "organizationId": "galle"},
    ],
)
async def test_what_cannot_be_connected_is_refused(api: Any, body: dict[str, Any]) -> None:
    async with api.client("kandy") as client:
        answer = await client.post("/api/integrations", json=body)
    assert answer.status_code == 422
    assert answer.json()["help"]


async def test_a_wrong_secret_is_not_repeated_in_the_error(api: Any) -> None:
    body = {"platform": "woocommerce", "secrets": {"consumer_secret": {"very": "secretive"}}}
    async with api.client("kandy") as client:
        answer = await client.post("/api/integrations", json=body)
    assert answer.status_code == 422
    assert "secretive" not in answer.text
