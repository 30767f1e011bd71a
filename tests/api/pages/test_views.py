"""The pages without JavaScript: log in, look, decide."""

from __future__ import annotations

import re
from typing import Any

import pytest

from api.login import COOKIE, issue_login_link, welcome
from api.pages.naming import FIELDS
from api.pages.words import event_title, latency_word, money_word, replica_word, value_word
from schemas.codec import encode
from schemas.feed import ConflictLine
from schemas.fields import ENTITY_TYPES
from streams.kafka import Incoming
from streams.views import ConflictViews

servers = pytest.mark.servers
OURS = {"origin": "http://127.0.0.1:3000"}


def conflict(**named: Any) -> ConflictLine:
    values: dict[str, Any] = {
        "organization_id": "kandy",
        "type": "product",
        "entity_id": "p/1",
        "id": "kandy.product.p/1.price.3",
        "field": "price",
        "status": "open",
        "policy": "manual",
        "candidates": {"mongodb": "1899.5", "woocommerce": "1950<script>"},
        "stamps": {},
        "opened_at_ms": 5,
        "at_ms": 5,
        "version": 3,
    }
    return ConflictLine(**{**values, **named})


async def show(api: Any, *lines: ConflictLine) -> None:
    async def park(_record: Incoming, reason: str) -> None:
        raise AssertionError(reason)

    views = ConflictViews(api.services.database, park)
    await views.handle([Incoming("conflicts", 0, 0, 0, b"", encode(line)) for line in lines])


async def log_in(api: Any, client: Any, organization_id: str = "kandy") -> Any:
    link = await issue_login_link(api.services.database, "http://127.0.0.1:3000", organization_id)
    return await client.get(link.removeprefix("http://127.0.0.1:3000"))


@servers
async def test_the_link_works_once_and_leaves_a_safe_cookie(api: Any) -> None:
    link = await issue_login_link(api.services.database, "http://127.0.0.1:3000", "kandy")
    assert "token=" in link
    async with api.client() as client:
        first = await client.get(link)
    async with api.client() as other:
        again = await other.get(link)
        guess = await other.get("/login?token=guess")
    assert first.status_code == 303
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert again.status_code == guess.status_code == 401
    assert "used already" in again.text
    row = await api.services.database["ss_sessions"].find_one({})
    assert first.cookies[COOKIE] not in str(row)


@servers
async def test_the_first_start_shows_a_key_and_each_start_a_link(api: Any) -> None:
    use = api.services
    first = await welcome(use.directory, use.database, "http://127.0.0.1:3000")
    again = await welcome(use.directory, use.database, "http://127.0.0.1:3000")
    assert first.api_key is not None
    key = await use.directory.keys.find(first.api_key)
    assert key is not None
    assert key.organization_id == "default"
    assert again.api_key is None
    assert first.link != again.link
    assert len(first.lines()) == 2
    assert len(again.lines()) == 1


@servers
async def test_the_front_door_is_the_sync_page_and_strangers_change_nothing(api: Any) -> None:
    async with api.client() as client:
        home = await client.get("/")
        posted = await client.post("/sync/force")
    assert home.headers["location"] == "/sync"
    assert posted.status_code == 401


@servers
async def test_the_page_tells_everything_and_runs_nothing_of_others(api: Any) -> None:
    await show(api, conflict())
    async with api.client() as client:
        await log_in(api, client)
        page = await client.get("/sync")
    assert page.status_code == 200
    for word in ("Last sync", "Pending events", "Active connections", "1,899.50", "kandy shop"):
        assert word in page.text
    assert "1950<script>" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.findall(r'\son\w+="|style="', page.text)


@servers
async def test_other_sites_cannot_use_the_session(api: Any) -> None:
    await show(api, conflict())
    async with api.client() as client:
        await log_in(api, client)
        for headers in (
            {"origin": "http://evil.example"},
            {"origin": "null"},
            {"origin": "http://127.0.0.1:9999"},
            {"sec-fetch-site": "cross-site"},
        ):
            answer = await client.post("/api/sync/force", headers=headers)
            assert answer.status_code == 403, headers
        assert (await client.post("/api/sync/force", headers=OURS)).status_code == 202


@servers
async def test_logging_out_ends_the_session(api: Any) -> None:
    async with api.client() as client:
        await log_in(api, client)
        cookie = client.cookies[COOKIE]
        assert (await client.get("/sync")).status_code == 200
        await client.post("/logout", headers=OURS)
        client.cookies.set(COOKIE, cookie, domain="127.0.0.1")
        assert (await client.get("/sync")).status_code == 303


@servers
async def test_a_session_sees_its_own_organisation(api: Any) -> None:
    await show(api, conflict())
    async with api.client() as client:
        await log_in(api, client, "galle")
        page = await client.get("/sync")
    assert "galle shop" in page.text
    assert "1,899.50" not in page.text


@servers
@pytest.mark.parametrize("name", ["page.css", "live.js", "sync.js", "review.js", "icon.svg"])
async def test_files_are_served_and_nothing_beside_them(api: Any, name: str) -> None:
    async with api.client() as client:
        assert (await client.get(f"/static/{name}?v=1")).status_code == 200
        assert (await client.get("/static/../render.py")).status_code == 404
        assert (await client.get("/static/%2e%2e/render.py")).status_code == 404


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, "(empty)"),
        ("", "(empty)"),
        (0, "0"),
        (False, "no"),
        ([], "(none)"),
        (["a", "b"], "a, b"),
        ({"name": "Nimal"}, "Nimal"),
        ("x" * 200, "x" * 79 + "…"),
    ],
)
def test_empty_zero_and_none_look_different(value: Any, word: str) -> None:
    assert value_word(value) == word


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("placedOn", "woocommerce", "WooCommerce"),
        ("platform", "whatsapp", "WhatsApp"),
        ("direction", "out", "to the customer"),
        ("backorders", "notify", "yes, customers are told"),
        ("backorders", "sometimes", "sometimes"),
        ("vendorId", "wamid.HBgLOTQ3NzAwMDk5", "wamid.HBgLOTQ3N…"),
        ("name", "out", "out"),
    ],
)
def test_a_machines_word_is_told_in_peoples(field: str, value: str, word: str) -> None:
    assert value_word(value, field) == word


def test_every_field_of_ours_has_a_name_for_people() -> None:
    fields = {name for known in ENTITY_TYPES.values() for name in known}
    assert fields <= FIELDS.keys()


@pytest.mark.parametrize(
    ("value", "word"),
    [("1899.5", "1,899.50"), ("0", "0.00"), ("-1234567.125", "-1,234,567.125"), ("abc", "abc")],
)
def test_money_is_shown_as_money(value: str, word: str) -> None:
    assert money_word(value) == word


def test_words_for_people() -> None:
    assert replica_word("woocommerce:2") == "WooCommerce 2"
    assert replica_word("person:key") == "You"
    assert [latency_word(ms) for ms in (None, 84, 1300, 125_000)] == ["", "84 ms", "1.3 s", "2 min"]
    title = event_title("arrived", "", "woocommerce", ["price"], "84 ms")
    assert title == "WooCommerce is up to date after 84 ms"
