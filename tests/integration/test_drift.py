"""What changed behind everybody's back is found, exactly, and healed; then the certificate says so.

On the shop: written straight into its database, deleted for ever, and put there by an import: no
webhook, no date and no revision tell of it. In MongoDB: while nobody watched.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bson.decimal128 import Decimal128

from connectors.mongodb.position import Position, Positions
from connectors.mongodb.source import ChangeSource
from runtime.demo.merchant import Merchant, Platforms
from runtime.demo.system import System
from schemas.clock import unix_ms
from support.small_shop import item, settled, sku, stock_up
from support.waiting import until
from tests.integration.conftest import OpenMerchant

pytestmark = pytest.mark.timeout(300)

ITEMS = 12


@pytest.fixture(params=[True, False], ids=["plugin", "plain"])
async def shop(
    request: pytest.FixtureRequest, new_merchant: OpenMerchant
) -> AsyncIterator[Merchant]:
    platforms = Platforms(plugin=request.param, load=False, number=False)
    async with new_merchant(platforms) as merchant:
        await stock_up(merchant, ITEMS, 10)
        yield merchant


async def certified(merchant: Merchant) -> dict[str, Any]:
    """The certificate after a comparison of every platform."""
    jobs = (await merchant.ask("POST", "/api/sync/certificate"))["jobs"]

    async def look() -> list[Any]:
        return [await merchant.ask("GET", f"/api/jobs/{job['id']}") for job in jobs]

    ended = await until(
        look,
        lambda found: all(job["state"] not in ("queued", "running") for job in found),
        limit_s=120,
        every_s=0.5,
    )
    assert [(job["state"], job["reason"]) for job in ended] == [("done", "")] * len(jobs)
    found: dict[str, Any] = await merchant.ask("GET", "/api/sync/certificate")
    return found


def types_of(certificate: dict[str, Any], replica: str) -> dict[str, Any]:
    [platform] = [one for one in certificate["platforms"] if one["replica"] == replica]
    return {one["type"]: one for one in platform["types"]}


def entities(found: dict[str, Any], kind: str) -> list[str]:
    names: list[str] = found[kind]["foundIds"]
    return sorted(names)


async def same_everywhere(merchant: Merchant) -> dict[str, Any]:
    await settled(merchant, 60)
    certificate = await certified(merchant)
    assert certificate["same"] is True, certificate["verdict"]
    assert certificate["verdict"].startswith("Everything is the same")
    for platform in certificate["platforms"]:
        for one in platform["types"]:
            assert one["rootHere"] == one["rootThere"]
            assert (one["found"], one["different"]) == (0, 0)
    return certificate


async def test_silent_changes_in_the_shop(shop: Merchant) -> None:
    """Prices and stock written into its database; one product deleted for ever, one imported."""
    before = types_of(await same_everywhere(shop), "woocommerce")
    assert before["product"]["compared"] == before["inventory"]["compared"] == ITEMS
    name = shop.shop.name
    for place in (1, 4):
        await shop.sandbox.write_database(name, sku(place), regular_price=f"{200 + place}")
    await shop.sandbox.write_database(name, sku(6), stock_quantity=7)
    await shop.sandbox.trash_product(name, sku(9), force=True)
    await shop.sandbox.load(
        name,
        {
            "products": [
                {
                    "id": 5000, "name": "Imported", "sku": "IMPORTED", "regular_price": "5",
                    "status": "publish", "date_modified_gmt": "2026-01-01T00:00:00",
                    "date_created_gmt": "2026-01-01T00:00:00",
                }
            ]
        },
    )  # fmt: skip
    found = types_of(await certified(shop), "woocommerce")
    known = [entity for entity in entities(found, "product") if entity != "5000"]
    assert len(entities(found, "product")) == found["product"]["found"] == 4
    assert known == sorted(await _entity_ids(shop, [1, 4, 9]))
    assert set(await _entity_ids(shop, [6, 9])) <= set(entities(found, "inventory"))
    for place, price in ((1, "201"), (4, "204")):
        await until(lambda p=place: _price(shop, p), lambda held, w=price: held == w, limit_s=60)
    await until(lambda: _imported(shop), lambda held: held is not None, limit_s=60)
    after = types_of(await same_everywhere(shop), "woocommerce")
    assert after["product"]["rootThere"] != before["product"]["rootThere"]


async def test_silent_changes_in_mongodb(shop: Merchant, system: System) -> None:
    """The change stream was not looking: its place has been moved past the changes."""
    await same_everywhere(shop)
    watcher = system.pid("cdc")
    os.kill(watcher, signal.SIGSTOP)
    try:
        for place in (2, 3, 5):
            await shop.set_product(item(shop, place), price=str(300 + place))
        source = ChangeSource(shop.database, ["products"])
        batch = await source.open(None)
        await source.close()
        positions = Positions(shop.database)
        position = await positions.load() or Position()
        await positions.save(position.moved(token=batch.token), unix_ms())
    finally:
        system.kill("cdc")
    found = types_of(await certified(shop), "mongodb")
    assert entities(found, "product") == sorted(await _entity_ids(shop, [2, 3, 5]))
    assert found["product"]["healed"] == 3
    for place in (2, 3, 5):
        shown = await until(
            lambda p=place: shop.sandbox.product(shop.shop.name, sku(p)),
            lambda one, p=place: one["regular_price"] == str(300 + p),
            limit_s=60,
        )
        assert shown["sku"] == sku(place)
    await same_everywhere(shop)


async def _price(merchant: Merchant, place: int) -> str:
    document = await merchant.collection("products").find_one({"_id": item(merchant, place)})
    price = (document or {}).get("price")
    return str(price.to_decimal()) if isinstance(price, Decimal128) else str(price)


async def _imported(merchant: Merchant) -> Any:
    return await merchant.collection("products").find_one(
        {"organizationId": merchant.organization_id, "sku": "IMPORTED"}
    )


async def _entity_ids(merchant: Merchant, places: list[int]) -> list[str]:
    rows = merchant.database["ss_links"].find(
        {
            "organizationId": merchant.organization_id,
            "replica": "mongodb",
            "type": "product",
            "externalId": {"$in": [item(merchant, place) for place in places]},
        }
    )
    return [row["entityId"] async for row in rows]
