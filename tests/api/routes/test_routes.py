"""The JSON routes: shapes, limits, and that each organisation sees its own things only."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from schemas.codec import decode, encode
from schemas.feed import ConflictLine, FeedLine
from schemas.outcome import Resync
from streams.deadletter import DeadLetterViews, letter_of
from streams.kafka import Incoming
from streams.views import ConflictViews
from support.upkeep import do_jobs, runner_of

pytestmark = pytest.mark.servers

Make = Callable[..., FeedLine]
EVENT = {
    "id": "unique-event-id",
    "type": "product",
    "action": "update",
    "data": {"sku": "TEA-400", "price": "1899.50"},
    "source": "web",
    "timestamp": "2026-11-22T10:30:00Z",
    "organizationId": "kandy",
}


def conflict(version: int = 3, status: str = "open", **named: Any) -> ConflictLine:
    values: dict[str, Any] = {
        "organization_id": "kandy",
        "type": "product",
        "entity_id": "p/1",
        "id": "kandy.product.p/1.price.3",
        "field": "price",
        "policy": "manual",
        "candidates": {"mongodb": "1899.5", "woocommerce": "1950"},
        "stamps": {"mongodb": 1_795_000_000_000},
        "opened_at_ms": 5,
        "at_ms": version,
    }
    return ConflictLine(version=version, status=status, **{**values, **named})  # type: ignore[arg-type]


async def show(api: Any, *lines: ConflictLine) -> None:
    async def park(_record: Incoming, reason: str) -> None:
        raise AssertionError(reason)

    views = ConflictViews(api.services.database, park)
    await views.handle([Incoming("conflicts", 0, 0, 0, b"", encode(line)) for line in lines])


OPEN = {
    "/api/health",
    "/api/health/live",
    "/api/webhooks/woocommerce/{}",
    "/api/webhooks/whatsapp",
    "/api/webhooks/courier/{}/{}",
    "/api/integrations/pair",
    "/api/integrations/woocommerce/callback",
}
"""Signed, or with a one-time code. Everything else asks who is calling."""


def operations(api: Any) -> list[tuple[str, str]]:
    """(method, path) of the whole api, parts of a path that vary as `{}`."""
    found = []
    for path, methods in api.app.openapi()["paths"].items():
        address = re.sub(r"\{[^}]+\}", "{}", path)
        found += [(method.upper(), address) for method in methods]
    return found


async def test_strangers_are_told_how_to_sign_in(api: Any) -> None:
    """On every route but the open ones, without a key and with a forged one."""
    asked = [(method, path) for method, path in operations(api) if path not in OPEN]
    assert len(asked) > 20
    forgery = {"x-api-key": api.keys["kandy"][:-1] + "x"}
    for number, (method, path) in enumerate(asked):
        async with api.client(address=f"10.0.0.{number}") as client:  # one gets 60 a minute
            address = path.replace("{}", "x")
            answer = await client.request(method, address, json={})
            forged = await client.request(method, address, json={}, headers=forgery)
            assert (path, answer.status_code, forged.status_code) == (path, 401, 401)
            assert answer.headers["content-type"] == "application/problem+json"
            assert "Authorization" in answer.json()["help"]


async def test_both_ways_to_send_the_key_work(api: Any) -> None:
    async with api.client("kandy") as bearer, api.client() as plain:
        assert (await bearer.get("/api/policies")).status_code == 200
        headers = {"x-api-key": api.keys["kandy"]}
        assert (await plain.get("/api/policies", headers=headers)).status_code == 200


async def test_an_event_is_queued_for_its_own_organisation(api: Any) -> None:
    async with api.client("kandy") as client:
        answer = await client.post("/api/events", json=EVENT)
        other = await client.post("/api/events", json={**EVENT, "organizationId": "galle"})
        wrong = await client.post("/api/events", json={**EVENT, "timestamp": "yesterday"})
        broken = await client.post(
            "/api/events", content=b"{", headers={"content-type": "application/json"}
        )
    assert answer.status_code == 202
    assert answer.json() == {"id": "unique-event-id", "queued": True, "held": False}
    assert other.status_code == 404
    assert wrong.status_code == 422
    assert "timestamp" in wrong.json()["detail"]
    assert broken.status_code == 400
    (record,) = api.sent.records
    assert record.key.startswith(b"kandy/mongodb/product/")


async def test_events_come_newest_first_by_page_and_filter(
    api: Any, feed_line: Make, as_record: Callable[..., Any]
) -> None:
    feed = api.services.feed
    ring = feed.ring_of("kandy")
    ring.restart(0)
    kinds = ["changed", "arrived"] * 3
    lines = [feed_line("kandy", n, kind=kind, replica="mongodb") for n, kind in enumerate(kinds)]
    feed.take([as_record(line, n, ring.partition) for n, line in enumerate(lines)])
    async with api.client("kandy") as client:
        first = (await client.get("/api/events", params={"limit": 2})).json()
        second = (
            await client.get("/api/events", params={"limit": 2, "cursor": first["next"]})
        ).json()
        arrived = (await client.get("/api/events", params={"kind": "arrived", "limit": 3})).json()
        bad = await client.get("/api/events", params={"cursor": "x"})
    async with api.client("galle") as client:
        assert (await client.get("/api/events", params={"limit": 1})).status_code in (200, 503)
    assert [event["version"] for event in first["events"]] == [5, 4]
    assert [event["version"] for event in second["events"]] == [3, 2]
    assert [event["version"] for event in arrived["events"]] == [5, 3, 1]
    names = {"id", "type", "action", "data", "source", "timestamp", "organizationId"}
    assert names <= set(first["events"][0])
    assert bad.status_code == 400


async def test_status_has_the_users_figures(api: Any) -> None:
    await show(api, conflict())
    async with api.client("kandy") as client:
        status = (await client.get("/api/sync/status")).json()
        other = await client.get("/api/sync/status", params={"organizationId": "galle"})
    assert status["openConflicts"] == 1
    assert status["pendingEvents"] == 0
    assert status["activeConnections"] == 0
    assert status["lastSync"] is None
    assert status["state"] == "unknown"
    assert [replica["replica"] for replica in status["replicas"]] == ["mongodb"]
    assert other.status_code == 404


async def test_forcing_one_entity_asks_for_it_at_once(api: Any) -> None:
    async with api.client("kandy") as client:
        answer = await client.post("/api/sync/force", json={"type": "product", "entityId": "p1"})
        job = answer.json()
        again = await client.get(f"/api/sync/force/{job['id']}")
        half = await client.post("/api/sync/force", json={"entityId": "p1"})
    async with api.client("galle") as client:
        hidden = await client.get(f"/api/sync/force/{job['id']}")
    assert answer.status_code == 202
    assert (job["state"], job["total"], job["done"]) == ("done", 1, 1)
    assert again.json() == job
    assert half.status_code == 400
    assert hidden.status_code == 404
    (record,) = api.sent.records
    resync = decode(record.value, Resync)
    assert record.key == b"kandy/product/p1"
    assert (resync.organization_id, resync.entity_id) == ("kandy", "p1")


async def test_forcing_a_type_asks_for_each_entity_of_ours_once(api: Any) -> None:
    links = api.services.database["ss_links"]
    for org, kind, entity, replica in (
        ("kandy", "product", "p1", "mongodb"),
        ("kandy", "product", "p1", "woocommerce"),
        ("kandy", "product", "p2", "mongodb"),
        ("kandy", "order", "o1", "woocommerce"),
        ("galle", "product", "p9", "mongodb"),
    ):
        await links.insert_one(
            {
                "organizationId": org,
                "replica": replica,
                "type": kind,
                "externalId": entity,
                "entityId": entity,
            }
        )
    async with api.client("kandy") as client:
        job = (await client.post("/api/sync/force", json={"type": "product"})).json()
        await do_jobs(runner_of(api.services))
        done = (await client.get(f"/api/sync/force/{job['id']}")).json()
    assert (job["state"], job["total"]) == ("queued", 2)
    assert (done["state"], done["total"], done["done"]) == ("done", 2, 2)
    assert {r.key for r in api.sent.records} == {b"kandy/product/p1", b"kandy/product/p2"}


async def test_health_has_the_users_shape(api: Any) -> None:
    async with api.client() as client:
        answer = await client.get("/api/health")
        told = await client.get(
            "/api/health", params={"organizationId": "kandy", "detailed": "true"}
        )
        assert (await client.get("/api/health/live")).json() == {"status": "healthy"}
    body = answer.json()
    assert answer.status_code == 200
    assert list(body) == [
        "status",
        "timestamp",
        "version",
        "environment",
        "uptime",
        "services",
    ]
    assert body["status"] == "healthy"
    assert body["services"] == {
        "database": "healthy",
        "redis": "healthy",
        "websocket": "healthy",
        "integrations": {"couriers": {}},
    }
    assert set(told.json()["details"]) == {"database", "redis", "websocket", "kafka"}
    assert "detail" not in told.json()["details"]["database"]


async def test_health_tells_an_organisation_of_its_own_platforms(api: Any) -> None:
    await api.services.directory.connect("kandy", "woocommerce", {}, {}, active=False)
    params = {"organizationId": "kandy", "detailed": "true"}
    async with api.client("kandy") as client:
        mine = (await client.get("/api/health", params=params)).json()
    async with api.client("galle") as client:
        other = (await client.get("/api/health", params=params)).json()
    assert mine["services"]["integrations"] == {"woocommerce": "paused", "couriers": {}}
    assert mine["details"]["database"]["detail"] == "MongoDB answers"
    assert other["services"]["integrations"] == {"couriers": {}}


async def test_an_unknown_address_is_a_problem_document_too(api: Any) -> None:
    async with api.client() as client:
        answer = await client.get("/api/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_dead_letters_are_ones_own_and_can_be_sent_again(api: Any) -> None:
    async def skip(_record: Incoming, reason: str) -> None:
        raise AssertionError(reason)

    record = Incoming("inbound", 1, 7, 0, b"kandy/woocommerce/product/1", b"{", [("ce_id", b"x")])
    letter = letter_of(record, "kandy", "inbound", "Not JSON", 1_795_000_000_000)
    views = DeadLetterViews(api.services.database, skip)
    await views.handle([Incoming("deadletter", 0, 0, 0, b"kandy", encode(letter))])
    path = f"/api/deadletters/{letter.id}"
    async with api.client("galle") as other:
        assert (await other.get("/api/deadletters")).json()["deadLetters"] == []
        assert (await other.get(path)).status_code == 404
        assert (await other.post(f"{path}/retry")).status_code == 404
    async with api.client("kandy") as client:
        listed = (await client.get("/api/deadletters")).json()["deadLetters"]
        assert [(found["id"], found["reason"]) for found in listed] == [(letter.id, "Not JSON")]
        assert (await client.get(path)).json()["value"] == letter.value
        assert (await client.post(f"{path}/retry")).status_code == 202
        assert (await client.get("/api/deadletters")).json()["deadLetters"] == []
    (sent,) = api.sent.records
    assert (sent.key, sent.value) == (record.key, record.value)
