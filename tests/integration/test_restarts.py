"""A restart of any one server or process loses nothing and needs no hand."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from runtime.demo.merchant import Merchant, Platforms
from runtime.demo.system import System
from support.small_shop import item, settled, sku, stock_up
from support.waiting import until
from tests.integration.conftest import OpenMerchant

PARTS = ("reconcile", "inbound", "sinks", "cdc", "api", "redis", "mongod", "kafka")
ITEMS = 10

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
async def shop(new_merchant: OpenMerchant) -> AsyncIterator[Merchant]:
    """Its plugin delivers again until it is heard: WooCommerce itself never does."""
    async with new_merchant(Platforms(load=False, number=False)) as merchant:
        await merchant.sandbox.change_shop(
            merchant.shop.name,
            plugin_delivery_url=f"{merchant.web.base_url}/api/webhooks/woocommerce/"
            f"{merchant.organization_id}",
            plugin_delivery_secret=merchant.shop.webhook_secret,
            delivery_attempts=9,
        )
        await stock_up(merchant, ITEMS, 100)
        yield merchant


@pytest.mark.parametrize("part", PARTS)
async def test_killed_while_at_work(part: str, shop: Merchant, system: System) -> None:
    await _edit(shop, "before")
    system.kill(part)
    for round_ in range(3):
        await _edit(shop, f"during {round_}")
        await asyncio.sleep(0.3)
    await settled(shop, 90)
    await _edit(shop, "after")
    await settled(shop, 30)
    for place in range(ITEMS):
        shown = await shop.sandbox.product(shop.shop.name, sku(place))
        assert shown["stock_quantity"] == 100 - 5
        wanted = "after" if place % 2 else shown["name"]
        assert shown["name"] == wanted


async def _edit(merchant: Merchant, word: str) -> None:
    """Every other item by the app, every other by the shopkeeper; a sale of each in the app."""

    async def one(place: int) -> None:
        number = item(merchant, place)
        if place % 2:
            await merchant.sandbox.edit_product(merchant.shop.name, sku(place), name=word)
        else:
            await merchant.set_product(number, name=word)
        await merchant.take_stock(number, 1)

    await asyncio.gather(*(one(place) for place in range(ITEMS)))


async def test_a_stopped_worker_is_replaced(shop: Merchant, system: System) -> None:
    stopped = system.pid("reconcile")
    os.kill(stopped, signal.SIGSTOP)
    await _edit(shop, "while it stands")

    async def now() -> int:
        try:
            return system.pid("reconcile")
        except LookupError:
            return stopped

    await until(now, lambda pid: pid != stopped, limit_s=30)
    await settled(shop, 60)


async def test_a_woken_former_owner_does_no_harm(shop: Merchant, system: System) -> None:
    """Stopped for a moment only, then on: nothing is lost or done twice."""
    pid = system.pid("sinks")
    os.kill(pid, signal.SIGSTOP)
    await _edit(shop, "while they stand")
    await asyncio.sleep(3)
    os.kill(pid, signal.SIGCONT)
    await settled(shop, 60)
    found: list[Any] = await shop.sandbox.lost_edits(shop.shop.name)
    assert found == []
