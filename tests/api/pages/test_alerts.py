"""Who is told of what is wrong: chosen on the page or over HTTP, tried at once."""

from __future__ import annotations

from typing import Any

import pytest

from api.alerts import Alerts
from schemas.envelope import rfc3339
from streams.access import Role
from streams.alerts.evaluate import Alert, Evaluation
from support.pages import text_of
from tests.api.pages.test_views import log_in

pytestmark = pytest.mark.servers
NOW_MS = 1_795_000_000_000
STANDING = Alert(
    "stock", "p1", {"label": "BOPF 400 g", "left": "2"}, NOW_MS, "raised", NOW_MS, NOW_MS
)


async def test_the_page_saves_and_says_what_is_wrong(api: Any) -> None:
    async with api.client() as client:
        await log_in(api, client)
        form = {
            "emails": "nimal@example.lk\nkamala@example.lk",
            "whatsapp": "077 123 4567",
            "webhook": "",
            "spoken": "si",
            "watched": ["stock", "token"],
        }
        origin = {"origin": "http://127.0.0.1:3000"}
        saved = await client.post("/alerts", data=form, headers=origin)
        assert (saved.status_code, saved.headers["location"]) == (303, "/alerts?note=saved")
        shown = await client.get("/alerts")
        refused = await client.post("/alerts", data={**form, "emails": "nobody"}, headers=origin)
    assert "nimal@example.lk\nkamala@example.lk" in shown.text
    assert "+94771234567" in shown.text
    assert 'value="stock" checked' in shown.text
    assert 'value="silent" >' in shown.text
    assert refused.status_code == 422
    assert "is no e-mail address" in text_of(refused.text)
    assert "077 123 4567" in refused.text, "what was typed is still there"


async def test_settings_over_http_and_the_secret_once(api: Any) -> None:
    async with api.client("kandy") as owner:
        wanted = {"webhookUrl": "https://example.lk/alerts", "language": "ta"}
        first = (await owner.put("/api/alerts/settings", json=wanted)).json()
        again = (await owner.put("/api/alerts/settings", json=wanted)).json()
        other = (await owner.post("/api/alerts/settings/secret")).json()
        wrong = await owner.put("/api/alerts/settings", json={"off": ["rain"]})
        kept = (await owner.get("/api/alerts/settings")).json()
    assert first["webhookSecret"].startswith("whsec_")
    assert "webhookSecret" not in again
    assert other["webhookSecret"] not in ("", first["webhookSecret"])
    assert wrong.status_code == 422
    assert (kept["webhookUrl"], kept["language"]) == ("https://example.lk/alerts", "ta")
    row = await api.services.database["ss_alert_settings"].find_one({"_id": "kandy"})
    assert first["webhookSecret"] not in repr(row)


async def test_only_owners_see_addresses_and_nobody_sees_another_shops(api: Any) -> None:
    keys = api.services.directory.keys
    made, _ = await keys.add("kandy", "day's work", Role.STAFF)
    headers = {"authorization": f"Bearer {made}"}
    await api.client("kandy").put("/api/alerts/settings", json={"emails": ["a@example.lk"]})
    async with api.client() as client:
        looked = await client.get("/api/alerts", headers=headers)
        hidden = await client.get("/api/alerts/settings", headers=headers)
        tried = await client.post("/api/alerts/test", headers=headers)
    async with api.client("galle") as galle:
        theirs = (await galle.get("/api/alerts/settings")).json()
    assert [looked.status_code, hidden.status_code, tried.status_code] == [200, 403, 403]
    assert theirs["emails"] == []


async def test_what_stands_is_told_in_the_readers_language(api: Any) -> None:
    desk = Alerts(api.services, "kandy").desk
    await desk.keep("kandy", Evaluation((STANDING,), ()), (), None)
    async with api.client("kandy") as owner:
        told = (await owner.get("/api/alerts")).json()
        tamil = (await owner.get("/api/alerts", headers={"accept-language": "ta"})).json()
    async with api.client("galle") as galle:
        assert (await galle.get("/api/alerts")).json() == {"open": [], "history": []}
    (alert,) = told["open"]
    assert alert["title"] == "Low stock: BOPF 400 g, 2 left"
    assert (alert["since"], alert["overAt"]) == (rfc3339(NOW_MS), None)
    assert "கையிருப்பு" in tamil["open"][0]["title"]


async def test_a_test_without_addresses_says_what_to_do(api: Any) -> None:
    async with api.client("kandy") as owner:
        answer = await owner.post("/api/alerts/test")
        await owner.put("/api/alerts/settings", json={"emails": ["a@example.lk"]})
        tried = await owner.post("/api/alerts/test")
    assert answer.status_code == 422
    assert "address" in answer.json()["help"]
    (delivery,) = tried.json()["deliveries"]
    assert delivery["state"] == "failed"
    assert "SMARTSTORE_SMTP_HOST" in delivery["reason"]
