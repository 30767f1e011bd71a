"""No echo: at most one accepted write per replica and edit, and none after it is quiet."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from runtime.demo.merchant import Merchant
from support.small_shop import item, settled, sku, stock_up

EDITS = 20
QUIET_S = 10.0

pytestmark = pytest.mark.timeout(180)


async def test_one_write_for_an_edit_and_then_silence(merchant: Merchant) -> None:
    await stock_up(merchant, 2 * EDITS, 10)
    before_s = time.time()
    changes: list[dict[str, Any]] = []
    ready = asyncio.Event()
    follow = asyncio.create_task(_follow(merchant, changes, ready))
    await ready.wait()
    try:
        for place in range(EDITS):
            await merchant.set_product(item(merchant, place), price=str(101 + place))
            await merchant.sandbox.edit_product(
                merchant.shop.name, sku(EDITS + place), name=f"Renamed {place}"
            )
        await settled(merchant)
        last_s = time.time()
        written = await _accepted(merchant, before_s)
        assert len(written) == EDITS, "one write to the shop for each edit in MongoDB"
        # EDITS by the app itself and EDITS by us, for the shop's.
        assert len(changes) == 2 * EDITS
        assert len({change["documentKey"]["_id"] for change in changes}) == 2 * EDITS
        await asyncio.sleep(QUIET_S)
        assert await _accepted(merchant, before_s) == written
        assert len(changes) == 2 * EDITS
        catalogue = await merchant.sandbox.catalogue_writes(merchant.number)
        assert [row for row in catalogue if row["at"] > last_s + 1] == []
    finally:
        follow.cancel()
        await asyncio.gather(follow, return_exceptions=True)


async def _accepted(merchant: Merchant, since_s: float) -> list[dict[str, Any]]:
    rows = await merchant.sandbox.writes(merchant.shop.name, since=since_s)
    return [row for row in rows if row["accepted"]]


async def _follow(merchant: Merchant, changes: list[dict[str, Any]], ready: asyncio.Event) -> None:
    mine = {"fullDocument.organizationId": merchant.organization_id, "ns.coll": "products"}
    async with await merchant.database.watch(
        [{"$match": mine}], full_document="updateLookup"
    ) as stream:
        ready.set()
        async for change in stream:
            changes.append(change)
