"""What brakes hold: looked at, decided and taken back as one."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.envelope import rfc3339
from schemas.feed import ConflictLine
from streams.database import Database
from streams.sync.record import Conflict
from support.desk import Desk, Item
from tests.api.routes.test_conflicts import show, work

pytestmark = pytest.mark.servers


async def held(desk: Desk, count: int) -> list[ConflictLine]:
    """WooCommerce says 0 for so many items in stock, with the brake on."""
    lines = []
    for n in range(count):
        item: Item = desk.item(f"i{n}", kind="inventory")
        item.sees("mongodb", 1, sku=f"TEA-{n}", quantity=10 + n)
        item.sees("woocommerce", 1, sku=f"TEA-{n}", quantity=10 + n)
        item.settles()
        line = ConflictLine(
            organization_id="kandy",
            type="inventory",
            entity_id=f"i{n}",
            id=f"kandy.inventory.i{n}.quantity.9",
            field="quantity",
            label=f"TEA-{n}",
            status="open",
            policy="brake",
            brake="stock",
            challenger="woocommerce",
            candidates={"mongodb": 10 + n, "woocommerce": 0},
            stamps={"mongodb": 1, "woocommerce": 2},
            opened_at_ms=desk.now + n,
            at_ms=desk.now + n,
            version=item.record.version,
        )
        item.record.conflicts = {"quantity": _conflict(line)}
        lines.append(line)
    return lines


def _conflict(line: ConflictLine) -> Conflict:
    return Conflict(
        id=line.id,
        candidates=line.candidates,
        stamps=line.stamps,
        policy=line.policy,
        opened_at_ms=line.opened_at_ms,
        challenger=line.challenger,
        brake=line.brake,
    )


async def link(database: Database, count: int) -> None:
    await database["ss_links"].insert_many(
        [
            {
                "organizationId": "kandy",
                "replica": "woocommerce",
                "type": "inventory",
                "externalId": str(n),
                "entityId": f"i{n}",
            }
            for n in range(count)
        ]
    )


async def test_a_batch_is_looked_at_applied_and_taken_back(api: Any, desk: Desk) -> None:
    lines = await held(desk, 8)
    await show(api, *lines)
    await link(api.services.database, 12)
    async with api.client("kandy") as client:
        listed = (await client.get("/api/batches")).json()
        (batch,) = listed["batches"]
        assert batch["title"] == "WooCommerce reports 8 of 12 products at 0"
        assert (batch["count"], batch["total"], len(batch["sample"])) == (8, 12, 5)
        path = f"/api/batches/{batch['id']}"
        page = (await client.get(path, params={"limit": 6})).json()
        rest = (await client.get(path, params={"cursor": page["next"]})).json()
        items = page["items"] + rest["items"]
        assert [item["label"] for item in items] == [f"TEA-{n}" for n in reversed(range(8))]
        assert (items[0]["before"], items[0]["after"]) == (17, 0)
        done = (await client.post(f"{path}/apply", json={"until": batch["lastAt"]})).json()
        assert (done["state"], done["total"]) == ("queued", 8)
        await work(api)
        assert {item.agreed("quantity") for item in desk.items.values()} == {0}
        after = (await client.get("/api/batches")).json()
        assert after["batches"] == []
        (recent,) = after["recent"]
        assert (recent["state"], recent["counts"]) == ("done", {"settled": 8})
        undone = await client.post(f"/api/batches/{done['actionId']}/undo")
        assert undone.status_code == 202
        await work(api)
        (again,) = (await client.get("/api/batches")).json()["batches"]
    assert (again["id"], again["count"]) == (batch["id"], 8)


async def test_rejecting_keeps_what_stands(api: Any, desk: Desk) -> None:
    await show(api, *await held(desk, 3))
    async with api.client("kandy") as client:
        await client.post("/api/batches/stock.inventory.woocommerce/reject")
        await work(api)
    assert [item.agreed("quantity") for item in desk.items.values()] == [10, 11, 12]
    for item in desk.items.values():
        assert item.record.conflicts == {}


async def test_what_was_held_after_the_look_waits(api: Any, desk: Desk) -> None:
    await show(api, *await held(desk, 3))
    first = desk.now
    async with api.client("kandy") as client:
        (batch,) = (await client.get("/api/batches")).json()["batches"]
        body = {"until": rfc3339(first + 1)}
        done = (await client.post(f"/api/batches/{batch['id']}/apply", json=body)).json()
        assert done["total"] == 2
        await work(api)
        (left,) = (await client.get("/api/batches")).json()["batches"]
    assert left["count"] == 1


async def test_batches_stay_with_their_organisation(api: Any, desk: Desk) -> None:
    await show(api, *await held(desk, 2))
    path = "/api/batches/stock.inventory.woocommerce"
    async with api.client("galle") as galle:
        assert (await galle.get("/api/batches")).json() == {"batches": [], "recent": []}
        assert (await galle.get(path)).status_code == 404
        assert (await galle.post(f"{path}/apply")).status_code == 404
    async with api.client("kandy") as client:
        assert (await client.get("/api/batches/nonsense")).status_code == 404
        assert (await client.post(f"{path}/burn")).status_code == 422
        action = (await client.post(f"{path}/apply")).json()["actionId"]
    async with api.client("galle") as galle:
        assert (await galle.post(f"/api/batches/{action}/undo")).status_code == 404
