"""The conversations' page and API, against a real MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from api.login import issue_login_link
from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.envelope import rfc3339
from streams.entities import EntityViews
from streams.kafka.records import Incoming
from streams.sync.record import Agreed, Record
from streams.whatsapp.conversations import Conversations

pytestmark = pytest.mark.servers

PHONE = "+94771234567"
Heard = Callable[..., Awaitable[None]]


async def _park(_record: Incoming, reason: str) -> None:
    raise AssertionError(reason)


@pytest.fixture
def heard(api: Any) -> Heard:
    """A message, as it stands once the engine has it."""
    database = api.services.database

    async def hear(
        identity: str, text: str, *, org: str = "kandy", at_ms: int = 0, **more: Any
    ) -> None:
        at_ms = at_ms or unix_ms()
        fields = {"conversationId": PHONE, "direction": "in", "type": "text", "body": text,
                  "status": "delivered", "sentAt": rfc3339(at_ms), **more}  # fmt: skip
        agreed = {name: Agreed(value, 1, "whatsapp") for name, value in fields.items()}
        record = Record(org, "message", identity, 1, 1, fields=agreed)
        key = f"{org}/message/{identity}".encode()
        views = EntityViews(database, "log", _park)
        await views.handle([Incoming("entities-changelog", 0, 1, at_ms, key, encode(record))])
        if fields["direction"] == "in":
            await Conversations(database).seen_inbound(
                org, PHONE, identity, at_ms, text=text, name="Nadeesha", phone=PHONE
            )

    return hear


async def test_a_conversation_over_http(api: Any, heard: Heard) -> None:
    await heard("m1", "where is my order", at_ms=unix_ms() - 2000)
    await heard("m2", "hello?", at_ms=unix_ms() - 1000)
    async with api.client("kandy") as client:
        (talk,) = (await client.get("/api/conversations")).json()["conversations"]
        assert (talk["id"], talk["unread"], talk["windowOpen"]) == (PHONE, 2, True)
        base = f"/api/conversations/{PHONE}"
        page = (await client.get(f"{base}/messages?limit=1")).json()
        assert [one["text"] for one in page["messages"]] == ["hello?"]
        page = (await client.get(f"{base}/messages", params={"cursor": page["next"]})).json()
        assert [one["text"] for one in page["messages"]] == ["where is my order"]
        assert page["next"] == ""
        assert (await client.post(f"{base}/read")).json()["unread"] == 0
        told = (await client.post(f"{base}/handover", json={"to": "person"})).json()
        assert told["handedOver"]["by"] == "staff:key"
        told = (await client.post(f"{base}/handover", json={"to": "machine"})).json()
        assert told["handedOver"] is None
        headers = {"idempotency-key": "k1"}
        for _ in range(2):
            sent = await client.post(f"{base}/reply", json={"text": "On its way"}, headers=headers)
            assert sent.status_code == 202
        assert (await client.post(f"{base}/reply", json={})).status_code == 422
        assert (await client.post(f"{base}/reply", json={"text": "x" * 4097})).status_code == 422
    assert await api.services.database["ss_sends"].count_documents({}) == 1
    command = next(one for one in api.sent.records if one.topic.name == "commands.whatsapp")
    assert b"On its way" not in command.value  # what is said stays in the database


async def test_an_answer_is_seen_before_it_is_history(api: Any, heard: Heard) -> None:
    await heard("m1", "hello?", at_ms=unix_ms() - 1000)
    base = f"/api/conversations/{PHONE}"
    async with api.client("kandy") as client:

        async def messages() -> list[tuple[str, str, str]]:
            found = (await client.get(f"{base}/messages")).json()["messages"]
            return [(one["text"], one["status"], one["reason"]) for one in found]

        sent = (await client.post(f"{base}/reply", json={"text": "Good day"})).json()
        assert (await messages())[0] == ("Good day", "queued", "")
        rows = api.services.database["ss_sends"]
        await rows.update_one({}, {"$set": {"state": "held", "reason": "it is night"}})
        assert (await messages())[0] == ("Good day", "held", "it is night")
        await rows.update_one({}, {"$set": {"state": "sent", "delivery": "read"}})
        assert (await messages())[0] == ("Good day", "read", "")
        row = await rows.find_one({})
        await heard(row["_id"], "Good day", direction="out", status="read")
        assert [text for text, _, _ in await messages()] == ["Good day", "hello?"]
        assert sent["id"] == row["_id"]


async def test_outside_the_window_only_a_template_goes(api: Any, heard: Heard) -> None:
    await heard("m1", "hi", at_ms=unix_ms() - 90_000_000)
    async with api.client("kandy") as client:
        base = f"/api/conversations/{PHONE}"
        answer = await client.post(f"{base}/reply", json={"text": "hello"})
        assert answer.status_code == 422
        assert "24 hours" in answer.json()["detail"]
        template = {"name": "order_status", "language": "en", "parameters": ["1041", "Shipped"]}
        assert (await client.post(f"{base}/reply", json={"template": template})).status_code == 202


async def test_strangers_see_nothing(api: Any, heard: Heard) -> None:
    await heard("m1", "secret")
    async with api.client("galle") as client:
        assert (await client.get("/api/conversations")).json()["conversations"] == []
        for path in ("", "/messages", "/media/m1"):
            found = await client.get(f"/api/conversations/{PHONE}{path}")
            assert found.status_code == 404
        for path in ("reply", "handover", "read"):
            body = {"reply": {"text": "x"}, "handover": {"to": "person"}}.get(path)
            found = await client.post(f"/api/conversations/{PHONE}/{path}", json=body)
            assert found.status_code == 404


@asynccontextmanager
async def _browser(api: Any) -> AsyncIterator[Any]:
    base = "http://127.0.0.1:3000"
    async with api.client(origin=base) as client:
        await client.get(await issue_login_link(api.services.database, base, "kandy"))
        yield client


async def test_the_page_works_without_javascript(api: Any, heard: Heard) -> None:
    async with _browser(api) as client:
        assert "Nobody has written yet" in (await client.get("/conversations")).text
        await heard("m1", "<b>hello</b>")
        await heard("m2", "", revokedAt="2026-11-01T00:00:00.000Z")
        await heard("o1", "We have it", direction="out", status="read")
        found = await client.get(f"/conversations/{PHONE}")
        assert found.status_code == 200
        assert "&lt;b&gt;hello&lt;/b&gt;" in found.text
        assert "The customer deleted this message." in found.text
        assert "Read" in found.text
        assert 'name="text"' in found.text
        sent = await client.post(f"/conversations/{PHONE}/reply", data={"text": "Good morning"})
        assert sent.status_code == 303
        assert sent.headers["location"] == "/conversations/%2B94771234567"
        thread = (await client.get(f"/conversations/{PHONE}/part")).text
        assert thread.index("hello") < thread.index("Good morning") < thread.index("On its way")
        given = await client.post(f"/conversations/{PHONE}/handover", data={"to": "person"})
        assert given.status_code == 303
        page = (await client.get(f"/conversations/{PHONE}")).text
        assert "A person answers here" in page
        part = (await client.get(f"/conversations/{PHONE}/part")).text
        assert "<html" not in part
        assert "hello" in part
        for address in (
            "/conversations/part/list",
            "/conversations?show=unread",
            "/conversations?show=waiting",
        ):
            assert (await client.get(address)).status_code == 200
        assert (await client.get("/conversations/nobody")).status_code == 404
    row = await api.services.database["ss_sends"].find_one({})
    assert (row["to"], row["text"], row["purpose"]) == (PHONE, "Good morning", "answer")
