"""People come in by invitation and password, and go out when they are removed."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from api.login import COOKIE, issue_login_link
from support.pages import text_of

pytestmark = pytest.mark.servers
EMAIL, PASSWORD = "nimal@example.lk", "a sentence of tea and rain"


async def invited(api: Any, role: str = "staff") -> tuple[str, str]:
    """(the person's id, the token of the invitation)."""
    async with api.client("kandy") as owner:
        wanted = {"email": EMAIL, "name": "Nimal", "role": role}
        answer = await owner.post("/api/people", json=wanted)
    assert answer.status_code == 201
    told = answer.json()
    token = parse_qs(urlsplit(told["invitation"]).query)["token"][0]
    return told["person"]["id"], token


async def chosen(api: Any, token: str, password: str = PASSWORD) -> httpx.Response:
    async with api.client() as browser:
        form = {"token": token, "password": password, "again": password}
        answer: httpx.Response = await browser.post("/password", data=form)
        return answer


async def entered(api: Any, password: str = PASSWORD) -> httpx.Response:
    async with api.client() as browser:
        answer: httpx.Response = await browser.post(
            "/login", data={"email": f" {EMAIL.upper()} ", "password": password}
        )
        return answer


async def test_an_invitation_becomes_a_password_once(api: Any) -> None:
    _, token = await invited(api)
    async with api.client() as browser:
        shown = await browser.get(f"/password?token={token}")
        again = await browser.get(f"/password?token={token}")
    assert EMAIL in shown.text
    assert shown.status_code == again.status_code == 200  # looking uses nothing up
    assert (await chosen(api, token, "short")).status_code == 400
    done = await chosen(api, token)
    assert (done.status_code, done.headers["location"]) == (303, "/sync")
    assert (await chosen(api, token)).status_code == 400
    wrong, right = await entered(api, "not this one at all"), await entered(api)
    assert (wrong.status_code, right.status_code) == (401, 303)
    row = await api.services.database["ss_people"].find_one({})
    assert row["password"].startswith("$argon2id$")


async def test_staff_work_and_do_not_change_connections(api: Any) -> None:
    _, token = await invited(api)
    cookie = (await chosen(api, token)).cookies[COOKIE]
    async with api.client(cookie=f"{COOKIE}={cookie}") as staff:
        looks = await staff.get("/api/integrations")
        changes = await staff.post("/api/integrations", json={})
        page = await staff.get("/people")
    assert looks.status_code == 200
    assert changes.status_code == 403
    assert changes.json()["detail"] == "This is for the role owner; yours is staff."
    assert page.status_code == 403
    assert "Only owners" in text_of(page.text)


async def test_who_is_removed_is_out(api: Any) -> None:
    person_id, token = await invited(api)
    cookie = (await chosen(api, token)).cookies[COOKIE]
    async with api.client("kandy") as owner:
        assert (await owner.delete(f"/api/people/{person_id}")).status_code == 204
    async with api.client(cookie=f"{COOKIE}={cookie}") as gone:
        assert (await gone.get("/api/integrations")).status_code == 401
    assert (await entered(api)).status_code == 401


async def test_the_last_owner_stays(api: Any) -> None:
    person_id, _ = await invited(api, "owner")
    async with api.client("kandy") as owner:
        removed = await owner.delete(f"/api/people/{person_id}")
        changed = await owner.patch(f"/api/people/{person_id}", json={"role": "staff"})
    assert (removed.status_code, changed.status_code) == (422, 422)
    assert "must stay the owner" in removed.json()["detail"]


async def test_passwords_are_not_tried_for_ever(api: Any) -> None:
    await invited(api)
    answers = [await entered(api, f"guess number {n}") for n in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 900


async def test_a_foreign_page_cannot_log_anybody_in(api: Any) -> None:
    async with api.client(origin="https://evil.example") as browser:
        answer = await browser.post("/login", data={"email": EMAIL, "password": PASSWORD})
    assert answer.status_code == 403


async def test_the_owners_page(api: Any) -> None:
    link = await issue_login_link(api.services.database, "http://127.0.0.1:3000", "kandy")
    async with api.client() as owner:
        await owner.get(link)
        invited_ = await owner.post("/people", data={"email": EMAIL, "name": "", "role": "analyst"})
        key = await owner.post("/people/keys/new", data={"name": "reports", "role": "analyst"})
        page = await owner.get("/people")
        audit = (await owner.get("/api/audit?limit=1")).json()
        older = (await owner.get(f"/api/audit?limit=1&cursor={audit['cursor']}")).json()
    assert "/password?token=" in text_of(invited_.text)
    assert "ssk_" in text_of(key.text)
    assert "/password?token=" not in page.text
    shown = text_of(page.text)
    assert EMAIL in shown
    assert "reports" in shown
    assert audit["audit"][0]["what"] == "POST /people/keys/new"
    assert (audit["audit"][0]["who"], audit["audit"][0]["status"]) == ("link", 200)
    assert older["audit"][0]["what"] == "POST /people"
