"""A rolling restart of the whole product while people edit: nothing may be lost, nobody waits."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from typing import Any

import httpx
import uvloop

from benchmarks.folder import running
from benchmarks.latency import Seen, drive, in_mongodb, price_key, stock_up
from benchmarks.report import percentile
from runtime.convergence import wait_until_same
from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.demo.system import System
from runtime.processes import SHARED, processes

ONCE = ("cdc", "upkeep", "api")
BREATHES_S = 2.0
"""Between two restarts, as somebody would who looks whether it went well."""
CATCH_UP_LOOKS = 40
"""Half a second each, until no more waits than comes in three seconds."""
READY_S = 120.0
SETTLES_S = 60.0


def rolling_restart(*, rate: int, quick: bool = False) -> dict[str, Any]:
    """Figures: restarts, lost, overtaken, p50_ms, p99_ms. Workers run twice, as in production."""
    names = SHARED[:1] if quick else (*SHARED, *ONCE)
    second = [entry for entry in processes(2) if entry.name.endswith("-2")]
    with running(*SHARED, *ONCE, beside=second) as system:
        return uvloop.run(_measure(system, names, rate, 10 if quick else 5))


async def _measure(
    system: System, names: tuple[str, ...], rate: int, at_least_s: int
) -> dict[str, Any]:
    platforms = Platforms(load=False, number=False)
    async with open_merchant(system, "bench", platforms) as merchant:
        await merchant.ask("PUT", "/api/policies", {"rules": [], "brakes": {"priceChange": 0}})
        await stock_up(merchant)
        prices = itertools.count(10_000)
        seen, since_s = Seen(), time.time()
        restarts = asyncio.create_task(_restart_all(system, merchant, names, rate))
        while not restarts.done():  # edits leave on time, whatever else happens
            await drive(seen, in_mongodb(merchant), rate, prices, at_least_s)
        took = await restarts
        found = await wait_until_same(merchant.places, SETTLES_S)
        await _arrivals(merchant, seen, since_s)
    waits = [max(0.0, seen.woocommerce[p] - at) for p, at in seen.made.items()
             if p in seen.woocommerce]  # fmt: skip
    return {
        "edits": len(seen.made),
        "restarts": len(took),
        "restart_s": round(max(took), 1),
        "lost": len(found.differences),
        "overtaken": len(seen.made) - len(waits),
        "p50_ms": round(percentile(waits, 0.5)),
        "p99_ms": round(percentile(waits, 0.99)),
    }


async def _restart_all(
    system: System, merchant: Merchant, names: tuple[str, ...], rate: int
) -> list[float]:
    """One after the other, each when the one before is ready again and has caught up; seconds that
    each took to be ready."""
    took = []
    for name in itertools.chain.from_iterable(map(_all, names)):
        await asyncio.sleep(BREATHES_S)
        for _ in range(CATCH_UP_LOOKS):
            if await _waiting(merchant) <= 3 * rate:
                break
            await asyncio.sleep(0.5)
        began, pid = time.monotonic(), system.pid(name)
        os.kill(pid, signal.SIGTERM)
        async with asyncio.timeout(READY_S):
            while not _ready_again(system, name, pid):  # noqa: ASYNC110 the supervisor's thread
                await asyncio.sleep(0.1)
        took.append(time.monotonic() - began)
    return took


async def _waiting(merchant: Merchant) -> int:
    """Events on their way; while the api itself begins anew nobody can tell, so it is asked
    again."""
    while True:
        try:
            return int((await merchant.ask("GET", "/api/sync/status"))["pendingEvents"])
        except httpx.TransportError:
            await asyncio.sleep(0.5)


def _all(name: str) -> tuple[str, ...]:
    return (name, f"{name}-2") if name in SHARED else (name,)


def _ready_again(system: System, name: str, before: int) -> bool:
    return any(
        status.name == name and status.state == "ready" and status.pid not in (None, before)
        for status in system.statuses()
    )


async def _arrivals(merchant: Merchant, seen: Seen, since_s: float) -> None:
    """When the shop took each price, by its own log."""
    writes = await merchant.sandbox.writes(merchant.shop.name, since=since_s, accepted="true")
    for row in writes:
        price = row["fields"].get("regular_price")
        if price is not None:
            seen.woocommerce.setdefault(price_key(price["to"]), row["at"] * 1000)
