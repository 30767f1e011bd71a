"""The sync page under load: 200 events a second on the feed, as the engine writes them, a conflict
now and then, and the page open in Chromium. Does it stay usable, and does it stay small?

Measured in the page: tasks that held it up for long (`PerformanceObserver`, Long Tasks API), the
heap after collecting garbage (DevTools protocol), how far the page is behind the feed, and how long
a click waits for its frame.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import uvloop

from api.login import issue_login_link
from benchmarks.folder import running
from benchmarks.report import Report, percentile
from runtime.demo.merchant import Platforms, open_merchant
from runtime.demo.system import System
from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.feed import ConflictLine, FeedLine
from schemas.topics import CONFLICTS, FEED
from streams.database import open_database
from streams.kafka import Outgoing, Publisher
from streams.topics import ensure_topics

if TYPE_CHECKING:
    from playwright.async_api import Browser, CDPSession, Page

RATE = 200
TICK_S = 0.05
WARM_S = 10.0
LOOK_S = 5.0
ITEMS = 60
CONFLICT_EVERY = 1_000
"""Events; each conflict is decided when the next one opens."""
KINDS = ("changed", "sent", "arrived")
ORGANIZATION = "bench"
LONG_MS = 200.0
"""No task may hold up the page for longer."""
GROWTH_MB = 10.0

OBSERVE = """
window.longTasks = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.longTasks.push(entry.duration);
}).observe({ type: "longtask", buffered: true });
"""
FRAME = """() => new Promise((done) => {
  const began = performance.now();
  document.body.click();
  requestAnimationFrame(() => done(performance.now() - began));
})"""
NEWEST = """() => {
  const row = document.querySelector("#events li");
  return row ? Number(row.dataset.id.split("-").pop()) : -1;
}"""


@dataclass
class Seen:
    """What the page showed while events came."""

    behind: list[float] = field(default_factory=list)
    """Events that were written and not shown."""
    frame_ms: list[float] = field(default_factory=list)
    heap_mb: list[float] = field(default_factory=list)
    long_ms: list[float] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    """What the page said of its connection."""
    written: int = 0
    rate: float = 0.0


def run(*, seconds: int = 600) -> Report:
    """`seconds` of events after a short warming up."""
    report = Report(
        f"page: /sync in Chromium, {RATE} events/s for {seconds} s",
        ("figure", "value", "limit"),
    )
    with running("api") as system:
        seen = uvloop.run(_measure(system, seconds))
    longest = max(seen.long_ms, default=0.0)
    growth = seen.heap_mb[-1] - seen.heap_mb[0]
    report.rows = [
        {"figure": "events/s written", "value": seen.rate},
        {"figure": "longest task, ms", "value": longest, "limit": LONG_MS},
        {"figure": "tasks over 50 ms", "value": len(seen.long_ms)},
        {"figure": "heap at first, MB", "value": seen.heap_mb[0]},
        {"figure": "heap growth, MB", "value": growth, "limit": GROWTH_MB},
        {"figure": "behind, events, p99", "value": percentile(seen.behind, 0.99)},
        {"figure": "click to frame, ms, p99", "value": percentile(seen.frame_ms, 0.99)},
        {"figure": "the page said", "value": ", ".join(sorted(seen.words))},
    ]
    report.figures = {
        "events": seen.written,
        "longest_task_ms": longest,
        "heap_growth_mb": growth,
        "behind_p99": percentile(seen.behind, 0.99),
        "usable": longest <= LONG_MS and growth <= GROWTH_MB and seen.words == {"Live"},
    }
    report.notes.append("Browser, servers, api and the writer of events share this machine.")
    return report


async def _measure(system: System, seconds: int) -> Seen:
    await ensure_topics(system.endpoints())  # the workers' task, and none runs here
    database = open_database(system.endpoints())
    publisher = Publisher(system.endpoints())
    seen = Seen()
    try:
        async with open_merchant(system, ORGANIZATION, Platforms(load=False, number=False)):
            link = await issue_login_link(database, system.url, ORGANIZATION)
            async with _chromium() as browser:
                page = await browser.new_page(viewport={"width": 1100, "height": 800})
                await page.add_init_script(OBSERVE)
                await page.goto(link)
                await page.wait_for_selector('#connection[data-tone="good"]')
                await _under_load(page, publisher, seconds, seen)
    finally:
        await publisher.stop()
        await database.client.close()
    return seen


async def _under_load(page: Page, publisher: Publisher, seconds: int, seen: Seen) -> None:
    session = await page.context.new_cdp_session(page)
    writing = asyncio.create_task(_write(publisher, WARM_S + seconds, seen))
    try:
        await asyncio.sleep(WARM_S)
        seen.heap_mb.append(await _heap_mb(session))
        await page.evaluate("() => { window.longTasks.length = 0; }")  # collecting was ours
        while not writing.done():
            await asyncio.wait([writing], timeout=LOOK_S)
            seen.behind.append(max(0, seen.written - 1 - await page.evaluate(NEWEST)))
            seen.frame_ms.append(await page.evaluate(FRAME))
            seen.words.add(await page.inner_text("#connection .word"))
        await writing
        seen.long_ms = await page.evaluate("window.longTasks")
        seen.heap_mb.append(await _heap_mb(session))
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def _heap_mb(session: CDPSession) -> float:
    await session.send("HeapProfiler.collectGarbage")
    used: float = (await session.send("Runtime.getHeapUsage"))["usedSize"]
    return used / 1_000_000


async def _write(publisher: Publisher, lasts_s: float, seen: Seen) -> None:
    """Open loop: what is late is written at once."""
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < lasts_s:
        due = int(passed * RATE)
        records = [_line(number) for number in range(seen.written, due)]
        for number in range(seen.written, due):
            if number % CONFLICT_EVERY == 0:
                place = number // CONFLICT_EVERY
                records += [_conflict(place - 1, "resolved")] * (place > 0)
                records.append(_conflict(place, "open"))
        await publisher.publish(*records)
        seen.written = max(due, seen.written)
        await asyncio.sleep(TICK_S)
    seen.rate = seen.written / (time.perf_counter() - began)


def _line(number: int) -> Outgoing:
    kind = KINDS[number % len(KINDS)]
    line = FeedLine(
        organization_id=ORGANIZATION,
        type="product",
        entity_id=f"66f1a2b3c4d5e6f7{number % ITEMS:08d}",
        id=f"{ORGANIZATION}-{number}",
        kind=kind,  # type: ignore[arg-type]
        label=f"Ceylon BOPF tea {number % ITEMS}",
        source="mongodb",
        replica="" if kind == "changed" else "woocommerce",
        fields={"price": f"{1000 + number % 900}.50", "name": f"Ceylon BOPF tea {number % ITEMS}"},
        version=number,
        at_ms=unix_ms(),
        latency_ms=number % 400 if kind == "arrived" else None,
    )
    return Outgoing(FEED, ORGANIZATION.encode(), encode(line))


def _conflict(place: int, status: str) -> Outgoing:
    now_ms = unix_ms()
    line = ConflictLine(
        organization_id=ORGANIZATION,
        type="product",
        entity_id=f"c{place}",
        id=f"{ORGANIZATION}.product.c{place}.price",
        field="price",
        label=f"Green tea {place}",
        status=status,  # type: ignore[arg-type]
        policy="manual",
        candidates={"mongodb": "1899.50", "woocommerce": "1950.00"},
        stamps={"mongodb": now_ms, "woocommerce": now_ms},
        opened_at_ms=now_ms,
        at_ms=now_ms,
        version=2 if status == "resolved" else 1,
    )
    return Outgoing(CONFLICTS, f"{line.key.decode()}/price".encode(), encode(line))


@asynccontextmanager
async def _chromium() -> AsyncIterator[Browser]:
    from playwright.async_api import async_playwright  # only here: it is for development

    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        raise SystemExit("bench page needs Chromium (Debian and Ubuntu: apt-get install chromium)")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    async with async_playwright() as playwright:
        opened: Any = await playwright.chromium.launch(executable_path=found, args=flags)
        yield opened
        await opened.close()
