"""Conflicts: listed by page, decided with what was seen, taken back."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.codec import decode, encode
from schemas.feed import ConflictLine
from schemas.outcome import Resolution
from schemas.policy import Rule
from streams.kafka import Incoming
from streams.upkeep.runner import Runner, Tools
from streams.views import ConflictViews
from support.desk import Desk

pytestmark = pytest.mark.servers


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


async def test_a_conflict_is_listed_and_resolved_with_what_was_seen(api: Any) -> None:
    await show(api, conflict(), conflict(4, "resolved", id="c2", resolution="local"))
    path = f"/api/conflicts/{conflict().id}/resolve"
    async with api.client("kandy") as client:
        listed = (await client.get("/api/conflicts")).json()
        assert [found["id"] for found in listed["conflicts"]] == [conflict().id]
        assert listed["conflicts"][0]["candidates"] == conflict().candidates
        body = {"resolution": "remote", "candidates": conflict().candidates}
        first = await client.post(path, json=body)
        second = await client.post(path, json=body)
    assert first.status_code == second.status_code == 202, "the engine has not answered"
    assert first.json()["settled"] is False
    decisions = [decode(record.value, Resolution) for record in api.sent.records]
    assert decisions[0].candidates == conflict().candidates
    assert decisions[0].conflict_id == conflict().id
    assert decisions[0].id == decisions[1].id
    assert api.sent.records[0].key == b"kandy/product/p/1"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"resolution": "local", "candidates": {"mongodb": "1"}}, 409),
        ({"resolution": "local", "version": 2}, 409),
        ({"resolution": "perhaps"}, 422),
        ({"resolution": "manual"}, 422),
        ({"resolution": "keep"}, 422),
        ({"resolution": "keep", "side": "whatsapp"}, 422),
        ({"resolution": "manual", "value": "1900", "always": True}, 422),
        ({}, 422),
    ],
)
async def test_a_decision_on_other_values_is_refused(
    api: Any, body: dict[str, Any], status: int
) -> None:
    await show(api, conflict())
    async with api.client("kandy") as client:
        answer = await client.post(f"/api/conflicts/{conflict().id}/resolve", json=body)
        assert (await client.get("/api/policies")).json()["version"] == 0
    assert answer.status_code == status
    assert api.sent.records == []
    if status == 409:
        assert answer.json()["conflict"]["candidates"] == conflict().candidates


async def test_the_second_of_two_people_is_told_who_was_first(api: Any, desk: Desk) -> None:
    line = await desk.contest()
    path = f"/api/conflicts/{line.id}/resolve"
    async with api.client("kandy") as client:
        nimal = {"resolution": "keep", "side": "woocommerce", "by": "Nimal"}
        first = await client.post(path, json=nimal)
        again = await client.post(path, json=nimal)
        late = await client.post(path, json={"resolution": "local", "version": line.version})
    assert first.status_code == again.status_code == 200
    assert first.json()["settled"]
    assert first.json()["conflict"]["value"] == again.json()["conflict"]["value"] == "1950"
    assert late.status_code == 409
    assert late.json()["detail"] == "Nimal decided this just now: kept WooCommerce's 1,950.00."
    assert len(api.sent.records) == 1


async def test_of_two_at_the_same_moment_one_wins(api: Any, desk: Desk) -> None:
    """Both saw it open: the second resolution reaches the engine, which has settled it."""
    line = await desk.contest()
    other = conflict(id="other", entity_id="other")
    await show(api, other)
    desk.asleep = True
    path = f"/api/conflicts/{line.id}/resolve"
    async with api.client("kandy") as client:
        pending = await client.post(path, json={"resolution": "local", "by": "Kamala"})
        assert pending.status_code == 202
        desk.asleep = False
        await desk.publish(*api.sent.records)
        late = await client.post(path, json={"resolution": "remote"})
    assert late.status_code == 409
    assert "Kamala decided this" in late.json()["detail"]
    assert "kept your app's 1,899.50" in late.json()["detail"]


async def test_values_that_move_while_one_decides_are_shown_again(api: Any, desk: Desk) -> None:
    line = await desk.contest()
    item = next(iter(desk.items.values()))
    item.now += 10
    moved = item.sees("woocommerce", 20, sku="p1", name="Tea p1", price="2000")
    path = f"/api/conflicts/{line.id}/resolve"
    async with api.client("kandy") as client:
        # The view does not know yet when it is asked; the engine does.
        body = {"resolution": "remote", "version": line.version}
        answer = await client.post(path, json=body)
        await desk.show(moved)
        seen = await client.post(path, json=body)
    assert answer.status_code == seen.status_code == 409
    assert answer.json()["conflict"]["candidates"]["woocommerce"] == "2000"


async def test_a_decision_is_taken_back_and_the_conflict_is_open_again(
    api: Any, desk: Desk
) -> None:
    line = await desk.contest()
    path = f"/api/conflicts/{line.id}"
    async with api.client("kandy") as client:
        await client.post(f"{path}/resolve", json={"resolution": "local"})
        undone = await client.post(f"{path}/undo")
        twice = await client.post(f"{path}/undo")
        assert undone.status_code == twice.status_code == 200
        assert undone.json()["conflict"]["status"] == "open"
        assert undone.json()["conflict"]["candidates"] == line.candidates
        other = await client.post(f"{path}/resolve", json={"resolution": "remote"})
    assert other.json()["conflict"]["value"] == "1950"


async def test_what_a_rule_decided_is_listed_and_can_be_reversed(api: Any, desk: Desk) -> None:
    line = await desk.contest("p1", Rule(policy="newest"))
    assert line.automatic
    path = f"/api/conflicts/{line.id}"
    async with api.client("kandy") as client:
        assert (await client.get("/api/conflicts")).json()["conflicts"] == []
        params = {"status": "automatic", "replica": "woocommerce", "q": "tea P1"}
        (listed,) = (await client.get("/api/conflicts", params=params)).json()["conflicts"]
        assert listed["decided"] == "Your rule kept WooCommerce's 1,950.00 (the newer change)"
        undone = (await client.post(f"{path}/undo")).json()
    assert undone["settled"]
    assert (undone["conflict"]["value"], undone["conflict"]["status"]) == ("1899.5", "resolved")
    assert desk.items[b"kandy/product/p1"].agreed("price") == "1899.5"


async def test_what_changed_since_is_not_taken_back(api: Any, desk: Desk) -> None:
    line = await desk.contest("p1", Rule(policy="newest"))
    item = desk.items[b"kandy/product/p1"]
    item.settles()
    item.now += 10
    await desk.show(item.sees("mongodb", 30, sku="p1", name="Tea p1", price="2100"))
    async with api.client("kandy") as client:
        answer = await client.post(f"/api/conflicts/{line.id}/undo")
    assert answer.status_code == 409
    assert "it has changed since" in answer.json()["detail"]


async def test_always_writes_a_rule_and_tells_what_it_would_have_done(api: Any, desk: Desk) -> None:
    desk.now = api.services.clock_ms() - 60_000
    first, second = await desk.contest("p1"), await desk.contest("p2")
    async with api.client("kandy") as client:
        await client.post(f"/api/conflicts/{second.id}/resolve", json={"resolution": "local"})
        body = {"resolution": "keep", "side": "woocommerce", "always": True}
        answer = await client.post(f"/api/conflicts/{first.id}/resolve", json=body)
        held = (await client.get("/api/policies")).json()
    rule = {
        "type": "product",
        "field": "price",
        "platform": "woocommerce",
        "policy": "newest",
        "winner": "woocommerce",
    }
    assert answer.status_code == 200
    always = answer.json()["always"]
    assert always["rule"] == rule
    assert always["preview"]["counts"] == {"savedAsking": 1, "againstAPerson": 1}
    assert (held["version"], held["rules"]) == (1, [rule])


async def test_many_are_decided_and_taken_back_together(api: Any, desk: Desk) -> None:
    lines = [await desk.contest(f"p{n}") for n in range(4)]
    async with api.client("kandy") as client:
        ids = [line.id for line in lines[:3]]
        answer = await client.post(
            "/api/conflicts/resolve",
            json={"ids": [*ids, "nothing"], "resolution": "keep", "side": "mongodb"},
        )
        assert answer.status_code == 200
        done = answer.json()
        assert done["counts"] == {"settled": 3, "refused": 1}
        assert {one["conflict"]["value"] for one in done["results"][:3]} == {"1899.5"}
        assert done["results"][3]["reason"] == "There is no such conflict."
        again = await client.post(
            "/api/conflicts/resolve",
            json={"ids": ids, "resolution": "keep", "side": "mongodb"},
        )
        assert again.json()["counts"] == {"settled": 3}
        rest = await client.post(
            "/api/conflicts/resolve",
            json={"filter": {"field": "price"}, "resolution": "remote"},
        )
        assert rest.json()["counts"] == {"settled": 1}
        undone = await client.post("/api/conflicts/undo", json={"actionId": done["actionId"]})
        assert undone.json()["counts"] == {"settled": 3}
        listed = (await client.get("/api/conflicts")).json()["conflicts"]
    assert sorted(one["id"] for one in listed) == sorted(ids)


async def test_more_than_a_hundred_are_a_job(api: Any, desk: Desk) -> None:
    await show(api, *(conflict(id=f"c{n}", entity_id=f"e{n}", opened_at_ms=n) for n in range(100)))
    real = await desk.contest()
    async with api.client("kandy") as client:
        body = {"filter": {"type": "product"}, "resolution": "newest"}
        answer = await client.post("/api/conflicts/resolve", json=body)
        assert answer.status_code == 202
        action = answer.json()["actionId"]
        path = f"/api/conflicts/actions/{action}"
        waiting = (await client.get(path)).json()
        assert (waiting["state"], waiting["total"], waiting["done"]) == ("queued", 101, 0)
        await work(api)
        done = (await client.get(path)).json()
        async with api.client("galle") as galle:
            assert (await galle.get(path)).status_code == 404
    assert (done["state"], done["done"]) == ("done", 101)
    assert done["counts"] == {"settled": 1, "pending": 100}
    settled = await api.services.conflicts.get("kandy", real.id)
    assert settled.resolution_id.startswith(f"{action}.")


async def work(api: Any) -> None:
    """What upkeep would do."""
    from streams.conflicts import bulk

    use = api.services
    tools = Tools(use.database, use.directory, use.publisher, None)  # type: ignore[arg-type]
    runner = Runner(tools)
    bulk.register(runner)
    while await runner.start_waiting():
        await runner.settled()


@pytest.mark.parametrize(
    "body",
    [
        {"resolution": "local"},
        {"resolution": "local", "ids": ["a"], "filter": {}},
        {"resolution": "keep", "ids": ["a"]},
        {"resolution": "manual", "ids": ["a"]},
        {"resolution": "undo", "ids": ["a"]},
    ],
)
async def test_a_bulk_decision_says_what_and_which(api: Any, body: dict[str, Any]) -> None:
    async with api.client("kandy") as client:
        assert (await client.post("/api/conflicts/resolve", json=body)).status_code == 422


async def test_another_organisations_conflict_is_not_there(api: Any, desk: Desk) -> None:
    line = await desk.contest()
    async with api.client("galle") as client:
        assert (await client.get("/api/conflicts")).json()["conflicts"] == []
        path = f"/api/conflicts/{line.id}"
        assert (await client.get(path)).status_code == 404
        answer = await client.post(f"{path}/resolve", json={"resolution": "local"})
        assert answer.status_code == 404
        assert (await client.post(f"{path}/undo")).status_code == 404
        body = {"ids": [line.id], "resolution": "local"}
        many = (await client.post("/api/conflicts/resolve", json=body)).json()
        assert [one["state"] for one in many["results"]] == ["refused"]
    assert api.sent.records == []


async def test_conflicts_come_in_pages(api: Any) -> None:
    await show(api, *(conflict(id=f"c{n}", opened_at_ms=100 + n // 2) for n in range(5)))
    seen: list[str] = []
    cursor = ""
    async with api.client("kandy") as client:
        while True:
            page = (
                await client.get("/api/conflicts", params={"limit": 2, "cursor": cursor})
            ).json()
            seen += [found["id"] for found in page["conflicts"]]
            cursor = page["next"]
            if not cursor:
                break
    assert seen == ["c4", "c3", "c2", "c1", "c0"]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"field": "name"}, ["n"]),
        ({"type": "order"}, ["o"]),
        ({"brake": "none"}, ["n", "o"]),
        ({"brake": "any"}, ["b"]),
        ({"brake": "stock"}, ["b"]),
        ({"replica": "whatsapp"}, ["o"]),
        ({"q": "CEYLON (1"}, ["n"]),
        ({"status": "resolved"}, ["r"]),
        ({"status": "automatic"}, ["a", "s"]),
        ({"status": ""}, ["a", "b", "n", "o", "r", "s"]),
    ],
)
async def test_conflicts_are_found_by_what_they_are(
    api: Any, query: dict[str, str], ids: list[str]
) -> None:
    settled: dict[str, Any] = {"status": "resolved", "resolution": "newest"}
    await show(
        api,
        conflict(id="n", field="name", label="Ceylon (100 g)"),
        conflict(id="o", type="order", candidates={"mongodb": 1, "whatsapp": 2}),
        conflict(id="b", type="inventory", field="quantity", brake="stock"),
        conflict(id="r", by="session", **settled),
        conflict(id="a", automatic=True, by="rule", **settled),
        conflict(id="s", by="suggestion", **settled),
    )
    async with api.client("kandy") as client:
        page = (await client.get("/api/conflicts", params=query)).json()
    assert sorted(one["id"] for one in page["conflicts"]) == ids


async def test_what_people_usually_decide_comes_with_an_open_conflict(api: Any, desk: Desk) -> None:
    async with api.client("kandy") as client:
        for n in range(6):
            line = await desk.contest(f"p{n}")
            body = {"resolution": "keep", "side": "mongodb"}
            await client.post(f"/api/conflicts/{line.id}/resolve", json=body)
        fresh = await desk.contest("p9")
        shown = (await client.get(f"/api/conflicts/{fresh.id}")).json()["suggestion"]
    assert (shown["resolution"], shown["side"], shown["basedOn"]) == ("keep", "mongodb", 6)
    assert shown["reason"] == (
        "In 6 of the last 6 times the price differed between your app and WooCommerce, "
        "you kept your app."
    )
    assert 0.5 < shown["confidence"] < 0.9
    assert shown["accuracy"] == 1.0
