"""The catalogue's batches: sent, then followed by their handle until they are done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connectors.errors import Refused, Unknown
from connectors.protocol import Answer
from connectors.whatsapp.catalogue import Item
from connectors.whatsapp.graph import Graph
from connectors.whatsapp.wire import Record, records, text
from schemas.base import Operation

MAX_REQUESTS = 1000
"""Meta takes 5000 and advises 3000; smaller ones are done sooner."""
FIRST_LOOK_S, LONGEST_LOOK_S = 0.05, 1.0
DEADLINE_S = 8.0
LOOK_LATER_S = 2.0
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
    finished: bool = False
    failed: dict[str, Answer] = field(default_factory=dict)

    def answer(self, sku: str) -> Answer:
        """What became of one item."""
        return self.failed.get(sku, DONE) if self.finished else PENDING


class Batches:
    """Of one catalogue. The next request for an item waits for the item's handle: Meta does batches
    side by side, and an older one could end last."""

    def __init__(self, graph: Graph, catalog_id: str, deadline_s: float = DEADLINE_S) -> None:
        self._graph = graph
        self._deadline_s = deadline_s
        self._path = f"/{catalog_id}"
        self._pending: dict[str, Handle] = {}

    async def settle(self, skus: Sequence[str]) -> dict[str, Handle]:
        """The handles that these items had under way, each asked about once."""
        held = {sku: self._pending[sku] for sku in skus if sku in self._pending}
        for handle in {one.id: one for one in held.values()}.values():
            await self._look(handle)
            self._forget(handle)
        return held

    async def write(self, items: Sequence[Item], ops: Mapping[str, Ops]) -> dict[str, Answer]:
        """Send and follow to the deadline. Creations may replace, updates never create.

        Raises Retry, Paused, Unknown for all of them.
        """
        found: dict[str, Answer] = {}
        handles: list[Handle] = []
        for upsert in (True, False):
            chosen = [item for item in items if (item.method == "CREATE") is upsert]
            for start in range(0, len(chosen), MAX_REQUESTS):
                chunk = chosen[start : start + MAX_REQUESTS]
                handles += await self._send(chunk, upsert, ops, found)
        await self._follow(handles)
        for handle in handles:
            found.update({sku: handle.answer(sku) for sku in handle.ops if sku not in found})
        return found

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
        sent = {item.sku: ops[item.sku] for item in items if item.sku not in found}
        handles = [text(one) for one in document.get("handles") or ()]
        if not sent:
            return []
        if not handles or handles[0] is None:
            raise Unknown("the catalogue took a batch without giving a handle")
        handle = Handle(handles[0], sent)
        self._pending.update(dict.fromkeys(sent, handle))
        return [handle]

    async def _follow(self, handles: list[Handle]) -> None:
        deadline, wait = time.monotonic() + self._deadline_s, FIRST_LOOK_S
        open_ones = list(handles)
        while open_ones and time.monotonic() + wait < deadline:
            await asyncio.sleep(wait)
            for handle in open_ones:
                await self._look(handle)
                self._forget(handle)
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
            handle.finished = True
            words = f"the catalogue's batch ended with {status}"
            handle.failed = dict.fromkeys(handle.ops, Answer(result="retry", reason=words))
        elif status == "finished":
            handle.finished = True
            handle.failed = _failures(told[0])

    def _forget(self, handle: Handle) -> None:
        if handle.finished:
            for sku in handle.ops:
                if self._pending.get(sku) is handle:
                    del self._pending[sku]


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
