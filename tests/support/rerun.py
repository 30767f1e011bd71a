"""The agent without Kafka, and its topics as the archive would hold them: for what makes decisions
again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from schemas.archive import ArchivedEvent
from schemas.base import entity_key
from schemas.codec import decode, encode
from schemas.command import Command, Create, Write
from schemas.context import Connected, ContextWire
from schemas.observation import FieldMark, Mark, Observation, Seen
from schemas.outcome import Outcome
from schemas.policy import Policies
from schemas.topics import OBSERVATIONS, OUTCOMES, Topic
from streams.archive.reading import Query
from streams.archive.rows import event_of
from streams.kafka import Incoming, Outgoing
from streams.sync.agent import Reconciler
from streams.sync.batch import Due
from streams.sync.context import Context
from streams.sync.contexts import Contexts, context_of
from streams.sync.record import Record

COMMAND: Any = Command
BEGIN_MS = 1_795_000_000_000


@dataclass
class Store:
    """The table, without Faust."""

    data: dict[bytes, Record] = field(default_factory=dict)

    def put(self, partition: int, key: bytes, record: Record) -> None:
        self.data[key] = record

    def forget_one(self, key: bytes) -> None:
        self.data.pop(key, None)

    def partition_of(self, key: bytes) -> int:
        return 0


class Nobody:
    """Nothing is parked in these worlds."""

    async def park(self, incoming: Incoming, **told: Any) -> None:
        raise AssertionError(f"parked: {told}")


@dataclass
class Shop:
    """One organisation on two platforms that take every write."""

    policies: Policies = field(default_factory=Policies)
    now_ms: int = BEGIN_MS
    events: list[ArchivedEvent] = field(default_factory=list)
    """Every topic."""
    away: bool = False
    """Whether platforms answer nothing for now."""

    def __post_init__(self) -> None:
        self._told: list[Outgoing] = []
        self._as_of = 0
        self._held: dict[tuple[str, str], dict[str, Any]] = {}
        self._marks: dict[tuple[str, str], Mark] = {}
        self.wire = ContextWire(
            organization_id="kandy",
            connections=(
                Connected(replica="mongodb", platform="mongodb"),
                Connected(
                    replica="woocommerce",
                    platform="woocommerce",
                    settings={"currency": "LKR"},
                    capabilities={"plugin": "1.0.0"},
                ),
            ),
            policies=self.policies,
        )

        async def load(_organization: str) -> Context:
            return context_of(self.wire)

        self.agent = Reconciler(
            store=Store(),  # type: ignore[arg-type]
            publisher=self,  # type: ignore[arg-type]
            contexts=Contexts(load),
            dead=Nobody(),  # type: ignore[arg-type]
            epochs={0: 1},
            due={0: Due()},
            clock_ms=lambda: self.now_ms,
        )

    async def publish(self, *records: Outgoing) -> None:
        """As `Publisher`."""
        for record in records:
            self._archive(record.topic, record.key, record.value or b"", tuple(record.headers))
            if record.topic.name.startswith("commands."):
                self._told.append(record)

    def _archive(
        self, topic: Topic, key: bytes, value: bytes, headers: tuple[tuple[str, bytes], ...]
    ) -> Incoming:
        record = Incoming(topic.name, 0, len(self.events), self.now_ms, key, value, list(headers))
        self.events.append(event_of(record, "log", self.now_ms))
        return record

    async def sees(
        self, replica: str, entity_id: str, type_: str = "product", **fields: Any
    ) -> None:
        """A person edited it there; every write that follows is taken."""
        self.now_ms += 10_000
        self._as_of += 1
        held = self._held.setdefault((replica, entity_id), {})
        held.update(fields)
        seen = Seen(
            external_id=f"{replica}-{entity_id}",
            fields=dict(held),
            as_of=self.now_ms,
            changed_at_ms=self.now_ms,
            mark=self._marks.get((replica, entity_id)),
        )
        arrival = Observation(
            organization_id="kandy", type=type_, entity_id=entity_id, id=f"s{self._as_of}",
            replica=replica, seen=seen, received_at_ms=self.now_ms,
        )  # fmt: skip
        await self._handle(OBSERVATIONS, arrival)
        while self._told:
            await self._take(decode(self._told.pop(0).value or b"", COMMAND))

    async def _take(self, command: Any) -> None:
        self.now_ms += 50
        if self.away or not isinstance(command, Write | Create):
            return
        place = command.replica, command.entity_id
        held = self._held.setdefault(place, {})
        held.update(command.want)
        known = dict(self._marks[place].fields) if place in self._marks else {}
        known |= {
            name: FieldMark(op=command.op, value=value, total=command.totals.get(name))
            for name, value in command.want.items()
        }
        self._marks[place] = Mark(op=command.op, fields=known)
        seen = Seen(
            external_id=f"{command.replica}-{command.entity_id}",
            fields=dict(held),
            as_of=self.now_ms,
            mark=self._marks[place],
        )
        outcome = Outcome(
            organization_id="kandy", type=command.type, entity_id=command.entity_id,
            replica=command.replica, op=command.op, result="taken", seen=seen, at_ms=self.now_ms,
        )  # fmt: skip
        await self._handle(OUTCOMES, outcome)

    async def _handle(self, topic: Topic, arrival: Any) -> None:
        self.now_ms += 1
        await self.agent.handle([self._archive(topic, arrival.key, encode(arrival), ())])

    def agreed(self, entity_id: str, name: str, type_: str = "product") -> Any:
        """What stands."""
        record = self.agent.store.data[entity_key("kandy", type_, entity_id)]
        return record.fields[name].value

    async def read(self, query: Query) -> AsyncIterator[ArchivedEvent]:
        """As `streams.archive.joined.history`, an event at a time."""
        for event in sorted(self.events, key=lambda one: one.place):
            if query.takes(event):
                yield event
