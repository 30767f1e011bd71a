"""Sees every write land on the platforms, with the platform's own time of it.

- MongoDB: a change stream of our own; the time is the server's (`wallTime` of the oplog entry).
- WooCommerce and WhatsApp: the sandbox's logs, which note each write when it is applied.

So a latency is from the moment the edit was acknowledged by its platform to the moment at which the
other platform had applied ours: how often we look does not count.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bson.decimal128 import Decimal128

from runtime.demo.merchant import Merchant
from streams.ending import ended

LOOK_EVERY_S = 0.03
_FOLLOWED = ("products", "inventory", "orders", "customers", "messages")
_KEPT = 5_000
_SLACK_MS = 5
"""Clocks of one machine, read in different processes and rounded to a millisecond."""


@dataclass(frozen=True)
class Landing:
    """Something was written on a platform, by whomever."""

    place: str
    kind: str
    """A collection of MongoDB; product, variation, order, customer; catalogue or message."""
    item: str
    fields: dict[str, Any]
    at_ms: float


Test = Callable[[Landing], bool]


@dataclass
class Expectation:
    """What should land on one platform because of a change."""

    place: str
    what: str
    test: Test
    landed_ms: float | None = None

    def is_met_by(self, landing: Landing, since_ms: float) -> bool:
        """Whether this is it."""
        if landing.place != self.place or landing.at_ms < since_ms - _SLACK_MS:
            return False
        return self.test(landing)


@dataclass
class Change:
    """One change by somebody, and what has to come of it."""

    title: str
    source: str
    expected: list[Expectation] = field(default_factory=list)
    began_ms: float = 0.0
    acknowledged_ms: float = 0.0

    def latency_ms(self, expectation: Expectation) -> float | None:
        """From the platform's acknowledgement to the other platform; None: not there yet."""
        if expectation.landed_ms is None:
            return None
        return max(0.0, expectation.landed_ms - self.acknowledged_ms)

    @property
    def arrived(self) -> bool:
        """Everything landed."""
        return all(one.landed_ms is not None for one in self.expected)


class Watcher:
    """Follows one merchant's platforms; see `watching`."""

    def __init__(self, merchant: Merchant) -> None:
        self._merchant = merchant
        self._landings: deque[Landing] = deque(maxlen=_KEPT)
        self._stirred = asyncio.Condition()
        self.ready = asyncio.Event()
        """Set once nothing that happens is missed."""
        self._since_s = time.time()
        self._seen_writes: set[tuple[float, int, str]] = set()
        self._messages = 0
        self._items = 0

    async def expect(self, change: Change, limit_s: float) -> bool:
        """Wait until everything that this change should lead to has landed since it began."""

        def look_again() -> bool:
            for landing in self._landings:
                for one in change.expected:
                    if one.landed_ms is None and one.is_met_by(landing, change.began_ms):
                        one.landed_ms = landing.at_ms
            return change.arrived

        async with self._stirred:
            try:
                async with asyncio.timeout(limit_s):
                    await self._stirred.wait_for(look_again)
            except TimeoutError:
                return False
        return True

    async def look(self) -> None:
        """Follow everything until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_mongodb())
            tasks.create_task(self._follow_sandbox())

    async def _tell(self, landings: list[Landing]) -> None:
        if landings:
            async with self._stirred:
                self._landings.extend(landings)
                self._stirred.notify_all()

    async def _follow_mongodb(self) -> None:
        mine = {"ns.coll": {"$in": list(_FOLLOWED)}}
        async with await self._merchant.database.watch(
            [{"$match": mine}], full_document="updateLookup", max_await_time_ms=200
        ) as stream:
            self.ready.set()
            async for event in stream:
                document = event.get("fullDocument")
                if document is not None and self._is_mine(document):
                    await self._tell([_mongodb_landing(event, document)])

    def _is_mine(self, document: Mapping[str, Any]) -> bool:
        return document.get("organizationId") == self._merchant.organization_id

    async def _follow_sandbox(self) -> None:
        while True:
            await self._tell([*await self._shop(), *await self._whatsapp()])
            await asyncio.sleep(LOOK_EVERY_S)

    async def _shop(self) -> list[Landing]:
        rows = await self._merchant.sandbox.writes(self._merchant.shop.name, since=self._since_s)
        found = []
        for row in rows:
            place = (row["at"], row["id"], str(row["op"]))
            if row["accepted"] and row["changed"] and place not in self._seen_writes:
                fields = {name: both["to"] for name, both in row["fields"].items()}
                fields["operation"] = row["operation"]
                at_ms = row["at"] * 1000
                found.append(Landing("woocommerce", row["kind"], str(row["id"]), fields, at_ms))
        if rows:
            self._since_s = rows[-1]["at"]  # those of the same moment come again
            self._seen_writes = {
                (row["at"], row["id"], str(row["op"])) for row in rows if row["at"] == self._since_s
            }
        return found

    async def _whatsapp(self) -> list[Landing]:
        merchant = self._merchant
        if not merchant.number:
            return []
        found = []
        sent = await merchant.sandbox.messages(merchant.number)
        for message in sent[self._messages :]:
            at_ms = message["at"] * 1000
            found.append(Landing("whatsapp", "message", message["to"], message, at_ms))
        writes = await merchant.sandbox.catalogue_writes(merchant.number)
        for row in writes[self._items :]:
            if row["accepted"]:
                at_ms = row["at"] * 1000
                found.append(Landing("whatsapp", "catalogue", row["id"], row["data"], at_ms))
        self._messages, self._items = len(sent), len(writes)
        return found


def _mongodb_landing(event: dict[str, Any], document: dict[str, Any]) -> Landing:
    wall = event.get("wallTime")
    at_ms = wall.timestamp() * 1000 if wall is not None else time.time() * 1000
    fields = {
        name: str(value.to_decimal()) if isinstance(value, Decimal128) else value
        for name, value in document.items()
    }
    kind = event["ns"]["coll"]
    return Landing("mongodb", kind, str(event["documentKey"]["_id"]), fields, at_ms)


@asynccontextmanager
async def watching(merchant: Merchant) -> AsyncIterator[Watcher]:
    """A watcher that looks meanwhile."""
    watcher = Watcher(merchant)
    task = asyncio.create_task(watcher.look(), name="watch")
    try:
        await asyncio.wait({task, ready := asyncio.create_task(watcher.ready.wait())},
                           return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
        ready.cancel()
        yield watcher
    finally:
        await ended(task)
