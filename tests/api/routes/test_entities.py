"""Entities over HTTP, on the views as the projectors fill them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from schemas.base import entity_key
from schemas.codec import encode
from schemas.feed import FeedLine
from streams.entities import EntityViews
from streams.history import HistoryViews
from streams.kafka import Incoming
from streams.sync.record import Agreed, Conflict, Record, Replica, Shadow

pytestmark = pytest.mark.servers

T0 = 1_795_000_000_000


def record(entity_id: str, **named: Any) -> Record:
    values: dict[str, Any] = {
        "fields": {
            "sku": Agreed("TEA-400", T0, "mongodb"),
            "quantity": Agreed(7, T0, "woocommerce"),
        },
        "replicas": {
            "mongodb": Replica(
                external_id=entity_id,
                exists=True,
                shadow={"quantity": Shadow(9, 9), "sku": Shadow("TEA-400", "TEA-400")},
            ),
        },
    }
    organization_id = named.pop("organization_id", "kandy")
    return Record(
        organization_id, named.pop("type", "inventory"), entity_id, 1, 3, **values | named
    )


async def show(api: Any, *records: Record, lines: tuple[FeedLine, ...] = ()) -> None:
    """They arrive in the views."""

    async def park(_record: Incoming, reason: str) -> None:
        raise AssertionError(reason)

    database = api.services.database
    if records:
        await EntityViews(database, "log/", park).handle(
            [
                Incoming(
                    "entities-changelog",
                    0,
                    place,
                    T0,
                    entity_key(one.organization_id, one.type, one.entity_id),
                    encode(one),
                )
                for place, one in enumerate(records)
            ]
        )
    if lines:
        await HistoryViews(database, park).handle(
            [Incoming("feed", 0, place, 0, b"", encode(one)) for place, one in enumerate(lines)]
        )


def line(version: int, **named: Any) -> FeedLine:
    values: dict[str, Any] = {
        "organization_id": "kandy",
        "type": "inventory",
        "entity_id": "p/1:a",
        "id": f"inventory/p/1:a/{version}/0",
        "kind": "changed",
        "source": "woocommerce",
        "fields": {"quantity": 10 - version},
        "previous": {"quantity": 11 - version},
        "version": version,
        "at_ms": T0 + version * 1000,
        "cause": f"obs-{version}",
    }
    return FeedLine(**{**values, **named})


async def get(api: Any, path: str, name: str = "kandy", **asked: Any) -> Mapping[str, Any]:
    async with api.client(name) as client:
        answer = await client.get(f"/api/entities{path}", params=asked)
    assert answer.status_code == asked.pop("status", 200), answer.text
    found: Mapping[str, Any] = answer.json()
    return found


async def problem(api: Any, status: int, path: str, name: str = "kandy", **asked: Any) -> Any:
    async with api.client(name) as client:
        answer = await client.get(f"/api/entities{path}", params=asked)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()


async def test_an_entity_with_what_each_platform_holds(api: Any) -> None:
    contested = {"quantity": Conflict("c1", {"mongodb": 9, "agreed": 7}, {}, "manual", T0)}
    await show(api, record("p/1:a"), record("p2", conflicts=contested))
    found = await get(api, "/inventory/p/1:a")
    assert (found["label"], found["version"], found["deleted"]) == ("TEA-400", 3, None)
    assert found["fields"]["quantity"] == {
        "value": 7,
        "source": "woocommerce",
        "changedAt": "2026-11-18T11:06:40.000Z",
    }
    (mongodb,) = found["replicas"]
    assert (mongodb["replica"], mongodb["externalId"], mongodb["active"]) == (
        "mongodb",
        "p/1:a",
        True,
    )
    assert mongodb["states"] == {"quantity": "owed", "sku": "agreed"}
    assert (mongodb["state"], mongodb["holds"]) == ("owed", {"quantity": 9, "sku": "TEA-400"})
    held = await get(api, "/inventory/p2")
    assert held["replicas"][0]["states"]["quantity"] == "contested"


async def test_found_by_sku_and_by_a_platforms_id_where_that_is_clear(api: Any) -> None:
    shop = {"woocommerce": Replica(external_id="412", exists=True)}
    twin = {"woocommerce": Replica(external_id="413", exists=True)}
    other = {"sku": Agreed("TEA-250", T0, "mongodb")}
    await show(
        api,
        record("p1", replicas=shop),
        record("p2", replicas=twin),
        record("p3", fields=other, replicas={}),
    )
    assert (await get(api, "/inventory/TEA-250"))["entityId"] == "p3"
    assert (await get(api, "/inventory/TEA-250", by="sku"))["entityId"] == "p3"
    assert (await get(api, "/inventory/woocommerce/412"))["entityId"] == "p1"
    assert (await get(api, "/inventory/p1", by="id"))["entityId"] == "p1"
    several = await problem(api, 409, "/inventory/TEA-400", by="sku")
    assert [one["entityId"] for one in several["matches"]] == ["p1", "p2"]
    assert several["matches"][0]["replicas"] == ["woocommerce/412"]
    assert (await get(api, "/inventory/tea-250", by="sku"))["entityId"] == "p3"
    await problem(api, 404, "/inventory/TEA-250", by="id")
    await problem(api, 404, "/inventory/412", by="sku")


async def test_strangers_find_nothing(api: Any) -> None:
    await show(api, record("p1"), lines=(line(1, entity_id="p1"),))
    for path in ("/inventory/p1", "/inventory/p1/history", "/inventory/TEA-400"):
        await problem(api, 404, path, "galle")
    await problem(api, 404, "/inventory/p1/why", "galle", field="quantity")
    await problem(api, 404, "", organizationId="galle")
    assert (await get(api, "", "galle")) == {"entities": [], "next": ""}
    assert (await get(api, "", "galle", q="TEA"))["entities"] == []
    async with api.client() as client:
        assert (await client.get("/api/entities")).status_code == 401


async def test_listed_in_pages_by_type_and_word(api: Any) -> None:
    named = [record(f"p{n}", fields={"sku": Agreed(f"TEA-{n}", T0, "x")}) for n in range(4)]
    product = record("p0", type="product", fields={"name": Agreed("Earl Grey", T0, "x")})
    await show(api, *named, product)
    seen, cursor = [], ""
    while True:
        page = await get(api, "", limit=2, cursor=cursor)
        seen += [f"{one['type']}/{one['entityId']}" for one in page["entities"]]
        cursor = page["next"]
        if not cursor:
            break
    assert seen == ["inventory/p0", "inventory/p1", "inventory/p2", "inventory/p3", "product/p0"]
    only = await get(api, "", type="product")
    assert [one["label"] for one in only["entities"]] == ["Earl Grey"]
    found = await get(api, "", q="tea-2")
    assert [one["sku"] for one in found["entities"]] == ["TEA-2"]
    assert found["entities"][0]["updatedAt"] == "2026-11-18T11:06:40.000Z"
    await problem(api, 400, "", cursor="nonsense")


async def test_history_in_pages_newest_first(api: Any) -> None:
    lines = tuple(line(n) for n in range(1, 6))
    await show(api, record("p/1:a"), lines=lines)
    seen, cursor = [], ""
    while True:
        page = await get(api, "/inventory/p/1:a/history", limit=2, cursor=cursor)
        seen += [one["event"]["version"] for one in page["events"]]
        cursor = page["next"]
        if not cursor:
            break
    assert seen == [5, 4, 3, 2, 1]
    newest = (await get(api, "/inventory/p/1:a/history", limit=1))["events"][0]
    assert newest["sentence"] == "WooCommerce changed stock"
    assert newest["event"]["timestamp"] == "2026-11-18T11:06:45.000Z"
    await problem(api, 400, "/inventory/p/1:a/history", cursor="1")


async def test_why_a_field_is_what_it_is(api: Any) -> None:
    await show(api, record("p/1:a"), lines=tuple(line(n) for n in range(1, 4)))
    found = await get(api, "/inventory/p/1:a/why", field="quantity", timeZone="Asia/Colombo")
    assert found["value"] == 7
    assert found["sentence"].startswith("7 because WooCommerce took 1 off at 16:36:43")
    assert [step["cause"] for step in found["steps"]] == ["obs-3", "obs-2", "obs-1"]
    assert found["replicas"][0]["state"] == "owed"
    assert found["complete"] is True


async def test_a_products_stock_is_asked_for_as_a_person_would(api: Any) -> None:
    await show(api, record("p1"))
    assert (await get(api, "/product/TEA-400/why", field="quantity"))["type"] == "inventory"


async def test_an_unknown_field_is_answered_with_those_there_are(api: Any) -> None:
    await show(api, record("p1"))
    wrong = await problem(api, 404, "/inventory/p1/why", field="colour")
    assert "quantity, sku" in wrong["help"]
    await problem(api, 422, "/inventory/p1/why", field="sku", timeZone="Mars/Olympus")
    await problem(api, 422, "/inventory/p1/why")
