"""Reconcile throughput: 1 kB observations through one worker process, with its table's changelog
written ahead and its outputs on, beside two peers on the same events:

- raw aiokafka: read in chunks, decode, write one changelog and one output record each, in whole
  batches; no table, no decision. The most that this client can do.
- plain Faust: an agent as its manual shows it, one event at a time, a table, one output each.

Every run has topics of its own, filled before it starts, and a fresh process.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.report import Report, median
from runtime.servers import LocalServers
from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.observation import Observation, Seen
from schemas.settings import Endpoints
from schemas.topics import OBSERVATIONS
from streams.kafka import Outgoing, Publisher
from streams.topics import ensure_topics

KEYS = 1000
PEERS = ("smartstore", "aiokafka", "faust")
EVENTS = {"smartstore": 40_000, "aiokafka": 40_000, "faust": 5_000}


def run(*, runs: int = 3, events: int | None = None) -> Report:
    """Medians of `runs` runs of each peer, in turn."""
    report = Report(
        "reconcile: observations of 1 kB, 1,000 keys, 4 partitions, one process",
        ("peer", "events/s", "ratio", "CPU s per 100k", "first chunk after s"),
    )
    found: dict[str, list[dict[str, Any]]] = {peer: [] for peer in PEERS}
    with tempfile.TemporaryDirectory() as folder, LocalServers(Path(folder)) as servers:
        for number in range(runs):
            for peer in PEERS:
                sys.stderr.write(f"run {number + 1} of {runs}: {peer}\n")
                wanted = min(events or EVENTS[peer], EVENTS[peer])
                found[peer].append(_measure(peer, wanted, number, servers.environment()))
    rates = {peer: median([row["rate"] for row in rows]) for peer, rows in found.items()}
    for peer, rows in found.items():
        report.rows.append(
            {
                "peer": peer,
                "events/s": round(rates[peer]),
                "ratio": round(rates["smartstore"] / rates[peer], 2),
                "CPU s per 100k": round(median([row["cpu"] for row in rows]), 1),
                "first chunk after s": round(median([row["start"] for row in rows]), 1),
            }
        )
    report.notes.append("ratio: smartstore's rate divided by the peer's; Kafka on the same machine")
    report.figures = {f"{peer}_events_per_s": round(rate) for peer, rate in rates.items()}
    return report


def _measure(peer: str, events: int, number: int, servers: dict[str, str]) -> dict[str, Any]:
    environment = {
        **os.environ,
        **servers,
        "KAFKA_TOPIC_PREFIX": f"{peer}{number}.",
        "SMARTSTORE_INSTANCE": f"{peer}{number}",
    }
    os.environ.update({key: environment[key] for key in ("KAFKA_URL", "KAFKA_TOPIC_PREFIX")})
    asyncio.run(fill(events))
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "benchmarks.reconcile_peers", peer, str(events)],
        env=environment,
        cwd=Path(__file__).resolve().parent.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{peer} failed: {done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


async def fill(events: int) -> None:
    """Make the topics and put the observations into them."""
    endpoints = Endpoints()
    await ensure_topics(endpoints)
    publisher = Publisher(endpoints)
    now_ms = unix_ms()
    for start in range(0, events, 2000):
        found = [observation(i, now_ms) for i in range(start, min(events, start + 2000))]
        await publisher.publish(*(Outgoing(OBSERVATIONS, one.key, encode(one)) for one in found))
    await publisher.stop()


def observation(number: int, now_ms: int) -> Observation:
    """A product's price has changed; about 1 kB of JSON."""
    item = f"p{number % KEYS}"
    return Observation(
        organization_id="bench",
        type="product",
        entity_id=item,
        id=f"o{number}",
        replica="mongodb",
        received_at_ms=now_ms,
        seen=Seen(
            external_id=item,
            as_of=number,
            changed_at_ms=now_ms,
            fields={
                "sku": f"SKU-{item}",
                "name": "Ceylon BOPF tea 400 g",
                "description": "High-grown, hand-picked. " * 28,
                "price": str(1000 + number),
                "status": "active",
                "categories": ["Tea"],
            },
        ),
    )
