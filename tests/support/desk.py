"""The real `decide` behind a list: resolutions that are published are decided at once, and the
views show what came of them. All of the engine but Kafka."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from schemas.codec import decode, encode
from schemas.feed import ConflictLine
from schemas.outcome import Resolution
from schemas.policy import Rule
from schemas.topics import RESOLUTIONS
from streams.database import Database
from streams.history import HistoryViews
from streams.kafka.records import Incoming, Outgoing
from streams.sync.decision import Decision
from streams.sync.record import Record
from streams.views import ConflictViews
from support.engine import T0, Engine, context

ASK = Rule(policy="manual")


@dataclass
class Item(Engine):
    """One entity of one organisation."""

    organization_id: str = "kandy"
    entity_id: str = "p1"

    def __post_init__(self) -> None:
        self.record = Record(**self.entity)

    @property
    def entity(self) -> dict[str, str]:
        return {
            "organization_id": self.organization_id,
            "type": self.type,
            "entity_id": self.entity_id,
        }


async def park(_record: Incoming, reason: str) -> None:
    raise AssertionError(reason)


@dataclass
class Desk:
    """Entities, and the views of what is decided about them."""

    database: Database
    organization_id: str = "kandy"
    now: int = T0
    items: dict[bytes, Item] = field(default_factory=dict)
    offsets: Iterator[int] = field(default_factory=itertools.count)
    asleep: bool = False
    """Nothing is decided: the engine is away."""

    def item(self, entity_id: str, *rules: Rule, kind: str = "product") -> Item:
        """An item that both platforms hold alike."""
        made = Item(
            context(kind, *rules),
            type=kind,
            now=self.now,
            organization_id=self.organization_id,
            entity_id=entity_id,
        )
        key = f"{self.organization_id}/{kind}/{entity_id}".encode()
        self.items[key] = made
        return made

    async def contest(
        self,
        entity_id: str = "p1",
        *rules: Rule,
        ours: Any = "1899.5",
        theirs: Any = "1950",
        base: Any = "1800",
        name: str = "price",
    ) -> ConflictLine:
        """Both platforms change a field: the line that the engine then tells."""
        item = self.item(entity_id, *(rules or (ASK,)))
        item.now = self.now = self.now + 1_000
        label = f"Tea {entity_id}"
        item.sees("mongodb", 1, sku=entity_id, name=label, **{name: base})
        item.sees("woocommerce", 1, sku=entity_id, name=label, **{name: base})
        item.settles()
        item.now += 10
        item.sees("mongodb", 12, sku=entity_id, name=label, **{name: ours})
        item.now += 10
        (line,) = (
            await self.show(
                item.sees("woocommerce", 12, sku=entity_id, name=label, **{name: theirs})
            )
        ).conflicts
        return line

    async def show(self, decision: Decision) -> Decision:
        """What was decided arrives in the views."""
        lines = [Incoming("conflicts", 0, 0, 0, b"", encode(one)) for one in decision.conflicts]
        await ConflictViews(self.database, park).handle(lines)
        feed = [Incoming("feed", 0, next(self.offsets), 0, b"", encode(o)) for o in decision.feed]
        await HistoryViews(self.database, park).handle(feed)
        return decision

    async def publish(self, *records: Outgoing) -> None:
        """As the engine reads them."""
        for record in records:
            if record.topic is RESOLUTIONS and not self.asleep:
                resolution = decode(record.value or b"", Resolution)
                item = self.items.get(record.key)
                if item is not None:
                    item.now = max(item.now, resolution.at_ms)
                    await self.show(item.take(resolution))
