"""Webhook ingest: signed deliveries of WooCommerce to the real api, which answers only once Kafka
has acknowledged. The client runs on the same machine and costs about as much as the server."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp
import uvloop
from aiokafka import AIOKafkaConsumer

from benchmarks.folder import running
from benchmarks.report import Report, median, percentile
from connectors.woocommerce.signature import native_signature
from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.demo.system import System
from schemas.topics import INBOUND
from streams.topics import ensure_topics

REQUESTS = {1: 500, 16: 6_000, 64: 10_000}
"""Connections to requests of one run."""
ITEMS = 500


def run(*, runs: int = 3) -> Report:
    """Medians of `runs` runs for each number of connections."""
    report = Report(
        "ingest: signed webhooks of 1.3 kB, one api process, acknowledged by Kafka before 200",
        ("connections", "req/s", "p50 ms", "p99 ms", "not 200", "in Kafka"),
    )
    with running("api") as system:
        for found in uvloop.run(_measure(system, runs)):
            report.rows.append(found)
    report.figures = {f"req_per_s_{row['connections']}": row["req/s"] for row in report.rows}
    report.notes.append("in Kafka: records in topic inbound, of deliveries answered 200, all runs")
    return report


async def _measure(system: System, runs: int) -> list[dict[str, Any]]:
    rows = []
    platforms = Platforms(load=False, number=False)
    await ensure_topics(system.endpoints())  # the workers' task, and none runs here
    async with open_merchant(system, "bench", platforms) as merchant:
        deliveries = [_delivery(merchant, number) for number in range(ITEMS)]
        await _round(merchant, deliveries, 16, 500)  # warm
        for connections, count in REQUESTS.items():
            before = await _published(system)
            found = [await _round(merchant, deliveries, connections, count) for _ in range(runs)]
            rows.append(
                {
                    "connections": connections,
                    "req/s": round(median([one["rate"] for one in found])),
                    "p50 ms": round(median([one["p50"] for one in found]), 1),
                    "p99 ms": round(median([one["p99"] for one in found]), 1),
                    "not 200": sum(one["refused"] for one in found),
                    "in Kafka": f"{await _published(system) - before} of {runs * count}",
                }
            )
    return rows


def _delivery(merchant: Merchant, number: int) -> tuple[bytes, dict[str, str]]:
    resource = {
        "id": 1000 + number,
        "type": "simple",
        "sku": f"SKU-{number}",
        "name": "Ceylon BOPF tea 400 g",
        "status": "publish",
        "description": "High-grown, hand-picked. " * 42,
        "regular_price": "1899.50",
        "date_modified_gmt": "2026-11-22T09:30:00",
    }
    body = json.dumps(resource).encode()
    return body, {
        "X-WC-Webhook-Topic": "product.updated",
        "X-WC-Webhook-Signature": native_signature(merchant.shop.webhook_secret, body),
        "Content-Type": "application/json",
    }


async def _round(
    merchant: Merchant, deliveries: list[tuple[bytes, dict[str, str]]], connections: int, count: int
) -> dict[str, float]:
    url = f"{merchant.web.base_url}/api/webhooks/woocommerce/{merchant.organization_id}"
    took_ms: list[float] = []
    refused = 0
    numbers = iter(range(count))

    async def worker(session: aiohttp.ClientSession) -> None:
        nonlocal refused
        for number in numbers:
            body, headers = deliveries[number % len(deliveries)]
            began = time.perf_counter()
            async with session.post(url, data=body, headers=headers) as answer:
                await answer.read()
                refused += answer.status != 200
            took_ms.append((time.perf_counter() - began) * 1000)

    limit = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=limit) as session:
        began = time.perf_counter()
        await asyncio.gather(*(worker(session) for _ in range(connections)))
        rate = count / (time.perf_counter() - began)
    return {
        "rate": rate,
        "p50": percentile(took_ms, 0.5),
        "p99": percentile(took_ms, 0.99),
        "refused": refused,
    }


async def _published(system: System) -> int:
    return await records_in(system, INBOUND.name)


async def records_in(system: System, topic: str) -> int:
    """How many records a topic holds."""
    consumer = AIOKafkaConsumer(
        f"{system.prefix}{topic}", bootstrap_servers=system.endpoints().bootstrap
    )
    try:
        await consumer.start()
        ends: dict[Any, int] = await consumer.end_offsets(list(consumer.assignment()))
        return sum(ends.values())
    finally:
        await consumer.stop()
