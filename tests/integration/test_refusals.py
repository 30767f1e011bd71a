"""What must not come in does not: a problem document, and nothing published."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from connectors.woocommerce.signature import native_signature
from runtime.demo.merchant import Merchant
from runtime.demo.system import System
from support.waiting import until

BODY = json.dumps({"id": 1, "name": "Tea"}).encode()


async def published(system: System) -> int:
    """Records in topic `inbound` so far."""
    consumer = AIOKafkaConsumer(
        f"{system.prefix}inbound",
        bootstrap_servers=system.servers()["KAFKA_URL"].removeprefix("kafka://"),
    )
    await consumer.start()
    try:
        return sum((await consumer.end_offsets(list(consumer.assignment()))).values())
    finally:
        await consumer.stop()


def signed(merchant: Merchant, body: bytes) -> dict[str, str]:
    return {
        "X-WC-Webhook-Topic": "product.updated",
        "X-WC-Webhook-Signature": native_signature(merchant.shop.webhook_secret, body),
    }


def check(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["status"] == status


async def test_refused_and_not_published(merchant: Merchant, system: System) -> None:
    before = await published(system)
    hook = f"/api/webhooks/woocommerce/{merchant.organization_id}"
    post = merchant.web.post
    check(await post(hook, content=BODY, headers={"X-WC-Webhook-Topic": "product.updated"}), 401)
    check(await post(hook, content=BODY, headers=signed(merchant, b"other")), 401)
    forged = {"X-Hub-Signature-256": "sha256=" + "0" * 64}
    meta = {"entry": [{"id": "1", "changes": [
        {"value": {"metadata": {"phone_number_id": merchant.number}}}]}]}  # fmt: skip
    check(await post("/api/webhooks/whatsapp", json=meta, headers=forged), 401)
    big = b"x" * 5_000_001
    check(await post(hook, content=big, headers=signed(merchant, big)), 413)
    nowhere = "/api/webhooks/woocommerce/nobody"
    check(await post(nowhere, content=BODY, headers=signed(merchant, BODY)), 404)
    event: dict[str, Any] = {"id": "e1", "type": "product", "data": {"sku": "A"}}
    event |= {"timestamp": 1795339800000, "organizationId": merchant.organization_id}
    check(await post("/api/events", json=event), 401)
    check(await post("/api/events", json=event, headers={"X-API-Key": "ssk_wrong"}), 401)
    mine = {"X-API-Key": merchant.api_key}
    check(await post("/api/events", json={**event, "organizationId": "b"}, headers=mine), 404)
    json_type = {"Content-Type": "application/json"}
    check(await post("/api/events", content=b"{", headers={**mine, **json_type}), 400)
    assert await published(system) == before


async def test_a_body_nobody_can_read_is_parked(merchant: Merchant) -> None:
    """400 would make the shop switch its webhook off."""
    body = b'{"id": 1, "name": '
    answer = await merchant.web.post(
        f"/api/webhooks/woocommerce/{merchant.organization_id}",
        content=body,
        headers=signed(merchant, body),
    )
    assert answer.status_code == 200

    async def parked() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await merchant.ask("GET", "/api/deadletters"))["deadLetters"]
        return found

    (letter,) = await until(parked, bool)
    assert letter["reason"]
    assert letter["stage"] == "inbound"


@pytest.mark.parametrize("path", ["/api/sync/status", "/api/conflicts", "/api/integrations"])
async def test_strangers_see_nothing(path: str, merchant: Merchant) -> None:
    check(await merchant.web.get(path), 401)
