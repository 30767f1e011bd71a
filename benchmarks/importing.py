"""Initial import of a shop: its products from the sandbox (no rate limit) into Kafka, through the
engine and into MongoDB, and the most memory that the importing process took meanwhile.

Beside it, in the same run: the same pages read one after another and kept in a list, which is what
is left when nothing is sent, and how memory grows when a shop is held in it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any

import psutil
import uvloop

from benchmarks.folder import running
from benchmarks.report import Report, median
from connectors.protocol import Connection, Lists
from connectors.registry import connector
from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.demo.system import System

SIZES = (1_000, 10_000)
LOADED_AT_ONCE = 1_000
SAMPLE_S = 0.05
LIMIT_S = 900.0
EMPTY = Platforms(plugin=False, number=False, load=False, first_sync="newest", webhooks=False)


def run(*, runs: int = 1) -> Report:
    """Both sizes, `runs` times; medians, and the highest memory of all."""
    report = Report(
        "import: products of a shop, until the job is done and until MongoDB has all of them",
        ("what", "products", "seconds", "in MongoDB s", "per second", "peak MB"),
    )
    peaks: dict[int, float] = {}
    with running() as system:
        for size in SIZES:
            found = [uvloop.run(_measure(system, size, turn)) for turn in range(runs)]
            peaks[size] = max(one["peak"] for one in found)
            seconds = median([one["job"] for one in found])
            stored = median([one["stored"] for one in found])
            report.rows.append(
                {
                    "what": "smartstore",
                    "products": size,
                    "seconds": round(seconds, 1),
                    "in MongoDB s": round(stored, 1),
                    "per second": round(size / seconds),
                    "peak MB": round(peaks[size], 1),
                }
            )
            report.figures[f"job_s_{size}"] = round(seconds, 1)
            report.figures[f"stored_s_{size}"] = round(stored, 1)
            report.rows.append(uvloop.run(_held_in_memory(system, size)))
    report.figures["memory_ratio"] = round(peaks[SIZES[1]] / peaks[SIZES[0]], 3)
    report.notes.append(
        f"peak of {SIZES[1]:,} over peak of {SIZES[0]:,}: {report.figures['memory_ratio']}"
    )
    return report


async def _measure(system: System, size: int, turn: int) -> dict[str, float]:
    async with open_merchant(system, f"import-{size}-{turn}", EMPTY) as merchant:
        await _fill(merchant, size)
        (shop,) = (await merchant.ask("GET", "/api/integrations"))["integrations"]
        watching = asyncio.create_task(_watch(system.pid("upkeep")))
        began = time.perf_counter()
        path = f"/api/integrations/{shop['id']}/confirm"
        job_id = (await merchant.ask("POST", path, {"winner": "newest"}))["import"]["id"]
        job: dict[str, Any] = {}
        job_s = 0.0
        while not job_s or await _stored(merchant) < size:
            job = await merchant.database["ss_jobs"].find_one({"_id": job_id}) or {}
            if job.get("state") == "done" and not job_s:
                job_s = time.perf_counter() - began
            if job.get("state") == "failed" or time.perf_counter() - began > LIMIT_S:
                raise RuntimeError(f"{job.get('state')} at {job.get('done')}: {job.get('reason')}")
            await asyncio.sleep(0.2)
        stored_s = time.perf_counter() - began
        watching.cancel()
        peak = (await asyncio.gather(watching, return_exceptions=True))[0]
        return {"job": job_s, "stored": stored_s, "peak": float(peak)}  # type: ignore[arg-type]


async def _fill(merchant: Merchant, size: int) -> None:
    for start in range(0, size, LOADED_AT_ONCE):
        rows = [_resource(number) for number in range(start, min(start + LOADED_AT_ONCE, size))]
        await merchant.sandbox.load(
            merchant.shop.name, {"products": rows, "next_ids": {"post": 1_000 + 2 * size}}
        )


def _resource(number: int) -> dict[str, Any]:
    return {
        "id": 1_000 + number,
        "name": f"Ceylon BOPF tea {number}",
        "sku": f"TEA-{number:05d}",
        "type": "simple",
        "status": "publish",
        "description": "High-grown, hand-picked. " * 20,
        "regular_price": f"{100 + number % 900}.50",
        "manage_stock": True,
        "stock_quantity": number % 40,
    }


async def _stored(merchant: Merchant) -> int:
    mine = {"organizationId": merchant.organization_id}
    return await merchant.collection("products").count_documents(mine)


async def _watch(pid: int) -> float:
    """The most memory in MB that this process took, until cancelled."""
    process, peak = psutil.Process(pid), 0
    try:
        while True:
            peak = max(peak, process.memory_info().rss)
            await asyncio.sleep(SAMPLE_S)
    except asyncio.CancelledError:
        return peak / 1e6


async def _held_in_memory(system: System, size: int) -> dict[str, Any]:
    """The peer, in a process of its own: every page read, none let go of."""
    async with open_merchant(system, f"peer-{size}-{time.time_ns()}", EMPTY) as merchant:
        await _fill(merchant, size)
        shop = merchant.shop
        program = (
            "from benchmarks.importing import peer; peer"
            f"({shop.url!r}, {shop.consumer_key!r}, {shop.consumer_secret!r})"
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
        )
        told, _ = await process.communicate()
    seconds, peak = (float(part) for part in told.split())
    return {
        "what": "pages only, all kept",
        "products": size,
        "seconds": round(seconds, 1),
        "per second": round(size / seconds),
        "peak MB": round(peak, 1),
    }


def peer(site_url: str, consumer_key: str, consumer_secret: str) -> None:
    """Prints seconds and MB."""
    keys = {"consumer_key": consumer_key, "consumer_secret": consumer_secret}
    connection = Connection(
        "peer", "peer", "woocommerce", "woocommerce", {"site_url": site_url}, keys
    )
    began = time.perf_counter()
    kept = uvloop.run(_all_pages(connection))
    took = time.perf_counter() - began
    memory = psutil.Process(os.getpid()).memory_info().rss / 1e6
    sys.stdout.write(f"{took} {memory}\n")
    kept.clear()


async def _all_pages(connection: Connection) -> list[Any]:
    client = connector("woocommerce").client(connection)
    if not isinstance(client, Lists):
        raise TypeError("the shop's client lists nothing")
    kept: list[Any] = []
    cursor = ""
    while True:
        page = await client.page("product", cursor, limit=100)
        kept += page.items
        cursor = page.next
        if not cursor:
            await client.close()
            return kept
