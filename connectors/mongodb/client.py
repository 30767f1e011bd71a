"""The I/O of the merchant's database: conditional writes, reads, their answers.

A batch takes three calls, whatever its size: read the documents (for the raw values and types that
the filters need), one unordered `bulk_write` per collection with `w: majority`, and read them again
for the answers. Both reads and the writes share a causally consistent session, so the last read
holds at least everything up to the operation time known before it: that time is `as_of`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from bson.timestamp import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from connectors.errors import ConnectorError, Malformed, Paused, Retry
from connectors.mongodb.listing import Listing
from connectors.mongodb.mapping import as_of, id_text
from connectors.mongodb.references import outward
from connectors.mongodb.settings import shape_of
from connectors.mongodb.stored import id_values
from connectors.mongodb.writes import Change, Job, Writer, place_of
from connectors.protocol import Answer, Connection, Ids, Links, Listed, Page, StateCommand
from schemas.command import Create, Delete, Perform, Read, Write

BATCH = 500
_UNAUTHORISED = {13, 18, 8000}
_DUPLICATE = 11000
_KNOWN_BY = {"product": ("sku",), "inventory": ("sku",), "customer": ("email", "phone")}
"""What tells that two items are one, where no id does."""


class MongoDBClient:
    """One organisation's collections. The database handle is shared and not closed here."""

    def __init__(self, connection: Connection, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._organization_id = connection.organization_id
        self._replica = connection.replica
        self._database = database
        self._shape = shape_of(connection.settings)
        self._writer = Writer(self._shape, connection.organization_id)
        self._listing = Listing(database, connection.organization_id, self._shape)

    async def apply(self, commands: Sequence[StateCommand], links: Links) -> list[Answer]:
        """See `connectors.protocol.Client`. Raises Retry, Paused."""
        answers: list[Answer] = []
        try:
            for start in range(0, len(commands), BATCH):
                batch = commands[start : start + BATCH]
                jobs = await asyncio.gather(*(self._job(one, links) for one in batch))
                async with self._database.client.start_session(causal_consistency=True) as session:
                    answers += await self._run(jobs, session)
        except PyMongoError as error:
            raise _translated(error) from error
        return answers

    async def page(
        self, entity_type: str, cursor: str = "", *, since_ms: int | None = None, limit: int = 100
    ) -> Page:
        """See `connectors.protocol.Lists`; `since_ms` narrows nothing here."""
        try:
            return await self._listing.page(entity_type, cursor, limit)
        except PyMongoError as error:
            raise _translated(error) from error

    async def digest(
        self, entity_type: str, external_ids: Sequence[str], *, each: bool = False
    ) -> Mapping[str, str] | None:
        """None: MongoDB makes no digests of documents."""
        return None

    async def ids(self, entity_type: str, cursor: str = "", *, limit: int = 500) -> Ids | None:
        """None: without digests ids alone would save nothing."""
        return None

    async def read(self, entity_type: str, external_ids: Sequence[str]) -> tuple[Listed, ...]:
        """See `connectors.protocol.Sweeps`."""
        try:
            return await self._listing.read(entity_type, external_ids)
        except PyMongoError as error:
            raise _translated(error) from error

    async def perform(self, command: Perform) -> Answer:
        """MongoDB has no effects."""
        return Answer("failed", reason=f"MongoDB cannot do {command.effect!r}")

    async def probe(self) -> str:
        """Server version and database name. Raises Retry, Paused."""
        try:
            told = await self._database.command("buildInfo")
        except PyMongoError as error:
            raise _translated(error) from error
        return f"MongoDB {told['version']}, database {self._database.name}"

    async def close(self) -> None:
        """Nothing: the database handle belongs to the process."""

    async def _job(self, command: StateCommand, links: Links) -> Job:
        """The command with its own ids in place of ours."""
        document_id, sku, reason = "", "", ""
        try:
            if not isinstance(command, Create):
                document_id, sku = place_of(command)
            elif command.type == "variation":
                document_id, sku = await self._new_variation(command, links)
            else:
                document_id = command.entity_id
        except Malformed as error:
            reason = str(error)
        job = self._writer.job(command, document_id, sku)
        if reason:
            job.answer = Answer("failed", reason=reason)
            return job
        lookup = _Outward(links, self._organization_id, self._replica)
        if isinstance(command, Write | Create):
            job.want = await outward(command.type, command.want, lookup.external_id)
        if isinstance(command, Write | Delete):
            job.expected = await outward(command.type, command.expected, lookup.external_id)
        if isinstance(command, Create) and command.type == "inventory":
            item = await lookup.external_id(("product", "variation"), command.entity_id)
            if not job.want.get("productId"):
                job.want["productId"] = item or command.entity_id
            if item is not None and not await self._has(item):
                # Stock of a product that is gone, or not made yet.
                job.answer = Answer("missing", reason="its product is not there", retry_after_s=0.2)
        if isinstance(command, Create) and sku:
            job.want["sku"] = sku
        return job

    async def _has(self, product: str) -> bool:
        where = {"_id": {"$in": id_values(product)}, "organizationId": self._organization_id}
        products = self._database[self._shape.collection("product")]
        return await products.find_one(where, {"_id": 1}) is not None

    async def _new_variation(self, command: Create, links: Links) -> tuple[str, str]:
        parent, sku = command.want.get("parentId"), command.want.get("sku")
        if not parent or not sku:
            raise Malformed("a variation needs its product and a SKU")
        found = await links.external_id(self._organization_id, self._replica, "product", parent)
        return found or str(parent), str(sku)

    async def _run(self, jobs: list[Job], session: AsyncClientSession) -> list[Answer]:
        open_jobs = [job for job in jobs if job.answer is None]
        writing = [job for job in open_jobs if not isinstance(job.command, Read)]
        if writing:
            before = await self._read(writing, session)
            await self._adopt([job for job in writing if _found(job, before) is None], session)
            await self._write([job for job in writing if job.answer is None], before, session)
        else:
            await self._database.command("ping", session=session)
        at = session.operation_time or Timestamp(0, 0)
        asked = [job for job in jobs if job.answer is None]
        after = await self._read(asked, session)
        await self._end_stock([job for job in asked if _found(job, after) is None], session)
        for job in asked:
            document = _found(job, after)
            job.answer = self._answer(job, document, as_of(at))
        return [job.answer or Answer("retry", reason="not answered") for job in jobs]

    async def _end_stock(self, gone: Sequence[Job], session: AsyncClientSession) -> None:
        """The stock of a product that we have deleted goes with it, its variants' too."""
        ids = [
            value
            for job in gone
            if isinstance(job.command, Delete) and job.command.type == "product"
            for value in (*job.ids, job.document_id)
        ]
        if ids:
            stock = self._database[self._shape.collections["inventory"]]
            name = self._shape.names["inventory"].get("productId", "productId")
            either = [{"_id": {"$in": ids}}, {name: {"$in": ids}}]
            await stock.delete_many(
                {"organizationId": self._organization_id, "$or": either}, session=session
            )

    async def _read(
        self, jobs: Sequence[Job], session: AsyncClientSession
    ) -> dict[tuple[str, str], Mapping[str, Any]]:
        """(collection, id text) to document, of this organisation only."""
        wanted: dict[str, list[Any]] = defaultdict(list)
        for job in jobs:
            wanted[job.collection] += job.ids
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        for collection, ids in wanted.items():
            cursor = self._database[collection].find(
                {"_id": {"$in": ids}, "organizationId": self._organization_id},
                session=session,
                batch_size=len(ids) + 1,
            )
            for document in await cursor.to_list():
                found[(collection, id_text(document["_id"]))] = document
        return found

    async def _write(
        self,
        jobs: Sequence[Job],
        before: Mapping[tuple[str, str], Mapping[str, Any]],
        session: AsyncClientSession,
    ) -> None:
        changes: dict[str, list[tuple[Job, Change]]] = defaultdict(list)
        for job in jobs:
            job.before = _found(job, before)
            change = self._writer.change(job)
            if change is not None:
                changes[job.collection].append((job, change))
        for collection, batch in changes.items():
            try:
                done = await self._database[collection].bulk_write(
                    [change for _, change in batch], ordered=False, session=session
                )
            except BulkWriteError as error:
                if error.details.get("writeConcernErrors"):
                    raise
                await self._blame(collection, batch, error, session)
                continue
            matched = done.matched_count + done.deleted_count + done.inserted_count
            for job, _ in batch:
                job.done = matched == len(batch)

    async def _blame(
        self,
        collection: str,
        batch: Sequence[tuple[Job, Change]],
        error: BulkWriteError,
        session: AsyncClientSession,
    ) -> None:
        """Give each operation that failed its own answer; the others are judged by their marks."""
        for told in error.details.get("writeErrors", ()):
            job, _ = batch[told["index"]]
            duplicate = told.get("code") == _DUPLICATE
            if duplicate and list(told.get("keyPattern") or ()) == ["_id"]:
                job.reason = "duplicate"  # somebody was faster with the very same item
            elif duplicate and isinstance(job.command, Create) and job.want.get("sku"):
                job.answer = await self._adopted(collection, job, session)
            else:
                job.answer = Answer(
                    "failed", reason=f"{told.get('code')}: {told.get('errmsg')}"[:500]
                )

    async def _adopt(self, jobs: Sequence[Job], session: AsyncClientSession) -> None:
        """Before an item is created: one that the merchant's app has made meanwhile, and that the
        change stream has not told of yet, is the one to link (DESIGN: rule 8)."""
        creating: dict[str, list[Job]] = defaultdict(list)
        for job in jobs:
            if isinstance(job.command, Create) and not job.sku and job.command.type in _KNOWN_BY:
                creating[job.command.type].append(job)
        for kind, found in creating.items():
            names = self._shape.names[kind]
            wanted = {
                names.get(name, name): [job.want[name] for job in found if job.want.get(name)]
                for name in _KNOWN_BY[kind]
            }
            either = [{name: {"$in": values}} for name, values in wanted.items() if values]
            if not either:
                continue
            at = session.operation_time or Timestamp(0, 0)
            cursor = self._database[found[0].collection].find(
                {"organizationId": self._organization_id, "$or": either}, session=session
            )
            documents = await cursor.to_list()
            for job in found:
                document = _twin(job, documents, names)
                if document is not None:
                    job.answer = self._linked(job, document, at)

    async def _adopted(self, collection: str, job: Job, session: AsyncClientSession) -> Answer:
        """A unique index says that an item with this SKU is there: it is the one to link."""
        at = session.operation_time or Timestamp(0, 0)
        name = self._shape.names[job.command.type].get("sku", "sku")
        document = await self._database[collection].find_one(
            {"organizationId": self._organization_id, name: job.want["sku"]}, session=session
        )
        if document is None:
            return Answer("failed", reason="a unique index of the collection refuses it")
        return self._linked(job, document, at)

    def _linked(self, job: Job, document: Mapping[str, Any], at: Timestamp) -> Answer:
        job.document_id = id_text(document["_id"])
        try:
            seen = self._writer.seen(job, document, as_of(at))
        except Malformed as error:
            return Answer("failed", reason=str(error))
        return Answer("refused", seen=seen, external_id=seen.external_id, reason="sku")

    def _answer(self, job: Job, document: Mapping[str, Any] | None, at: int) -> Answer:
        command = job.command
        try:
            seen = self._writer.seen(job, document, at)
        except Malformed as error:
            return Answer("failed", reason=str(error))
        mark = self._writer.held_mark(job, document)
        if isinstance(command, Read) and seen.exists:
            return Answer("taken", seen=seen)
        taken = job.done or (
            not isinstance(command, Read) and mark is not None and mark.op == command.op
        )
        if job.reason == "duplicate":
            if not seen.exists:
                return Answer("failed", reason="this id belongs to an item of somebody else")
            taken = True
        if isinstance(command, Delete):
            taken = not seen.exists
        elif not seen.exists and not (isinstance(command, Create) and taken):
            return Answer("missing", seen=seen, reason="no such item")
        if taken:
            external_id = seen.external_id if isinstance(command, Create) else None
            return Answer("taken", seen=seen, external_id=external_id)
        if isinstance(command, Create):
            return Answer("retry", seen=seen, reason="not created", retry_after_s=1.0)
        return Answer("refused", seen=seen, reason=job.reason or "expected")


class _Outward:
    """Our entity ids to the platform's, each asked for once a command."""

    def __init__(self, links: Links, organization_id: str, replica: str) -> None:
        self._links, self._organization_id, self._replica = links, organization_id, replica

    async def external_id(self, types: Sequence[str], entity_id: str) -> str | None:
        """The first link found; of a variation its product's id, as its SKU stands beside."""
        for entity_type in types:
            found = await self._links.external_id(
                self._organization_id, self._replica, entity_type, entity_id
            )
            if found:
                return found.partition("#")[0] if entity_type == "variation" else found
        return None


def _twin(
    job: Job, documents: Sequence[Mapping[str, Any]], names: Mapping[str, str]
) -> Mapping[str, Any] | None:
    """The document that is this item already."""
    for name in _KNOWN_BY[job.command.type]:
        wanted = job.want.get(name)
        for document in documents:
            if wanted and document.get(names.get(name, name)) == wanted:
                return document
    return None


def _found(
    job: Job, documents: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    return documents.get((job.collection, job.document_id))


def _translated(error: PyMongoError) -> ConnectorError:
    if isinstance(error, OperationFailure) and error.code in _UNAUTHORISED:
        return Paused(f"MongoDB refuses this user: {error.code}")
    return Retry(f"MongoDB does not answer: {type(error).__name__}")
