"""An engine without Kafka that knows one platform: what a sweep tells it is decided at once, and
its records stand in a real MongoDB where a sweep looks for them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.protocol import Connection, Connector, Listed
from schemas.codec import encode
from schemas.command import Read
from schemas.observation import Observation
from schemas.outcome import Outcome, Resync
from streams.database import Database
from streams.entities import EntityViews
from streams.kafka.records import Incoming
from streams.links import Links
from streams.sync.context import Context
from streams.sync.decide import decide, new_record
from streams.sync.record import Record
from streams.upkeep.drift.books import Books
from streams.upkeep.drift.pace import Pace
from streams.upkeep.drift.sweep import Sweep
from streams.upkeep.drift.tally import Tally

NOW = 1_800_000_000_000
ORGANIZATION = "kandy"


async def nothing_waits() -> int:
    return 0


async def park(_record: Incoming, reason: str) -> None:
    raise AssertionError(reason)


class NoLinks:
    """Products name no other entity."""

    async def external_id(self, *_place: str) -> str | None:
        return None


@dataclass
class Town:
    """One platform, and an engine that knows only this."""

    connector: Connector
    client: Any
    """Its client, which can be swept too."""
    connection: Connection
    database: Database
    capabilities: Mapping[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    records: dict[tuple[str, str], Record] = field(default_factory=dict)
    offsets: Any = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.replica = self.connection.replica
        profile = self.connector.profile(self.connection, self.capabilities)
        self.context = Context(
            profiles={self.replica: profile}, writable=frozenset((self.replica,)), epoch=1
        )
        self.views = EntityViews(self.database, "log/", park)

    async def take(self, arrival: Observation | Outcome | Resync) -> None:
        place = (arrival.type, arrival.entity_id)
        decision = decide(
            self.records.get(place) or new_record(arrival), arrival, self.context, NOW
        )
        await self.keep(decision.record)
        for command in decision.commands:
            if isinstance(command, Read):
                [answer] = await self.client.apply([command], NoLinks())
                outcome = Outcome(
                    organization_id=ORGANIZATION, type=command.type, entity_id=command.entity_id,
                    replica=self.replica, ticket=command.ticket, result=answer.result,
                    seen=answer.seen, at_ms=NOW,
                )  # fmt: skip
                await self.take(outcome)

    async def keep(self, record: Record) -> None:
        self.records[record.type, record.entity_id] = record
        key = f"{ORGANIZATION}/{record.type}/{record.entity_id}".encode()
        row = Incoming("entities-changelog", 0, next(self.offsets), 0, key, encode(record))
        await self.views.handle([row])

    async def tell(self, _entity_type: str, items: Sequence[Listed]) -> None:
        for item in items:
            self.told.append(item.external_id)
            parsed = self.connector.parse(self.connection, item.topic, {}, item.body, 0)
            for sighting in parsed.sightings:
                assert sighting.seen is not None
                observation = Observation(
                    organization_id=ORGANIZATION, type=sighting.type,
                    entity_id=f"e{sighting.external_id}", id=f"o{next(self.offsets)}",
                    replica=self.replica, seen=sighting.seen, received_at_ms=NOW,
                )  # fmt: skip
                await self.take(observation)

    async def ask(self, entities: Sequence[tuple[str, str]]) -> None:
        for kind, entity_id in entities:
            self.told.append(entity_id)
            again = Resync(
                organization_id=ORGANIZATION, type=kind, entity_id=entity_id, id="r", at_ms=1
            )
            await self.take(again)

    async def learn(self) -> None:
        """What an import would have told."""
        for kind in self.context.profiles[self.replica].types:
            cursor = ""
            while True:
                page = await self.client.page(kind, cursor)
                await self.tell(kind, page.items)
                cursor = page.next
                if not cursor:
                    break
        self.told.clear()

    async def sweep(self, heal_s: float = 20.0) -> dict[str, Tally]:
        async def report(_compared: int) -> None:
            return

        books = Books(self.database, Links(self.database), self.connection)
        sweep = Sweep(
            self.client, books, self.context.profiles[self.replica], Pace(nothing_waits),
            tell=self.tell, ask=self.ask, report=report, writable=True, settle_s=0.0, heal_s=heal_s,
        )  # fmt: skip
        return await sweep.run()
