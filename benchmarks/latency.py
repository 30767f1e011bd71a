"""End-to-end latency at a steady rate, from the platform's acknowledgement of an edit

- to the other platform's own time of our write (MongoDB: `wallTime` of the oplog entry; the
  sandbox: the log of its writes), and
- to a WebSocket client's receipt of the change.

Open loop: edits leave on time whether or not earlier ones have arrived. Driver, servers, sandbox
and all processes share this machine.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import aiohttp
import psutil
import uvloop
import websockets
from bson.decimal128 import Decimal128

from benchmarks.folder import running
from benchmarks.report import Report, median, percentile
from runtime.convergence import wait_until_same
from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.demo.system import System

RATES = (50, 200)
LASTS_S = 15
ITEMS = 400
FIRST = 1000
SETTLES_S = 20.0
Values = dict[str, float]
"""A price (each is used once) to a time in ms."""


@dataclass
class Seen:
    """Where each price turned up first, and when."""

    mongodb: Values = field(default_factory=dict)
    woocommerce: Values = field(default_factory=dict)
    websocket: Values = field(default_factory=dict)
    made: Values = field(default_factory=dict)


def run(*, runs: int = 1) -> Report:
    """Each rate and each direction for LASTS_S seconds; medians of `runs` runs."""
    report = Report(
        "latency: from an edit's acknowledgement, ms",
        ("from", "events/s", "to", "p50", "p99", "arrived"),
    )
    with running() as system:
        rows, shares = uvloop.run(_measure(system, runs))
    report.rows = rows
    report.notes.append("arrived below 100%: a newer edit of the same item overtook (coalesced)")
    for what, share in shares.items():
        told = ", ".join(f"{name} {percent:.0f}%" for name, percent in share.items())
        report.notes.append(f"CPU, {what}: {told} of one core each")
    for row in rows:
        name = f"{row['from']}_to_{row['to']}_{row['events/s']}".lower()
        report.figures |= {f"{name}_p50_ms": row["p50"], f"{name}_p99_ms": row["p99"]}
    return report


async def _measure(
    system: System, runs: int
) -> tuple[list[dict[str, Any]], dict[str, dict[str, float]]]:
    """Rows, and each process's share of a core by rate and source."""
    platforms = Platforms(load=False, number=False)
    rows: list[dict[str, Any]] = []
    shares: dict[str, dict[str, float]] = {}
    async with open_merchant(system, "bench", platforms) as merchant:
        # Prices here leap as no shop's do: without this the brake would hold them.
        await merchant.ask("PUT", "/api/policies", {"rules": [], "brakes": {"priceChange": 0}})
        await stock_up(merchant)
        prices = itertools.count(10_000)
        async with aiohttp.ClientSession(system.sandbox_url) as web:
            await _one(system, merchant, in_mongodb(merchant), 20, prices, 3)  # warm
            for rate in RATES:
                for source, edit, target in (
                    ("MongoDB", in_mongodb(merchant), "WooCommerce"),
                    ("WooCommerce", _in_shop(merchant, web), "MongoDB"),
                ):
                    meter = Meter(system)
                    found = [
                        await _one(system, merchant, edit, rate, prices, LASTS_S)
                        for _ in range(runs)
                    ]
                    shares[f"{rate}/s from {source}"] = meter.percent(runs * LASTS_S)
                    rows += [
                        _row(source, rate, to, [_figures(seen, to.lower()) for seen in found])
                        for to in (target, "WebSocket")
                    ]
    return rows, shares


class Meter:
    """What each process has used since it was made."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._before = self._used()

    def percent(self, seconds: float) -> dict[str, float]:
        """Of one core, in that time; the settling afterwards is in it."""
        used = self._used()
        return {
            name: 100 * (used[name] - before) / seconds
            for name, before in self._before.items()
            if name in used
        }

    def _used(self) -> dict[str, float]:
        found = {"driver": sum(psutil.Process().cpu_times()[:2])}
        for status in self._system.statuses():
            if status.pid is not None:
                found[status.name] = sum(psutil.Process(status.pid).cpu_times()[:2])
        return found


def _row(
    source: str, rate: int, to: str, found: list[tuple[float, float, float]]
) -> dict[str, Any]:
    p50, p99, share = zip(*found, strict=True)
    return {
        "from": source,
        "events/s": rate,
        "to": to,
        "p50": round(median(list(p50)), 1),
        "p99": round(median(list(p99)), 1),
        "arrived": f"{median(list(share)):.1%}",
    }


def _figures(seen: Seen, to: str) -> tuple[float, float, float]:
    there: Values = getattr(seen, to)
    took = [max(0.0, there[price] - at) for price, at in seen.made.items() if price in there]
    if not took:
        raise RuntimeError(f"nothing arrived at {to}")
    return percentile(took, 0.5), percentile(took, 0.99), len(took) / len(seen.made)


Edit = Callable[[int, str], Awaitable[None]]


def in_mongodb(merchant: Merchant) -> Edit:
    products = merchant.collection("products")

    async def edit(place: int, price: str) -> None:
        await products.update_one(
            {"_id": f"b{FIRST + place}"}, {"$set": {"price": Decimal128(Decimal(price))}}
        )

    return edit


def _in_shop(merchant: Merchant, web: aiohttp.ClientSession) -> Edit:
    async def edit(place: int, price: str) -> None:
        path = f"/sandbox/shops/{merchant.shop.name}/products/{FIRST + place}"
        async with web.patch(path, json={"regular_price": price}) as answer:
            answer.raise_for_status()
            await answer.read()

    return edit


async def _one(
    system: System,
    merchant: Merchant,
    edit: Edit,
    rate: int,
    prices: itertools.count[int],
    lasts_s: int,
) -> Seen:
    """Edits at this rate, and what became of them."""
    seen = Seen()
    ready = [asyncio.Event(), asyncio.Event()]
    watchers = [
        asyncio.create_task(_watch_mongodb(merchant, seen, ready[0])),
        asyncio.create_task(_watch_socket(system, merchant, seen, ready[1])),
    ]
    try:
        for event in ready:
            await asyncio.wait_for(event.wait(), 20)
        since_s = time.time()
        await drive(seen, edit, rate, prices, lasts_s)
        await wait_until_same(merchant.places, SETTLES_S)
        for row in await merchant.sandbox.writes(
            merchant.shop.name, since=since_s, accepted="true"
        ):
            price = row["fields"].get("regular_price")
            if price is not None:
                seen.woocommerce.setdefault(price_key(price["to"]), row["at"] * 1000)
    finally:
        for task in watchers:
            task.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
    return seen


async def drive(
    seen: Seen, edit: Edit, rate: int, prices: itertools.count[int], lasts_s: int
) -> None:
    async def one(place: int, price: str) -> None:
        await edit(place, price)
        seen.made[price_key(price)] = time.time() * 1000

    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number in range(rate * lasts_s):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            tasks.create_task(one(number % ITEMS, str(next(prices))))


async def _watch_mongodb(merchant: Merchant, seen: Seen, ready: asyncio.Event) -> None:
    changed = {"updateDescription.updatedFields.price": {"$exists": True}}
    async with await merchant.database.watch([{"$match": changed}]) as stream:
        ready.set()
        async for event in stream:
            price = event["updateDescription"]["updatedFields"]["price"]
            seen.mongodb.setdefault(price_key(price), event["wallTime"].timestamp() * 1000)


async def _watch_socket(
    system: System, merchant: Merchant, seen: Seen, ready: asyncio.Event
) -> None:
    ticket = (await merchant.ask("POST", "/api/ws/ticket"))["ticket"]
    offered = [websockets.Subprotocol(name) for name in ("smartstore.v1", f"ticket.{ticket}")]
    async with websockets.connect(f"{system.websocket_url}/ws", subprotocols=offered) as socket:
        async for text in socket:
            at_ms = time.time() * 1000
            message = json.loads(text)
            if message["type"] == "hello":
                ready.set()
            elif message["type"] == "event" and message["event"]["kind"] == "changed":
                price = message["event"]["data"].get("price")
                if price is not None:
                    seen.websocket.setdefault(price_key(price), at_ms)


def price_key(price: Any) -> str:
    return str(int(Decimal(str(price))))


async def stock_up(merchant: Merchant) -> None:
    """The same products in MongoDB and in the shop."""
    shop = [
        {"id": FIRST + place, "name": f"Item {place}", "sku": f"B-{place}", "type": "simple",
         "status": "publish", "regular_price": "100", "description": "High-grown. " * 60}
        for place in range(ITEMS)
    ]  # fmt: skip
    await merchant.sandbox.load(merchant.shop.name, {"products": shop})
    rows = [
        {"_id": f"b{FIRST + place}", "organizationId": merchant.organization_id,
         "sku": f"B-{place}", "name": f"Item {place}", "description": "High-grown. " * 60,
         "price": Decimal128("100"), "status": "active", "variants": []}
        for place in range(ITEMS)
    ]  # fmt: skip
    await merchant.collection("products").insert_many(rows)
    await merchant.sandbox.announce(merchant.shop.name)
    found = await wait_until_same(merchant.places, 90)
    if not found.converged:
        raise RuntimeError(f"the shop did not settle: {found.differences[0]}")
