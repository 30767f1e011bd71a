"""Shipments that are followed: `ss_tracking`, one row each, and what is told of their news.

    {_id: "org/replica/number", organizationId, replica, courier, account, number, shipmentId,
     orderId, status, events: [...], estimated, uniqueId, base, createdAtMs, polledAtMs, asOf,
     dueAtMs, live, ended, pushedAtMs, version}

The whole of what is known goes to topic `inbound` each time something is new, so a repeat or a late
answer changes nothing. It is published before the row is kept: a crash in between repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace

from pymongo import UpdateOne

from connectors.couriers.mapping import TYPE, delivery, tracked_fields
from connectors.couriers.model import Event, Tracked, Tracking, current, merged
from connectors.couriers.status import FINAL, RANKS, Status
from connectors.protocol import Connection
from schemas.base import Fields
from schemas.clock import unix_ms
from schemas.envelope import Envelope, epoch_ms, new_traceparent
from schemas.event import QueuedEvent
from schemas.topics import INBOUND
from streams.couriers.cod import Cash
from streams.couriers.orders import order_status
from streams.couriers.paces import account_of
from streams.couriers.rhythm import PUSHED_SHORTEST_MS, History
from streams.database import Database, Document
from streams.entities import find_record
from streams.kafka.records import Outgoing, Publishes
from streams.links import Links
from streams.queueing import event_record

EDIT_MEMORY_MS = 6 * 86_400_000
"""The engine refuses edits older than seven days: an older scan is told as of now."""
TRIES = 5


@dataclass(frozen=True)
class Followed:
    """One shipment on its way, as it was read."""

    id: str
    organization_id: str
    replica: str
    courier: str
    account: str
    number: str
    shipment_id: str
    order_id: str = ""
    status: Status | None = None
    events: tuple[Event, ...] = ()
    estimated: str | None = None
    unique_id: str = ""
    created_ms: int = 0
    polled_ms: int = 0
    as_of: int = 0
    due_ms: int = 0
    live: bool = True
    ended: str = ""
    version: int = 0
    pushed_ms: int = 0
    """When the courier last told of it by itself; 0: never."""
    base: Fields = field(default_factory=dict)
    """What is known of it besides its way: its order, cash, weight."""

    @property
    def history(self) -> History:
        """What the schedule looks at."""
        known = [event.at_ms for event in self.events if event.at_ms is not None]
        promised = epoch_ms(self.estimated) if self.estimated else 0
        if self.estimated and len(self.estimated) == 10:
            promised += 43_200_000  # a day without an hour: its middle
        return History(
            self.status or "",
            self.created_ms,
            self.polled_ms or self.created_ms,
            max(known) if known else None,
            promised or None,
            self.pushed_ms > 0,
        )


def news(row: Followed, told: Tracked, now_ms: int) -> Followed:
    """The row with what a courier told. Pure. A status never moves back; equal ranks may."""
    events = merged(row.events, told.events)
    status = told.status
    if status is None:
        telling = current(events)
        status = telling.status if telling else None
    if row.status is not None and (status is None or RANKS[status] < RANKS[row.status]):
        status = row.status
    return replace(
        row,
        status=status,
        events=events,
        estimated=told.estimated or row.estimated,
        unique_id=told.unique_id or row.unique_id,
        as_of=max(now_ms, row.as_of + 1),
        live=status not in FINAL,
        ended=str(status) if status in FINAL else "",
    )


def is_news(before: Followed, after: Followed) -> bool:
    """Whether anybody has to be told."""
    return (before.status, before.events, before.estimated) != (
        after.status,
        after.events,
        after.estimated,
    )


def unlisted(row: Followed) -> list[Event]:
    """What the courier told in words that nobody has listed, the newest last."""
    return [event for event in row.events if event.unlisted]


def gaps(before: Followed, after: Followed) -> list[tuple[str, int, int]]:
    """(status before, instant before, instant) of each scan that is new: what a rhythm learns."""
    known = {event.key for event in before.events}
    found: list[tuple[str, int, int]] = []
    status, last = "", before.created_ms
    for event in after.events:
        if event.at_ms is None:
            continue
        if event.key not in known and last:
            found.append((status, last, event.at_ms))
        status, last = event.status or status, event.at_ms
    return found


class Following:
    """The rows, and who is told. Errors: PyMongo's own, PublishFailed."""

    def __init__(
        self,
        database: Database,
        publisher: Publishes,
        links: Links,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._database = database
        self._rows = database["ss_tracking"]
        self._publisher = publisher
        self._links = links
        self._cash = Cash(database, clock_ms)
        self._clock_ms = clock_ms

    async def begin(
        self,
        connection: Connection,
        number: str,
        shipment_id: str,
        *,
        order_id: str = "",
        fields: Fields | None = None,
        ours: bool = True,
    ) -> None:
        """Follow this shipment from now on, and tell the engine that it is there. Again: nothing
        changes. `fields`: what is known of it besides (its order, cash, weight). `ours`: we made
        it, so it is created; of others only the courier knows how far they are."""
        now_ms = self._clock_ms()
        org, replica = connection.organization_id, connection.replica
        code = connection.settings.get("courier", "")
        await self._links.link(org, replica, TYPE, shipment_id, number)
        base: Fields = {"courierCode": code, "trackingNumber": number, **(fields or {})}
        known = {**base, "status": "created", "statusText": "Created"} if ours else base
        body = delivery(number, known, now_ms, now_ms)
        await self._publisher.publish(_record(org, replica, number, body, now_ms))
        await self._rows.update_one(
            {"_id": f"{org}/{replica}/{number}"},
            {
                "$setOnInsert": {
                    "organizationId": org, "replica": replica, "courier": code,
                    "account": account_of(connection), "number": number,
                    "shipmentId": shipment_id, "orderId": order_id,
                    "status": "created" if ours else None,
                    "events": [], "estimated": None, "uniqueId": "", "createdAtMs": now_ms,
                    "polledAtMs": 0, "asOf": now_ms, "dueAtMs": now_ms,
                    "live": True, "ended": "", "version": 0, "base": base,
                }
            },
            upsert=True,
        )  # fmt: skip

    async def find(self, organization_id: str, replica: str, number: str) -> Followed | None:
        """The row, or None."""
        row = await self._rows.find_one({"_id": f"{organization_id}/{replica}/{number}"})
        return None if row is None else followed(row)

    async def of_shipment(self, organization_id: str, shipment_id: str) -> Followed | None:
        """The row of one of our shipments, or None."""
        place = {"organizationId": organization_id, "shipmentId": shipment_id}
        row = await self._rows.find_one(place)
        return None if row is None else followed(row)

    async def of_shipments(
        self, organization_id: str, shipment_ids: Sequence[str]
    ) -> dict[str, Followed]:
        """The rows of these shipments of ours, by shipment."""
        place = {"organizationId": organization_id, "shipmentId": {"$in": list(shipment_ids)}}
        return {row["shipmentId"]: followed(row) async for row in self._rows.find(place)}

    async def standing(self, organization_id: str, status: str, limit: int) -> list[str]:
        """Shipments of ours in this status."""
        place = {"organizationId": organization_id, "status": status}
        rows = self._rows.find(place, {"shipmentId": 1}).sort("createdAtMs", -1).limit(limit)
        return [row["shipmentId"] async for row in rows]

    async def puzzling(self, organization_id: str, limit: int = 20) -> list[Followed]:
        """Those of which the courier told something that nobody has listed, the newest first."""
        place = {"organizationId": organization_id, "unlisted": True}
        rows = self._rows.find(place).sort("createdAtMs", -1).limit(limit)
        return [followed(row) async for row in rows]

    async def absorb(self, row: Followed, told: Tracked, *, pushed: bool = False) -> Followed:
        """Take in what a courier told, asked or (`pushed`) by itself; the row as it then is. Safe
        to repeat, and side by side with another."""
        for _ in range(TRIES):
            now_ms = self._clock_ms()
            after = news(row, told, now_ms)
            if is_news(row, after):
                await self._tell(row, after, now_ms)
            if pushed:
                later_ms = max(after.due_ms, now_ms + PUSHED_SHORTEST_MS)
                after = replace(after, pushed_ms=now_ms, due_ms=later_ms)
            else:
                after = replace(after, polled_ms=now_ms)
            if await self._keep(row, after):
                return after
            fresh = await self._rows.find_one({"_id": row.id})
            if fresh is None:
                return after
            row = followed(fresh)
        return row

    async def take(self, organization_id: str, replica: str, told: object) -> None:
        """A courier's push (`Tracking`). What nobody follows here is passed by."""
        if not isinstance(told, Tracking):
            raise TypeError(f"not what a courier tells: {type(told).__name__}")
        for one in told.found:
            row = await self.find(organization_id, replica, one.number)
            if row is not None:
                await self.absorb(row, one, pushed=True)
        if told.hints:
            numbers = [f"{organization_id}/{replica}/{number}" for number in told.hints]
            fresh = {"dueAtMs": 0, "polledAtMs": 0, "pushedAtMs": self._clock_ms()}
            await self._rows.update_many({"_id": {"$in": numbers}, "live": True}, {"$set": fresh})

    async def plan(self, asked_ms: int, due: Sequence[tuple[Followed, int | None]]) -> None:
        """They were asked for, and when each is asked for again; None: it has been silent for too
        long. One write for all: an account may ask for hundreds a second."""
        writes = []
        for row, due_ms in due:
            assign: Document = {"polledAtMs": asked_ms}
            assign |= {"dueAtMs": due_ms} if due_ms else {"live": False, "ended": "stale"}
            writes.append(UpdateOne({"_id": row.id, "live": True}, {"$set": assign}))
        if writes:
            await self._rows.bulk_write(writes, ordered=False)

    async def cancelled(self, organization_id: str, shipment_id: str) -> None:
        """The courier took it back: nothing more comes."""
        row = await self.of_shipment(organization_id, shipment_id)
        if row is None or not row.live:
            return
        await self.absorb(row, Tracked(row.courier, row.number, "cancelled"))

    async def _keep(self, before: Followed, after: Followed) -> bool:
        done = await self._rows.update_one(
            {"_id": before.id, "version": before.version},
            {"$set": _document(after), "$inc": {"version": 1}},
        )
        return done.matched_count == 1

    async def _tell(self, before: Followed, after: Followed, now_ms: int) -> None:
        """The engine, the order behind it, and the books of cash on delivery."""
        told = tracked_fields(after.status, after.events, after.estimated)
        fields = {**after.base, **told}
        changed = after.history.event_ms or now_ms
        body = delivery(after.number, fields, after.as_of, changed)
        org = after.organization_id
        records = [_record(org, after.replica, after.number, body, now_ms)]
        if after.status != before.status:
            edit = await self._order_edit(after, now_ms)
            records += [edit] if edit else []
            await self._cash.moved(org, after.shipment_id, after.status, changed)
        await self._publisher.publish(*records)

    async def _order_edit(self, after: Followed, now_ms: int) -> Outgoing | None:
        """The order's status, as its parcels together make it. Only of an order that is there: an
        edit would else make one out of nothing."""
        if not after.order_id:
            return None
        org = after.organization_id
        if await find_record(self._database, org, "order", after.order_id) is None:
            return None
        others = self._rows.find(
            {"organizationId": org, "orderId": after.order_id, "_id": {"$ne": after.id}},
            {"status": 1},
        )
        status = order_status([after.status, *[row["status"] async for row in others]])
        if status is None:
            return None
        at_ms = after.history.event_ms or now_ms
        if not now_ms - EDIT_MEMORY_MS < at_ms <= now_ms:
            at_ms = now_ms
        event = QueuedEvent.model_validate(
            {
                "id": f"courier:{after.shipment_id}:{status}",
                "type": "order",
                "action": "update",
                "source": "courier",
                "data": {"entityId": after.order_id, "status": status},
                "timestamp": at_ms,
                "organizationId": org,
            }
        )
        return event_record(event, now_ms)


def _record(organization_id: str, replica: str, number: str, body: bytes, now_ms: int) -> Outgoing:
    subject = f"{TYPE}/{number}"
    envelope = Envelope(
        id=f"{replica}:{number}:{now_ms}",
        type="inbound.courier.tracked",
        source="streams/couriers",
        organization_id=organization_id,
        subject=subject,
        time_ms=now_ms,
        traceparent=new_traceparent(),
    )
    key = f"{organization_id}/{replica}/{subject}".encode()
    return Outgoing(INBOUND, key, body, envelope.headers())


def followed(row: Document) -> Followed:
    """From a document of `ss_tracking`."""
    return Followed(
        id=row["_id"],
        organization_id=row["organizationId"],
        replica=row["replica"],
        courier=row["courier"],
        account=row["account"],
        number=row["number"],
        shipment_id=row["shipmentId"],
        order_id=row.get("orderId", ""),
        status=row["status"],
        events=tuple(Event(**event) for event in row["events"]),
        estimated=row["estimated"],
        unique_id=row["uniqueId"],
        created_ms=row["createdAtMs"],
        polled_ms=row["polledAtMs"],
        as_of=row["asOf"],
        due_ms=row["dueAtMs"],
        live=row["live"],
        ended=row["ended"],
        version=row["version"],
        pushed_ms=row.get("pushedAtMs", 0),
        base=row.get("base", {}),
    )


def _document(row: Followed) -> Document:
    """What `absorb` may have changed."""
    return {
        "status": row.status,
        "events": [asdict(event) for event in row.events],
        "estimated": row.estimated,
        "uniqueId": row.unique_id,
        "polledAtMs": row.polled_ms,
        "pushedAtMs": row.pushed_ms,
        "unlisted": bool(unlisted(row)),
        "asOf": row.as_of,
        "dueAtMs": row.due_ms,
        "live": row.live,
        "ended": row.ended,
    }


def uses_of(rows: Sequence[Followed]) -> dict[str, str]:
    """Number to which of its uses is meant, where a courier reuses numbers."""
    return {row.number: row.unique_id for row in rows if row.unique_id}
