"""The past of the running product: what stood, the same decisions again, other rules, figures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime.demo.merchant import Merchant
from runtime.demo.system import System
from schemas.clock import unix_ms
from schemas.envelope import rfc3339
from streams.archive.opening import open_sources
from streams.timetravel import reader
from streams.whatif.run import run
from streams.whatif.window import Window
from support.small_shop import item, quantities, settled, sku, stock_up
from support.waiting import until

pytestmark = pytest.mark.timeout(180)


async def streamed(merchant: Merchant, path: str) -> list[dict[str, Any]]:
    answer = await merchant.web.get(
        path, headers={"authorization": f"Bearer {merchant.api_key}"}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_shops_past(merchant: Merchant, system: System) -> None:
    """One shop, one run: people and customers act, then everything is asked for."""
    begin_ms = unix_ms()
    await stock_up(merchant, 2, 9)
    await settled(merchant)
    stocked = rfc3339(unix_ms())
    await merchant.sandbox.sell(merchant.shop.name, sku(0), 2)
    await merchant.take_stock(item(merchant, 1), 1)
    await until(lambda: quantities(merchant, 0), lambda found: found == (7, 7))
    await until(lambda: quantities(merchant, 1), lambda found: found == (8, 8))
    await settled(merchant)
    end_ms = unix_ms()

    # What stood, and what became of it.
    before = await streamed(merchant, f"/api/history/at?time={stocked}&type=inventory")
    assert sorted(row["fields"]["quantity"]["value"] for row in before) == [9, 9]
    diff = await streamed(
        merchant, f"/api/history/diff?from={stocked}&to={rfc3339(end_ms)}&type=inventory"
    )
    moved = [(row["fields"]["quantity"]["from"], row["fields"]["quantity"]["to"]) for row in diff]
    assert sorted(moved) == [(9, 7), (9, 8)]

    # The same code and rules come to the same, byte for byte, from the topics alone.
    home = system.home
    async with open_sources(system.endpoints(), system.environment(), home) as sources:
        window = Window(reader(sources), merchant.organization_id, begin_ms - 60_000, end_ms + 1)
        result = await run(window, None)
    assert result.unlike == 0
    assert result.identical > 10
    assert not result.left_out

    # A job says the same, and what other rules would have made of it.
    answer = await merchant.web.post(
        "/api/whatif",
        json={"since": rfc3339(begin_ms - 60_000), "rules": [{"policy": "local"}]},
        headers={"authorization": f"Bearer {merchant.api_key}"},
    )
    assert answer.status_code == 202, answer.text
    place = answer.headers["location"]
    job = await until(
        lambda: merchant.ask("GET", place), lambda found: found["state"] in ("done", "failed")
    )
    assert job["state"] == "done", job
    assert job["details"]["identicalRecords"] >= result.identical
    assert job["details"]["unlikeRecords"] == 0

    # The figures of the day have the order and how fast changes arrived.
    figures = await until(
        lambda: merchant.ask("GET", "/api/analytics"),
        lambda found: found["sheets"]["latency"]["rows"] != [],
    )
    assert {row["replica"] for row in figures["sheets"]["latency"]["rows"]} >= {"mongodb"}
    assert figures["changes"] > 3
