"""Deliveries of the platforms: what is taken, what is refused, and that nothing else is published.

Bodies and signatures are those of the contracts' samples (tests/fixtures).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from schemas.codec import decode
from schemas.deadletter import DeadLetter
from schemas.envelope import read_envelope
from schemas.topics import DEADLETTER, INBOUND

pytestmark = pytest.mark.servers

FIXTURES = Path(__file__).parents[2] / "fixtures"
WOO = json.loads((FIXTURES / "woocommerce/exchange_webhook.json").read_text())
META = json.loads((FIXTURES / "whatsapp/exchange_webhook_security.json").read_text())
NUMBER = "104857392017364"
SHOP = "/api/webhooks/woocommerce/kandy"
PHONE = "/api/webhooks/whatsapp"


def native(body: bytes, secret: str = WOO["secret"]) -> dict[str, str]:
    """The header core sends: base64 of HMAC-SHA256 (contracts/woocommerce.md)."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {"x-wc-webhook-signature": base64.b64encode(digest).decode()}


def meta(body: bytes, secret: str = META["signature"]["app_secret"]) -> dict[str, str]:
    """The header Meta sends: lower-case hex (contracts/whatsapp.md)."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={digest}"}


@pytest.fixture
async def shop(api: Any) -> Any:
    """`kandy` with a WooCommerce shop and a WhatsApp number."""
    directory = api.services.directory
    await directory.connect(
        "kandy", "woocommerce", {"site_url": "https://s"}, {"webhook_secret": WOO["secret"]}
    )
    await directory.connect(
        "kandy",
        "whatsapp",
        {"phone_number_id": NUMBER, "waba_id": "217530984412087"},
        {
            "app_secret": META["signature"]["app_secret"],
            "verify_token": META["verify"]["expected_token"],
            "access_token": "t",
        },
    )
    return api


@pytest.mark.parametrize("delivery", WOO["deliveries"], ids=lambda d: d["raw_body"][:20])
async def test_native_deliveries_are_taken_as_they_came(
    shop: Any, delivery: dict[str, Any]
) -> None:
    body = delivery["raw_body"].encode()
    async with shop.client() as client:
        answer = await client.post(SHOP, content=body, headers=delivery["headers"])
    assert answer.status_code == 200
    (record,) = shop.sent.records
    assert record.topic is INBOUND
    assert record.value == body
    envelope = read_envelope(record.headers)
    assert envelope.type == f"inbound.woocommerce.{delivery['headers']['X-WC-Webhook-Topic']}"
    assert envelope.organization_id == "kandy"
    resource = delivery["headers"]["X-WC-Webhook-Resource"]
    assert record.key.startswith(f"kandy/woocommerce/{resource}/".encode())


async def test_the_ping_gets_exactly_200_and_is_published_nowhere(shop: Any) -> None:
    ping = WOO["ping"]
    async with shop.client() as client:
        answer = await client.post(SHOP, content=ping["raw_body"], headers=ping["headers"])
    assert answer.status_code == ping["expect_http_status"]
    assert shop.sent.records == []


async def test_two_deliveries_of_one_second_share_their_number_and_both_count(shop: Any) -> None:
    """Core makes the number from the webhook and the whole second."""
    same = {"x-wc-webhook-delivery-id": "5c1d", "x-wc-webhook-topic": "order.created"}
    async with shop.client() as client:
        for number in (1041, 1042):
            body = f'{{"id":{number},"status":"processing"}}'.encode()
            await client.post(SHOP, content=body, headers={**native(body), **same})
    keys = [record.key for record in shop.sent.records]
    assert keys == [b"kandy/woocommerce/order/1041", b"kandy/woocommerce/order/1042"]


@pytest.mark.parametrize("path", [SHOP, f"{SHOP}/", f"{SHOP}?source=shop"])
async def test_a_delivery_is_never_redirected(shop: Any, path: str) -> None:
    """Core takes 301 and 302 for success and follows neither: the delivery would be lost."""
    body = b'{"id":412,"type":"simple"}'
    headers = {**native(body), "x-wc-webhook-topic": "product.updated"}
    async with shop.client() as client:
        answer = await client.post(path, content=body, headers=headers)
    assert answer.status_code == 200
    assert len(shop.sent.records) == 1


async def test_a_signed_error_in_place_of_the_item_is_taken_and_noted(shop: Any) -> None:
    """What core signs once the user who made the webhook is gone; it names no item."""
    delivery = WOO["deliveries"][2]
    assert "woocommerce_rest_cannot_view" in delivery["raw_body"]
    async with shop.client() as client:
        answer = await client.post(
            SHOP, content=delivery["raw_body"].encode(), headers=delivery["headers"]
        )
        body = b'{"id":7,"code":"rest_sale","type":"simple"}'
        headers = {**native(body), "x-wc-webhook-topic": "product.updated"}
        await client.post(SHOP, content=body, headers=headers)
    assert answer.status_code == 200
    await shop.services.pulse.keep(shop.services.database)
    row = await shop.services.database["ss_pulses"].find_one({"_id": "kandy/woocommerce"})
    assert row["refusedMs"] <= row["nativeMs"] == row["lastMs"]
    assert sum(row["hours"].values()) == 1  # one burst


async def test_a_ping_is_remembered_and_keeps_no_names(shop: Any) -> None:
    ping = WOO["ping"]
    async with shop.client() as client:
        await client.post(SHOP, content=ping["raw_body"], headers=ping["headers"])
    await shop.services.pulse.keep(shop.services.database)
    row = await shop.services.database["ss_pulses"].find_one({"_id": "kandy"})
    assert set(row) == {"_id", "pingMs", "sinceMs"}


async def test_a_variation_has_its_own_key(shop: Any) -> None:
    body = b'{"id":431,"type":"variation","parent_id":430}'
    async with shop.client() as client:
        headers = {**native(body), "x-wc-webhook-topic": "product.updated"}
        await client.post(SHOP, content=body, headers=headers)
    assert shop.sent.records[0].key == b"kandy/woocommerce/variation/430:431"


async def test_the_plugins_form_is_taken(shop: Any) -> None:
    body = b'{"topic":"product.updated","data":{"id":123,"name":"Product Name","price":"29.99"}}'
    async with shop.client() as client:
        answer = await client.post(SHOP, content=body, headers=native(body))
    assert answer.status_code == 200
    (record,) = shop.sent.records
    assert record.key == b"kandy/woocommerce/product/123"
    assert read_envelope(record.headers).type == "inbound.woocommerce.product.updated"


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-wc-webhook-signature": ""}, native(b'{"id":1}', "wrong"), native(b'{"id":2}')],
    ids=["none", "empty", "other secret", "other body"],
)
async def test_a_forged_delivery_is_refused(shop: Any, headers: dict[str, str]) -> None:
    async with shop.client() as client:
        answer = await client.post(SHOP, content=b'{"id":1}', headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "bad-signature"
    assert "webhook secret" in answer.json()["help"]
    assert shop.sent.records == []


async def test_the_raw_bytes_are_what_is_signed(shop: Any) -> None:
    """The same JSON written otherwise is another body."""
    body = b'{"id":1,"name":"\\u0d9a"}'
    other = json.dumps(json.loads(body), ensure_ascii=False).encode()
    async with shop.client() as client:
        assert (await client.post(SHOP, content=body, headers=native(body))).status_code == 200
        assert (await client.post(SHOP, content=other, headers=native(body))).status_code == 401


@pytest.mark.parametrize("name", ["nobody", "", "kandy/x", "$ne"])
async def test_an_unknown_organisation_is_not_there(shop: Any, name: str) -> None:
    body = b'{"id":1}'
    async with shop.client() as client:
        path = f"/api/webhooks/woocommerce/{name}"
        answer = await client.post(path, content=body, headers=native(body))
    assert answer.status_code == 404
    assert shop.sent.records == []


async def test_one_organisations_secret_opens_no_other(shop: Any) -> None:
    await shop.services.directory.connect("galle", "woocommerce", {}, {"webhook_secret": "other"})
    body = b'{"id":1}'
    async with shop.client() as client:
        path = "/api/webhooks/woocommerce/galle"
        assert (await client.post(path, content=body, headers=native(body))).status_code == 401


@pytest.mark.parametrize("path", [SHOP, PHONE])
async def test_too_much_is_refused_while_it_streams(shop: Any, path: str) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(200):
            read += 100_000
            yield b"x" * 100_000

    async with shop.client() as client:
        answer = await client.post(path, content=endless())
        told = await client.post(path, content=b"x", headers={"content-length": "5000001"})
    assert answer.status_code == told.status_code == 413
    assert answer.json()["type"] == "too-large"
    assert shop.sent.records == []


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"id":"1"', b"[]", b'{"id":{"$gt":0}}'])
async def test_a_signed_body_that_cannot_be_read_goes_on_to_be_parked(
    shop: Any, body: bytes
) -> None:
    """A 400 would make the shop switch its webhook off."""
    headers = {**native(body), "x-wc-webhook-topic": "product.updated"}
    async with shop.client() as client:
        answer = await client.post(SHOP, content=body, headers=headers)
    assert answer.status_code == 200
    (record,) = shop.sent.records
    assert record.value == body
    assert record.key == b"kandy/woocommerce/product/unknown"


async def test_with_no_store_left_the_answer_is_503(shop: Any) -> None:
    shop.sent.fails = True
    body = b'{"id":1}'
    async with shop.client() as client:
        answer = await client.post(SHOP, content=body, headers=native(body))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"


async def test_metas_challenge_is_answered_as_plain_text(shop: Any) -> None:
    async with shop.client() as client:
        right = await client.get(f"{PHONE}?{META['verify']['request']['query']}")
        wrong = await client.get(f"{PHONE}?{META['verify_wrong_token']['request']['query']}")
        bare = await client.get(PHONE)
    assert right.status_code == 200
    assert right.text == META["verify"]["response"]["body"]
    assert right.headers["content-type"].startswith("text/plain")
    assert wrong.status_code == bare.status_code == 403


async def test_a_signed_message_is_taken(shop: Any) -> None:
    body = META["signature"]["raw_body"].encode()
    headers = {META["signature"]["header"]: META["signature"]["value"]}
    async with shop.client() as client:
        answer = await client.post(PHONE, content=body, headers=headers)
    assert answer.status_code == 200
    (record,) = shop.sent.records
    assert record.topic is INBOUND
    assert record.value == body
    assert record.key == f"kandy/whatsapp/webhook/{NUMBER}".encode()
    assert read_envelope(record.headers).type == "inbound.whatsapp.webhook"


async def test_an_unsigned_message_is_refused(shop: Any) -> None:
    body = META["signature"]["raw_body"].encode()
    async with shop.client() as client:
        for headers in ({}, meta(body, "wrong"), meta(body + b" ")):
            assert (await client.post(PHONE, content=body, headers=headers)).status_code == 401
    assert shop.sent.records == []


async def test_the_users_own_sample_body_is_taken(shop: Any) -> None:
    """No metadata, type or timestamp; `entry.id` is the phone number id."""
    body = json.dumps(
        {
            "object": "whatsapp_business_account",
            "entry": [
                {
                    "id": NUMBER,
                    "changes": [
                        {
                            "value": {
                                "messaging_product": "whatsapp",
                                "messages": [{"id": "m", "from": "94", "text": {"body": "Hello"}}],
                            },
                            "field": "messages",
                        }
                    ],
                }
            ],
        }
    ).encode()
    async with shop.client() as client:
        answer = await client.post(PHONE, content=body, headers=meta(body))
    assert answer.status_code == 200
    assert shop.sent.records[0].key == f"kandy/whatsapp/webhook/{NUMBER}".encode()


async def test_an_unknown_number_is_answered_200_and_parked(shop: Any) -> None:
    body = META["signature"]["raw_body"].replace(NUMBER, "999").replace("217530984412087", "1")
    raw = body.encode()
    async with shop.client() as client:
        assert (await client.post(PHONE, content=raw, headers=meta(raw))).status_code == 200
        assert (await client.post(PHONE, content=raw, headers=meta(raw, "x"))).status_code == 401
    (record,) = shop.sent.records
    assert record.topic is DEADLETTER
    letter = decode(record.value or b"", DeadLetter)
    assert base64.b64decode(letter.value) == raw
    assert "999" in letter.reason


async def test_two_numbers_in_one_body_reach_their_two_owners(shop: Any) -> None:
    await shop.services.directory.connect(
        "galle",
        "whatsapp",
        {"phone_number_id": "555"},
        {"app_secret": META["signature"]["app_secret"]},
    )
    entries = [
        {
            "id": "w",
            "changes": [{"field": "messages", "value": {"metadata": {"phone_number_id": n}}}],
        }
        for n in (NUMBER, "555", NUMBER)
    ]
    body = json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()
    async with shop.client() as client:
        assert (await client.post(PHONE, content=body, headers=meta(body))).status_code == 200
    keys = {record.key for record in shop.sent.records}
    assert keys == {f"kandy/whatsapp/webhook/{NUMBER}".encode(), b"galle/whatsapp/webhook/555"}
    assert len(shop.sent.records) == 2
