from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.errors import Forged, Malformed
from connectors.protocol import EffectSettled, Parsed, StockTaken
from connectors.whatsapp.mapping import parse_delivery
from connectors.whatsapp.signature import challenge, verify
from schemas.observation import Seen
from tests.connectors.whatsapp.conftest import NUMBER, WABA, raw, sample


def parse(body: Any) -> Parsed:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_delivery(NUMBER, WABA, data)


def message(name: str) -> Seen:
    (sighting,) = parse(raw(name)).sightings
    assert sighting.type == "message"
    assert sighting.seen is not None
    return sighting.seen


def test_a_text() -> None:
    seen = message("webhook_text")
    assert seen == Seen(
        external_id="wamid.HBgLOTQ3MTIzNDU2NzAVAgASGBQzQURCNDJGM0IxOEI0OEY2MTQzMAA=",
        fields={
            "conversationId": "+94712345670",
            "platform": "whatsapp",
            "direction": "in",
            "type": "text",
            "body": "ආයුබෝවන්, මේ සාරිය තවම තියෙනවද? Batik saree 6 yards 🙏",
            "status": "delivered",
            "vendorId": "wamid.HBgLOTQ3MTIzNDU2NzAVAgASGBQzQURCNDJGM0IxOEI0OEY2MTQzMAA=",
            "sentAt": "2026-07-20T04:40:05.000Z",
            "senderId": "LK.20957361048295712",
            "senderName": "කසුන් ජයවර්ධන",
        },
        as_of=1784522405000,
        changed_at_ms=1784522405000,
    )


@pytest.mark.parametrize(
    ("name", "kind", "body", "more"),
    [
        (
            "webhook_product_enquiry",
            "text",
            "Is this available in maroon?",
            {"context": {
                "replyTo": "wamid.HBgLOTQ3NzEyMzQ1NjcVAgASGBQzQUIwRkMxMzYwMjYwMjc4MjBBNgA=",
                "product": "HL-SAREE-001-RED",
            }},
        ),
        ("webhook_button_reply", "interactive", "Confirm COD",
         {"media": {"id": "order:1041:confirm_cod"}}),
        ("webhook_list_reply", "interactive", "Express (1\u20132 days)",
         {"media": {"id": "ship:express", "description": "LKR 650 island-wide"}}),
        ("webhook_template_quick_reply", "button", "Stop promotions",
         {"media": {"payload": "STOP_PROMO"}}),
        ("webhook_image", "image", "Bank slip, order 1041",
         {"media": {"id": "1372408190655212", "mimeType": "image/jpeg",
                    "sha256": "h2qB1mQWcV2S9kqjv0R3o1o2Cq1m0r4pVb8yqXo1Zk8="}}),
    ],
)  # fmt: skip
def test_kinds(name: str, kind: str, body: str, more: dict[str, Any]) -> None:
    fields = message(name).fields
    assert (fields["type"], fields["body"]) == (kind, body)
    assert {key: fields[key] for key in more} == more


def test_a_mixed_batch() -> None:
    parsed = parse(raw("webhook_mixed_batch"))
    fields = [one.seen.fields for one in parsed.sightings if one.seen]
    assert [one["type"] for one in fields] == ["location", "reaction", "text", "unsupported"]
    assert fields[0]["body"] == "Nugegoda Junction"
    assert fields[0]["media"]["latitude"] == 6.8649
    assert fields[1]["body"] == "👍"
    assert fields[2]["conversationId"] == "LK.40829573612048571"
    assert fields[3]["body"] == "131051: Message type unknown"


def test_a_cart_is_an_order_and_takes_stock() -> None:
    parsed = parse(raw("webhook_order_cart"))
    wamid = "wamid.HBgLOTQ3NzEyMzQ1NjcVAgASGBQzQTkzRjU3QTVGM0YwQzU5M0ExRAA="
    assert [one.type for one in parsed.sightings] == ["message", "order"]
    assert parsed.stock_taken == (
        StockTaken(wamid, "HL-SAREE-001-RED", 1),
        StockTaken(wamid, "TEA-BOPF-400", 3),
        StockTaken(wamid, "GONE-FROM-CATALOG", 2),
    )
    order = parsed.sightings[1].seen
    assert order is not None
    assert order.external_id == wamid
    assert order.fields["items"][1] == {
        "productId": "TEA-BOPF-400", "sku": "TEA-BOPF-400", "name": None, "quantity": 3,
        "unitPrice": "1899.5", "total": "5698.5",
    }  # fmt: skip
    assert (order.fields["total"], order.fields["currency"]) == ("19098.5", "LKR")
    assert order.fields["placedOn"] == "whatsapp"
    assert order.fields["billing"]["phone"] == "+94771234567"
    assert order.fields["note"] == "Please deliver to Nugegoda before Saturday"


def test_lines_of_one_sku_take_stock_once_each_in_one() -> None:
    body = sample("webhook_order_cart")
    items = body["entry"][0]["changes"][0]["value"]["messages"][0]["order"]["product_items"]
    items[:] = [
        {"product_retailer_id": "A", "quantity": "2", "item_price": "10.50", "currency": "LKR"},
        {"product_retailer_id": "A", "quantity": 1, "item_price": 10.5, "currency": "LKR"},
        {"product_retailer_id": "B", "quantity": 0, "item_price": "?"},
    ]
    parsed = parse(body)
    assert [(one.sku, one.quantity) for one in parsed.stock_taken] == [("A", 3)]


def test_statuses_settle_effects() -> None:
    parsed = parse(raw("webhook_statuses"))
    first = "wamid.HBgLOTQ3NzEyMzQ1NjcVAgARGBI0NDAzRkM2RDc2RTI3QzVDNTkA"
    found = [(one.external_id[-8:], one.seen) for one in parsed.sightings]
    assert [(name, seen.fields["status"]) for name, seen in found if seen] == [
        (first[-8:], "delivered"), (first[-8:], "sent"), (first[-8:], "read"), ("RUVBQjcA", "sent"),
    ]  # fmt: skip
    assert parsed.settled == (
        EffectSettled("outbox:7f3c2a", first, "delivered", category="utility", billable=True),
        EffectSettled("outbox:7f3c2a", first, "sent", category="utility", billable=True),
    )
    delivered, sent, read, _ = (one.seen.as_of for one in parsed.sightings if one.seen)
    assert sent < delivered < read


def test_a_failed_status_says_why() -> None:
    body = sample("webhook_status_failed")
    status = body["entry"][0]["changes"][0]["value"]["statuses"][0]
    status["biz_opaque_callback_data"] = "key"
    parsed = parse(body)
    assert parsed.settled[0].status == "failed"
    assert parsed.settled[0].reason == "131047: Re-engagement message"
    status["status"] = "held"
    assert parse(body).sightings == ()


def test_the_users_own_sample_is_accepted() -> None:
    body = {
        "object": "whatsapp_business_account",
        "entry": [{
            "id": NUMBER,
            "changes": [{
                "value": {
                    "messaging_product": "whatsapp",
                    "messages": [
                        {"id": "message-id", "from": "customer-phone", "text": {"body": "Hello"}}
                    ],
                },
                "field": "messages",
            }],
        }],
    }  # fmt: skip
    parsed = parse(body)
    assert parsed == parse(body)
    (sighting,) = parsed.sightings
    assert sighting.seen is not None
    assert sighting.external_id == "message-id"
    assert sighting.seen.fields["type"] == "text"
    assert sighting.seen.fields["body"] == "Hello"
    assert sighting.seen.fields["conversationId"] == "customer-phone"
    assert "sentAt" not in sighting.seen.fields


def test_another_numbers_updates_are_left_to_it() -> None:
    body = sample("webhook_text")
    other = parse_delivery("999", WABA, json.dumps(body).encode())
    assert other.sightings == ()
    assert other.ignored


@pytest.mark.parametrize(
    "extra",
    [
        {"type": "interactive"},
        {"type": "reaction", "reaction": {"message_id": "wamid.1"}},
        {"type": "contacts", "contacts": [{"name": {"formatted_name": "Ravi"}}]},
        {"type": "system", "system": {"body": "changed number", "type": "user_changed_number"}},
        {"type": "revoke"},
        {"type": "edit", "edit": {}},
        {"type": "unknown", "errors": [{"code": 131051, "details": "x"}]},
        {"type": "tomorrow's"},
        {"type": "text", "text": None, "timestamp": 1784522405, "context": None},
        {"type": "audio", "audio": {"id": "1", "voice": True}},
        {"type": "interactive", "interactive": {
            "type": "nfm_reply", "nfm_reply": {"body": "Sent", "response_json": "{}"}}},
    ],
)  # fmt: skip
def test_anything_of_a_message_may_be_missing(extra: dict[str, Any]) -> None:
    body = sample("webhook_text")
    held = body["entry"][0]["changes"][0]["value"]
    held["messages"] = [{"id": "wamid.1", "from_user_id": "LK.1", **extra}]
    (sighting,) = parse(body).sightings
    assert sighting.seen is not None
    assert sighting.seen.fields["type"] == extra["type"]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"entry": {}}', b"\xff"])
def test_what_is_no_webhook(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(body)


def test_the_signature_vector() -> None:
    vector = sample("exchange_webhook_security")["signature"]
    body, headers = vector["raw_body"].encode(), {"x-hub-signature-256": vector["value"]}
    verify(vector["app_secret"], headers, body)
    for forged_headers, forged in (
        (headers, body + b" "),
        (headers, json.dumps(json.loads(body)).encode()),
        ({}, body),
        ({"x-hub-signature-256": "sha256="}, body),
        ({"x-hub-signature-256": "තේ"}, body),
    ):
        with pytest.raises(Forged):
            verify(vector["app_secret"], forged_headers, forged)
    with pytest.raises(Forged):
        verify("", headers, body)


def test_the_verification_call() -> None:
    found = sample("exchange_webhook_security")
    asked = dict(part.split("=") for part in found["verify"]["request"]["query"].split("&"))
    token = found["verify"]["expected_token"]
    assert challenge(token, asked) == found["verify"]["response"]["body"]
    wrong = dict(
        part.split("=") for part in found["verify_wrong_token"]["request"]["query"].split("&")
    )
    for expected, query in ((token, wrong), ("", {**asked, "hub.verify_token": ""}), (token, {})):
        with pytest.raises(Forged):
            challenge(expected, query)
