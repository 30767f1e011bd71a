"""Rules: replaced whole and by version, tried, restored."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.policy import Rule
from support.desk import Desk

pytestmark = pytest.mark.servers

ASK = {"type": "product", "field": "price", "platform": "*", "policy": "manual", "winner": ""}


async def test_rules_are_replaced_whole_and_by_version(api: Any) -> None:
    async with api.client("kandy") as client:
        first = (await client.get("/api/policies")).json()
        assert (first["version"], first["rules"], first["effectiveFrom"]) == (0, [], None)
        assert first["brakes"]["stockShare"] == 0.2
        body = {"rules": [ASK], "version": 0, "brakes": {"deletes": 3}, "automaticAt": 0.9}
        saved = await client.put("/api/policies", json=body)
        stale = await client.put("/api/policies", json={"rules": [], "version": 0})
        held = (await client.get("/api/policies")).json()
    async with api.client("galle") as galle:
        assert (await galle.get("/api/policies")).json()["version"] == 0
    assert saved.json() == held
    assert (held["version"], held["rules"], held["automaticAt"]) == (1, [ASK], 0.9)
    assert (held["brakes"]["deletes"], held["brakes"]["stockShare"]) == (3, 0.2)
    assert stale.status_code == 409


@pytest.mark.parametrize(
    "rules",
    [
        [{"winner": "ebay"}],
        [{"platform": "ebay"}],
        [{"type": "shop"}],
        [{"policy": "oldest"}],
        [{"field": "price"}, {"field": "price", "policy": "local"}],
    ],
)
async def test_a_rule_about_nothing_is_refused(api: Any, rules: list[dict[str, str]]) -> None:
    async with api.client("kandy") as client:
        for path, call in (("", client.put), ("/preview", client.post)):
            answer = await call(f"/api/policies{path}", json={"rules": rules})
            assert answer.status_code == 422, path
        assert (await client.get("/api/policies")).json()["version"] == 0


async def test_one_rule_for_each_platform(api: Any) -> None:
    rules = [{"field": "price"}, {"field": "price", "platform": "mongodb", "policy": "local"}]
    async with api.client("kandy") as client:
        assert (await client.put("/api/policies", json={"rules": rules})).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"rules": [], "brakes": {"stockShare": 1.5}},
        {"rules": [], "brakes": {"windowS": 0}},
        {"rules": [], "automaticAt": 2},
        {"rules": [], "brakes": {"colour": 1}},
    ],
)
async def test_limits_have_limits(api: Any, body: dict[str, Any]) -> None:
    async with api.client("kandy") as client:
        assert (await client.put("/api/policies", json=body)).status_code == 422


async def test_every_version_is_listed_and_can_come_back(api: Any) -> None:
    async with api.client("kandy") as client:
        for rules in ([ASK], [], [{"field": "name"}]):
            await client.put("/api/policies", json={"rules": rules})
        page = (await client.get("/api/policies/versions", params={"limit": 2})).json()
        assert [one["version"] for one in page["versions"]] == [3, 2]
        rest = await client.get("/api/policies/versions", params={"cursor": page["next"]})
        (oldest,) = rest.json()["versions"]
        assert (oldest["version"], oldest["rules"], oldest["by"]) == (1, [ASK], "key")
        assert rest.json()["next"] is None
        restored = await client.post("/api/policies/versions/1/restore")
        assert (restored.json()["version"], restored.json()["rules"]) == (4, [ASK])
        assert (await client.post("/api/policies/versions/9/restore")).status_code == 404


async def test_rules_are_tried_on_what_happened(api: Any, desk: Desk) -> None:
    desk.now = api.services.clock_ms() - 60_000
    newest = await desk.contest("p1", Rule(policy="newest"))
    waiting = await desk.contest("p2")
    desk.now = api.services.clock_ms() - 31 * 86_400_000
    await desk.contest("p3", Rule(policy="newest"))
    async with api.client("kandy") as client:
        body = {"rules": [{"field": "price", "policy": "local"}]}
        first = await client.post("/api/policies/preview", json=body, params={"limit": 1})
        tried = first.json()
        assert tried["counts"] == {"differently": 1, "settlesOpen": 1}, "of the last 30 days"
        assert (tried["different"], tried["next"], tried["incomplete"]) == (2, 1, False)
        (one,) = tried["conflicts"]
        assert (one["id"], one["then"]["value"], one["now"]["value"]) == (
            newest.id,
            "1950",
            "1899.5",
        )
        assert one["then"]["reason"] == ("Your rule kept WooCommerce's 1,950.00 (the newer change)")
        assert one["now"]["reason"] == "1,899.50 would stand: the rule prefers that side."
        second = await client.post("/api/policies/preview", json=body, params={"cursor": 1})
        assert [found["id"] for found in second.json()["conflicts"]] == [waiting.id]
        assert (await client.get("/api/policies")).json()["version"] == 0, "nothing is changed"
    async with api.client("galle") as galle:
        other = (await galle.post("/api/policies/preview", json={"rules": []})).json()
        assert other["counts"] == {}
