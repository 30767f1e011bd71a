"""The past over HTTP, read from a real Kafka: no archive has landed yet, and it does not show."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.envelope import rfc3339
from schemas.topics import ENTITIES
from streams.archive.joined import Sources
from streams.archive.location import locate
from streams.kafka import Outgoing, Publisher
from streams.keyring import Keyring
from streams.sync.record import Agreed, Record, Replica, Shadow, Tombstone
from streams.topics import ensure_topics

pytestmark = pytest.mark.servers


def record(entity_id: str, version: int, price: str, **more: Any) -> Outgoing:
    value = Record(
        more.pop("organization_id", "kandy"),
        "product",
        entity_id,
        epoch=1,
        version=version,
        fields={"price": Agreed(price, 1_795_000_000_000, "mongodb"),
                "name": Agreed(f"Tea {entity_id}", 0, "mongodb")},
        replicas={"woocommerce": Replica(external_id="7", exists=True,
                                         shadow={"price": Shadow(price, price)})},
        **more,
    )  # fmt: skip
    key = f"{value.organization_id}/product/{entity_id}".encode()
    return Outgoing(ENTITIES, key, encode(value))


@pytest.fixture
async def past(api: Any, tmp_path: Path) -> AsyncIterator[list[str]]:
    """The times between which the shop changed."""
    use = api.services
    await ensure_topics(use.endpoints)
    where = locate("", tmp_path)
    sources = Sources(use.endpoints, use.database, where, Keyring([b"k" * 32]))
    api.app.state.services = replace(use, history=sources)
    publisher = Publisher(use.endpoints)
    await publisher.start()
    times = []
    gone = {"tombstone": Tombstone(1_795_000_000_000, "woocommerce")}
    for step in (
        [record("p/1", 1, "10"), record("x", 1, "1", organization_id="galle")],
        [record("p/1", 2, "12"), record("p2", 1, "5")],
        [record("p2", 2, "5", **gone)],
    ):
        await publisher.publish(*step)
        now_ms = unix_ms()
        times.append(rfc3339(now_ms))
        while unix_ms() <= now_ms + 1:  # noqa: ASYNC110 - the clock is waited for
            await asyncio.sleep(0)
    await publisher.stop()
    yield times
    api.app.state.services = use


async def test_an_entity_as_it_stood(api: Any, past: list[str]) -> None:
    async with api.client("kandy") as client:
        then = (await client.get("/api/entities/product/p/1/at", params={"time": past[0]})).json()
        assert then["fields"]["price"]["value"] == "10"
        assert then["fields"]["price"]["source"] == "mongodb"
        assert then["replicas"]["woocommerce"] == {
            "externalId": "7",
            "exists": True,
            "fields": {"price": "10"},
        }
        assert (then["known"], then["complete"], then["version"]) == (True, True, 1)
        later = await client.get("/api/entities/product/p/1/at", params={"time": past[1]})
        assert later.json()["fields"]["price"]["value"] == "12"
        before = await client.get("/api/entities/product/p2/at", params={"time": past[0]})
        assert (before.json()["known"], before.json()["complete"]) == (False, True)
        versions = (await client.get("/api/entities/product/p/1/versions")).json()["versions"]
        assert [found["changed"]["price"] for found in versions] == ["10", "12"]


async def test_a_shop_as_it_stood_and_what_became_of_it(api: Any, past: list[str]) -> None:
    async with api.client("kandy") as client:
        answer = await client.get("/api/history/at", params={"time": past[1], "type": "product"})
        rows = [json.loads(line) for line in answer.text.splitlines()]
        assert [(row["entityId"], row["label"]) for row in rows] == [
            ("p/1", "Tea p/1"),
            ("p2", "Tea p2"),
        ]
        diff = await client.get("/api/history/diff", params={"from": past[0], "to": past[1]})
        assert [json.loads(line) for line in diff.text.splitlines()] == [
            {"type": "product", "entityId": "p/1", "label": "Tea p/1", "change": "changed",
             "fields": {"price": {"from": "10", "to": "12"}}},
            {"type": "product", "entityId": "p2", "label": "Tea p2", "change": "created",
             "fields": {"price": {"from": None, "to": "5"},
                        "name": {"from": None, "to": "Tea p2"}}},
        ]  # fmt: skip
        gone = await client.get("/api/history/diff", params={"from": past[1], "to": past[2]})
        (row,) = [json.loads(line) for line in gone.text.splitlines()]
        assert (row["entityId"], row["change"], row["fields"]) == ("p2", "deleted", {})


async def test_others_and_nonsense(api: Any, past: list[str]) -> None:
    async with api.client("galle") as client:
        answer = await client.get("/api/history/at", params={"time": past[2]})
        assert [json.loads(line)["entityId"] for line in answer.text.splitlines()] == ["x"]
        other = await client.get(
            "/api/history/at", params={"time": past[2], "organizationId": "kandy"}
        )
        assert other.status_code == 404
        for params in (
            {"time": "yesterday"},
            {"time": "2999-01-01T00:00:00Z"},
        ):
            assert (await client.get("/api/history/at", params=params)).status_code == 422
        turned = await client.get("/api/history/diff", params={"from": past[1], "to": past[0]})
        assert turned.status_code == 422
    async with api.client() as client:
        assert (await client.get("/api/history/at", params={"time": past[0]})).status_code == 401
