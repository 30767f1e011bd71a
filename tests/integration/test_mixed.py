"""Thousands of changes on both sides, deliveries repeated and out of order, the worker killed
meanwhile: in the end all sides hold the same, and stock is what was sold.

SMARTSTORE_MIXED sets how many (the full figure of the promise is 10,000).
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections import Counter

import pytest

from runtime.demo.merchant import Merchant, Platforms
from runtime.demo.system import System
from support.small_shop import item, quantities, settled, sku, stock_up
from tests.integration.conftest import OpenMerchant

MIXED = int(os.environ.get("SMARTSTORE_MIXED", "4000"))
ITEMS = 100
AT_ONCE = 8
STOCK = 100_000
KILLS = 3

pytestmark = pytest.mark.timeout(900)


class Crowd:
    """People on both sides who change what they like."""

    def __init__(self, merchant: Merchant, seed: int) -> None:
        self._merchant = merchant
        self._dice = random.Random(seed)
        self.sold: Counter[int] = Counter()
        self.made = 0

    async def change(self) -> None:
        """One change, on either side."""
        place, dice = self._dice.randrange(ITEMS), self._dice
        self.made += 1
        if dice.random() < 0.5:
            await self._in_app(place, dice.random())
        else:
            await self._in_shop(place, dice.random())

    async def _in_app(self, place: int, kind: float) -> None:
        number = item(self._merchant, place)
        if kind < 0.3:
            count = self._dice.randint(1, 3)
            self.sold[place] += count
            await self._merchant.take_stock(number, count)
        elif kind < 0.7:
            await self._merchant.set_product(number, price=f"{self._dice.randint(80, 118)}.50")
        else:
            await self._merchant.set_product(number, name=f"App {self._dice.randint(0, 9999)}")

    async def _in_shop(self, place: int, kind: float) -> None:
        merchant, dice = self._merchant, self._dice
        if kind < 0.05:
            self.sold[place] += 1
            await merchant.sandbox.sell(merchant.shop.name, sku(place), 1)
        elif kind < 0.6:
            price = f"{dice.randint(80, 118)}.25"
            await merchant.sandbox.edit_product(merchant.shop.name, sku(place), regular_price=price)
        else:
            words = f"<p>Shop {dice.randint(0, 9999)}</p>"
            await merchant.sandbox.edit_product(merchant.shop.name, sku(place), description=words)


async def work(crowd: Crowd, system: System, count: int, kills: int) -> None:
    """So many changes, some at a time, with the worker killed on the way."""
    turns = asyncio.Semaphore(AT_ONCE)
    killed_at = {count * (number + 1) // (kills + 1) for number in range(kills)}

    async def one(number: int) -> None:
        async with turns:
            if number in killed_at:
                system.kill("reconcile")
            await crowd.change()

    await asyncio.gather(*(one(number) for number in range(count)))


async def test_all_sides_end_equal(new_merchant: OpenMerchant, system: System) -> None:
    async with new_merchant(Platforms(load=False, number=False)) as merchant:
        await stock_up(merchant, ITEMS, STOCK)
        await merchant.sandbox.faults(
            merchant.shop.name,
            webhooks={
                "duplicate_probability": 0.2,
                "reorder_probability": 0.1,
                "reorder_delay_s": 0.5,
            },
            seed=7,
        )
        crowd = Crowd(merchant, seed=11)
        began_s = time.monotonic()
        await work(crowd, system, MIXED, KILLS)
        made_s = time.monotonic() - began_s
        await merchant.sandbox.drain()
        judgement = await settled(merchant, 180)
        for place in range(ITEMS):
            left = STOCK - crowd.sold[place]
            assert await quantities(merchant, place) == (left, left)
        assert await merchant.sandbox.lost_edits(merchant.shop.name) == []
        deliveries = await merchant.sandbox.deliveries()
        sys.stdout.write(
            f"\n{crowd.made} changes in {made_s:.0f} s, {len(deliveries)} deliveries, "
            f"{KILLS} kills; {judgement.compared} fields the same "
            f"after {time.monotonic() - began_s:.0f} s\n"
        )


async def test_without_the_plugin_losses_are_counted(
    new_merchant: OpenMerchant, system: System
) -> None:
    """A plain shop has no compare-and-set: what is overwritten in the window is told, and stock,
    which is written by difference, still ends equal."""
    async with new_merchant(Platforms(load=False, number=False, plugin=False)) as merchant:
        await stock_up(merchant, ITEMS, STOCK)
        crowd = Crowd(merchant, seed=13)
        await work(crowd, system, max(200, MIXED // 10), 0)
        await merchant.sandbox.drain()
        await settled(merchant, 120)
        lost = await merchant.sandbox.lost_edits(merchant.shop.name)
        sys.stdout.write(f"\nwithout the plugin: {len(lost)} of {crowd.made} changes lost\n")
        # Only what the shop's people set directly can be lost in the window, never a sale.
        assert {edit["field"] for edit in lost} <= {"regular_price", "description", "name"}
