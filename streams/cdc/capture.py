"""The loop: snapshot, stream, and what to do when the place in the stream is lost.

A position is saved only after Kafka has acknowledged everything before it. While one batch is being
acknowledged the next are read, at most PIPELINE of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from pymongo.errors import OperationFailure, PyMongoError

from connectors.errors import Malformed
from connectors.mongodb.mapping import id_text
from connectors.mongodb.position import Position, Positions
from connectors.mongodb.settings import COLLECTIONS
from connectors.mongodb.source import (
    Batch,
    ChangeSource,
    EventTooLarge,
    PageReader,
    PositionLost,
    Token,
)
from schemas.clock import unix_ms
from schemas.settings import Endpoints
from streams.cdc.records import (
    CHANGES,
    UPHEAVALS,
    change_record,
    event_organization,
    organization_of,
    snapshot_record,
)
from streams.cdc.snapshot import Snapshot
from streams.database import Database, Document, open_database
from streams.ending import ended
from streams.identity import HOME
from streams.inbox import MAX_INLINE, Inbox
from streams.kafka.publisher import Publisher, PublishFailed
from streams.kafka.records import Outgoing, Publishes
from streams.links import Links

log = structlog.get_logger(__name__)

ORDER = ("customer", "product", "inventory", "order", "message", "shipment")
"""Of a snapshot: what others refer to comes first."""
PIPELINE = 4
SAVE_S = 0.2
IDLE_SAVE_S = 10.0
"""Idle streams save their token too, so that it does not age out of the oplog."""
RETRY_S = 1.0
PRE_IMAGES = {"changeStreamPreAndPostImages": {"enabled": True}}


@dataclass
class Sent:
    """A batch on its way to Kafka."""

    task: asyncio.Task[None]
    token: Token | None
    event_at_ms: int
    events: int


class ChangeCapture:
    """One process of it is enough; a second only repeats the work, harmlessly."""

    def __init__(
        self,
        database: Database,
        publisher: Publishes,
        *,
        collections: Mapping[str, str] | None = None,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        """`collections`: entity type to collection."""
        names = dict(collections or COLLECTIONS)
        self._types = {names[kind]: kind for kind in ORDER if kind in names}
        self._database = database
        self._publisher = publisher
        self._clock_ms = clock_ms
        self._positions = Positions(database)
        self._inbox = Inbox(database)
        self._links = Links(database)
        self._source = ChangeSource(database, list(self._types))
        self._counts: Counter[str] = Counter()
        self._saved_at = 0.0
        self._unsaved = False

    async def run(self) -> None:
        """Until cancelled. Waits out what heals by itself; raises nothing else."""
        await self._pre_images()
        try:
            while True:
                _still_wanted()
                try:
                    await self._cycle()
                except PositionLost as error:
                    log.error("place in the change stream lost; new snapshot", reason=str(error))
                    await self._save(Position(resnapshot=True))
                except EventTooLarge:
                    await self._step_over()
                except (PyMongoError, PublishFailed) as error:
                    log.warning("change capture waits", reason=repr(error)[:300])
                    await asyncio.sleep(RETRY_S)
        finally:
            with contextlib.suppress(PyMongoError):
                await self._source.close()

    async def _cycle(self) -> None:
        position = await self._positions.load() or Position()
        self._counts = Counter(position.counts)
        if position.phase == "snapshot":
            if position.token is None:
                position = position.moved(token=(await self._source.open(None)).token)
                await self._save(position)
            log.info("snapshot begins", collection=position.collection or "first")
            position = await self._snapshot(position)
            position = position.moved(phase="streaming", collection="", after=None)
            position = position.moved(resnapshot=False)
            await self._save(position)
            log.info("snapshot ended", published=self._counts["published"])
        await self._stream(position)

    async def _snapshot(self, position: Position) -> Position:
        def skip(collection: str, reason: str) -> None:
            self._skipped(collection, reason)

        snapshot = Snapshot(
            self._database, self._types, self._publish, self._save, skip, self._clock_ms
        )
        return await snapshot.run(position)

    async def _stream(self, position: Position) -> None:
        batch = await self._source.open(position.token)
        sent: deque[Sent] = deque()
        try:
            while True:
                upheaval = ""
                if batch.events:
                    records, upheaval = await self._records(batch.events)
                    sent.append(self._send(batch, records))
                full = len(sent) > PIPELINE or upheaval
                while sent and (full or sent[0].task.done()):
                    position = await self._acknowledged(position, sent.popleft(), bool(sent))
                    full = len(sent) > PIPELINE or upheaval
                if not sent and not batch.events and batch.token is not None:
                    position = position.moved(token=batch.token, lag_ms=0)
                await self._save_in_time(position, idle=not batch.events and not sent)
                if upheaval:
                    raise PositionLost(f"{upheaval} of a followed collection")
                batch = await self._source.next()
                _still_wanted()
        finally:
            await ended(*(one.task for one in sent))

    def _send(self, batch: Batch, records: Sequence[Outgoing]) -> Sent:
        last = batch.events[-1]["clusterTime"]
        task = asyncio.get_running_loop().create_task(self._publish(records))
        return Sent(task, batch.token, last.time * 1000, len(batch.events))

    async def _acknowledged(self, position: Position, sent: Sent, more: bool) -> Position:
        await sent.task
        self._unsaved = True
        lag_ms = max(0, self._clock_ms() - sent.event_at_ms) if more else 0
        return position.moved(
            token=sent.token or position.token, event_at_ms=sent.event_at_ms, lag_ms=lag_ms
        )

    async def _save_in_time(self, position: Position, *, idle: bool) -> None:
        waited = time.monotonic() - self._saved_at
        if waited >= (IDLE_SAVE_S if idle and not self._unsaved else SAVE_S):
            await self._save(position)

    async def _save(self, position: Position) -> None:
        await self._positions.save(position.moved(counts=dict(self._counts)), self._clock_ms())
        self._saved_at = time.monotonic()
        self._unsaved = False

    async def _publish(self, records: Sequence[Outgoing]) -> None:
        if not records:
            return
        small = [
            await self._inbox.inlined(record) if len(record.value or b"") > MAX_INLINE else record
            for record in records
        ]
        await self._publisher.publish(*small)
        self._counts["published"] += len(records)

    async def _records(self, events: Sequence[Document]) -> tuple[list[Outgoing], str]:
        """Records of the events, up to the first upheaval, which is named."""
        now_ms = self._clock_ms()
        owners = await self._owners(events)
        records: list[Outgoing] = []
        for index, event in enumerate(events):
            operation = event["operationType"]
            if operation in UPHEAVALS:
                return records, operation
            if operation not in CHANGES:
                continue
            collection = event["ns"]["coll"]
            found = event_organization(event)
            organizations = [found] if found else owners.get(index, [])
            if not organizations:
                self._skipped(collection, "no organizationId")
            for organization_id in organizations:
                try:
                    records.append(
                        change_record(event, self._types[collection], organization_id, now_ms)
                    )
                except Malformed as error:
                    self._skipped(collection, str(error))
        return records, ""

    async def _owners(self, events: Sequence[Document]) -> dict[int, list[str]]:
        """Whose the events are that do not tell it, by their links."""
        asked: dict[str, dict[int, str]] = {}
        for index, event in enumerate(events):
            if event["operationType"] in CHANGES and not event_organization(event):
                if event.get("fullDocument") is None:
                    with contextlib.suppress(Malformed):
                        kind = self._types[event["ns"]["coll"]]
                        asked.setdefault(kind, {})[index] = id_text(event["documentKey"]["_id"])
        owners: dict[int, list[str]] = {}
        for kind, wanted in asked.items():
            known = await self._links.organizations_of(HOME, kind, list(set(wanted.values())))
            owners |= {index: known[text] for index, text in wanted.items() if text in known}
        return owners

    def _skipped(self, collection: str, reason: str) -> None:
        name = "withoutOrganization" if reason == "no organizationId" else "unreadable"
        self._counts[name] += 1
        if self._counts[name] in (1, 10, 100, 1000) or self._counts[name] % 10_000 == 0:
            log.error(
                "documents not followed",
                collection=collection,
                reason=reason,
                altogether=self._counts[name],
            )

    async def _step_over(self) -> None:
        """The next event is over 16 MB: learn which document it is, and read that instead."""
        position = await self._positions.load() or Position()
        batch = await self._source.open(position.token, keys_only=True)
        while not batch.events:
            batch = await self._source.next()
        pages = PageReader(self._database)
        for event in batch.events:
            collection = event.get("ns", {}).get("coll", "")
            if collection not in self._types or "documentKey" not in event:
                continue
            key = event["documentKey"]["_id"]
            log.error(
                "an event is over 16 MB; its document is read", collection=collection, id=str(key)
            )
            async with self._database.client.start_session(causal_consistency=True) as session:
                document, at = await pages.one(collection, key, session)
            if document is not None and organization_of(document):
                kind = self._types[collection]
                await self._publish(
                    [
                        snapshot_record(
                            collection, self._database.name, document, at, kind, self._clock_ms()
                        )
                    ]
                )
        await self._save(position.moved(token=batch.events[-1]["_id"]))

    async def _pre_images(self) -> None:
        """Turn them on where we may: a deletion then tells whose document it was."""
        for name in self._types:
            try:
                if name in await self._database.list_collection_names(filter={"name": name}):
                    await self._database.command({"collMod": name, **PRE_IMAGES})
                else:
                    await self._database.command({"create": name, **PRE_IMAGES})
            except OperationFailure as error:
                log.warning("no pre-images", collection=name, code=error.code)
            except PyMongoError as error:
                log.warning("no pre-images", collection=name, reason=type(error).__name__)


def _still_wanted() -> None:
    """PyMongo 4.20 can swallow a cancellation that meets the end of a call (seen in the tests); the
    task then knows of it but goes on. Raises CancelledError."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def run(endpoints: Endpoints, publisher: Publisher | None = None) -> None:
    """The role `cdc`: until cancelled."""
    database = open_database(endpoints, application="smartstore-cdc", timeout_ms=None)
    own = publisher or Publisher(endpoints)
    try:
        await ChangeCapture(database, own).run()
    finally:
        if publisher is None:
            await own.stop()
        await database.client.close()
