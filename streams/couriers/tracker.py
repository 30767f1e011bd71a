"""Tracking by itself: each account's parcels are asked for when it is worth it, within what the
courier allows. One process at a time follows an account; another takes over when it is gone.
"""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from connectors.couriers.client import CourierClient
from connectors.couriers.model import Tracking
from connectors.errors import ConnectorError, Paused, Retry
from connectors.protocol import Connection
from schemas.clock import unix_ms
from streams.couriers.choosing import spread_ms, turns
from streams.couriers.following import (
    Followed,
    Following,
    followed,
    gaps,
    is_news,
    news,
    uses_of,
)
from streams.couriers.lines import CourierLines
from streams.couriers.paces import LEASE_MS, NotNow, Paces, account_of, rhythm_of
from streams.couriers.rhythm import (
    DAY_MS,
    SPARE,
    UNKNOWN_MS,
    Rhythm,
    effort_of,
    is_scarce,
    learn,
    next_poll,
    shortest,
)
from streams.database import Database, Document
from streams.directory import Directory
from streams.ending import ended
from streams.kafka.publisher import PublishFailed

log = structlog.get_logger(__name__)

LOOK_S = 5.0
LANES = 4
"""Questions of one account under way at once: a courier that takes half a second to answer is still
asked as often as it allows."""
IDLE_MS = 1_000
LATEST_MS = 10_000
"""How soon a parcel that was just handed over is asked for, with nothing else to do."""
COUNTED_MS = 60_000
"""So old a count of an account's parcels may be."""
REST_MS = 30_000
REST_MOST_MS = 1_800_000
PAUSED_MS = 600_000
"""With wrong keys only a person helps; now and then it is tried again."""

Sleep = Callable[[float], Awaitable[None]]


@dataclass
class Account:
    """One account while it is followed."""

    connections: dict[str, Connection]
    """By organisation: with the same key they share it."""
    rhythm: Rhythm = field(default_factory=Rhythm)
    effort: float = 0.0
    scarce: bool = False
    shortest_ms: int = 0
    counted_ms: int = 0
    served: dict[str, int] = field(default_factory=dict)
    turn: int = 0
    asked_ms: float = 0
    asking: set[str] = field(default_factory=set)
    """Rows of questions under way."""
    used: int = 0
    day: int = -1
    rest_ms: int = 0
    failures: int = 0
    well: bool = False
    """Whether it is known that no trouble is noted of it."""


class Tracker:
    """One a process. `sleep` and `clock_ms` are a test's own."""

    def __init__(
        self,
        database: Database,
        directory: Directory,
        following: Following,
        lines: CourierLines,
        paces: Paces,
        *,
        clock_ms: Callable[[], int] = unix_ms,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._rows = database["ss_tracking"]
        self._directory = directory
        self._following = following
        self._lines = lines
        self._paces = paces
        self._clock_ms = clock_ms
        self._sleep = sleep
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._accounts: dict[str, Account] = {}
        self._leased: dict[str, int] = {}

    async def run(self) -> None:
        """Until cancelled."""
        tasks: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                try:
                    await self.look()
                except PyMongoError as error:
                    log.warning("tracking waits for MongoDB", reason=repr(error)[:200])
                for name in self._accounts.keys() - tasks.keys():
                    tasks[name] = asyncio.create_task(self._keep_asking(name))
                for name in [name for name, task in tasks.items() if task.done()]:
                    if (fault := tasks.pop(name).exception()) is not None:
                        log.error("tracking of an account begins anew", reason=repr(fault)[:500])
                await self._sleep(LOOK_S)
        finally:
            await ended(*tasks.values())
            for name in self._accounts:
                await self._paces.release(name, self._owner)

    async def look(self) -> None:
        """Which accounts there are, by whose connections."""
        found: dict[str, dict[str, Connection]] = {}
        for organization_id in await self._directory.organizations():
            for connection in await self._directory.connections(organization_id):
                if connection.platform == "courier" and connection.active:
                    found.setdefault(account_of(connection), {})[organization_id] = connection
        for name in self._accounts.keys() - found.keys():
            del self._accounts[name]
        for name, connections in found.items():
            held = self._accounts.get(name)
            for organization_id in connections.keys() - (held.connections if held else {}).keys():
                await self._adopt(name, connections[organization_id])
            if held is None:
                rhythm = rhythm_of(await self._paces.found(name))
                self._accounts[name] = Account(connections, rhythm)
            else:
                held.connections = connections

    async def _adopt(self, name: str, connection: Connection) -> None:
        """Its parcels, also those from before its keys were changed."""
        await self._rows.update_many(
            {
                "organizationId": connection.organization_id,
                "replica": connection.replica,
                "live": True,
                "account": {"$ne": name},
            },
            {"$set": {"account": name}},
        )

    async def _keep_asking(self, name: str) -> None:
        under_way: set[asyncio.Task[float]] = set()
        try:
            while (account := self._accounts.get(name)) is not None:
                if len(under_way) >= LANES:
                    await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for task in [task for task in under_way if task.done()]:
                    under_way.discard(task)
                    task.result()  # what nobody foresaw ends this, and `run` begins it anew
                try:
                    found = await self._choose(name, account)
                except (PyMongoError, PublishFailed) as error:
                    log.warning("tracking waits for a store", reason=repr(error)[:200])
                    found = REST_MS
                if isinstance(found, tuple):
                    under_way.add(asyncio.create_task(self._ask(name, account, found)))
                else:
                    await self._sleep(found / 1000)
        finally:
            await ended(*under_way)

    async def step(self, name: str, account: Account) -> float:
        """One question, where one is due, to its end. Milliseconds until the next look."""
        found = await self._choose(name, account)
        return await self._ask(name, account, found) if isinstance(found, tuple) else found

    async def _choose(self, name: str, account: Account) -> tuple[Followed, ...] | float:
        """What may be asked at this moment, else milliseconds until the next look."""
        now_ms = self._clock_ms()
        if account.rest_ms > now_ms:
            return min(account.rest_ms - now_ms, REST_MS)
        if not await self._mine(name, now_ms):
            return IDLE_MS * 5
        client = await self._client(name, account)
        if client is None:
            return REST_MS
        await self._count(name, account, client, now_ms)
        asked = await self._due(name, account, client.traits.track_batch, now_ms)
        if not asked:
            return await self._until_due(name, account, now_ms)
        organization_id = asked[0].organization_id
        account.turn += 1
        account.served[organization_id] = account.turn
        if not await self._leave(name, account, client):
            return REST_MS
        account.asking |= {row.id for row in asked}
        return asked

    async def _leave(self, name: str, account: Account, client: CourierClient[Any]) -> bool:
        """Wait for this account's turn; False where today's are used up."""
        pace, now_ms = client.traits.pace, self._clock_ms()
        used = account.used if account.day == now_ms // DAY_MS else 0
        left_ms = DAY_MS - now_ms % DAY_MS
        apart_ms = spread_ms(pace.per_s, pace.per_day, used, left_ms, SPARE)
        wait_ms = max(0.0, account.asked_ms + apart_ms - now_ms)
        if wait_ms > REST_MS:
            account.rest_ms = int(now_ms + wait_ms)
            return False
        if wait_ms > 0:
            await self._sleep(wait_ms / 1000)
        try:
            slot = await self._paces.reserve(name, pace, tracking=True)
        except NotNow as error:
            account.rest_ms = int(self._clock_ms() + 1000 * error.retry_after_s)
            return False
        account.used, account.day = slot.used, slot.at_ms // DAY_MS
        account.asked_ms = max(slot.at_ms, now_ms + wait_ms)
        if slot.at_ms > self._clock_ms():
            await self._sleep((slot.at_ms - self._clock_ms()) / 1000)
        return True

    async def _ask(self, name: str, account: Account, asked: tuple[Followed, ...]) -> float:
        """Milliseconds until the next look."""
        try:
            return await self._asked(name, account, asked)
        except (PyMongoError, PublishFailed) as error:
            log.warning("tracking waits for a store", reason=repr(error)[:200])
            account.rest_ms = self._clock_ms() + REST_MS
            return REST_MS
        finally:
            account.asking -= {row.id for row in asked}

    async def _asked(self, name: str, account: Account, asked: tuple[Followed, ...]) -> float:
        connection = account.connections.get(asked[0].organization_id)
        if connection is None:
            return 0  # removed at this moment
        try:
            client = await self._lines.client(connection)
            told = await client.track([row.number for row in asked], uses_of(asked))
        except Retry as error:
            return await self._rest(name, account, error.retry_after_s, error)
        except Paused as error:
            return await self._stop(name, account, error)
        except ConnectorError as error:
            return await self._rest(name, account, None, error)
        account.failures = 0
        if not account.well:
            await self._paces.worked(name, "tracking")
            account.well = True
        await self._absorb(name, account, asked, told)
        return 0

    async def _absorb(
        self, name: str, account: Account, asked: tuple[Followed, ...], told: Tracking
    ) -> None:
        """Each parcel with its own outcome. One that the courier does not know (yet) is asked for
        again like any other: it may not have been scanned."""
        found = {key: one for one in told.found for key in (one.asked, one.number) if key}
        fresh: list[tuple[str, int, int]] = []
        due: list[tuple[Followed, int | None]] = []
        now_ms = self._clock_ms()
        for row in asked:
            one, after = found.get(row.number), row
            if one is not None and _is_new(row, news(row, one, now_ms)):
                after = await self._following.absorb(row, one)
                fresh += gaps(row, after)
            if after.live:
                asked_now = replace(after.history, polled_ms=now_ms)
                pause_ms = account.shortest_ms if one is not None else UNKNOWN_MS
                again_ms = next_poll(asked_now, account.rhythm, account.effort, now_ms, pause_ms)
                due.append((after, again_ms))
        await self._following.plan(now_ms, due)
        if fresh:
            account.rhythm = learn(account.rhythm, fresh)
            await self._paces.keep(name, account.rhythm)

    async def _stop(self, name: str, account: Account, error: Paused) -> float:
        """Only a person helps."""
        account.well = False
        account.rest_ms = self._clock_ms() + PAUSED_MS
        await self._paces.failed(name, "tracking", account.rest_ms, error)
        return REST_MS

    async def _rest(
        self, name: str, account: Account, wait_s: float | None, error: ConnectorError
    ) -> float:
        """Too fast, or away: the whole account waits, ever longer."""
        account.well = False
        account.failures += 1
        again_ms = min(REST_MS * 2 ** min(account.failures - 1, 10), REST_MOST_MS)
        account.rest_ms = self._clock_ms() + int(max(1000 * (wait_s or 0), again_ms))
        await self._paces.failed(name, "tracking", account.rest_ms, error)
        return REST_MS

    async def _client(self, name: str, account: Account) -> CourierClient[Any] | None:
        """Any of the account's; None where it cannot be used, or cannot be asked."""
        connection = next(iter(account.connections.values()))
        try:
            client = await self._lines.client(connection)
        except Paused as error:
            await self._stop(name, account, error)
            return None
        if "track" not in client.traits.operations:
            account.rest_ms = self._clock_ms() + PAUSED_MS
            return None
        return client

    async def _mine(self, name: str, now_ms: int) -> bool:
        """Whether this process follows the account."""
        if now_ms < self._leased.get(name, 0) - LEASE_MS // 2:
            return True
        if not await self._paces.lease(name, self._owner):
            return False
        self._leased[name] = now_ms + LEASE_MS
        return True

    async def _due(
        self, name: str, account: Account, most: int, now_ms: int
    ) -> tuple[Followed, ...]:
        """What the next question is about: one organisation's, the longest overdue first."""
        ready: Document = {"dueAtMs": {"$lte": now_ms}}
        if account.scarce:
            ready = {"polledAtMs": {"$lte": now_ms - account.shortest_ms}}
        for organization_id in turns(account.connections, account.served):
            match = {"account": name, "organizationId": organization_id, "live": True, **ready}
            if account.asking:
                match["_id"] = {"$nin": list(account.asking)}
            rows = self._rows.find(match).sort("dueAtMs", 1).limit(most)
            if found := [followed(row) async for row in rows]:
                return tuple({row.number: row for row in found}.values())
        return ()

    async def _until_due(self, name: str, account: Account, now_ms: int) -> float:
        """Milliseconds until the next parcel is due, or the next look for new ones."""
        match = {
            "account": name,
            "organizationId": {"$in": list(account.connections)},
            "live": True,
        }
        row = await self._rows.find_one(match, {"dueAtMs": 1}, sort=[("dueAtMs", 1)])
        wait_ms = LATEST_MS if row is None else row["dueAtMs"] - now_ms
        return min(max(wait_ms, IDLE_MS), LATEST_MS)

    async def _count(
        self, name: str, account: Account, client: CourierClient[Any], now_ms: int
    ) -> None:
        """How many parcels share what is allowed, now and then."""
        if now_ms - account.counted_ms < COUNTED_MS:
            return
        stages: list[Document] = [
            {"$match": {"account": name, "live": True}},
            {"$group": {"_id": "$status", "n": {"$sum": 1}}},
        ]
        live = {row["_id"] or "": row["n"] async for row in await self._rows.aggregate(stages)}
        allowed = allowed_per_hour(client)
        account.effort = effort_of(live, account.rhythm, allowed)
        account.shortest_ms = shortest(client.traits.track_batch)
        account.scarce = is_scarce(live, allowed, account.shortest_ms)
        account.counted_ms = now_ms


def allowed_per_hour(client: CourierClient[Any]) -> float:
    """Parcels that tracking may ask for in an hour."""
    pace = client.traits.pace
    calls = pace.per_s * 3600
    if pace.per_day is not None:
        calls = min(calls, pace.per_day / 24)
    return calls * SPARE * client.traits.track_batch


def _is_new(before: Followed, after: Followed) -> bool:
    """Whether there is anything to keep besides that it was asked for."""
    return is_news(before, after) or before.unique_id != after.unique_id
