"""Ten thousand live parcels over six carriers, followed by the real tracker on a virtual clock: the
real clients, adapters, paces and rows in a real MongoDB; the sandbox's carriers count what they are
asked, refuse what is too much, and show a scan when its time has come.

Beside it, in the same run and on the same parcels: round robin at all that is allowed, which is the
least median delay possible for parcels that are alike. Ours keeps a twentieth back for people and
spaces calls a little wider than allowed.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec

from benchmarks.parcels import (
    DAY_MS,
    START_MS,
    Parcel,
    most_in,
    parcels,
    round_robin,
    unheard,
)
from benchmarks.report import Report, median, percentile
from connectors.couriers.protocol import Traits
from connectors.protocol import Connection
from runtime.servers import LocalServers
from sandbox.app import create_sandbox
from sandbox.couriers.depot import Consignment, Depot
from sandbox.couriers.depot import Scan as Told
from sandbox.couriers.depot import Settings as Limits
from schemas.envelope import epoch_ms
from schemas.settings import Endpoints
from schemas.topics import INBOUND
from streams.couriers.following import Following
from streams.couriers.lines import CourierLines
from streams.couriers.paces import Paces, account_of
from streams.couriers.tracker import Account, Tracker
from streams.database import Database, ensure_indexes, open_database
from streams.directory import Directory
from streams.kafka.records import Outgoing
from streams.keyring import Keyring
from streams.links import Links

LIVE = 10_000
ORGANIZATIONS = ("galle", "kandy", "matara")
"""They share each account, with a third of its parcels each."""
MINUTE_MS = 60_000


@dataclass(frozen=True)
class Carrier:
    """One, and for how long it is watched: some turns of its parcels."""

    code: str
    watched_ms: int
    speed: float
    """Of its parcels' life: those of carriers that allow much live faster, so that a short watch
    sees many scans."""
    settings: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=lambda: {"api_key": "sandbox-key"})
    limits: dict[str, Any] = field(default_factory=lambda: {"per_s": 5})
    """What the sandbox refuses; where a carrier publishes none, what we assume."""
    tells_ms: int = 1_000
    """How exactly it tells times."""


_CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-client-secret"}
CARRIERS = (
    Carrier(
        "aramex", 3 * MINUTE_MS, 0.02, {"username": "sandbox-user", "account_number": "A1"},
        {"password": "sandbox-password", "account_pin": "sandbox-pin"},
    ),
    Carrier("dhl", 12 * DAY_MS, 1.0, {"tracking": "unified"}, limits={}),
    Carrier(
        "fedex", 8 * MINUTE_MS, 0.04, {"account_number": "A1"},
        {f"{use}_{name}": value for use in ("track", "ship") for name, value in _CLIENT.items()},
        limits={},
    ),
    Carrier("ups", 24 * MINUTE_MS, 0.1, {"account_number": "A1"}, _CLIENT),
    Carrier("ceylinco", 24 * MINUTE_MS, 0.15, tells_ms=MINUTE_MS),
    Carrier("skynet", 24 * MINUTE_MS, 0.08, {"service": "Domestic"}),
)  # fmt: skip


@dataclass
class Feed:
    """Kafka, as far as following sees it: how late each scan is when it is told."""

    known: dict[str, int]
    """Number to how many of its scans were told."""
    delays_ms: list[int] = field(default_factory=list)

    async def publish(self, *records: Outgoing) -> None:
        """Take records of topic `inbound`."""
        for record in records:
            told = msgspec.json.decode(record.value or b"{}")
            if record.topic is not INBOUND or "number" not in told:
                continue
            events = told["fields"]["events"]
            for event in events[self.known[told["number"]] :]:
                self.delays_ms.append(told["asOf"] - epoch_ms(event["timestamp"]))
            self.known[told["number"]] = len(events)


class Town:
    """One carrier's sandbox on the virtual clock."""

    def __init__(self, carrier: Carrier, held: list[Parcel]) -> None:
        app = create_sandbox(httpx.MockTransport(lambda _: httpx.Response(200)))
        self.transport = httpx.ASGITransport(app)
        self._clock = app.state.world.clock
        limits = Limits(**carrier.limits)
        self.depot = Depot(carrier.code, carrier.code, limits, self._clock)
        app.state.world.depots[carrier.code] = self.depot
        self.now_ms = float(START_MS)
        self._coming: list[tuple[int, str, str]] = []
        self._clock.freeze(START_MS / 1000)
        for parcel in held:
            begun = Told("created", parcel.scans[0].at_ms / 1000)
            made = Consignment(parcel.number, parcel.number, begun.at, scans=[begun])
            self.depot.add(made)
            self._coming += [(scan.at_ms, parcel.number, scan.stage) for scan in parcel.scans[1:]]
        heapq.heapify(self._coming)
        self._show()

    def clock_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self.now_ms)

    async def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.now_ms += 1000 * seconds
        self._clock.freeze(self.now_ms / 1000)
        self._show()

    def _show(self) -> None:
        while self._coming and self._coming[0][0] <= self.now_ms:
            at_ms, number, stage = heapq.heappop(self._coming)
            self.depot.consignments[number].scans.append(Told(stage, at_ms / 1000))


def run(*, runs: int = 1, live: int = LIVE, codes: tuple[str, ...] = ()) -> Report:
    """Once, whatever `runs` says: on a virtual clock nothing varies. `codes`: only these."""
    del runs
    report = Report(
        f"{live:,} live parcels over {len(CARRIERS)} carriers: from a carrier's scan to the feed",
        (
            "carrier", "parcels", "scans", "calls", "most a s", "most a day", "refused",
            "least s", "ours s", "p95 s", "ratio",
        ),
    )  # fmt: skip
    began = time.perf_counter()
    asyncio.run(_measure(report, live, codes))
    report.figures["worst_ratio"] = max(row["ratio"] for row in report.rows)
    report.figures["refused"] = sum(row["refused"] for row in report.rows)
    report.notes.append(
        "least: round robin on the same parcels at all that is allowed, with nothing kept back; "
        f"refused: calls that the carrier's limit turned away; {time.perf_counter() - began:.0f} s"
    )
    return report


async def _measure(report: Report, live: int, codes: tuple[str, ...]) -> None:
    async with _database() as database:
        for seed, carrier in enumerate(CARRIERS):
            if not codes or carrier.code in codes:
                report.rows.append(await watch(database, carrier, live // len(CARRIERS) + 1, seed))


@contextlib.asynccontextmanager
async def _database() -> AsyncIterator[Database]:
    with tempfile.TemporaryDirectory() as folder, LocalServers(Path(folder)) as servers:
        opened = open_database(Endpoints.model_validate(servers.environment()))
        await ensure_indexes(opened)
        yield opened
        await opened.client.close()


async def watch(database: Database, carrier: Carrier, count: int, seed: int) -> dict[str, Any]:
    """One carrier's row. The watch is as many turns of `count` as it is of the full number."""
    prefix = carrier.code[:3].upper()
    held = parcels(count, carrier.speed, carrier.tells_ms, prefix, Random(seed))  # noqa: S311 - repeatable
    town = Town(carrier, held)
    feed = Feed({one.number: one.known(START_MS) for one in held})
    traits = await _follow(database, carrier, town, feed, held)
    end_ms = START_MS + carrier.watched_ms
    delays = feed.delays_ms + unheard(held, feed.known, end_ms)
    least = round_robin(held, traits.pace, traits.track_batch, end_ms)
    asked = [1000 * call["at"] for call in town.depot.calls if "token" not in call["path"]]
    refused = sum(call["status"] == 429 for call in town.depot.calls)
    return {
        "carrier": carrier.code,
        "parcels": count,
        "calls": len(asked),
        "refused": refused,
        "most a s": most_in(asked, 1000.0),
        "most a day": max(Counter(int(at) // DAY_MS for at in asked).values()),
        "scans": len(delays),
        "least s": round(median([*map(float, least)]) / 1000, 2),
        "ours s": round(median([*map(float, delays)]) / 1000, 2),
        "p95 s": round(percentile([*map(float, delays)], 0.95) / 1000, 2),
        "ratio": round(median([*map(float, delays)]) / median([*map(float, least)]), 2),
    }


async def _follow(
    database: Database, carrier: Carrier, town: Town, feed: Feed, held: list[Parcel]
) -> Traits:
    """The tracker's own steps until the watch ends."""
    directory = Directory(database, Keyring([b"k" * 32]))
    links = Links(database)
    lines = CourierLines(town.transport)
    following = Following(database, feed, links, town.clock_ms)
    paces = Paces(database, town.clock_ms)
    tracker = Tracker(
        database, directory, following, lines, paces, clock_ms=town.clock_ms, sleep=town.sleep
    )
    connections = {
        organization: Connection(
            f"{organization}/courier:{carrier.code}", organization, "courier",
            f"courier:{carrier.code}",
            {
                "courier": carrier.code, "base_url": f"http://sandbox/couriers/{carrier.code}",
                **carrier.settings,
            },
            carrier.secrets,
        )
        for organization in ORGANIZATIONS
    }  # fmt: skip
    name = account_of(connections[ORGANIZATIONS[0]])
    await _load(database, connections, name, held)
    account = Account(connections)
    end_ms = START_MS + carrier.watched_ms
    while town.now_ms < end_ms:
        await town.sleep(await tracker.step(name, account) / 1000)
    traits = (await lines.client(connections[ORGANIZATIONS[0]])).traits
    await lines.close()
    return traits


async def _load(
    database: Database, connections: dict[str, Connection], account: str, held: list[Parcel]
) -> None:
    """The rows as `Following` keeps them, each asked for at the start, as in a long run."""
    order = [*held]
    Random(len(held)).shuffle(order)  # noqa: S311 - repeatable
    rows: list[dict[str, Any]] = []
    for place, parcel in enumerate(order):
        connection = connections[ORGANIZATIONS[place % len(ORGANIZATIONS)]]
        known = parcel.known(START_MS)
        scan = parcel.scans[known - 1]
        rows.append(
            {
                "_id": f"{connection.organization_id}/{connection.replica}/{parcel.number}",
                "organizationId": connection.organization_id, "replica": connection.replica,
                "courier": connection.settings["courier"], "account": account,
                "number": parcel.number, "shipmentId": parcel.number, "orderId": "",
                "status": scan.stage, "events": [], "estimated": None, "uniqueId": "",
                "createdAtMs": parcel.scans[0].at_ms, "polledAtMs": START_MS, "asOf": START_MS,
                "dueAtMs": START_MS, "live": True, "ended": "", "version": 0, "base": {},
            }
        )  # fmt: skip
    await database["ss_tracking"].insert_many(rows)
