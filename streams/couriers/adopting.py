"""Shipments that the merchant's own app wrote into its database: they are followed like ours.

Such a document needs a tracking number, a courier that is connected, and a status that is not the
last. It is listed with ours, and its cash on delivery is in the books.
It is found by the views of the engine, in the order in which they were last decided about.
"""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from connectors.couriers.status import FINAL
from schemas.codec import decode
from schemas.envelope import epoch_ms
from schemas.money import money
from streams.couriers.finding import find_order
from streams.couriers.following import Following
from streams.couriers.orders import cash, whole_name
from streams.couriers.shipments import Shipments, key_of
from streams.database import Database, Document
from streams.directory import Directory
from streams.entities import COLLECTION
from streams.kafka.publisher import PublishFailed
from streams.sync.record import Record

log = structlog.get_logger(__name__)

LOOK_S = 3.0
PAGE = 500
OVERLAP_MS = 60_000
"""Views of several partitions are written side by side: what comes late is still found."""
CURSOR = "couriers/adopting"


class Adopter:
    """One a process; several do no harm. Errors: PyMongo's own, PublishFailed."""

    def __init__(
        self,
        database: Database,
        directory: Directory,
        following: Following,
        shipments: Shipments,
    ) -> None:
        self._database = database
        self._shipments = shipments
        self._rows = database[COLLECTION]
        self._cursors = database["ss_checkpoints"]
        self._directory = directory
        self._following = following

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except (PyMongoError, PublishFailed) as error:
                log.warning("new shipments wait for a store", reason=repr(error)[:200])
            await asyncio.sleep(LOOK_S)

    async def look(self) -> int:
        """Begin to follow what is new; how many."""
        kept = await self._cursors.find_one({"_id": CURSOR}) or {}
        begun, seen_ms = 0, int(kept.get("atMs", 0))
        match = {"type": "shipment", "atMs": {"$gte": seen_ms - OVERLAP_MS}}
        rows = self._rows.find(match, {"record": 1, "atMs": 1}).sort("atMs", 1).batch_size(PAGE)
        async for row in rows:
            begun += await self._adopt(decode(row["record"], Record))
            seen_ms = row["atMs"]
        await self._cursors.update_one({"_id": CURSOR}, {"$max": {"atMs": seen_ms}}, upsert=True)
        return begun

    async def _adopt(self, record: Record) -> bool:
        """Whether it is followed from now on."""
        wanted = followable(record)
        if wanted is None:
            return False
        code, number, order_id = wanted
        org, replica = record.organization_id, f"courier:{code}"
        connection = await self._directory.connection(org, replica)
        if connection is None or await self._following.find(org, replica, number) is not None:
            return False
        order = await find_order(self._database, org, order_id) if order_id else None
        order_id = order.entity_id if order is not None else order_id
        # Listed first: a crash in between repeats both.
        await self._shipments.adopt(row_of(record, code, number, order, int(1000 * time.time())))
        base = {name: record.fields[name].value for name in ("courierCode", "trackingNumber")}
        await self._following.begin(
            connection, number, record.entity_id, order_id=order_id, fields=base, ours=False
        )
        return True


def followable(record: Record) -> tuple[str, str, str] | None:
    """(courier, number, order id) of a shipment that no courier has told of yet; None for any
    other. Pure."""
    if any(name.startswith("courier:") for name in record.replicas) or record.tombstone:
        return None
    held = {name: agreed.value for name, agreed in record.fields.items()}
    number, code = held.get("trackingNumber"), held.get("courierCode")
    if not isinstance(number, str) or not number.strip() or not isinstance(code, str):
        return None
    if held.get("status") in FINAL:
        return None
    return code.strip().casefold(), number.strip(), str(held.get("orderId") or "")


def row_of(record: Record, code: str, number: str, order: Record | None, now_ms: int) -> Document:
    """The shipment as a row of `ss_shipments`. What is to be collected is what it says itself, else
    what its order does. Pure."""
    held: dict[str, Any] = {name: agreed.value for name, agreed in record.fields.items()}
    told = {"name": held.get("recipientName"), "phone": held.get("recipientPhone")}
    order_id = order.entity_id if order is not None else str(held.get("orderId") or "")
    name = str(held.get("orderNumber") or whole_name(order, order_id))
    due = cash(order) if order is not None else None
    if held.get("codAmount") not in (None, ""):
        due = {"amount": held["codAmount"], "currency": str(held.get("currency") or "LKR")}
    row: Document = {
        "_id": record.entity_id,
        "organizationId": record.organization_id,
        "key": key_of(record.organization_id, f"app:{record.entity_id}", "1"),
        "orderId": order_id,
        "orderName": name,
        "parcel": "1",
        "courier": code,
        "reference": str(held.get("reference") or name),
        "request": {"deliveryAddress": {k: str(v) for k, v in told.items() if v}},
        "state": "created",
        "reason": "",
        "number": number,
        "pieces": [],
        "ids": {},
        "labels": 0,
        "warnings": [],
        "weightKg": str(held.get("weight") or ""),
        "createdAtMs": epoch_ms(str(held.get("createdAt") or "")) or now_ms,
        "shippedAtMs": 0,
        "lookups": 0,
        "nextMs": 0,
        "ours": False,
    }
    if due is not None and Decimal(str(due["amount"])):
        amount = money(Decimal(str(due["amount"])))
        row["cod"] = {"amount": amount, "currency": due["currency"], "state": "expected"}
    return row
