"""Messages to customers through the whole product: sent once, held with a reason, shown, and told
by themselves."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from benchmarks.whatsapp import tell_orders
from runtime.demo.merchant import Merchant
from runtime.demo.system import System
from support.waiting import until

pytestmark = pytest.mark.timeout(240)

CUSTOMER = "+94771234567"


async def ask(merchant: Merchant, **body: Any) -> Any:
    return await merchant.ask("POST", "/api/whatsapp/messages", {"to": "077 123 4567"} | body)


async def sent_to(merchant: Merchant, digits: str = CUSTOMER[1:]) -> list[dict[str, Any]]:
    found = await merchant.sandbox.messages(merchant.number)
    return [one for one in found if one["to"] == digits]


async def shown(merchant: Merchant, message_id: str) -> Any:
    return await merchant.ask("GET", f"/api/whatsapp/messages/{message_id}")


async def test_free_form_waits_for_the_customer_and_a_key_is_one_message(
    merchant: Merchant,
) -> None:
    first = await ask(merchant, content="Your order is ready", key="ready-1")
    assert (first["state"], first["why"], first["to"]) == ("held", "window", CUSTOMER)
    assert "24 hours" in first["reason"]
    held = await merchant.ask("GET", "/api/whatsapp/held")
    assert [one["id"] for one in held["held"]] == [first["id"]]
    again = await ask(merchant, content="Your order is ready", key="ready-1")
    assert again["id"] == first["id"]
    with pytest.raises(httpx.HTTPStatusError, match="409"):
        await ask(merchant, content="Something else", key="ready-1")

    await merchant.sandbox.customer_writes(merchant.number, CUSTOMER, "Hello, is it ready?")
    await until(
        lambda: shown(merchant, first["id"]), lambda found: found["delivery"] == "read", limit_s=30
    )
    mine = [one for one in await sent_to(merchant) if one["type"] == "text"]
    assert [one["body"]["text"]["body"] for one in mine].count("Your order is ready") == 1

    async def entity() -> Any:
        return await merchant.collection("messages").find_one(
            {"organizationId": merchant.organization_id, "body": "Your order is ready"}
        )

    document = await until(entity, lambda found: (found or {}).get("status") == "read")
    assert (document["direction"], document["conversationId"]) == ("out", CUSTOMER)
    assert document["vendorId"] == (await shown(merchant, first["id"]))["vendorId"]


async def test_every_kind_is_accepted(merchant: Merchant) -> None:
    await merchant.sandbox.customer_writes(merchant.number, CUSTOMER, "stop")
    told = await ask(
        merchant,
        type="template",
        content={
            "name": "order_status",
            "language": "en",
            "components": [
                {
                    "type": "body",
                    "parameters": [
                        {"type": "text", "text": "ORD-123"},
                        {"type": "text", "text": "Shipped"},
                    ],
                }
            ],
        },
        purpose="answer",
    )
    assert (told["state"], told["template"]) == ("sent", "order_status")
    menu = {"body": "How?", "button": "Choose", "sections": [{"rows": [{"id": "a", "title": "A"}]}]}
    for kind, content in (
        ("buttons", {"body": "Pay on delivery?", "buttons": [{"id": "yes", "title": "Yes"}]}),
        ("list", menu),
        ("document", {"link": "https://cdn.example.com/i.pdf", "filename": "invoice.pdf"}),
        ("catalog", {"body": "All we have"}),
    ):
        assert (await ask(merchant, kind=kind, content=content))["state"] == "sent"
    with pytest.raises(httpx.HTTPStatusError) as caught:
        await ask(merchant, kind="buttons", content={"body": "?", "buttons": []})
    assert "1 to 3" in caught.value.response.json()["detail"]

    # Nobody who said stop is told of what they did not ask for.
    async def refused() -> Any:
        content = {"name": "order_status", "parameters": ["1", "Shipped"]}
        return await ask(merchant, kind="template", content=content)

    found = await until(refused, lambda one: one["state"] == "dropped", every_s=0.5)
    assert found["why"] == "out"


async def test_news_of_an_order_is_one_message_in_the_customers_language(
    merchant: Merchant, system: System
) -> None:
    settings = await merchant.ask("GET", "/api/whatsapp/notifications")
    settings.pop("month")
    settings |= {
        "orders": {name: {} for name in ("processing", "shipped", "out-for-delivery")},
        "waitS": 3,
        "prices": {"utility": "1.50"},
        "monthlyCap": "2",
    }
    kept = await merchant.ask("PUT", "/api/whatsapp/notifications", settings)
    assert kept["waitS"] == 3
    await merchant.sandbox.customer_writes(merchant.number, CUSTOMER, "ආයුබෝවන්, මගේ ඇණවුම?")
    await merchant.sandbox.change_number(merchant.number, enforce_window=True)
    orders = merchant.collection("orders")
    for place, phone in enumerate((CUSTOMER, "+94771111111", "+94772222222")):
        await orders.insert_one(
            {
                "_id": f"n{place}", "organizationId": merchant.organization_id,
                "number": f"N{place}", "status": "pending", "items": [], "total": "1000",
                "currency": "LKR", "billing": {"name": "Nimal", "phone": phone},
            }
        )  # fmt: skip

    async def known() -> int:
        mine = {"organizationId": merchant.organization_id, "type": "order"}
        return await merchant.collection("ss_entities").count_documents(mine)

    await until(known, lambda count: count == 3)
    for status in ("processing", "shipped", "out-for-delivery"):
        await merchant.set_order("n0", status=status)

    async def texts() -> list[str]:
        mine = await sent_to(merchant)
        said = [one["body"].get("text", {}).get("body", "") for one in mine]
        return [text for text in said if "N0" in text]

    (said,) = await until(texts, lambda found: bool(found), limit_s=30)
    assert "බෙදා හැරීමට" in said
    # The others have not written: a template, of which the month's money pays for one.
    await merchant.set_order("n1", status="shipped")
    await until(lambda: sent_to(merchant, "94771111111"), lambda found: len(found) == 1, limit_s=30)
    await merchant.set_order("n2", status="shipped")

    async def held() -> list[Any]:
        found: list[Any] = (await merchant.ask("GET", "/api/whatsapp/held"))["held"]
        return found

    (one,) = await until(held, lambda found: len(found) == 1, limit_s=30)
    assert one["why"] == "budget"
    month = (await merchant.ask("GET", "/api/whatsapp/notifications"))["month"]
    assert (month["spent"], month["messages"]) == ("1.5", 1)
    await merchant.ask("POST", f"/api/whatsapp/messages/{one['id']}/cancel")
    assert await texts() == [said]


async def test_nobody_is_told_twice_while_the_sender_is_killed(
    merchant: Merchant, system: System
) -> None:
    told = await tell_orders(system, merchant, orders=40, kills=1)
    assert told.right, told
    assert told.sent + told.unknown >= 40


async def test_no_number_text_or_token_is_in_a_log(merchant: Merchant, system: System) -> None:
    """Through an expired token, a lost answer and a failed delivery, where errors are told."""
    phone, text, token = "+94779876543", "the parrot has left the building", "canary-token-81726354"
    digits = phone[1:]
    await merchant.sandbox.customer_writes(merchant.number, digits, f"{text}, he says")
    heard = {"organizationId": merchant.organization_id, "conversationId": phone}
    conversations = merchant.collection("ss_conversations")
    await until(
        lambda: conversations.find_one(heard), lambda one: bool((one or {}).get("lastInboundMs"))
    )
    await merchant.sandbox.change_number(merchant.number, access_token=token)
    held = await ask(merchant, to=phone, content=f"{text} 1")
    assert (held["state"], held["why"]) == ("held", "connection")
    found = (await merchant.ask("GET", "/api/integrations"))["integrations"]
    (entry,) = [one for one in found if one["platform"] == "whatsapp"]
    assert "access token" in entry["trouble"]
    await merchant.ask(
        "PATCH", f"/api/integrations/{entry['id']}", {"secrets": {"access_token": token}}
    )

    async def released() -> Any:
        if (await shown(merchant, held["id"]))["state"] == "held":
            await merchant.ask("POST", f"/api/whatsapp/messages/{held['id']}/release")
        return await shown(merchant, held["id"])

    await until(released, lambda one: one["state"] == "sent", every_s=0.5)
    await merchant.sandbox.number_faults(
        merchant.number, requests=[{"drop": True}, {"code": 131026, "status": 400}]
    )
    lost = await ask(merchant, to=phone, content=f"{text} 2")
    assert lost["state"] in ("unknown", "sent")  # a status may have told already
    refused = await ask(merchant, to=phone, content=f"{text} 3")
    assert refused["state"] == "failed"
    await until(
        lambda: shown(merchant, lost["id"]), lambda one: one["delivery"] == "read", limit_s=30
    )
    logs = list((system.home / "logs").glob("*.log*"))
    assert len(logs) > 4
    for log in logs:
        content = log.read_text(errors="replace")
        for canary in (digits, digits[2:], "parrot", token):
            assert canary not in content, f"{log.name} holds {canary}"
