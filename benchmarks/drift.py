"""The drift sweep of a shop: what it costs where nothing has drifted, and whether it finds exactly
what somebody changed behind our back (straight in the shop's database: no webhook, date or revision
tells of it).

Beside it, in the same run: the naive way, which reads every item and compares it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import uvloop

from benchmarks.folder import running
from benchmarks.report import Report, median
from connectors.protocol import Connection, Listed
from connectors.woocommerce import WooCommerce
from connectors.woocommerce.client import WooCommerceClient
from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.demo.system import System
from schemas.clock import unix_ms
from streams.database import Database, open_database
from streams.directory import Directory
from streams.inbox import Inbox
from streams.kafka import Publisher
from streams.kafka.lag import Lag
from streams.keyring import open_keyring
from streams.links import Links
from streams.sync.contexts import loader
from streams.upkeep.deliveries import deliver
from streams.upkeep.drift.books import Books
from streams.upkeep.drift.pace import Pace
from streams.upkeep.drift.sweep import Sweep
from streams.upkeep.drift.tally import Tally
from streams.upkeep.resyncing import ask_for

ITEMS = 10_000
CHANGED = 25
FIRST = 1_000
LOADED_AT_ONCE = 1_000
SETTLES_S = 900.0
AHEAD_MOST = 1_000
SHOP = "woocommerce"
PARTS = ("reconcile", "inbound", "sinks", "cdc", "api")


@dataclass
class Traffic(httpx.AsyncBaseTransport):
    """The network, counted."""

    inner: httpx.AsyncHTTPTransport
    calls: int = 0
    bytes_in: int = 0
    bytes_out: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        self.calls += 1
        self.bytes_out += len(request.content)
        answer = await self.inner.handle_async_request(request)
        body = await answer.aread()
        self.bytes_in += len(body)
        return httpx.Response(answer.status_code, headers=answer.headers, content=body)

    def clear(self) -> None:
        """Begin anew."""
        self.calls = self.bytes_in = self.bytes_out = 0


@dataclass
class Desk:
    """Everything a sweep stands on, in this process."""

    merchant: Merchant
    client: WooCommerceClient
    traffic: Traffic
    connection: Connection
    publisher: Publisher
    directory: Directory
    database: Database
    links: Links
    lag: Lag

    async def waiting(self) -> int:
        """Records on their way to the engine and the platforms."""
        return sum((await self.lag.by_topic()).values())

    async def drained(self, most: int) -> None:
        """Returns when no more than so many are."""
        while await self.waiting() > most:  # noqa: ASYNC110 Kafka tells nobody
            await asyncio.sleep(0.5)

    async def tell(self, kind: str, items: Sequence[Listed]) -> None:
        """Deliver items as the shop would."""
        at_ms = unix_ms()
        inbox, cause = Inbox(self.database), f"bench-{at_ms}"
        await deliver(self.publisher, inbox, self.connection, kind, items, cause=cause, at_ms=at_ms)

    async def sweep(self) -> tuple[dict[str, Tally], float]:
        """(what was found, seconds)"""

        async def ask(entities: Sequence[tuple[str, str]]) -> None:
            await ask_for(self.publisher, self.merchant.organization_id, entities, "bench")

        async def report(_compared: int) -> None:
            return

        context = await loader(self.directory)(self.merchant.organization_id)
        sweep = Sweep(
            self.client,
            Books(self.database, self.links, self.connection),
            context.profiles[SHOP],
            Pace(self.waiting),
            tell=self.tell,
            ask=ask,
            report=report,
            writable=True,
        )
        self.traffic.clear()
        began = time.perf_counter()
        tallies = await sweep.run()
        return tallies, time.perf_counter() - began


def run(*, runs: int = 1) -> Report:
    """With the plugin and without; medians of `runs` sweeps."""
    report = Report(
        f"drift sweep of {ITEMS:,} products that agree, then with {CHANGED} changed silently",
        ("shop", "what", "calls", "kB read", "kB sent", "seconds", "found"),
    )
    with running(*PARTS) as system:
        for plugin in (True, False):
            uvloop.run(_measure(system, report, plugin=plugin, runs=runs))
    with_plugin, naive = report.figures["calls_plugin"], report.figures["calls_naive"]
    report.figures["calls_ratio"] = round(naive / with_plugin, 1)
    bytes_ratio = report.figures["bytes_naive"] / report.figures["bytes_plugin"]
    report.figures["bytes_ratio"] = round(bytes_ratio)
    report.notes.append(
        f"with the plugin {report.figures['calls_ratio']} times fewer calls and {bytes_ratio:.0f} "
        "times fewer bytes than reading it all; half of a sweep's time it rests, on purpose"
    )
    return report


async def _measure(system: System, report: Report, *, plugin: bool, runs: int) -> None:
    name = "plugin" if plugin else "plain"
    platforms = Platforms(plugin=plugin, number=False, load=False, webhooks=False)
    async with open_merchant(system, f"drift-{name}", platforms) as merchant:
        desk = await _desk(system, merchant)
        try:
            await _fill(desk)
            agreed = [await _agreeing(desk) for _ in range(runs)]
            _row(report, desk, name, "all agree", median(agreed), "0")
            report.figures[f"calls_{name}"] = desk.traffic.calls
            report.figures[f"bytes_{name}"] = desk.traffic.bytes_in + desk.traffic.bytes_out
            report.figures[f"seconds_{name}"] = round(median(agreed), 2)
            if not plugin:
                began = time.perf_counter()
                desk.traffic.clear()
                await _read_everything(desk.client)
                _row(report, desk, name, "naive: read all", time.perf_counter() - began, "")
                report.figures["calls_naive"] = desk.traffic.calls
                report.figures["bytes_naive"] = desk.traffic.bytes_in + desk.traffic.bytes_out
            await _change(desk)
            tallies, seconds = await desk.sweep()
            found = sorted(int(key) for key in tallies["product"].found)
            exact = found == _changed()
            healed = sum(key not in tallies["product"].different for key in map(str, found))
            told = f"{len(found)}{'' if exact else ' (NOT those changed)'}, {healed} healed"
            _row(report, desk, name, f"{CHANGED} changed", seconds, told)
            report.figures[f"found_{name}"] = len(found) if exact else -1
            report.figures[f"healed_{name}"] = healed
            await _agreeing(desk)
        finally:
            await desk.client.close()
            await desk.lag.close()
            await desk.publisher.stop()
            await desk.database.client.close()


async def _desk(system: System, merchant: Merchant) -> Desk:
    database = open_database(system.endpoints())
    directory = Directory(database, open_keyring(system.environment(), system.home))
    connection = await directory.connection(merchant.organization_id, SHOP)
    if connection is None:
        raise RuntimeError("the shop is not connected")
    traffic = Traffic(httpx.AsyncHTTPTransport())
    client = WooCommerce(transport=traffic).client(connection)
    if not isinstance(client, WooCommerceClient):
        raise TypeError("not a shop")
    publisher = Publisher(system.endpoints())
    await publisher.start()
    return Desk(
        merchant,
        client,
        traffic,
        connection,
        publisher,
        directory,
        database,
        Links(database),
        Lag(system.endpoints(), fresh_s=0.3),
    )


async def _fill(desk: Desk) -> None:
    """The shop is filled silently, then read as an import does; the engine takes it over."""
    merchant = desk.merchant
    for start in range(0, ITEMS, LOADED_AT_ONCE):
        rows = [_resource(n) for n in range(start, start + LOADED_AT_ONCE)]
        loaded = {"products": rows, "next_ids": {"post": 2 * ITEMS + FIRST}}
        await merchant.sandbox.load(merchant.shop.name, loaded)
    cursor = ""
    while True:
        page = await desk.client.page("product", cursor)
        await desk.tell("product", page.items)
        await desk.drained(AHEAD_MOST)
        cursor = page.next
        if not cursor:
            break
    await desk.drained(0)
    end_s = time.monotonic() + SETTLES_S
    while True:
        tallies, _ = await desk.sweep()
        if all(not tally.different for tally in tallies.values()):
            return
        if time.monotonic() > end_s:
            left = {kind: len(tally.different) for kind, tally in tallies.items()}
            raise RuntimeError(f"the engine did not take over all: {left}")
        await desk.drained(0)


async def _agreeing(desk: Desk) -> float:
    """Seconds of a sweep that finds nothing."""
    tallies, seconds = await desk.sweep()
    for tally in tallies.values():
        ours, theirs = tally.roots
        if tally.different or ours != theirs:
            states = sorted({one.state for one in tally.different.values()})
            raise RuntimeError(f"{tally.type}: {len(tally.different)} differ: {states}")
    return seconds


def _changed() -> list[int]:
    return [FIRST + 7 + n * (ITEMS // CHANGED) for n in range(CHANGED)]


async def _change(desk: Desk) -> None:
    """By little, or the brake on prices would hold them for a person."""
    for number in _changed():
        await desk.merchant.sandbox.write_database(
            desk.merchant.shop.name, number, regular_price=f"{100 + (number - FIRST) % 900}.75"
        )


async def _read_everything(client: WooCommerceClient) -> None:
    for kind in ("product", "variation", "order", "customer"):
        cursor = ""
        while True:
            page = await client.page(kind, cursor)
            cursor = page.next
            if not cursor:
                break


def _resource(number: int) -> dict[str, Any]:
    return {
        "id": FIRST + number,
        "name": f"Ceylon BOPF tea {number}",
        "sku": f"TEA-{number:05d}",
        "type": "simple",
        "status": "publish",
        "description": "High-grown, hand-picked. " * 20,
        "regular_price": f"{100 + number % 900}.5",
        "manage_stock": True,
        "stock_quantity": number % 40,
    }


def _row(report: Report, desk: Desk, shop: str, what: str, seconds: float, found: str) -> None:
    traffic = desk.traffic
    report.rows.append(
        {
            "shop": shop,
            "what": what,
            "calls": traffic.calls,
            "kB read": round(traffic.bytes_in / 1e3, 1),
            "kB sent": round(traffic.bytes_out / 1e3, 1),
            "seconds": round(seconds, 2),
            "found": found,
        }
    )
