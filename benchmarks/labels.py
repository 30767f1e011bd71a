"""Two hundred labels a courier, made by real processes that are killed (SIGKILL) at random moments,
over a network that loses answers and away couriers: never two labels for one order, and nothing
left unknown where the courier can be asked by our reference.

The killed process is the product's own loop (`streams.couriers.jobs.settle_due`) on a real MongoDB;
the couriers are the sandbox, whose books tell how many labels there really are. Its clock runs four
times as fast, and jumps ahead at each restart, past the time for which a claim may be a call under
way. The peer, in the same run: sending again what got no answer, as most plugins do.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import socket
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import uvicorn

from benchmarks.report import Report
from connectors.couriers.asked import ShipmentRequest
from connectors.errors import Retry, Unknown
from connectors.protocol import Connection
from runtime.servers import LocalServers
from sandbox.app import create_sandbox
from sandbox.couriers.depot import Depot
from sandbox.couriers.depot import Settings as Limits
from schemas.clock import unix_ms
from schemas.settings import Endpoints
from streams.couriers.jobs import settle_due
from streams.couriers.lines import CourierLines
from streams.couriers.parts import CourierParts
from streams.couriers.shipments import Wanted
from streams.database import Database, ensure_indexes, open_database
from streams.directory import Directory
from streams.effects.calls import Calls
from streams.kafka.records import Outgoing
from streams.keyring import Keyring
from streams.links import Links

ORDERS = 200
SPEED = 4
JUMP_MS = 70_000
LOOKED_MS = 40 * 60_000
MOST_ROUNDS = 400
FAULTS = [
    {"drop": True, "probability": 0.1, "times": None},
    {"status": 503, "probability": 0.1, "times": None},
]
"""The answer is lost; the courier is away and nobody can know."""
KEYRING = [b"k" * 32]
ADDRESS = {"name": "N", "phone": "+94771234567", "address": "1 A", "city": "Kandy"}


@dataclass(frozen=True)
class Account:
    """A courier's, in the sandbox."""

    code: str
    settings: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=lambda: {"api_key": "sandbox-key"})


_CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-client-secret"}
ACCOUNTS = (
    Account(
        "aramex", {"username": "sandbox-user", "account_number": "A1"},
        {"password": "sandbox-password", "account_pin": "sandbox-pin"},
    ),
    Account(
        "dhl", {"username": "sandbox-user", "account_number": "A1", "tracking": "mydhl"},
        {"password": "sandbox-password"},
    ),
    Account(
        "fedex", {"account_number": "A1"},
        {f"{use}_{name}": value for use in ("track", "ship") for name, value in _CLIENT.items()},
    ),
    Account("ups", {"account_number": "A1"}, _CLIENT),
    Account("trans_express"),
)  # fmt: skip


class Nowhere:
    """Kafka plays no part in this."""

    async def publish(self, *_records: Outgoing) -> None:
        """Nothing."""


def work(database_url: str, database_name: str, begin_ms: int, folder: str) -> None:
    """The process that is killed."""
    began = time.time()

    def clock_ms() -> int:
        return begin_ms + int(1000 * SPEED * (time.time() - began))

    asyncio.run(_work(database_url, database_name, clock_ms, Calls(Path(folder))))


async def _work(database_url: str, database_name: str, clock_ms: Any, calls: Calls) -> None:
    opened = open_database(Endpoints.model_validate({"DATABASE_URL": database_url}))
    shipper = _parts(opened.client[database_name], clock_ms, calls).shipper
    while True:
        if not await settle_due(shipper, clock_ms()):
            await asyncio.sleep(0.02)


def _parts(database: Database, clock_ms: Any, calls: Calls | None = None) -> CourierParts:
    directory = Directory(database, Keyring(KEYRING))
    return CourierParts.of(
        database, directory, Nowhere(), Links(database), CourierLines(), clock_ms, calls
    )


@dataclass
class Made:
    """What came of one courier's orders."""

    kills: int
    states: Counter[str]
    labels: Counter[str]
    """By order, as the courier's books have it."""
    same: bool
    """Our numbers are the courier's."""


def run(*, runs: int = 1, orders: int = ORDERS) -> Report:
    """Once, whatever `runs` says."""
    del runs
    report = Report(
        f"{orders} labels a courier, by processes that are killed",
        ("courier", "orders", "kills", "created", "unknown", "labels", "most an order", "naive"),
    )
    asyncio.run(_measure(report, orders))
    report.figures["most_for_one_order"] = max(row["most an order"] for row in report.rows)
    report.figures["unknown_with_lookup"] = sum(
        row["unknown"] for row in report.rows if row["courier"] != "trans_express"
    )
    report.notes.append(
        "trans_express cannot be asked by our reference: what is unknown there waits for a person; "
        "naive: labels too many where an order without an answer is sent again"
    )
    return report


async def _measure(report: Report, orders: int) -> None:
    with tempfile.TemporaryDirectory() as folder, LocalServers(Path(folder)) as servers:
        url = servers.environment()["DATABASE_URL"]
        for account in ACCOUNTS:
            made = await killed(url, account, orders, 7)
            report.rows.append(
                {
                    "courier": account.code,
                    "orders": orders,
                    "kills": made.kills,
                    "created": made.states["created"],
                    "unknown": made.states["unknown"],
                    "labels": sum(made.labels.values()),
                    "most an order": max(made.labels.values()),
                    "naive": await naive(account, orders),
                }
            )


async def killed(database_url: str, account: Account, orders: int, seed: int) -> Made:
    """The product, killed again and again until nothing is left to do."""
    with tempfile.TemporaryDirectory() as folder:
        return await _killed(database_url, account, orders, seed, folder)


async def _killed(database_url: str, account: Account, orders: int, seed: int, folder: str) -> Made:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.labels"])
    dice = Random(seed)  # noqa: S311 - repeatable
    opened = open_database(Endpoints.model_validate({"DATABASE_URL": database_url}))
    name = f"labels_{account.code}_{int(time.time())}"
    database = opened.client[name]
    await ensure_indexes(database)
    async with _sandbox(account, FAULTS) as (depot, url):
        now_ms = unix_ms()
        parts = _parts(database, lambda: now_ms)
        await _connect(database, account, url)
        rows = [await _want(parts, account.code, place) for place in range(orders)]
        now_ms += 11 * 60_000  # nobody has begun them: whoever looks does
        kills = 0
        for _ in range(MOST_ROUNDS):
            waiting = await parts.shipments.due(now_ms + LOOKED_MS, orders)
            if not waiting:
                break
            now_ms = max(now_ms, min(one.next_ms for one in waiting))
            process = context.Process(
                target=work, args=(database_url, name, now_ms, folder), daemon=True
            )
            began = time.time()
            process.start()
            await asyncio.sleep(dice.uniform(0.2, 1.2))
            process.kill()
            await asyncio.to_thread(process.join)
            kills += 1
            now_ms += JUMP_MS + int(1000 * SPEED * (time.time() - began))
        found = [await parts.shipments.get("kandy", row.id) for row in rows]
        ended = [one for one in found if one is not None]
        labels = Counter(one.reference for one in depot.consignments.values())
        really = {one.reference: one.number for one in depot.consignments.values()}
        same = all(really.get(one.reference) == one.number for one in ended if one.number)
    await opened.client.drop_database(name)
    await opened.client.close()
    return Made(kills, Counter(one.state for one in ended), labels, same)


async def _connect(database: Database, account: Account, url: str) -> None:
    directory = Directory(database, Keyring(KEYRING))
    await directory.ensure_organization("kandy", "Kandy")
    settings = _settings(account, url)
    replica = f"courier:{account.code}"
    await directory.connect(
        "kandy", "courier", settings, account.secrets, True, replica, first_sync="newest"
    )


def _settings(account: Account, url: str) -> dict[str, str]:
    place = f"{url}/couriers/{account.code}"
    return {
        "courier": account.code, "base_url": place, "allow_private_addresses": "true",
        "mydhl_base_url": f"{place}/mydhlapi/test", **account.settings,
    }  # fmt: skip


def _request(code: str, place: int) -> ShipmentRequest:
    return ShipmentRequest.model_validate(
        {
            "pickupAddress": {**ADDRESS, "postalCode": "00300"},
            "deliveryAddress": {**ADDRESS, "postalCode": "20000", "state": "Kandy"},
            "package": {"weight": "1.2", "length": 30, "width": 20, "height": 15},
            "orderId": f"SO-{10_000 + place}",
            "organizationId": "kandy",
            "courierCode": code,
        }
    )


async def _want(parts: CourierParts, code: str, place: int) -> Wanted:
    request = _request(code, place)
    return await parts.shipments.want("kandy", request.order_id, "1", request)


async def naive(account: Account, orders: int) -> int:
    """Labels too many where whoever gets no answer asks again."""
    async with _sandbox(account, FAULTS) as (depot, url):
        lines = CourierLines()
        replica, settings = f"courier:{account.code}", _settings(account, url)
        connection = Connection("c", "kandy", "courier", replica, settings, account.secrets)
        client = await lines.client(connection)
        for place in range(orders):
            shipment = _request(account.code, place).shipment(unix_ms())
            for _ in range(20):
                try:
                    await client.create([shipment])
                except (Unknown, Retry):
                    continue
                break
        await lines.close()
        return len(depot.consignments) - orders


@contextlib.asynccontextmanager
async def _sandbox(
    account: Account, faults: list[dict[str, Any]]
) -> AsyncIterator[tuple[Depot, str]]:
    """One courier's, served on loopback."""
    app = create_sandbox(httpx.MockTransport(lambda _: httpx.Response(200)))
    world = app.state.world
    depot = Depot(account.code, account.code, Limits(per_s=0, per_day=0), world.clock)
    depot.faults.configure({"requests": faults})
    world.depots[account.code] = depot
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # answers are lost on purpose
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[opened]))
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0)
        yield depot, f"http://127.0.0.1:{opened.getsockname()[1]}"
        server.should_exit = True
        await task
        await world.sender.close()
