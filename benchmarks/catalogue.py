"""A WhatsApp catalogue of 20,000 items: written whole, then 500 changes within a minute. How many
calls of Meta's API that takes beside the fewest possible, and whether it ends right.

The fewest possible: items by 3,000 (what Meta advises), and for each batch the one question whether
it is done; for the changes one batch at the end of their minute, and its question.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import os
import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvloop

from benchmarks.report import Report, median
from connectors.protocol import Connection
from connectors.whatsapp import WhatsApp
from connectors.whatsapp.batches import MAX_REQUESTS
from runtime.servers import LocalServers
from sandbox.app import create_sandbox
from sandbox.client import SandboxClient
from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.command import Write
from schemas.settings import Endpoints
from streams.database import Database, ensure_indexes, open_database
from streams.entities import EntityViews
from streams.kafka.records import Incoming
from streams.sinks.lines import Line, Said
from streams.sync.record import Agreed, Record
from streams.upkeep.jobs import Jobs
from streams.upkeep.runner import JobContext, Tools
from streams.whatsapp import catalogue

ITEMS, CHANGES, MINUTE_S = 20_000, 500, 60.0
BATCH_S = 3.0
"""How long the stand-in works on a batch. Meta's own take from seconds to minutes."""
MOST = 1.2
ORG, NUMBER, CATALOG = "bench", "104857392017364", "1083364729915520"
SETTINGS = {
    "base_url": "https://graph.test/v25.0",
    "phone_number_id": NUMBER,
    "catalog_id": CATALOG,
    "currency": "LKR",
    "site_url": "https://shop.example.lk",
    "image_link": "https://shop.example.lk/none.jpg",
}
TOKEN = {"access_token": "bench-token"}
LOADED_AT_ONCE = 1_000
SEED = 7


@dataclass
class Calls(httpx.AsyncBaseTransport):
    """The way to the stand-in, counted."""

    inner: httpx.AsyncBaseTransport
    batches: int = 0
    questions: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.batches += request.url.path.endswith("/items_batch")
        self.questions += request.url.path.endswith("/check_batch_request_status")
        return await self.inner.handle_async_request(request)

    @property
    def total(self) -> int:
        """All of them."""
        return self.batches + self.questions


@dataclass
class Figures:
    """One run."""

    full: int
    full_least: int
    full_s: float
    changed: int
    changed_least: int
    latest_s: float
    """Of a change, until the catalogue had it."""
    wrong: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Calls to the fewest possible."""
        return (self.full + self.changed) / (self.full_least + self.changed_least)


@dataclass
class Shop:
    """What the shop sells, and its number at the stand-in."""

    database: Database
    control: SandboxClient
    calls: Calls
    settings: dict[str, str]
    prices: dict[int, str] = field(default_factory=dict)
    stock: dict[int, int] = field(default_factory=dict)

    async def connection(self, organization_id: str, replica: str) -> Connection | None:
        """As `streams.directory.Directory`."""
        return self.account()

    def account(self) -> Connection:
        """The number and its catalogue."""
        return Connection(NUMBER, ORG, "whatsapp", "whatsapp", self.settings, TOKEN)

    async def load(self, items: int) -> None:
        """Its products and their stock, as the engine has them."""

        async def park(_record: Incoming, reason: str) -> None:
            raise AssertionError(reason)

        views = EntityViews(self.database, "bench", park)
        for start in range(0, items, LOADED_AT_ONCE):
            chunk: list[Incoming] = []
            for number in range(start, min(start + LOADED_AT_ONCE, items)):
                self.prices[number], self.stock[number] = f"{100 + number}", number % 7
                chunk += self._records(number)
            await views.handle(chunk)

    async def sync(self) -> None:
        """The job, as a runner would do it."""
        jobs = Jobs(self.database)
        await jobs.queue(ORG, catalogue.KIND, "whatsapp")
        job = await jobs.claim([catalogue.KIND], "bench")
        if job is None:
            raise LookupError("the job was not there to be done")
        tools: Any = Tools(self.database, self, None, None)  # type: ignore[arg-type]
        await catalogue.sync(JobContext(job, tools, jobs, dict(job.cursor)), self.calls)
        await jobs.end(job, "done")

    async def change(self, changes: int, minute_s: float) -> float:
        """So many prices and stocks within the time, as the engine sends and repeats them. Returns
        the longest that one of them took."""
        connection = self.account()
        client = WhatsApp(transport=self.calls).client(connection)
        line = Line(connection, client, unix_ms)
        picked = random.Random(SEED).sample(  # noqa: S311 - the same each time
            sorted(self.prices), changes
        )
        began = time.monotonic()
        waiting = [
            (began + minute_s * place / changes, place, self._write(place, number))
            for place, number in enumerate(picked)
        ]
        made = {place: at for at, place, _ in waiting}
        longest = 0.0
        while waiting:
            await asyncio.sleep(max(waiting[0][0] - time.monotonic(), 0.0))
            now = time.monotonic()
            due = []
            while waiting and waiting[0][0] <= now:
                due.append(heapq.heappop(waiting))
            said = await line.apply([command for _, _, command in due], self)
            done = time.monotonic()
            for (_, place, command), one in zip(due, said, strict=True):
                if one.answer.result == "taken":
                    longest = max(longest, done - made[place])
                else:
                    heapq.heappush(waiting, (now + self._wait_s(one), place, command))
        await client.close()
        return longest

    async def external_id(self, *place: str) -> str | None:
        """As `Links`: items are called by their SKU."""
        return f"S-{place[3]}"

    async def wrong(self) -> list[str]:
        """What the catalogue holds otherwise than the shop."""
        held = await self.control.catalogue(NUMBER)
        found = (
            [f"{len(held)} items of {len(self.prices)}"] if len(held) != len(self.prices) else []
        )
        for number, price in self.prices.items():
            item = held.get(f"S-{number}", {})
            have = item.get("price"), item.get("quantity_to_sell_on_facebook")
            stands = "in stock" if self.stock[number] else "out of stock"
            if have != (f"{price}.00 LKR", self.stock[number]) or item["availability"] != stands:
                found.append(f"S-{number}: {have}")
        return found

    def _write(self, place: int, number: int) -> Write:
        if place % 2:
            self.stock[number] = 0 if self.stock[number] else 5
            want: dict[str, Any] = {"quantity": self.stock[number]}
        else:
            self.prices[number] = f"{90_000 + number}"
            want = {"price": self.prices[number]}
        return Write(
            organization_id=ORG, type="inventory" if place % 2 else "product",
            entity_id=str(number), replica="whatsapp", op=(1, place + 1),
            external_id=f"S-{number}", want=want, issued_at_ms=0,
        )  # fmt: skip

    def _records(self, number: int) -> list[Incoming]:
        product = {
            "sku": f"S-{number}", "name": f"Item {number}", "price": self.prices[number],
            "status": "active", "description": "Made for measuring.",
        }  # fmt: skip
        made = []
        stock = {"quantity": self.stock[number]}
        for entity_type, fields in (("product", product), ("inventory", stock)):
            agreed = {name: Agreed(value, 1, "mongodb") for name, value in fields.items()}
            record = Record(ORG, entity_type, str(number), 1, 1, fields=agreed)
            key = f"{ORG}/{entity_type}/{number}".encode()
            made.append(Incoming("entities-changelog", 0, number, 1, key, encode(record)))
        return made

    @staticmethod
    def _wait_s(said: Said) -> float:
        if said.retry_at_ms is None:
            return 1.0
        return max(said.retry_at_ms / 1000 - time.time(), 0.05)


@asynccontextmanager
async def opened(database: Database, batch_s: float, **settings: str) -> AsyncIterator[Shop]:
    """A shop without items, and its number at a stand-in in this process."""
    app = create_sandbox(httpx.MockTransport(lambda _: httpx.Response(200)))
    asgi = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=asgi, base_url="https://graph.test", timeout=60) as http:
        control = SandboxClient(http)
        await control.create_number(NUMBER, catalog_id=CATALOG, catalog_delay_s=batch_s, **TOKEN)
        yield Shop(database, control, Calls(asgi), {**SETTINGS, **settings})
    await app.state.world.sender.close()


async def measure(
    shop: Shop, items: int = ITEMS, changes: int = CHANGES, minute_s: float = MINUTE_S
) -> Figures:
    """One run on a fresh shop."""
    await shop.load(items)
    began = time.monotonic()
    await shop.sync()
    full_s, full = time.monotonic() - began, shop.calls.total
    latest_s = await shop.change(changes, minute_s)
    return Figures(
        full=full,
        full_least=2 * math.ceil(items / MAX_REQUESTS),
        full_s=full_s,
        changed=shop.calls.total - full,
        changed_least=2 * math.ceil(changes / MAX_REQUESTS),
        latest_s=latest_s,
        wrong=await shop.wrong(),
    )


def run(runs: int = 1) -> Report:
    """`smartstore bench catalogue`. A run takes three minutes: one is enough, the calls are the
    same each time."""
    del runs
    with tempfile.TemporaryDirectory() as folder, LocalServers(Path(folder)) as servers:
        found = [uvloop.run(_one(servers.environment()))]
    return _report(found)


async def _one(environment: dict[str, str]) -> Figures:
    client = open_database(Endpoints.model_validate({**os.environ, **environment})).client
    database = client["bench_catalogue"]
    await ensure_indexes(database)
    async with opened(database, BATCH_S) as shop:
        figures = await measure(shop)
    await client.drop_database(database.name)
    await client.close()
    return figures


def _report(found: Sequence[Figures]) -> Report:
    one = found[0]
    rows = [
        {"what": f"{ITEMS:,} items written whole", "calls": one.full, "fewest": one.full_least,
         "seconds": one.full_s},
        {"what": f"{CHANGES} changes in a minute", "calls": one.changed,
         "fewest": one.changed_least, "seconds": one.latest_s},
        {"what": "both", "calls": one.full + one.changed,
         "fewest": one.full_least + one.changed_least, "seconds": None},
    ]  # fmt: skip
    ratio = median([figures.ratio for figures in found])
    right = not any(figures.wrong for figures in found)
    return Report(
        "catalogue",
        ("what", "calls", "fewest", "seconds"),
        rows,
        [
            f"{ratio:.2f} times the fewest possible calls (at most {MOST}); "
            + ("every item ends right." if right else f"WRONG: {found[0].wrong[:5]}"),
            "Seconds of the changes: the longest that one took until the catalogue had it.",
        ],
        {"ratio": round(ratio, 3), "right": right, "latest_s": round(one.latest_s, 1)},
    )
