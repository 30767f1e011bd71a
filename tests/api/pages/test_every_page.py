"""What holds for every page there is: nothing runs in it but our own files, and it has a language
and a name."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.routing import iter_route_contexts

from api.login import issue_login_link
from api.pages.render import navigation
from api.pages.visiting import place_of
from tests.api.pages.test_views import log_in

pytestmark = pytest.mark.servers

SCRIPT = re.compile(r"<script\b([^>]*)>")
FILLED = {"platform": "whatsapp", "batch_id": "stock.inventory.woocommerce", "place": "1-1"}


def paths(app: Any) -> list[str]:
    """Addresses of pages, with something in the places of names."""
    found = {
        str(route.path)
        for route in iter_route_contexts(app.routes)
        if "GET" in (route.methods or ()) and not route.include_in_schema
    }
    return sorted(
        re.sub(r"{(\w+)(?::\w+)?}", lambda name: FILLED.get(name[1], "nothing"), path)
        for path in found
    )


async def test_every_page_is_closed_to_foreign_scripts_and_styles(api: Any) -> None:
    pages = paths(api.app)
    assert {"/sync", "/integrations", "/events", "/login"} <= set(pages)
    assert navigation(api.app)[0] == ("/sync", "Sync")
    wrong = []
    async with api.client() as client:
        await log_in(api, client)
        for path in pages:
            answer = await client.get(path)
            assert answer.status_code < 500, path
            if not answer.headers.get("content-type", "").startswith("text/html"):
                continue
            policy = answer.headers.get("content-security-policy", "")
            if "default-src 'none'" not in policy or "unsafe" in policy:
                wrong.append((path, policy))
            if re.search(r'\son\w+="|\sstyle="|<style', answer.text):
                wrong.append((path, "inline"))
            for attributes in SCRIPT.findall(answer.text):
                if "src=" not in attributes and 'type="application/json"' not in attributes:
                    wrong.append((path, f"script {attributes}"))
            if not re.search(r"/(heard|review|part)\b", path):
                if '<html lang="en"' not in answer.text or "<title>" not in answer.text:
                    wrong.append((path, "no language or name"))
    assert wrong == []


OPEN = ("/", "/login", "/password", "/docs", "/openapi.json", "/asyncapi.json")
"""Pages for those who have not logged in."""


async def test_strangers_log_in_and_come_to_what_they_wanted(api: Any) -> None:
    async with api.client() as stranger:
        for path in paths(api.app):
            if path in OPEN or path.endswith(("/heard", "/review")):
                continue
            answer = await stranger.get(path, headers={"sec-fetch-mode": "navigate"})
            where = "/login" if path == "/sync" else f"/login?next={quote(path, safe='')}"
            assert (answer.status_code, answer.headers.get("location")) == (303, where), path
        part = await stranger.get("/sync/recover", headers={"sec-fetch-mode": "cors"})
        form = await stranger.get("/login?next=/events?type%3Dorder%26outcome%3Dfailed")
        link = await issue_login_link(api.services.database, "http://127.0.0.1:3000", "kandy")
        entered = await stranger.get(f"{link}&next=/events?type%3Dorder")
        again = await stranger.get("/login?next=/people")
    assert part.headers["location"] == "/login"
    assert 'name="next" value="/events?type=order&amp;outcome=failed"' in form.text
    assert entered.headers["location"] == "/events?type=order"
    assert again.headers["location"] == "/people"


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "", "/logout", "/a\nb"],
)
def test_a_login_leads_to_no_other_site(wanted: str) -> None:
    assert place_of(wanted) == "/sync"


async def test_the_language_of_the_browser_is_taken_and_the_switch_is_kept(api: Any) -> None:
    async with api.client() as client:
        await log_in(api, client)
        tamil = await client.get("/integrations", headers={"accept-language": "ta-LK"})
        switched = await client.post(
            "/language",
            data={"language": "si"},
            headers={"referer": "http://127.0.0.1:3000//evil.example/x?a=1"},
        )
        sinhala = await client.get("/integrations", headers={"accept-language": "ta-LK"})
        wrong = await client.post("/language", data={"language": "xx"})
    assert '<html lang="ta"' in tamil.text
    assert "இணைப்புகள்" in tamil.text
    assert switched.headers["location"] == "/evil.example/x?a=1"
    assert '<html lang="si"' in sinhala.text
    assert "සම්බන්ධතා" in sinhala.text
    assert wrong.status_code == 422


async def test_an_error_is_a_page_for_people_and_a_document_for_programs(api: Any) -> None:
    person = {"accept": "text/html,*/*;q=0.8"}
    async with api.client("kandy") as client:
        seen = await client.get("/integrations/nothing", headers=person)
        told = await client.get("/integrations/nothing")
        program = await client.get("/api/integrations/nothing", headers=person)
        api.services.servers.away["mongodb"] = 1_795_000_000_000
        away = await client.get("/sync", headers=person)
        del api.services.servers.away["mongodb"]
    assert (seen.status_code, told.status_code, program.status_code) == (404, 404, 404)
    assert "<h1>Not found</h1>" in seen.text
    assert told.json()["title"] == program.json()["title"] == "Not found"
    assert away.status_code == 503
    assert "MongoDB does not answer since" in away.text
    assert 'http-equiv="refresh"' in away.text
