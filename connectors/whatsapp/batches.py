"""The catalogue's batches: gathered, sent, then followed by their handle until they are done."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from connectors.errors import ConnectorError, Refused, Retry, Unknown
from connectors.protocol import Answer
from connectors.whatsapp.catalogue import Item
from connectors.whatsapp.graph import Graph
from connectors.whatsapp.pace import Pace
from connectors.whatsapp.wire import Record, records, text
from schemas.base import Operation

MAX_REQUESTS = 3000
"""Meta takes 5000 and advises 3000."""
MAX_BYTES = 24 * 1024 * 1024
"""Meta takes 28 MB."""
FIRST_LOOK_S, LONGEST_LOOK_S = 0.3, 60.0
GATHERED_LOOK_S = 5.0
"""The first question where calls are saved: the items are there before we know of it."""
LATER = 3.0
DEADLINE_S = 8.0
LOOK_LATER_S = 2.0
REMEMBERED_S = 300.0
SPREAD_S = 0.2
"""What is asked for again comes a little after the question may be put."""
DONE = Answer(result="taken")
PENDING = Answer(
    result="retry", reason="the catalogue is still at work on the batch", retry_after_s=LOOK_LATER_S
)

Ops = Mapping[tuple[str, str], Operation]
"""(type, entity id) to the operation in a request."""


@dataclass(slots=True)
class Handle:
    """One batch under way. `ops` are those that it will have done, by SKU."""

    id: str
    ops: dict[str, Ops]
    sent_at: float = 0.0
    wait_s: float = LOOK_LATER_S
    look_at: float = 0.0
    """Before that nobody asks: every question is a call that counts."""
    finished: bool = False
    void: bool = False
    """It ended without doing anything."""
    failed: dict[str, Answer] = field(default_factory=dict)

    def answer(self, sku: str) -> Answer:
        """What became of one item."""
        if self.finished:
            return self.failed.get(sku, DONE)
        return replace(PENDING, retry_after_s=self.wait_s)


class Batches:
    """Of one catalogue. The next request for an item waits for the item's handle: Meta does batches
    side by side, and an older one could end last.

    While many items change they are gathered here, and answered `later`; what comes again is
    answered by the batch that it went with. A crash loses only what will come again anyway.
    """

    def __init__(
        self,
        graph: Graph,
        catalog_id: str,
        deadline_s: float = DEADLINE_S,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._graph = graph
        self._deadline_s = deadline_s
        self._path = f"/{catalog_id}"
        self._handles: dict[str, Handle] = {}
        self._pace = pace or Pace(0.0)
        self._clock = clock
        self._takes_s = min(GATHERED_LOOK_S, self._pace.gap_s) or FIRST_LOOK_S
        """How long the last batch took, which is when it is worth to ask for the next one."""
        self._gathered: dict[str, Item] = {}
        self._gathered_ops: dict[str, dict[tuple[str, str], Operation]] = {}
        self._refused: dict[str, Answer] = {}
        """What a gathered batch could not take, until it is asked for."""
        self._flushing: asyncio.Task[None] | None = None
        self._full = asyncio.Event()

    async def close(self) -> None:
        """Forget what was gathered: it is owed, and comes again."""
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)

    async def settle(self, skus: Sequence[str]) -> dict[str, Handle]:
        """The handles that these items went with last; what is under way is asked about once. One
        that is done is remembered for a while: its operations come again, chunk by chunk."""
        held = {sku: self._handles[sku] for sku in skus if sku in self._handles}
        now = self._clock()
        for handle in {one.id: one for one in held.values() if not one.finished}.values():
            if handle.look_at <= now:
                await self._look(handle)
        self._forget()
        return {sku: handle for sku, handle in held.items() if not handle.void}

    async def write(self, items: Sequence[Item], ops: Mapping[str, Ops]) -> dict[str, Answer]:
        """Send, or gather; what came of it is told when it is asked for again (at once, where
        nothing is gathered). Creations may replace, updates never create.

        Raises Retry, Paused, Unknown for all of them.
        """
        found = {one.sku: self._refused.pop(one.sku) for one in items if one.sku in self._refused}
        left = [one for one in items if one.sku not in found]
        now = self._clock()
        opens_at = self._pace.opens_at([one.sku for one in left], now)
        gathering = self._flushing is not None and not self._flushing.done()
        if left and (gathering or opens_at > now):
            return {**found, **self._gather(left, ops, opens_at)}
        if left:
            found.update(await self._write(left, ops))
        return found

    async def _write(self, items: Sequence[Item], ops: Mapping[str, Ops]) -> dict[str, Answer]:
        found: dict[str, Answer] = {}
        handles = await self._send_all(items, ops, found)
        if not self._pace.gap_s:
            await self._follow(handles, self._clock() + self._deadline_s)
        for handle in handles:
            found.update({sku: handle.answer(sku) for sku in handle.ops if sku not in found})
        return found

    async def send(self, items: Sequence[Item]) -> tuple[list[Handle], dict[str, Answer]]:
        """For who follows the handles by themselves: those under way, and what was refused at once.
        Raises Retry, Paused, Unknown for all of them."""
        found: dict[str, Answer] = {}
        return await self._send_all(items, {}, found), found

    async def look(self, handle: Handle) -> bool:
        """One question; whether the batch is over. Raises Retry, Paused, Unknown."""
        if not handle.finished:
            await self._look(handle)
        return handle.finished

    # Gathering

    def _gather(
        self, items: Sequence[Item], ops: Mapping[str, Ops], opens_at: float
    ) -> dict[str, Answer]:
        """Keep them for the next batch, and tell when they should be asked for again."""
        for one in items:
            held = self._gathered.setdefault(one.sku, Item(one.sku))
            held.join(one)
            self._gathered_ops.setdefault(one.sku, {}).update(ops[one.sku])
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush_at(opens_at))
        if len(self._gathered) >= MAX_REQUESTS:
            self._full.set()
        wait = max(opens_at - self._clock(), 0.0) + self._takes_s + SPREAD_S
        answer = Answer("retry", reason="gathered with other changes", retry_after_s=wait)
        return {one.sku: answer for one in items}

    async def _flush_at(self, opens_at: float) -> None:
        """When its time has come, or a batch is full. Whether many items change shows only while
        they are gathered: then it is put off."""
        while len(self._gathered) < MAX_REQUESTS and opens_at > self._clock():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(opens_at - self._clock()):
                    await self._full.wait()
            opens_at = self._pace.opens_at((), self._clock())
        self._full.clear()
        items, ops = list(self._gathered.values()), dict(self._gathered_ops)
        self._gathered, self._gathered_ops = {}, {}
        found: dict[str, Answer] = {}
        try:
            # Nobody asks yet: who comes again finds the handle, and asks then.
            await self._send_all(items, ops, found)
            self._refused.update(found)
        except Retry as error:
            self._refused.update(dict.fromkeys(ops, _later(error, error.retry_after_s)))
        except ConnectorError as error:
            self._refused.update(dict.fromkeys(ops, _later(error, None)))

    # Sending

    async def _send_all(
        self, items: Sequence[Item], ops: Mapping[str, Ops], found: dict[str, Answer]
    ) -> list[Handle]:
        handles: list[Handle] = []
        for upsert in (True, False):
            chosen = [item for item in items if (item.method == "CREATE") is upsert]
            for chunk in sliced(chosen):
                handles += await self._send(chunk, upsert, ops, found)
        self._pace.sent(self._clock())
        return handles

    async def _send(
        self, items: list[Item], upsert: bool, ops: Mapping[str, Ops], found: dict[str, Answer]
    ) -> list[Handle]:
        body = {
            "item_type": "PRODUCT_ITEM",
            "allow_upsert": upsert,
            "requests": [item.request() for item in items],
        }
        try:
            document = await self._graph.send("POST", f"{self._path}/items_batch", body=body)
        except Refused as error:
            if type(error) is not Refused:
                raise
            if len(items) == 1:
                found[items[0].sku] = Answer(result="failed", reason=str(error))
                return []
            # One bad item refuses the whole call: halves until it stands alone.
            middle = len(items) // 2
            first = await self._send(items[:middle], upsert, ops, found)
            return first + await self._send(items[middle:], upsert, ops, found)
        for status in records(document.get("validation_status")):
            problem = _words(status)
            sku = text(status.get("retailer_id"))
            if problem and sku:
                found[sku] = Answer(result="failed", reason=problem)
        sent = {item.sku: ops.get(item.sku, {}) for item in items if item.sku not in found}
        handles = [text(one) for one in document.get("handles") or ()]
        if not sent:
            return []
        if not handles or handles[0] is None:
            raise Unknown("the catalogue took a batch without giving a handle")
        handle = Handle(handles[0], sent, self._clock())
        if self._pace.gap_s:
            handle.wait_s = self._takes_s + SPREAD_S
            handle.look_at = handle.sent_at + self._takes_s
        self._handles.update(dict.fromkeys(sent, handle))
        return [handle]

    # Following

    async def _follow(self, handles: list[Handle], deadline: float) -> None:
        """Ask when a batch of its kind was done the last time, then ever later: every question is a
        call that counts."""
        open_ones, wait = list(handles), self._takes_s
        while open_ones and self._clock() + wait < deadline:
            await asyncio.sleep(wait)
            for handle in open_ones:
                await self._look(handle)
            open_ones = [handle for handle in open_ones if not handle.finished]
            wait = min(wait * 2, LONGEST_LOOK_S)

    async def _look(self, handle: Handle) -> None:
        params = {"handle": handle.id, "load_ids_of_invalid_requests": "true"}
        path = f"{self._path}/check_batch_request_status"
        document = await self._graph.send("GET", path, params=params)
        told = records(document.get("data"))
        if not told:
            return
        status = str(told[0].get("status") or "").lower()
        if status in ("error", "canceled"):
            handle.finished = handle.void = True
            words = f"the catalogue's batch ended with {status}"
            handle.failed = dict.fromkeys(handle.ops, Answer(result="retry", reason=words))
        elif status == "finished":
            handle.finished = True
            handle.failed = _failures(told[0])
            took = max(self._clock() - handle.sent_at, FIRST_LOOK_S)
            self._takes_s = min(took, LONGEST_LOOK_S if self._pace.gap_s else self._deadline_s / 2)
        elif self._pace.gap_s:
            handle.wait_s = min(LATER * handle.wait_s, LONGEST_LOOK_S)
            handle.look_at = self._clock() + handle.wait_s

    def _forget(self) -> None:
        old = self._clock() - REMEMBERED_S
        for sku, handle in list(self._handles.items()):
            if handle.void or (handle.finished and handle.sent_at < old):
                del self._handles[sku]


def sliced(items: Iterable[Item]) -> Iterator[list[Item]]:
    """In calls of what Meta takes at once, by number and by size."""
    chunk: list[Item] = []
    size = 0
    for item in items:
        weight = len(msgspec.json.encode(item.request())) + 1
        if chunk and (len(chunk) == MAX_REQUESTS or size + weight > MAX_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += weight
    if chunk:
        yield chunk


def _later(error: Exception, wait_s: float | None) -> Answer:
    return Answer("retry", reason=str(error), retry_after_s=wait_s)


def _failures(told: Record) -> dict[str, Answer]:
    """A finished batch can hold failed items."""
    found: dict[str, Answer] = {}
    for error in records(told.get("errors")):
        sku, words = text(error.get("id")), text(error.get("message")) or "refused"
        if sku is not None:
            found[sku] = Answer(result="missing" if _not_there(words) else "failed", reason=words)
    for sku in told.get("ids_of_invalid_requests") or ():
        found.setdefault(str(sku), Answer(result="failed", reason="refused by the catalogue"))
    return found


def _not_there(words: str) -> bool:
    return "not found" in words.lower()


def _words(status: Record) -> str:
    return "; ".join(text(one.get("message")) or "" for one in records(status.get("errors")))
