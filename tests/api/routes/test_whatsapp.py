"""Messages, what is held and unknown, notifications and their page over HTTP. No sender runs: a
message stays where the api left it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from schemas.command import Perform
from streams.effects.ledger import LISTED_MS
from streams.whatsapp.dispatch import command_of
from streams.whatsapp.sends import Sends
from tests.api.pages.test_views import OURS, log_in

pytestmark = pytest.mark.servers

TO = "+94771234567"
NUMBER = {
    "platform": "whatsapp",
    "settings": {"phone_number_id": "1048", "order_statuses": "shipped", "language": "si"},
    "secrets": {"access_token": "never-shown-token", "app_secret": "s"},
    "firstSync": {"winner": "newest"},
}


@pytest.fixture
async def http(api: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setattr("streams.whatsapp.service.ANSWER_S", 0.0)
    async with api.client("kandy") as client:
        answer = await client.post("/api/integrations", json=NUMBER)
        assert answer.status_code == 201, answer.text
        yield client


async def send(http: httpx.AsyncClient, **body: Any) -> Any:
    return await http.post("/api/whatsapp/messages", json={"to": "0771234567", **body})


async def test_a_message_is_one_whatever_is_retried(api: Any, http: httpx.AsyncClient) -> None:
    first = await http.post(
        "/api/whatsapp/messages",
        json={"to": "0771234567", "content": "Ready", "organizationId": "kandy"},
        headers={"Idempotency-Key": "k1"},
    )
    assert first.status_code == 202
    told = first.json()
    assert (told["to"], told["state"], told["purpose"]) == (TO, "accepted", "answer")
    again = await send(http, content="Ready", key="k1")
    assert again.json()["id"] == told["id"]
    assert (await send(http, content="Other", key="k1")).status_code == 409
    commands = [one for one in api.sent.records if one.topic.name == "commands.whatsapp"]
    assert {one.key for one in commands} == {f"kandy/conversation/{TO}".encode()}
    shown = (await http.get(f"/api/whatsapp/messages/{told['id']}")).json()
    assert shown["text"] == "Ready"
    listed = (await http.get("/api/whatsapp/messages", params={"to": TO})).json()
    assert [one["id"] for one in listed["messages"]] == [told["id"]]
    async with api.client("galle") as other:
        assert (await other.get(f"/api/whatsapp/messages/{told['id']}")).status_code == 404
        path = f"/api/whatsapp/messages/{told['id']}/cancel"
        assert (await other.post(path)).status_code == 404
        assert (await send(other, content="x")).status_code == 404


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"to": "hello", "content": "x"}, "phone number"),
        ({"content": ""}, "text.body"),
        ({"kind": "buttons", "content": {"body": "?", "buttons": []}}, "1 to 3"),
        ({"kind": "sms", "content": "x"}, "kind"),
    ],
)
async def test_what_cannot_be_sent_says_what_to_correct(
    http: httpx.AsyncClient, body: dict[str, Any], words: str
) -> None:
    answer = await send(http, **body)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


async def test_a_held_message_is_listed_and_can_be_cancelled_once(
    api: Any, http: httpx.AsyncClient
) -> None:
    told = (await send(http, content="Ready", key="k")).json()
    sends = Sends(api.services.database)
    row = await sends.get("kandy", told["id"])
    assert row is not None
    await sends.change(row, state="held", why="window", reason="the customer has not written")
    (held,) = (await http.get("/api/whatsapp/held")).json()["held"]
    assert (held["state"], held["why"]) == ("held", "window")
    path = f"/api/whatsapp/messages/{told['id']}"
    assert (await http.post(f"{path}/release")).json()["state"] == "held"
    assert (await http.post(f"{path}/cancel")).json()["state"] == "cancelled"
    assert (await http.post(f"{path}/cancel")).status_code == 409
    assert (await http.post(f"{path}/release")).status_code == 409
    effects = await api.services.database["ss_effects"].find_one({"effectKey": "api:k"})
    assert effects["state"] == "failed"


async def cut(api: Any, http: httpx.AsyncClient, key: str) -> Perform:
    """A process ended between the claim and the answer, long ago."""
    told = (await send(http, content="Ready", key=key)).json()
    row = await Sends(api.services.database).get("kandy", told["id"])
    assert row is not None
    command = command_of(row, 0)
    from streams.effects.ledger import Ledger

    await Ledger(api.services.database).claim(command, api.services.clock_ms() - LISTED_MS)
    return command


async def test_what_nobody_knows_is_listed_and_decided_once(
    api: Any, http: httpx.AsyncClient
) -> None:
    for key in ("a", "b"):
        await cut(api, http, key)
    listed = (await http.get("/api/effects", params={"state": "unknown"})).json()["effects"]
    assert {one["key"] for one in listed} == {"api:a", "api:b"}
    assert all(one["resendable"] and one["message"]["to"] == TO for one in listed)
    async with api.client("galle") as other:
        assert (await other.get("/api/effects")).json()["effects"] == []
        assert (await other.post("/api/effects/api:a/resend")).status_code == 409
    resent = (await http.post("/api/effects/api:a/resend")).json()
    assert (resent["state"], resent["attempts"]) == ("accepted", 2)
    assert (await http.post("/api/effects/api:a/resend")).status_code == 409
    assert (await http.post("/api/effects/api:b/give-up")).status_code == 204
    assert (await http.get("/api/effects")).json()["effects"] == []


async def test_notifications_begin_as_the_connection_says_and_are_kept(
    api: Any, http: httpx.AsyncClient
) -> None:
    first = (await http.get("/api/whatsapp/notifications")).json()
    assert list(first["orders"]) == ["shipped"]
    assert (first["language"], first["waitS"], first["quietHours"]) == ("si", 20, None)
    month = first.pop("month")
    assert (month["spent"], month["messages"]) == ("0", 0)
    wanted = {
        **first,
        "orders": {"delivered": {"template": "order_status"}},
        "shipments": {"out_for_delivery": {"template": "shipment_status"}},
        "quietHours": {"from": "21:00", "to": "08:00"},
    }
    kept = await http.put("/api/whatsapp/notifications", json=wanted)
    assert kept.status_code == 200, kept.text
    assert kept.json()["quietHours"] == {"from": "21:00", "to": "08:00"}
    (connection,) = [
        one for one in await api.services.directory.connections("kandy")
        if one.platform == "whatsapp"
    ]  # fmt: skip
    assert connection.settings["order_statuses"] == "delivered,shipment:out_for_delivery"
    for wrong in (
        {"orders": {"eaten": {}}},
        {"timeZone": "Mars/Base"},
        {"monthlyCap": "5"},
        {"quietHours": {"from": "25:00", "to": "08:00"}},
        {"unknown": 1},
    ):
        answer = await http.put("/api/whatsapp/notifications", json={**wanted, **wrong})
        assert answer.status_code == 422, wrong


async def test_the_page_lists_decides_and_saves(api: Any, http: httpx.AsyncClient) -> None:
    told = (await send(http, content="Ready <b>now</b>", key="k")).json()
    sends = Sends(api.services.database)
    row = await sends.get("kandy", told["id"])
    assert row is not None
    await sends.change(row, state="held", why="window", reason="the customer has not written")
    await cut(api, http, "lost")
    (entry,) = (await http.get("/api/integrations")).json()["integrations"]
    path = f"/integrations/{entry['id']}/messages"
    async with api.client() as client:
        assert (await client.get(path)).status_code == 303
        await log_in(api, client)
        client.headers.update(OURS)
        shown = (await client.get(path)).text
        assert "Waits for the customer to write" in shown
        assert "Ready &lt;b&gt;now&lt;/b&gt;" in shown
        assert "never-shown-token" not in shown
        assert "shipment_status" in shown
        saved = await client.post(
            f"{path}/notifications",
            data={"orders": ["shipped", "delivered"], "shipments": ["delivered"], "wait": "30",
                  "language": "ta", "quiet_from": "21:00", "quiet_to": "07:30"},
        )  # fmt: skip
        assert saved.headers["location"].endswith("note=saved")
        wrong = await client.post(f"{path}/notifications", data={"wait": "many"})
        assert "wrong=" in wrong.headers["location"]
        given_up = await client.post(f"{path}/unknown/give-up", data={"key": "api:lost"})
        assert given_up.headers["location"].endswith("note=given-up")
        stopped = await client.post(f"{path}/held/{told['id']}/cancel")
        assert stopped.headers["location"].endswith("note=cancelled")
        assert "Nothing waits" in (await client.get(path)).text
    settings = (await http.get("/api/whatsapp/notifications")).json()
    assert (set(settings["orders"]), settings["language"]) == ({"shipped", "delivered"}, "ta")
    assert settings["quietHours"] == {"from": "21:00", "to": "07:30"}
