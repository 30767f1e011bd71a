"""The figures' agent as a Faust worker on real Kafka and MongoDB, and what a restart does to it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.feed import FeedLine
from schemas.settings import Endpoints
from schemas.topics import FEED
from streams.analytics.agent import COLLECTION, assemble
from streams.app import SyncApp
from streams.database import Database, open_database
from streams.kafka import Incoming, Outgoing, Publisher
from streams.topics import ensure_topics

pytestmark = pytest.mark.servers

COLOMBO = ZoneInfo("Asia/Colombo")
NOW_MS = unix_ms()


@pytest.fixture
async def endpoints(servers: dict[str, str]) -> Endpoints:
    found = Endpoints.model_validate(
        {**servers, "KAFKA_PARTITIONS": 2, "KAFKA_TOPIC_PREFIX": f"{uuid.uuid4().hex[:8]}."}
    )
    await ensure_topics(found)
    return found


@pytest.fixture
async def database(endpoints: Endpoints) -> AsyncIterator[Database]:
    opened = open_database(endpoints)
    mine = opened.client[f"test_{uuid.uuid4().hex}"]
    yield mine
    await mine.client.drop_database(mine.name)
    await mine.client.close()


@pytest.fixture
async def publisher(endpoints: Endpoints) -> AsyncIterator[Publisher]:
    opened = Publisher(endpoints)
    await opened.start()
    yield opened
    await opened.stop()


async def park(record: Incoming, reason: str) -> None:
    raise AssertionError(reason)


def started(endpoints: Endpoints, publisher: Publisher, database: Database) -> SyncApp:
    app = assemble(endpoints, "0", publisher, database, "log", COLOMBO, park)
    app.finalize()
    return app


def order(number: int, version: int, **fields: Any) -> Outgoing:
    line = FeedLine(
        organization_id="kandy",
        type="order",
        entity_id=str(number),
        id=f"order/{number}/{version}/0",
        kind="changed",
        fields=fields,
        version=version,
        at_ms=NOW_MS,
    )
    return Outgoing(FEED, b"kandy", encode(line))


def arrived(version: int, later_ms: int = 0) -> Outgoing:
    line = FeedLine(
        organization_id="kandy", type="product", entity_id="p", id=f"product/p/{version}/0",
        kind="arrived", replica="woocommerce", latency_ms=100, version=version,
        at_ms=NOW_MS + later_ms,
    )  # fmt: skip
    return Outgoing(FEED, b"kandy", encode(line))


async def row(database: Database, **wanted: Any) -> dict[str, Any]:
    """The newest day's figures, once its first order's figures are these."""
    deadline = time.monotonic() + 25
    found = None
    while time.monotonic() < deadline:
        found = await database[COLLECTION].find_one({"organizationId": "kandy"}, sort=[("day", -1)])
        if found and found["orders"] and wanted.items() <= found["orders"][0].items():
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(found)


async def test_figures_stand_through_a_restart(
    endpoints: Endpoints, publisher: Publisher, database: Database
) -> None:
    placed = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW_MS / 1000))
    one = {"total": "100.5", "currency": "LKR", "status": "processing", "createdAt": placed}
    app = started(endpoints, publisher, database)
    await app.start()
    await publisher.publish(order(1, 1, **one), order(2, 1, **one), arrived(1), arrived(1))
    found = await row(database, orders=2, revenue="201.0")
    assert sum(found["latency"]["woocommerce"].values()) == 1  # the producer's repeat is none
    await app.stop()

    # The next worker knows order 1 from the table alone: this line tells only its status.
    app = started(endpoints, publisher, database)
    await app.start()
    # The engine was killed as well: it decides on version 1 again, a moment later.
    await publisher.publish(arrived(1, later_ms=9_000))
    await publisher.publish(order(1, 2, status="cancelled"), arrived(2))
    found = await row(database, orders=2, cancelled=1, revenue="100.5")
    assert sum(found["latency"]["woocommerce"].values()) == 2
    await app.stop()
