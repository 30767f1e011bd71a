"""Change capture: documents written to MongoDB, until their events are in Kafka, acknowledged.

The writer is the driver of the same machine, so the second figure is what it could write at all.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import uvloop
from pymongo import AsyncMongoClient

from benchmarks.folder import running
from benchmarks.ingest import records_in
from benchmarks.report import Report, median
from runtime.demo.system import System
from schemas.topics import INBOUND

DOCUMENTS = 20_000
PAGE = 1_000
LIMIT_S = 120


def run(*, runs: int = 3) -> Report:
    """Medians of `runs` runs."""
    report = Report(
        f"cdc: {DOCUMENTS:,} documents of 1 kB through the change stream into Kafka",
        ("what", "per second"),
    )
    with running("cdc") as system:
        found = [uvloop.run(_measure(system, number)) for number in range(runs)]
    captured = median([one["captured"] for one in found])
    written = median([one["written"] for one in found])
    report.rows = [
        {"what": "changes in Kafka, from the first insert", "per second": round(captured)},
        {"what": "inserts by the driver alone", "per second": round(written)},
    ]
    report.figures = {"changes_per_s": round(captured), "inserts_per_s": round(written)}
    return report


async def _measure(system: System, number: int) -> dict[str, float]:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(system.servers()["DATABASE_URL"])
    try:
        products = client.get_default_database()["products"]
        await _until(system, 0, products, number)  # the stream is open
        before = await records_in(system, INBOUND.name)
        began = time.perf_counter()
        for start in range(0, DOCUMENTS, PAGE):
            rows = [_document(number, start + place) for place in range(PAGE)]
            await products.insert_many(rows, ordered=False)
        written_s = time.perf_counter() - began
        await _until(system, before + DOCUMENTS, None, number)
        return {
            "captured": DOCUMENTS / (time.perf_counter() - began),
            "written": DOCUMENTS / written_s,
        }
    finally:
        await client.close()


async def _until(system: System, wanted: int, probe: Any, number: int) -> None:
    """Until so many records are there; with a probe, until its write has come through."""
    before = await records_in(system, INBOUND.name)
    if probe is not None:
        await probe.insert_one(_document(number, -1))
        wanted = before + 1
    end_s = time.monotonic() + LIMIT_S
    while await records_in(system, INBOUND.name) < wanted:
        if time.monotonic() > end_s:
            raise TimeoutError(f"fewer than {wanted} records in Kafka after {LIMIT_S} s")
        await asyncio.sleep(0.02)


def _document(run_number: int, place: int) -> dict[str, Any]:
    return {
        "_id": f"r{run_number}-{place}",
        "organizationId": "bench",
        "sku": f"SKU-{run_number}-{place}",
        "name": "Ceylon BOPF tea 400 g",
        "description": "High-grown, hand-picked. " * 30,
        "price": "1899.50",
        "status": "active",
        "variants": [],
    }
