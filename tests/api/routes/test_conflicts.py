"""Conflicts: listed by page, decided with what was seen."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.codec import decode, encode
from schemas.feed import ConflictLine
from schemas.outcome import Resolution
from streams.kafka import Incoming
from streams.views import ConflictViews

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
    assert first.status_code == second.status_code == 202
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
        ({}, 422),
    ],
)
async def test_a_decision_on_other_values_is_refused(
    api: Any, body: dict[str, Any], status: int
) -> None:
    await show(api, conflict())
    async with api.client("kandy") as client:
        answer = await client.post(f"/api/conflicts/{conflict().id}/resolve", json=body)
    assert answer.status_code == status
    assert api.sent.records == []
    if status == 409:
        assert answer.json()["conflict"]["candidates"] == conflict().candidates


async def test_a_settled_conflict_takes_the_same_word_only(api: Any) -> None:
    await show(api, conflict(4, "resolved", resolution="local", value="1899.5"))
    path = f"/api/conflicts/{conflict().id}/resolve"
    async with api.client("kandy") as client:
        assert (await client.post(path, json={"resolution": "local"})).status_code == 202
        assert (await client.post(path, json={"resolution": "remote"})).status_code == 409
    assert api.sent.records == []


async def test_another_organisations_conflict_is_not_there(api: Any) -> None:
    await show(api, conflict())
    async with api.client("galle") as client:
        assert (await client.get("/api/conflicts")).json()["conflicts"] == []
        path = f"/api/conflicts/{conflict().id}"
        assert (await client.get(path)).status_code == 404
        answer = await client.post(f"{path}/resolve", json={"resolution": "local"})
        assert answer.status_code == 404
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
