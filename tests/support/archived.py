"""A small shop's history as the archive would hold it, for tests of what reads it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from schemas.archive import ArchivedEvent, table_of
from schemas.base import entity_key
from schemas.codec import encode
from schemas.feed import ConflictLine, FeedLine
from streams.sync.record import Agreed, Record

T0 = 1_795_000_000_000
"""2026-11-18T11:06:40Z: 16:36:40 in Colombo."""
DAY_MS = 86_400_000


class Shelf:
    """Rows in the order in which they were put."""

    def __init__(self, organization_id: str = "kandy") -> None:
        self.organization_id = organization_id
        self.events: list[ArchivedEvent] = []

    def put(
        self, topic: str, kind: str, type_: str, entity_id: str, value: Any, at_ms: int
    ) -> None:
        self.events.append(
            ArchivedEvent(
                organization=self.organization_id,
                topic=topic,
                log="log",
                partition=0,
                offset=len(self.events),
                at_ms=at_ms,
                timestamp_ms=at_ms,
                key=entity_key(self.organization_id, type_, entity_id),
                event="",
                type=type_,
                entity_id=entity_id,
                kind=kind,
                source=getattr(value, "source", ""),
                headers=(),
                value=encode(value).decode(),
            )
        )

    def line(self, kind: Any, type_: str, entity_id: str, at_ms: int, **more: Any) -> None:
        """A line of the feed."""
        version = len(self.events)
        line = FeedLine(
            organization_id=self.organization_id,
            type=type_,
            entity_id=entity_id,
            id=f"{type_}/{entity_id}/{version}/0",
            kind=kind,
            version=version,
            at_ms=at_ms,
            **more,
        )
        self.put("feed", kind, type_, entity_id, line, at_ms)

    def record(
        self, type_: str, entity_id: str, at_ms: int, version: int = 1, **fields: Any
    ) -> None:
        """A record of the changelog."""
        agreed = {name: Agreed(value, at_ms, "woocommerce") for name, value in fields.items()}
        record = Record(
            self.organization_id, type_, entity_id, epoch=1, version=version, fields=agreed
        )
        self.put("entities-changelog", "record", type_, entity_id, record, at_ms)

    def conflict(self, name: str, version: int, at_ms: int, **more: Any) -> None:
        """The state of a conflict on a product's field."""
        line = ConflictLine(
            organization_id=self.organization_id,
            type="product",
            entity_id="p1",
            id=f"kandy.product.p1.{name}.1",
            field=name,
            policy="manual",
            candidates={"mongodb": "1", "woocommerce": "2"},
            stamps={},
            opened_at_ms=T0,
            at_ms=at_ms,
            version=version,
            **more,
        )
        self.put("conflicts", "conflict", "product", "p1", line, at_ms)

    def table(self) -> pa.Table:
        """With the archive's columns."""
        return table_of(self.events)


def small_history() -> Shelf:
    """Three orders, a stock-out, conflicts, parcels and deliveries of changes, over two days."""
    shelf = Shelf()
    items = [{"productId": "p1", "sku": "TEA", "name": "Tea", "quantity": 2, "unitPrice": "500",
              "total": "1000"}]  # fmt: skip
    placed = {"createdAt": "2026-11-18T11:00:00.000Z", "currency": "LKR", "items": items}
    shelf.record("order", "o1", T0, status="pending", total="1000", **placed)
    shelf.record(
        "order", "o1", T0 + 60_000, 2, status="delivered", total="1000.50", placedOn="woocommerce",
        number="1042", refunds=[{"id": "1", "total": "200.25"}, {"id": "2", "total": None}],
        payment={"method": "cod"}, billing={"city": "Kandy"}, **placed,
    )  # fmt: skip
    shelf.record("order", "o2", T0 + 1, status="cancelled", total="300", **placed)
    shelf.record("order", "o3", T0 + DAY_MS, status="processing", total="99.9",
                 createdAt="2026-11-19T11:00:00.000Z", currency="USD")  # fmt: skip
    for status, minutes in (("pending", 0), ("processing", 5), ("shipped", 50), ("delivered", 90)):
        shelf.line("changed", "order", "o1", T0 + minutes * 60_000, fields={"status": status})
    shelf.line("changed", "order", "o2", T0, fields={"status": "pending"})
    shelf.line("changed", "order", "o2", T0 + 1, fields={"status": "cancelled"})
    for quantity, previous, hours in ((10, None, 0), (0, 10, 2), (5, 0, 8)):
        before = {} if previous is None else {"quantity": previous}
        shelf.line(
            "changed", "inventory", "p1", T0 + hours * 3_600_000, label="TEA",
            source="woocommerce", fields={"quantity": quantity}, previous=before,
        )  # fmt: skip
    for number, latency_ms in enumerate((40, 60, 900)):
        shelf.line("arrived", "product", "p1", T0 + number, replica="mongodb",
                   source="woocommerce", latency_ms=latency_ms)  # fmt: skip
    shelf.conflict("price", 1, T0, status="open")
    shelf.conflict(
        "price", 2, T0 + 5_000, status="resolved", resolution="keep", by="nimal", value="1"
    )
    shelf.conflict("name", 3, T0, status="resolved", resolution="newest", by="rule", automatic=True)
    delivered = [{"status": "delivered", "timestamp": "2026-11-19T17:00:00.000Z"}]
    shelf.record("shipment", "s1", T0, courierCode="aramex", status="delivered", orderId="o1",
                 createdAt="2026-11-18T11:00:00.000Z", events=delivered, codAmount="1000.5",
                 currency="LKR")  # fmt: skip
    shelf.record("shipment", "s2", T0, courierCode="dhl", status="in_transit",
                 createdAt="2026-11-18T11:00:00.000Z")  # fmt: skip
    return shelf
