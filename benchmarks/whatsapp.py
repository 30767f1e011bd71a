"""Order changes told on WhatsApp while the sender is killed and every webhook comes twice: each
customer gets each notification at most once, and exactly once where the call was not cut.

A call is cut where a process died between claiming a message's key and keeping the answer. What
Meta then says in a status settles it; without a word nobody knows, and a person decides.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import uvloop
from pymongo import UpdateMany

from benchmarks.folder import running
from benchmarks.report import Report
from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.demo.system import System
from schemas.clock import unix_ms
from schemas.envelope import rfc3339

T = TypeVar("T")

ORDERS, KILLS = 1000, 5
STATUS = "shipped"
KILLED = "sinks"
QUIET_MS = 12_000
"""A call ends within ten seconds: a claim older than this has no process behind it."""
PATIENCE_S = 240.0
FIRST_PHONE = 94_770_000_000
TOLD = ("sent", "failed")


@dataclass
class Told:
    """What came of all notifications."""

    orders: int = 0
    kills: int = 0
    sent: int = 0
    cut: int = 0
    settled: int = 0
    unknown: int = 0
    repeated: int = 0
    lost: int = 0
    seconds: float = 0.0
    trouble: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """Nobody was told twice, and nobody was forgotten."""
        return not (self.repeated or self.lost or self.trouble)


def run(*, runs: int = 1, quick: bool = False) -> Report:
    """`quick`: 60 orders and two kills."""
    report = Report(
        "whatsapp: order changes told while the sender is killed, every webhook twice",
        ("orders", "kills", "sent", "cut", "settled", "unknown", "repeated", "lost", "seconds"),
    )
    with running() as system:
        for number in range(1 if quick else max(1, min(runs, 3))):
            told = uvloop.run(_measure(system, f"bench{number}", quick))
            report.rows.append({name: getattr(told, name) for name in report.columns})
            report.notes += told.trouble
    last = report.rows[-1]
    report.figures |= {f"whatsapp_{name}": last[name] for name in report.columns}
    report.notes.append(
        "cut: the process died between claim and answer; settled: a status told what became of it; "
        "unknown: nothing did, it is listed with a Resend button; repeated: sent twice"
    )
    return report


async def _measure(system: System, name: str, quick: bool) -> Told:
    async with open_merchant(system, name, Platforms(load=False)) as merchant:
        if quick:
            return await tell_orders(system, merchant, orders=60, kills=2)
        return await tell_orders(system, merchant, orders=ORDERS, kills=KILLS)


async def tell_orders(system: System, merchant: Merchant, *, orders: int, kills: int) -> Told:
    """Place orders, ship them all, kill the sender in between; what came of it."""
    await merchant.sandbox.number_faults(
        merchant.number, webhooks={"duplicate_probability": 1.0, "reorder_probability": 0.2}
    )
    await _place(merchant, orders)
    begun = time.monotonic()
    shipping = asyncio.create_task(_ship(merchant, orders))
    done = 0
    for kill in range(kills):
        done = await _sent_more(merchant, done, orders * (kill + 1) // (kills + 2))
        system.kill(KILLED)
    await shipping
    told = await _end(merchant, orders)
    told.kills, told.seconds = kills, round(time.monotonic() - begun, 1)
    return told


async def _place(merchant: Merchant, orders: int) -> None:
    now = rfc3339(unix_ms())
    rows = [
        {
            "_id": f"{merchant.organization_id}-w{place:05d}",
            "organizationId": merchant.organization_id,
            "number": f"W{place:05d}",
            "status": "pending",
            "items": [],
            "total": "1000",
            "currency": "LKR",
            "billing": {"name": f"Customer {place}", "phone": f"+{FIRST_PHONE + place}"},
            "createdAt": now,
        }
        for place in range(orders)
    ]
    await merchant.collection("orders").insert_many(rows)
    known = {"organizationId": merchant.organization_id, "type": "order"}
    await _until(
        lambda: merchant.collection("ss_entities").count_documents(known), lambda n: n >= orders
    )


async def _ship(merchant: Merchant, orders: int) -> None:
    """In slices, as a warehouse does."""
    size = max(1, orders // 20)
    for start in range(0, orders, size):
        places = range(start, min(start + size, orders))
        ids = [f"{merchant.organization_id}-w{place:05d}" for place in places]
        match = {"_id": {"$in": ids}, "organizationId": merchant.organization_id}
        await merchant.collection("orders").bulk_write(
            [UpdateMany(match, {"$set": {"status": STATUS}})]
        )
        await asyncio.sleep(0.2)


async def _sent_more(merchant: Merchant, before: int, wanted: int) -> int:
    async def sent() -> int:
        return len(await merchant.sandbox.messages(merchant.number))

    return await _until(sent, lambda count: count >= max(before + 1, wanted))


async def _end(merchant: Merchant, orders: int) -> Told:
    """Wait until every notification is sent, failed, or cut with nobody behind it."""
    ledger = merchant.collection("ss_effects")
    mine = {"organizationId": merchant.organization_id, "effect": "message"}

    async def rows() -> list[dict[str, Any]]:
        return await ledger.find(mine).to_list()

    def over(found: list[dict[str, Any]]) -> bool:
        now_ms = time.time() * 1000
        open_ones = [
            row
            for row in found
            if row["state"] == "released"
            or (row["state"] == "claimed" and now_ms - row["claimedAtMs"] < QUIET_MS)
        ]
        return len(found) >= orders and not open_ones

    found = await _until(rows, over)
    return judged(found, await merchant.sandbox.messages(merchant.number), orders)


def judged(ledger: list[dict[str, Any]], messages: list[dict[str, Any]], orders: int) -> Told:
    """The ledger's word beside WhatsApp's own log."""
    times = Counter(str(row["biz_opaque_callback_data"]) for row in messages)
    told = Told(orders=orders, sent=len(times))
    told.repeated = sum(1 for count in times.values() if count > 1)
    keys = set()
    for row in ledger:
        key = row["effectKey"]
        keys.add(key)
        answered = bool(row.get("answered"))
        if row["state"] in TOLD and not answered:
            told.cut += 1
            told.settled += 1
        elif row["state"] in ("claimed", "unknown"):
            told.cut += 1
            told.unknown += 1
            if times[key]:
                told.trouble.append(f"{key} was sent, told by WhatsApp, and not settled")
        elif row["state"] == "sent" and not times[key]:
            told.trouble.append(f"{key} counts as sent and was not")
    told.lost = max(0, orders - len(keys))
    told.lost += sum(
        1 for row in ledger if row["state"] == "failed" and not times[row["effectKey"]]
    )
    return told


async def _until(look: Callable[[], Awaitable[T]], accept: Callable[[T], bool]) -> T:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = await look()
        if accept(found):
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE_S:.0f} s")
        await asyncio.sleep(0.1)
