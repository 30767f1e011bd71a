"""The whole catalogue at once: the job `catalogue`, and what went wrong with which item.

Day by day the catalogue follows through the engine's commands. This writes every item as it stands,
for a catalogue that somebody has changed by hand or that is new: in as few calls as Meta allows.
It writes beside the engine, so what has changed meanwhile is written once more at the end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import httpx
from pymongo import UpdateOne

from connectors.protocol import Answer
from connectors.whatsapp.batches import MAX_REQUESTS, Batches, Handle
from connectors.whatsapp.catalogue import (
    DISCONTINUED,
    MAX_SKU,
    Item,
    NotAnItem,
    Unfit,
    fields_of,
    stock_fields,
)
from connectors.whatsapp.graph import Graph
from connectors.whatsapp.settings import Account, account_of
from schemas.clock import unix_ms
from schemas.codec import decode
from schemas.command import Create
from streams.database import Database, Document
from streams.directory import Directory
from streams.entities import COLLECTION
from streams.projecting import project
from streams.sync.record import Record
from streams.upkeep.jobs import Job, Jobs
from streams.upkeep.runner import JobContext, JobFailed, Runner
from streams.whatsapp.catalogue_errors import ERRORS
from streams.whatsapp.facts import value_of
from streams.whatsapp.shelf import sold

KIND = "catalogue"
TYPES = ("product", "variation")
PAGE = 500
ROUNDS = 3
"""So often what changed meanwhile is written again; then the next change writes it anyway."""
FIRST_LOOK_S, LONGEST_LOOK_S = 5.0, 120.0
SHORTEST_LOOK_S = 0.2
LATER = 3.0
MOST_LOOKS = 60
PLATFORM = "whatsapp"


@dataclass
class Sync:
    """One run over one catalogue."""

    database: Database
    organization_id: str
    replica: str
    account: Account
    batches: Batches
    wrong: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """SKU to (type, entity id, reason)."""
    written: dict[str, Item] = field(default_factory=dict)
    """Row id to what was written of it, to see what has changed since."""
    takes_s: float = 5.0
    """How long a batch takes, as far as is known."""

    async def chunks(self, after: str) -> AsyncIterator[tuple[list[tuple[str, Item]], str]]:
        """Items as they stand now, at most a batch at once: ((row id, item), ...), and the row
        behind which the next begins."""
        held: list[tuple[str, Item]] = []
        async for rows in self._rows(after):
            records = [decode(row["record"], Record) for row in rows]
            items = await self.items(records)
            for row in rows:
                item = items.get(row["_id"])
                if item is not None:
                    held.append((row["_id"], item))
                after = row["_id"]
                if len(held) == MAX_REQUESTS:
                    yield held, after
                    held = []
        if held:
            yield held, after

    async def items(self, records: Sequence[Record]) -> dict[str, Item]:
        """Row id to the whole item; what cannot be one is noted as wrong."""
        living = [one for one in records if one.tombstone is None]
        org = self.organization_id
        keys = [f"{org}/inventory/{one.entity_id}" for one in living]
        parents = {str(value_of(one, "parentId")) for one in living if one.type == "variation"}
        keys += [f"{org}/product/{parent}" for parent in sorted(parents)]
        found = {
            row["_id"]: decode(row["record"], Record)
            async for row in self.database[COLLECTION].find({"_id": {"$in": keys}}, {"record": 1})
        }
        made: dict[str, Item] = {}
        for record in records:
            row_id = f"{org}/{record.type}/{record.entity_id}"
            item = self._item(record, found)
            if item is not None:
                made[row_id] = item
        return made

    def _item(self, record: Record, around: Mapping[str, Record]) -> Item | None:
        """None: it is none, and was none."""
        org, sku = self.organization_id, str(value_of(record, "sku") or "")
        there = record.replicas.get(self.replica)
        if record.tombstone is not None:
            gone = Item((there.external_id if there else "") or sku, "DELETE")
            return gone if there is not None and there.exists and gone.sku else None
        stock = around.get(f"{org}/inventory/{record.entity_id}")
        try:
            if not sku or len(sku) > MAX_SKU:
                raise Unfit(f"the catalogue wants a SKU of at most {MAX_SKU} characters")
            data = fields_of(_create(record, self.replica), sku, self.account, _group(record))
        except NotAnItem:
            return None
        except Unfit as error:
            self.note(sku or record.entity_id, record, str(error))
            return None
        item = Item(sku)
        item.take(0, "CREATE", {**data, **self._title(record, around)})
        if not sold(around.get(f"{org}/product/{value_of(record, 'parentId')}")):
            item.take(0, "UPDATE", {"availability": DISCONTINUED})
        if stock is not None and stock.tombstone is None:
            held = stock_fields({"quantity": value_of(stock, "quantity")})
            item.take(0, "UPDATE", held, stock=True)
        return item

    def _title(self, record: Record, around: Mapping[str, Record]) -> dict[str, str]:
        """A variation is called after its product, which only we know here."""
        parent = around.get(f"{self.organization_id}/product/{value_of(record, 'parentId')}")
        name = value_of(parent, "name") if parent is not None else None
        if record.type != "variation" or not name:
            return {}
        options = value_of(record, "attributes")
        said = [str(one) for one in options.values()] if isinstance(options, Mapping) else []
        return {"title": " ".join([str(name), *said])[:100]}

    def note(self, sku: str, record: Record, reason: str) -> None:
        """Something is wrong with this item."""
        self.wrong[sku] = (record.type, record.entity_id, reason)

    def refused(self, found: Mapping[str, Answer]) -> None:
        """What Meta would not take. A deletion of what is not there is none."""
        for sku, answer in found.items():
            if answer.result != "missing":
                self.wrong[sku] = ("", "", answer.reason)

    async def follow(self, handles: Sequence[Handle]) -> None:
        """Ask for each when it should be done, by how long the others took: every question is a
        call that counts. Raises JobFailed, Retry, Unknown."""
        for handle in handles:
            wait = self.takes_s
            for _ in range(MOST_LOOKS):
                due = handle.sent_at + self.takes_s
                await asyncio.sleep(max(due - time.monotonic(), 0.0))
                if await self.batches.look(handle):
                    break
                wait = min(LATER * wait, LONGEST_LOOK_S)
                self.takes_s = time.monotonic() - handle.sent_at + wait
            else:
                raise JobFailed("WhatsApp does not finish a batch. Start again later.")
            self.refused(handle.failed)

    async def changed(self) -> list[tuple[str, Item]]:
        """What stands otherwise by now than it was written."""
        found: list[tuple[str, Item]] = []
        ids = list(self.written)
        for start in range(0, len(ids), PAGE):
            rows = self.database[COLLECTION].find({"_id": {"$in": ids[start : start + PAGE]}})
            records = [decode(row["record"], Record) async for row in rows]
            for row_id, item in (await self.items(records)).items():
                before = self.written[row_id]
                if (item.method, item.data) != (before.method, before.data):
                    found.append((row_id, item))
        return found

    async def keep_errors(self, now_ms: int) -> None:
        """What is wrong now is all that is shown."""
        rows = self.database[ERRORS]
        place = {"organizationId": self.organization_id, "replica": self.replica}
        writes = [
            UpdateOne(
                {"_id": f"{self.organization_id}/{self.replica}/{sku}"},
                {"$set": {**place, "sku": sku, "type": kind, "entityId": entity_id,
                          "reason": reason[:500], "atMs": now_ms}},
                upsert=True,
            )
            for sku, (kind, entity_id, reason) in self.wrong.items()
        ]  # fmt: skip
        await project(rows, writes)
        await rows.delete_many({**place, "atMs": {"$lt": now_ms}})

    async def _rows(self, after: str) -> AsyncIterator[list[Document]]:
        for entity_type in TYPES:
            begin = f"{self.organization_id}/{entity_type}/"
            last = max(begin, after)
            while True:
                match = {"_id": {"$gt": last, "$lt": f"{begin[:-1]}0"}}  # "0" follows "/"
                rows = self.database[COLLECTION].find(match, {"record": 1}).sort("_id").limit(PAGE)
                page = [row async for row in rows]
                if not page:
                    break
                last = page[-1]["_id"]
                yield page


def register(runner: Runner) -> None:
    """One catalogue at a time: Meta's limit is the account's."""
    runner.register(KIND, sync, at_once=1)


async def sync(job: JobContext, transport: httpx.AsyncBaseTransport | None = None) -> None:
    """Every item as it stands; goes on behind the last batch that was sent."""
    account = account_of(await job.connection())
    if not account.catalog_id:
        raise JobFailed("This number has no catalogue. Set catalog_id at /integrations.")
    graph = Graph(account, transport)
    batches = Batches(graph, account.catalog_id, deadline_s=2 * LONGEST_LOOK_S)
    run = Sync(job.tools.database, job.organization_id, job.replica, account, batches)
    run.takes_s = min(FIRST_LOOK_S, max(account.catalog_gap_s, SHORTEST_LOOK_S))
    done = int(job.cursor.get("done", 0))
    began = time.monotonic()
    handles = [Handle(one, {}, began) for one in job.cursor.get("handles", ())]
    try:
        await job.save(total=await _count(run), done=done)
        async for chunk, after in run.chunks(str(job.cursor.get("after", ""))):
            handles += await _send(run, chunk)
            done += len(chunk)
            cursor = {"after": after, "handles": [one.id for one in handles], "done": done}
            await job.save(cursor=cursor, done=done)
        await run.follow(handles)
        for _ in range(ROUNDS):
            again = await run.changed()
            if not again:
                break
            await run.follow(await _send(run, again))
        await run.keep_errors(unix_ms())
        await job.save(done=done, total=done, details={"items": done, "errors": len(run.wrong)})
    finally:
        await batches.close()
        await graph.close()


async def _send(run: Sync, chunk: Sequence[tuple[str, Item]]) -> list[Handle]:
    handles, refused = await run.batches.send([item for _, item in chunk])
    run.refused(refused)
    run.written.update(chunk)
    return handles


async def _count(run: Sync) -> int:
    match = {"organizationId": run.organization_id, "type": {"$in": list(TYPES)}}
    return await run.database[COLLECTION].count_documents(match)


def _create(record: Record, replica: str) -> Create:
    return Create(
        organization_id=record.organization_id,
        type=record.type,
        entity_id=record.entity_id,
        replica=replica,
        op=(0, 0),
        want={name: agreed.value for name, agreed in record.fields.items()},
        issued_at_ms=0,
    )


def _group(record: Record) -> str:
    parent = value_of(record, "parentId")
    return str(parent) if parent and record.type == "variation" else ""


async def update_catalog(
    database: Database, directory: Directory, organization_id: str
) -> list[Job]:
    """Have every catalogue of the organisation written whole; one that is being written already is
    not begun twice. Empty: no number has a catalogue."""
    jobs = Jobs(database)
    return [
        await jobs.queue(organization_id, KIND, one.replica)
        for one in await directory.connections(organization_id)
        if one.platform == PLATFORM and one.settings.get("catalog_id") and one.active
    ]
