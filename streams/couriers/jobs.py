"""Job `ship`: shipments made one after the other, with progress; and what keeps at those whose
courier was away, or whose answer was lost."""

from __future__ import annotations

import asyncio
from collections import Counter

import structlog
from pymongo.errors import PyMongoError

from schemas.clock import unix_ms
from streams.couriers.parts import CourierParts
from streams.couriers.shipments import Wanted
from streams.couriers.shipping import Shipper
from streams.kafka.publisher import PublishFailed
from streams.upkeep.runner import JobContext, Runner

log = structlog.get_logger(__name__)

KIND = "ship"
SETTLE_S = 2.0
AT_ONCE = 4
WAITS_MS = 1_500
"""A courier's own pace holds a batch up for less than this; what waits longer is gone back to."""


def register(runner: Runner) -> None:
    """The kind; nothing is scheduled."""
    runner.register(KIND, ship, at_once=3)


async def ship(job: JobContext) -> None:
    """`arguments.shipments`: their ids. Each is tried once here; what waits, or is unknown, goes on
    by itself and shows in its own state."""
    tools = job.tools
    parts = CourierParts.of(
        tools.database, tools.directory, tools.publisher, tools.links, calls=tools.calls
    )
    ids = list(job.arguments["shipments"])
    states = Counter(job.cursor.get("states", {}))
    try:
        for place in range(int(job.cursor.get("place", 0)), len(ids)):
            found = await parts.shipments.get(job.organization_id, ids[place])
            if found is not None:
                states[(await _made(parts.shipper, found)).state] += 1
            await job.save(
                cursor={"place": place + 1, "states": dict(states)},
                done=place + 1,
                total=len(ids),
                details=dict(states),
            )
    finally:
        await parts.lines.close()


async def _made(shipper: Shipper, wanted: Wanted) -> Wanted:
    """Tried, and once more where only the courier's pace was in the way."""
    found = await shipper.ship(wanted)
    wait_ms = found.next_ms - unix_ms()
    if found.state != "waiting" or wait_ms > WAITS_MS:
        return found
    await asyncio.sleep(max(0, wait_ms) / 1000)
    return await shipper.ship(found)


async def keep_settling(shipper: Shipper) -> None:
    """Until cancelled."""
    while True:
        try:
            await settle_due(shipper, unix_ms())
        except (PyMongoError, PublishFailed) as error:
            log.warning("shipments wait for a store", reason=repr(error)[:200])
        await asyncio.sleep(SETTLE_S)


async def settle_due(shipper: Shipper, now_ms: int) -> int:
    """Everything that is due now, once; how many."""
    due = await shipper.shipments.due(now_ms)
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(place: int) -> None:
        async with slots:
            await shipper.ship(due[place])

    await asyncio.gather(*(one(place) for place in range(len(due))))
    return len(due)
