"""Keeps the figures up: topic `feed` into the table, its changelog, and `ss_analytics`, which the
API reads.

Changelog first, then the view, then Faust commits the offset: a crash anywhere repeats the chunk,
and repeats count nothing (`facts.py`).
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import msgspec
import stamina
import structlog
from pymongo import UpdateOne

from schemas.base import split_key
from schemas.clock import unix_ms
from schemas.codec import Undecodable, decode, encode
from schemas.feed import FeedLine
from schemas.settings import Endpoints
from schemas.topics import ANALYTICS, FEED, partition_of
from streams.analytics.days import STOCK, day_figures, day_named, stock_figures
from streams.analytics.facts import Rows, take
from streams.analytics.table import RestoringTables, RowStore, RowTable
from streams.app import SyncApp, bind, create_app
from streams.database import Database, Document
from streams.kafka import Incoming, Outgoing, PublishFailed
from streams.kafka.reading import read_to_end
from streams.kafka.records import Publishes
from streams.kafka.table import own_table, restore
from streams.projecting import project

log = structlog.get_logger(__name__)

COLLECTION = "ss_analytics"
KEPT_DAYS = 92
"""A row of an older day leaves the table; that day's figures stay as they are ..."""
SHOWN_DAYS = 750
"""... for so long."""
REMEMBERED = 20_000
LINGER_S = 0.5
PATIENCE_S = 25.0

Park = Callable[[Incoming, str], Awaitable[None]]


class _Name(msgspec.Struct, rename="camel"):
    """No more of a line than tells which it is."""

    organization_id: str
    id: str


@dataclass
class Aggregator:
    """The agent's state beside the table."""

    rows: Rows
    publisher: Publishes
    database: Database
    log_name: str
    """Which Kafka log offsets are of."""
    zone: tzinfo
    partitions: int
    park: Park
    clock_ms: Callable[[], int] = unix_ms
    _days: defaultdict[tuple[str, str], set[bytes]] = field(
        default_factory=lambda: defaultdict(set)
    )
    """(organisation, day) to the keys in its figures."""
    _placed: dict[bytes, str] = field(default_factory=dict)
    _told: OrderedDict[tuple[str, str], int] = field(default_factory=OrderedDict)
    """Lines of late, with the offset of the first: a producer that was not answered, or a crash
    of the engine, makes a line come again behind it."""
    _swept: str = ""

    def restored(self) -> None:
        """After a recovery: which rows are in which day."""
        self._days.clear()
        self._placed.clear()
        for key in list(self.rows):
            self._place(key)

    async def remember(self, endpoints: Endpoints, partitions: Sequence[int]) -> None:
        """After a recovery: the lines of late. One that waits to be counted is in the feed at the
        offset that is remembered of it, so it counts. Raises KafkaError."""
        self._told.clear()

        async def take_in(records: Sequence[Any]) -> None:
            for record in records:
                with contextlib.suppress(Undecodable):
                    name = decode(record.value or b"", _Name)
                    self._again(name, record.offset)

        last = REMEMBERED // max(1, len(partitions))
        await read_to_end(endpoints, FEED, partitions, take_in, last=last)

    async def handle(self, chunk: Sequence[Incoming]) -> None:
        """Returns when every line is counted and shown. Raises PublishFailed, PyMongoError."""
        touched: dict[bytes, None] = {}
        dirty: dict[tuple[str, str], int] = {}
        for record in chunk:
            try:
                line = decode(record.value, FeedLine)
            except Undecodable as error:
                await self.park(record, f"Not a feed line: {error}")
                continue
            if self._again(line, record.offset):
                continue
            for key in take(self.rows, line, record.offset, self.zone):
                touched[key] = None
                organization_id = line.organization_id
                for day in {self._placed.get(key), self._place(key)} - {None}:
                    dirty[organization_id, str(day)] = record.offset
        for key in self._too_old():
            touched[key] = None
        await self._keep(touched)
        writes = [self._shown(*place, upto) for place, upto in dirty.items()]
        await project(self.database[COLLECTION], writes)

    def _again(self, line: FeedLine | _Name, offset: int) -> bool:
        first = self._told.setdefault((line.organization_id, line.id), offset)
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return first < offset

    def _place(self, key: bytes) -> str | None:
        """Put a row where its figures are: a day, the present stock, or nowhere."""
        organization_id = split_key(key)[0]
        if (old := self._placed.pop(key, None)) is not None:
            self._days[organization_id, old].discard(key)
        day = day_named(key, self.rows.get(key), self.zone)
        if day is not None:
            self._placed[key] = day
            self._days[organization_id, day].add(key)
        return day

    def _too_old(self) -> Iterable[bytes]:
        """Rows of days that are long over, once a day."""
        today = datetime.fromtimestamp(self.clock_ms() / 1000, UTC).astimezone(self.zone).date()
        if today.isoformat() == self._swept:
            return
        self._swept = today.isoformat()
        oldest = (today - timedelta(days=KEPT_DAYS)).isoformat()
        for place in [place for place in self._days if STOCK < place[1] < oldest]:
            for key in self._days.pop(place):
                self._placed.pop(key, None)
                if self.rows.pop(key, None) is not None:
                    yield key

    async def _keep(self, keys: Iterable[bytes]) -> None:
        """Into the changelog, in the partition of the organisation's lines."""
        records = []
        for key in keys:
            row = self.rows.get(key)
            place = partition_of(split_key(key)[0].encode(), self.partitions)
            value = None if row is None else encode(row)
            records.append(Outgoing(ANALYTICS, key, value, partition=place))
        async for attempt in stamina.retry_context(
            on=PublishFailed, attempts=None, timeout=PATIENCE_S, wait_initial=0.1, wait_max=2.0
        ):
            with attempt:
                await self.publisher.publish(*records)

    def _shown(self, organization_id: str, day: str, upto: int) -> UpdateOne:
        mine = {key: self.rows[key] for key in sorted(self._days[organization_id, day])}
        figures = stock_figures(mine) if day == STOCK else day_figures(mine.values())
        row: Document = {
            "organizationId": organization_id,
            "day": day,
            "upto": upto,
            "log": self.log_name,
            **figures,
        }
        if day != STOCK:
            ends = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=SHOWN_DAYS)
            row["expiresAt"] = ends
        older = {"$or": [{"upto": {"$lte": upto}}, {"log": {"$ne": self.log_name}}]}
        place = {"_id": f"{organization_id}/{day or 'stock'}", **older}
        return UpdateOne(place, {"$set": row}, upsert=True)


def assemble(
    endpoints: Endpoints,
    instance: str,
    publisher: Publishes,
    database: Database,
    log_name: str,
    zone: tzinfo,
    park: Park,
) -> SyncApp:
    """The Faust app around the agent."""
    app = create_app("analytics", endpoints, instance=instance, TableManager=RestoringTables)
    table = own_table(app, "analytics", RowTable)
    app.tables.add(table)
    store: RowStore = table.data
    aggregator = Aggregator(
        store.data, publisher, database, log_name, zone, endpoints.kafka_partitions, park
    )

    async def take_over(partitions: Sequence[int]) -> None:
        await restore(store, endpoints, ANALYTICS, partitions)
        aggregator.restored()
        await aggregator.remember(endpoints, partitions)
        log.info("figures restored", rows=len(store.data))

    app.claim, app.release = take_over, lambda: None
    bind(app, "analytics", [FEED], aggregator.handle, linger_s=LINGER_S)
    return app
