"""Shipments that are to be made, or were: `ss_shipments`, one row for each business key.

    {_id: entity id, organizationId, key, orderId, orderName, parcel, courier, replica, reference,
     request, state, reason, number, pieces, ids, labels, warnings, cod, weightKg, createdAtMs,
     shippedAtMs, lookups, nextMs, ours?}

`ours` is false of what the merchant's own app has made: it is listed, its cash is in the books, and
only the app can cancel it or print its label.

States: `waiting` (not sent yet, or to be sent again), `refused` (the courier will not take it as it
is; correct it and ask again), `unknown` (sent, and no answer came), `created`, `cancelled`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from connectors.couriers.asked import ShipmentRequest
from connectors.couriers.labels import Label
from connectors.couriers.shipment import Shipment
from schemas.clock import unix_ms
from schemas.money import money
from streams.database import Database, Document

State = Literal["waiting", "refused", "unknown", "created", "cancelled"]
MOST_LABELS = 60
FORGOTTEN_MS = 600_000
"""What nobody has begun by then (its process ended) is begun by whoever looks."""


@dataclass(frozen=True)
class Wanted:
    """One shipment as it was read."""

    id: str
    organization_id: str
    key: str
    order_id: str
    order_name: str
    parcel: str
    courier: str
    reference: str
    request: Mapping[str, Any] = field(repr=False)
    state: State = "waiting"
    reason: str = ""
    number: str = ""
    pieces: tuple[str, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)
    labels: int = 0
    warnings: tuple[str, ...] = ()
    cod: Mapping[str, Any] = field(default_factory=dict)
    weight_kg: str = ""
    created_ms: int = 0
    shipped_ms: int = 0
    lookups: int = 0
    next_ms: int = 0
    ours: bool = True
    """Made here; else by the merchant's own app."""

    @property
    def replica(self) -> str:
        """Its courier's connection."""
        return f"courier:{self.courier}"

    def shipment(self, now_ms: int) -> Shipment:
        """In the couriers' form."""
        return ShipmentRequest.model_validate(self.request).shipment(now_ms)


def key_of(organization_id: str, order_id: str, parcel: str) -> str:
    """The business fact: one label for this parcel of this order."""
    return f"{organization_id}:shipment:{order_id}:{parcel}"


def id_of(key: str) -> str:
    """The entity's id, an ObjectId's form: whoever asks again means the same shipment."""
    return sha256(key.encode()).hexdigest()[:24]


def reference_of(order_name: str, parcel: str) -> str:
    """What the courier knows it by, so that a lost answer can be looked up."""
    return order_name if parcel == "1" else f"{order_name}-{parcel}"


class Shipments:
    """The rows and their labels. Errors: PyMongo's own."""

    def __init__(self, database: Database, clock_ms: Callable[[], int] = unix_ms) -> None:
        self._rows = database["ss_shipments"]
        self._labels = database["ss_labels"]
        self._clock_ms = clock_ms

    async def want(
        self, organization_id: str, order_id: str, parcel: str, request: ShipmentRequest
    ) -> Wanted:
        """Note what is to be made. Where it is there already it stays, except that a refused one
        is taken up anew with what is corrected."""
        key = key_of(organization_id, order_id, parcel)
        now_ms = self._clock_ms()
        fresh: Document = {
            "organizationId": organization_id,
            "key": key,
            "orderId": order_id,
            "parcel": parcel,
            "createdAtMs": now_ms,
            "number": "",
            "pieces": [],
            "ids": {},
            "labels": 0,
            "warnings": [],
            "shippedAtMs": 0,
        }
        asked = {**_asked(request, parcel), "nextMs": now_ms + FORGOTTEN_MS}
        place = {"_id": id_of(key)}
        row = await self._rows.find_one_and_update(
            {**place, "state": "refused"},
            {"$set": asked},
            return_document=ReturnDocument.AFTER,
        )
        if row is None:
            try:
                await self._rows.insert_one({**place, **fresh, **asked})
            except DuplicateKeyError:
                pass
            row = await self._rows.find_one(place)
        if row is None:
            raise LookupError(f"shipment {place['_id']} was removed at this moment")
        return wanted(row)

    async def adopt(self, row: Document) -> None:
        """List what the merchant's own app has made (`adopting.row_of`). Again: nothing changes."""
        try:
            await self._rows.insert_one(row)
        except DuplicateKeyError:
            pass

    async def get(self, organization_id: str, shipment_id: str) -> Wanted | None:
        """The organisation's shipment, or None."""
        row = await self._rows.find_one({"_id": shipment_id, "organizationId": organization_id})
        return None if row is None else wanted(row)

    async def newest(
        self,
        organization_id: str,
        *,
        order_id: str = "",
        state: str = "",
        courier: str = "",
        search: str = "",
        ids: Sequence[str] | None = None,
        skip: int = 0,
        from_ms: int = 0,
        to_ms: int = 0,
        limit: int = 50,
    ) -> list[Wanted]:
        """The newest first. `search`: a tracking or order number; `ids`: only these; `from_ms`,
        `to_ms`: handed to the courier in this time."""
        match: Document = {"organizationId": organization_id}
        for name, value in (("orderId", order_id), ("state", state), ("courier", courier)):
            if value:
                match[name] = value
        if search:
            names = ("number", "pieces", "orderName", "orderId", "reference", "_id")
            match["$or"] = [{name: search} for name in names]
        if ids is not None:
            match["_id"] = {"$in": list(ids)}
        if to_ms:
            match["shippedAtMs"] = {"$gte": from_ms, "$lt": to_ms}
        rows = self._rows.find(match).sort([("createdAtMs", -1), ("_id", -1)])
        rows = rows.skip(skip).limit(limit)
        return [wanted(row) async for row in rows]

    async def due(self, now_ms: int, limit: int = 50) -> list[Wanted]:
        """What waits to be sent again, or looked up."""
        match = {"state": {"$in": ["waiting", "unknown"]}, "nextMs": {"$gt": 0, "$lte": now_ms}}
        return [wanted(row) async for row in self._rows.find(match).sort("nextMs", 1).limit(limit)]

    async def set(self, shipment_id: str, **changes: Any) -> None:
        """Change these names of the row."""
        await self._rows.update_one({"_id": shipment_id}, {"$set": changes})

    async def save_labels(self, shipment: Wanted, labels: tuple[Label, ...]) -> int:
        """Keep what is to be printed; how many. Again: replaced."""
        kept = labels[:MOST_LABELS]
        for place, label in enumerate(kept):
            await self._labels.update_one(
                {"_id": f"{shipment.id}/{place}"},
                {
                    "$set": {
                        "organizationId": shipment.organization_id,
                        "shipmentId": shipment.id,
                        "format": label.format,
                        "content": label.content,
                        "piece": label.piece,
                        "kind": label.kind,
                    }
                },
                upsert=True,
            )
        return len(kept)

    async def label(self, organization_id: str, shipment_id: str, place: int) -> Label | None:
        """One of them, from 0."""
        row = await self._labels.find_one(
            {"_id": f"{shipment_id}/{place}", "organizationId": organization_id}
        )
        if row is None:
            return None
        return Label(row["format"], bytes(row["content"]), row["piece"], "", row["kind"])


def _asked(request: ShipmentRequest, parcel: str) -> Document:
    """What a request decides of a row."""
    shipment = request.shipment(0)
    changes: Document = {
        "courier": request.courier_code,
        "orderName": request.order_id if parcel == "1" else request.order_id.rpartition("-")[0],
        "reference": request.order_id,
        "request": request.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        "state": "waiting",
        "reason": "",
        "weightKg": money(shipment.weight_kg) or "",
        "lookups": 0,
    }
    if shipment.cod is not None:
        changes["cod"] = {
            "amount": money(shipment.cod.amount),
            "currency": shipment.cod.currency,
            "state": "expected",
        }
    return changes


def wanted(row: Document) -> Wanted:
    """From a document of `ss_shipments`."""
    return Wanted(
        id=row["_id"],
        organization_id=row["organizationId"],
        key=row["key"],
        order_id=row["orderId"],
        order_name=row["orderName"],
        parcel=row["parcel"],
        courier=row["courier"],
        reference=row["reference"],
        request=row["request"],
        state=row["state"],
        reason=row["reason"],
        number=row["number"],
        pieces=tuple(row["pieces"]),
        ids=row["ids"],
        labels=row["labels"],
        warnings=tuple(row["warnings"]),
        cod=row.get("cod", {}),
        weight_kg=row["weightKg"],
        created_ms=row["createdAtMs"],
        shipped_ms=row["shippedAtMs"],
        lookups=row["lookups"],
        next_ms=row["nextMs"],
        ours=row.get("ours", True),
    )
