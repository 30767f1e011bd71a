"""Customers on WhatsApp through the whole product: answered once, their orders made everywhere,
their files fetched, and staff in the conversation."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from runtime.demo.merchant import Merchant
from support.waiting import until

pytestmark = pytest.mark.timeout(240)

CUSTOMER = "+94771234567"
TALK = f"/api/conversations/{CUSTOMER}"
PICTURE = b"\xff\xd8\xff a slip of the bank"


async def sent(merchant: Merchant) -> list[dict[str, Any]]:
    found = await merchant.sandbox.messages(merchant.number)
    return [one for one in found if one["to"] == CUSTOMER[1:]]


async def thread(merchant: Merchant) -> list[dict[str, Any]]:
    answer = await merchant.web.get(f"{TALK}/messages", headers={"X-API-Key": merchant.api_key})
    found: list[dict[str, Any]] = answer.json().get("messages", [])
    return found


async def talk(merchant: Merchant) -> Any:
    return await merchant.ask("GET", TALK)


async def writes(merchant: Merchant, text: str = "", **more: Any) -> str:
    document = await merchant.sandbox.customer_writes(merchant.number, CUSTOMER, text, **more)
    return str(document["entry"][0]["changes"][0]["value"]["messages"][0]["id"])


def answered_to(found: list[dict[str, Any]]) -> int:
    return sum(one["biz_opaque_callback_data"].startswith("reply:") for one in found)


async def test_a_conversation_from_the_first_word_to_the_last(merchant: Merchant) -> None:
    await merchant.sandbox.number_faults(merchant.number, webhooks={"duplicate_probability": 1.0})
    first = await writes(merchant, "Hello", name="Nadeesha")
    menu = (await until(lambda: sent(merchant), bool, limit_s=30))[0]
    assert menu["body"]["interactive"]["type"] == "list"

    # The machine falls silent when a person is wanted, and staff answers.
    await writes(merchant, button_reply={"id": "ss:person", "title": "Talk to a person"})
    await until(lambda: talk(merchant), lambda found: found["handedOver"] is not None)
    await writes(merchant, "Are you there?")
    answered = await merchant.ask("POST", f"{TALK}/reply", {"text": "Yes, how can I help?"})
    await until(
        lambda: thread(merchant),
        lambda found: any(one["id"] == answered["id"] and one["status"] == "read" for one in found),
        limit_s=30,
    )
    await merchant.ask("POST", f"{TALK}/handover", {"to": "machine"})

    # A picture is fetched; an edit and a deletion change what was said.
    media = {"content": base64.b64encode(PICTURE).decode(), "mime_type": "image/jpeg",
             "caption": "slip"}  # fmt: skip
    await writes(merchant, media=media)
    await writes(merchant, edit={"id": first, "text": "Hello again"})
    found = await until(
        lambda: thread(merchant),
        lambda found: (
            any((one["file"] or {}).get("state") == "kept" for one in found)
            and any(one["edited"] for one in found)
        ),
        limit_s=30,
    )
    picture = next(one for one in found if one["file"])
    file = await merchant.web.get(
        f"{TALK}/media/{picture['id']}", headers={"X-API-Key": merchant.api_key}
    )
    assert (file.content, file.headers["content-type"]) == (PICTURE, "image/jpeg")
    assert next(one for one in found if one["edited"])["text"] == "Hello again"
    await writes(merchant, revoke={"id": first})
    gone = await until(lambda: thread(merchant), lambda found: any(one["deleted"] for one in found))
    assert [one["text"] for one in gone if one["deleted"]] == [""]

    # STOP is a word, in any of the three languages; news of the account is kept.
    await writes(merchant, "නවත්වන්න")
    consent = (await until(lambda: talk(merchant), lambda found: found["consent"]))["consent"]
    assert consent["state"] == "out"
    await merchant.sandbox.account_news(
        merchant.number, "phone_number_quality_update", current_limit="TIER_1K"
    )
    news = await until(
        lambda: merchant.ask("GET", "/api/whatsapp/updates"), lambda found: found["updates"]
    )
    assert news["updates"][0]["value"]["current_limit"] == "TIER_1K"

    # Hello, a person, stop: each answered once, however often it was delivered.
    found_sent = await until(lambda: sent(merchant), lambda found: answered_to(found) >= 3)
    assert answered_to(found_sent) == 3
    texts = [one["body"].get("text", {}).get("body") for one in found_sent]
    assert texts.count("Yes, how can I help?") == 1
    keys = [one["biz_opaque_callback_data"] for one in found_sent]
    assert len(keys) == len(set(keys)), "something was sent twice"


async def test_a_cart_becomes_an_order_everywhere_with_its_stock_taken(merchant: Merchant) -> None:
    await merchant.add_product("tea1", "TALK-TEA", 5, name="Ceylon tea", price="2000")

    async def listed() -> Any:
        return (await merchant.sandbox.catalogue(merchant.number)).get("TALK-TEA")

    await until(listed, lambda found: found and found.get("quantity_to_sell_on_facebook") == 5)
    await merchant.sandbox.customer_orders(
        merchant.number,
        CUSTOMER,
        [
            {"sku": "TALK-TEA", "quantity": 6, "item_price": 1899.5, "currency": "LKR"},
            {"sku": "NOBODY-SELLS", "quantity": 1, "item_price": 100, "currency": "LKR"},
        ],
        "Before Saturday",
        name="Nadeesha",
    )

    async def order() -> Any:
        return await merchant.collection("orders").find_one(
            {"organizationId": merchant.organization_id, "placedOn": "whatsapp"}
        )

    made = await until(order, bool, limit_s=30)
    assert [(one["sku"], str(one["unitPrice"])) for one in made["items"]] == [
        ("TALK-TEA", "2000"), ("NOBODY-SELLS", "100"),
    ]  # fmt: skip
    assert str(made["total"]) == "12100"

    async def stock() -> Any:
        found = await merchant.collection("inventory").find_one({"sku": "TALK-TEA"})
        return (found or {}).get("quantity")

    assert await until(stock, lambda left: left == -1, limit_s=30) == -1
    said = (await until(lambda: sent(merchant), bool, limit_s=30))[0]["body"]["text"]["body"]
    assert made["number"] in said
    assert "2,000.00 today" in said
    assert "Ceylon tea: 1 of these are out of stock" in said
    assert "NOBODY-SELLS: we have to check" in said

    async def in_shop() -> Any:
        orders = (await merchant.sandbox.dump_shop(merchant.shop.name))["orders"]
        return [one for one in orders if one.get("customer_note") == "Before Saturday"]

    (copy,) = await until(in_shop, bool, limit_s=30)
    assert copy["line_items"][0]["quantity"] == 6
