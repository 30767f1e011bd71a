"""Connecting, changing, pausing and removing a platform, without a script."""

from __future__ import annotations

from typing import Any

import pytest

from api.activity import Day, sparkline
from api.pages.standing import STATE_LOOKS, state_of
from schemas.envelope import rfc3339
from streams.tokens import DAY_MS, TokenEnd, Tokens

servers = pytest.mark.servers

KEY = "ck_0123456789abcdef0123456789abcdef01234567"
FORM = {
    "setting.site_url": "https://shop.example",
    "setting.currency": "LKR",
    "secret.consumer_key": KEY,
    "secret.consumer_secret": "cs_fedcba9876543210",
    "secret.webhook_secret": "",
}


async def connected(client: Any) -> str:
    made = await client.post("/integrations/add/woocommerce", data=FORM)
    assert made.status_code == 303, made.text
    return str(made.headers["location"].partition("?")[0])


@servers
async def test_a_shop_is_connected_by_a_form_and_its_keys_never_come_back(api: Any) -> None:
    async with api.client("kandy") as client:
        choices = await client.get("/integrations/add")
        form = await client.get("/integrations/add/woocommerce")
        path = await connected(client)
        pages = [(await client.get(path + end)).text for end in ("", "/timeline", "/settings")]
        cards = await client.get("/integrations")
    assert "/integrations/add/courier?courier=aramex" in choices.text
    assert 'name="secret.consumer_key" type="password"' in form.text
    assert "/api/webhooks/woocommerce/kandy" in pages[0]
    assert "Waiting for the first event" in pages[0]
    assert "••••4567" in pages[2]
    assert all(KEY not in text and "cs_fed" not in text for text in (*pages, cards.text))
    assert f'href="{path}/settings"' in cards.text


@servers
async def test_what_is_wrong_is_said_beside_the_form(api: Any) -> None:
    async with api.client("kandy") as client:
        refused = await client.post(
            "/integrations/add/woocommerce", data={**FORM, "setting.site_url": "shop.example"}
        )
        unknown = await client.get("/integrations/add/nobody")
        courier = await client.post("/integrations/add/courier?courier=aramex", data={})
        ours = await client.post(
            "/integrations/add/courier",
            data={"setting.code": "lanka", "setting.profile": "name: [", "setting.name": "Lanka"},
        )
    assert refused.status_code == 422
    assert "is not an address" in refused.text
    assert 'value="shop.example"' in refused.text
    assert KEY not in refused.text
    assert unknown.status_code == 303
    assert courier.status_code == 422
    assert ours.status_code == 422
    assert 'role="alert"' in ours.text


@servers
async def test_a_new_key_replaces_the_old_one_and_the_rest_stays(api: Any) -> None:
    async with api.client("kandy") as client:
        path = await connected(client)
        saved = await client.post(
            f"{path}/settings",
            data={"setting.site_url": "https://shop.example", "setting.currency": "USD",
                  "secret.consumer_key": "ck_new_key_of_today_9999", "secret.consumer_secret": ""},
        )  # fmt: skip
        shown = await client.get(f"{path}/settings")
    assert saved.headers["location"].endswith("/settings?note=saved")
    held = await api.services.directory.connection("kandy", "woocommerce")
    assert held.settings["currency"] == "USD"
    assert held.secrets["consumer_key"] == "ck_new_key_of_today_9999"
    assert held.secrets["consumer_secret"] == FORM["secret.consumer_secret"]
    assert "••••9999" in shown.text


@servers
async def test_pausing_going_on_and_removing_by_its_name(api: Any) -> None:
    directory = api.services.directory
    async with api.client("kandy") as client:
        path = await connected(client)
        await client.post(f"{path}/switch/pause")
        assert not (await directory.connection("kandy", "woocommerce")).active
        assert "Paused" in (await client.get(path)).text
        await client.post(f"{path}/switch/resume")
        assert (await directory.connection("kandy", "woocommerce")).active
        wrong = await client.post(f"{path}/remove", data={"name": "shop"})
        assert wrong.headers["location"].endswith("?note=name")
        assert await directory.connection("kandy", "woocommerce") is not None
        done = await client.post(f"{path}/remove", data={"name": " woocommerce "})
        assert done.headers["location"] == "/integrations?note=removed"
        gone = await client.get(path)
    assert await directory.connection("kandy", "woocommerce") is None
    assert gone.status_code == 404


@servers
async def test_a_stranger_to_the_connection_gets_404(api: Any) -> None:
    async with api.client("kandy") as client:
        path = await connected(client)
    async with api.client("galle") as other:
        answers = [
            await other.get(path),
            await other.get(f"{path}/settings"),
            await other.get(f"{path}/heard"),
            await other.post(f"{path}/test"),
            await other.post(f"{path}/remove", data={"name": "WooCommerce"}),
        ]
    assert [answer.status_code for answer in answers] == [404] * 5


@servers
async def test_each_probe_is_told_with_what_helps_and_the_first_event_turns_it_green(
    api: Any,
) -> None:
    async with api.client("kandy") as client:
        path = await connected(client)
        nobody = {**FORM, "setting.site_url": "http://127.0.0.1:9"}
        await client.post(f"{path}/settings", data=nobody)
        tested = await client.post(f"{path}/test")
        waiting = await client.get(f"{path}/heard")
        row = {"_id": "kandy/woocommerce", "lastMs": api.services.clock_ms()}
        await api.services.database["ss_pulses"].insert_one(row)
        come = await client.get(f"{path}/heard")
    assert tested.status_code == 200
    assert "what helps" in tested.text
    assert 'data-tone="bad"' in tested.text
    assert "data-waiting" in waiting.text
    assert "data-waiting" not in come.text
    assert "Events arrive" in come.text


def test_a_state_is_the_worst_of_what_is_true(integration: Any, check: Any) -> None:
    def word(entry: Any, found: Any, heard: bool = True) -> tuple[str, str, str]:
        return state_of(entry, found, heard)

    good, bad = check("healthy"), check("unhealthy")
    assert word(integration(), good) == STATE_LOOKS["connected"]
    assert word(integration(), good, heard=False) == STATE_LOOKS["waiting"]
    assert word(integration(confirmed=False), good) == STATE_LOOKS["unconfirmed"]
    assert word(integration(confirmed=False), bad) == STATE_LOOKS["away"]
    assert word(integration(active=False), bad) == STATE_LOOKS["paused"]
    assert word(integration(trouble="no key"), good) == STATE_LOOKS["broken"]


@pytest.fixture
def integration() -> Any:
    from streams.integrations import Integration

    def make(**named: Any) -> Integration:
        values: dict[str, Any] = {"id": "i", "organization_id": "kandy", "platform": "woocommerce",
                                  "replica": "woocommerce", "settings": {}, "secrets": {},
                                  "active": True}  # fmt: skip
        return Integration(**{**values, **named})

    return make


@pytest.fixture
def check() -> Any:
    from api.checks import Check

    return lambda word: Check(word, "", 1.0)


def test_a_quiet_hour_is_a_gap_and_a_rare_event_is_seen() -> None:
    assert sparkline([0] * 24) == []
    bars = sparkline([0] * 22 + [1, 1000])
    assert [bar[0] for bar in bars] == [22 * 6, 23 * 6]
    assert [bar[2] for bar in bars] == [2, 28]
    assert Day(arrived=98, failed=2).success == 0.98
    assert Day().success is None


@servers
@pytest.mark.parametrize(
    ("days", "said"),
    [
        (40, "You are told two weeks before."),
        (5.5, "make a new one and enter it under Settings"),
        (-1, "The token ended on"),
        (None, "Its token has no end."),
    ],
)
async def test_the_end_of_a_token_is_on_its_card_once_it_is_near(
    api: Any, days: float | None, said: str
) -> None:
    form = {"setting.phone_number_id": "1", "secret.access_token": "EAAG-4711"}
    now_ms = api.services.clock_ms()
    ends_ms = 0 if days is None else now_ms + int(days * DAY_MS)
    async with api.client("kandy") as client:
        made = await client.post("/integrations/add/whatsapp", data=form)
        assert made.status_code == 303, made.text
        connection = await api.services.directory.connection("kandy", "whatsapp")
        await Tokens(api.services.database).keep(connection, TokenEnd(ends_ms, now_ms))
        status = await client.get(f"/integrations/{connection.id}")
        cards = await client.get("/integrations")
        (told,) = (await client.get("/api/integrations")).json()["integrations"]
    assert said in status.text
    near = days is not None and days < 14
    assert (said in cards.text) == near
    assert told["tokenEndsAt"] == (rfc3339(ends_ms) if ends_ms else None)
