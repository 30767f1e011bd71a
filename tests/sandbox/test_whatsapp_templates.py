"""Meta's stand-in: templates listed and submitted, documents, and what a message is charged as."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from connectors.whatsapp.templates import NEEDED
from sandbox.app import create_sandbox
from sandbox.client import SandboxClient

NUMBER, ACCOUNT, TOKEN = "104857392017364", "217530984412087", "t-1"
TO = "94771234567"


class Meta:
    """The Graph API, and the webhooks that it sent."""

    def __init__(self, http: httpx.AsyncClient, control: SandboxClient) -> None:
        self.http, self.control = http, control
        self.heard: list[Any] = []

    async def ask(self, method: str, path: str, token: str = TOKEN, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"}
        return await self.http.request(method, f"/v25.0/{path}", headers=headers, **more)

    async def send(self, **body: Any) -> httpx.Response:
        whole = {"messaging_product": "whatsapp", "to": TO, **body}
        return await self.ask("POST", f"{NUMBER}/messages", json=whole)

    async def until(self, found: Any) -> Any:
        for _ in range(400):
            for document in self.heard:
                told = found(document["entry"][0]["changes"][0])
                if told:
                    return told
            await asyncio.sleep(0.005)
        raise AssertionError(f"never told: {self.heard}")


@pytest.fixture
async def meta() -> AsyncIterator[Meta]:
    opened: list[Meta] = []

    def hear(request: httpx.Request) -> httpx.Response:
        opened[0].heard.append(json.loads(request.content))
        return httpx.Response(200)

    app = create_sandbox(httpx.MockTransport(hear))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://sandbox.test") as http:
        opened.append(Meta(http, SandboxClient(http)))
        await opened[0].control.create_number(
            NUMBER, account_id=ACCOUNT, access_token=TOKEN, webhook_url="https://us.test/hook",
            templates=[{"name": "order_status", "language": "en", "parameters": 2},
                       {"name": "offer", "language": "en", "category": "marketing"}],
        )  # fmt: skip
        yield opened[0]
    await app.state.world.sender.close()


async def test_templates_come_in_pages_and_need_the_token(meta: Meta) -> None:
    first = (await meta.ask("GET", f"{ACCOUNT}/message_templates", params={"limit": "1"})).json()
    assert [one["name"] for one in first["data"]] == ["order_status"]
    after = first["paging"]["cursors"]["after"]
    rest = await meta.ask(
        "GET", f"{ACCOUNT}/message_templates", params={"limit": "5", "after": after}
    )
    assert [one["category"] for one in rest.json()["data"]] == ["MARKETING"]
    assert "next" not in rest.json()["paging"]
    stranger = await meta.ask("GET", f"{ACCOUNT}/message_templates", token="other")
    assert stranger.json()["error"]["code"] == 190


async def test_ours_are_accepted_and_their_approval_is_told(meta: Meta) -> None:
    wanted = NEEDED[1].request("si")
    answer = await meta.ask("POST", f"{ACCOUNT}/message_templates", json=wanted)
    assert answer.json()["status"] == "PENDING"

    def approved(change: Any) -> Any:
        value = change["value"]
        return change["field"] == "message_template_status_update" and (
            value["event"], value["message_template_name"], value["message_template_language"]
        )  # fmt: skip

    assert await meta.until(approved) == ("APPROVED", "shipment_status", "si")
    again = await meta.ask("POST", f"{ACCOUNT}/message_templates", json=wanted)
    assert again.status_code == 400


@pytest.mark.parametrize("body", ["{{1}} is ready.", "Ready: {{1}}"])
async def test_a_template_cannot_begin_or_end_with_a_value(meta: Meta, body: str) -> None:
    component = {"type": "BODY", "text": body, "example": {"body_text": [["1"]]}}
    wanted = {"name": "x", "language": "en", "category": "UTILITY", "components": [component]}
    answer = await meta.ask("POST", f"{ACCOUNT}/message_templates", json=wanted)
    assert answer.json()["error"]["code"] == 100


async def test_a_template_that_is_not_approved_cannot_be_sent(meta: Meta) -> None:
    template = {"name": "offer", "language": {"code": "en"}}
    assert (await meta.send(type="template", template=template)).status_code == 200
    for status, code in (("PAUSED", 132015), ("DISABLED", 132016), ("REJECTED", 132001)):
        await meta.control.add_template(NUMBER, name="offer", language="en", status=status)
        answer = await meta.send(type="template", template=template)
        assert answer.json()["error"]["code"] == code


async def test_what_a_message_is_charged_as(meta: Meta) -> None:
    parameters = [{"type": "text", "text": "1"}] * 2
    status = {"name": "order_status", "language": {"code": "en"},
              "components": [{"type": "body", "parameters": parameters}]}  # fmt: skip
    offer = {"name": "offer", "language": {"code": "en"}}

    async def price(**body: Any) -> tuple[str, bool]:
        meta.heard.clear()
        await meta.send(**body)
        found = await meta.until(lambda change: change["value"].get("statuses"))
        pricing = found[0]["pricing"]
        return pricing["category"], pricing["billable"]

    assert await price(type="template", template=status) == ("utility", True)
    await meta.control.customer_writes(NUMBER, TO, "Hello")
    assert await price(type="template", template=status) == ("utility", False)
    assert await price(type="template", template=offer) == ("marketing", True)
    document = {"link": "https://a.lk/i.pdf", "filename": "i.pdf"}
    assert await price(type="document", document=document) == ("service", False)
    both = {"link": "https://a.lk/i.pdf", "id": "1"}
    assert (await meta.send(type="document", document=both)).json()["error"]["code"] == 131008
