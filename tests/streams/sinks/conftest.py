"""Everything around a sink, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.protocol import Answer, Connection, Links, Parsed, Profile, StateCommand
from schemas.codec import decode, encode
from schemas.command import Claim, Command, Create, Perform, Read, Write
from schemas.envelope import Envelope
from schemas.outcome import Outcome
from streams.effects.ledger import Entry
from streams.identity import Place
from streams.kafka.records import Incoming, Outgoing
from streams.sinks.agent import Sink

CONNECTION = Connection("c1", "org", "woocommerce", "woocommerce", {"site_url": "x"}, {"key": "k"})
NOW_MS = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Platform:
    """A connector and its client: answers what it is told to, and notes what it was asked."""

    platform: str = "woocommerce"
    asked: list[list[StateCommand]] = field(default_factory=list)
    performed: list[Perform] = field(default_factory=list)
    closed: int = 0
    error: Exception | None = None
    answers: dict[str, Answer] = field(default_factory=dict)
    """Entity id, or effect key, to answer; `taken` for all others."""
    poison: str = ""
    """An entity id that breaks the connector."""

    def profile(self, connection: Connection, capabilities: Mapping[str, str]) -> Profile:
        return Profile(self.platform, {})

    def verify(
        self, connection: Connection, headers: Mapping[str, str], body: bytes, now_ms: int
    ) -> None: ...

    def parse(
        self,
        connection: Connection,
        topic: str,
        headers: Mapping[str, str],
        body: bytes,
        now_ms: int,
    ) -> Parsed:
        return Parsed()

    def client(self, connection: Connection) -> Platform:
        return self

    async def capabilities(self, connection: Connection) -> Mapping[str, str]:
        return {"plugin": "1.0.0"}

    async def apply(self, commands: Sequence[StateCommand], links: Links) -> list[Answer]:
        self.asked.append(list(commands))
        if self.error is not None:
            raise self.error
        if any(command.entity_id == self.poison for command in commands):
            raise KeyError("a fault of ours")
        return [self.answers.get(one.entity_id, Answer("taken")) for one in commands]

    async def perform(self, command: Perform) -> Answer:
        self.performed.append(command)
        if self.error is not None:
            raise self.error
        return self.answers.get(command.effect_key, Answer("taken", external_id="wamid.1"))

    async def probe(self) -> str:
        return ""

    async def close(self) -> None:
        self.closed += 1


@dataclass
class World:
    """The sink's neighbours."""

    published: list[Outgoing] = field(default_factory=list)
    connections: dict[str, Connection] = field(default_factory=dict)
    capable: dict[str, Mapping[str, str]] = field(default_factory=dict)
    linked: list[tuple[str, str, str]] = field(default_factory=list)
    known: dict[tuple[str, str], str] = field(default_factory=dict)
    claimed_keys: dict[str, str] = field(default_factory=dict)
    claims: dict[tuple[str, int], int] = field(default_factory=dict)
    parked: list[str] = field(default_factory=list)
    ledger: dict[str, Entry] = field(default_factory=dict)

    async def publish(self, *records: Outgoing) -> None:
        self.published.extend(records)

    async def connection(self, organization_id: str, replica: str) -> Connection | None:
        return self.connections.get(f"{organization_id}/{replica}")

    async def save_capabilities(
        self, organization_id: str, replica: str, found: Mapping[str, str]
    ) -> None:
        self.capable[f"{organization_id}/{replica}"] = found

    async def external_id(self, *_: str) -> str | None:
        return None

    async def entity_id(
        self, organization_id: str, replica: str, entity_type: str, external_id: str
    ) -> str | None:
        return self.known.get((entity_type, external_id))

    async def entity_ids(self, places: Iterable[Place]) -> dict[Place, str]:
        return {one: self.known[one[2], one[3]] for one in places if one[2:] in self.known}

    async def claimed(
        self, keys: Iterable[tuple[str, str, str]]
    ) -> dict[tuple[str, str, str], str]:
        return {key: self.claimed_keys[key[2]] for key in keys if key[2] in self.claimed_keys}

    async def link(
        self,
        organization_id: str,
        replica: str,
        entity_type: str,
        entity_id: str,
        external_id: str,
    ) -> None:
        self.linked.append((entity_type, entity_id, external_id))

    async def newest(self, topic: str, partition: int) -> int:
        return self.claims.get((topic, partition), 0)

    async def raise_to(self, topic: str, partition: int, epoch: int) -> None:
        self.claims[topic, partition] = max(epoch, self.claims.get((topic, partition), 0))

    async def park(
        self, incoming: Incoming | None, *, organization_id: str, stage: str, reason: str
    ) -> None:
        self.parked.append(f"{stage}: {reason}")

    async def claim(self, command: Perform, now_ms: int) -> Entry:
        held = self.ledger.get(command.effect_key)
        if held is None or held.state == "released":
            self.ledger[command.effect_key] = Entry("claimed", claimed_at_ms=now_ms)
            return Entry("claimed", mine=True, claimed_at_ms=now_ms)
        return held

    def begin(self, command: Perform, entry: Entry) -> None:
        assert self.ledger[command.effect_key].state == "claimed"
        assert entry.mine

    async def settle(
        self, command: Perform, state: Any, now_ms: int, vendor_id: str = "", reason: str = ""
    ) -> None:
        self.ledger[command.effect_key] = Entry(state, vendor_id=vendor_id, reason=reason)

    def outcomes(self) -> list[Outcome]:
        return [decode(one.value or b"", Outcome) for one in self.published]


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world() -> World:
    return World(connections={"org/woocommerce": CONNECTION})


@pytest.fixture
def sink(platform: Platform, world: World, clock: Clock) -> Sink:
    return Sink(
        platform,
        publisher=world,
        connections=world,
        links=world,
        claims=world,
        ledger=world,  # type: ignore[arg-type]
        dead=world,
        clock_ms=clock,
    )


def chunk(*commands: Command | bytes) -> list[Incoming]:
    headers = Envelope(id="1", type="c", source="t", traceparent="00-aa-bb-01").headers()
    return [
        Incoming(
            "commands.woocommerce", 2, offset, 0, b"k",
            one if isinstance(one, bytes) else encode(one), headers,
        )
        for offset, one in enumerate(commands)
    ]  # fmt: skip


def base(entity_id: str, epoch: int) -> dict[str, Any]:
    return {
        "organization_id": "org", "type": "product", "entity_id": entity_id,
        "replica": "woocommerce", "issued_at_ms": 0, "epoch": epoch,
    }  # fmt: skip


def write(entity_id: str, counter: int = 1, epoch: int = 5, **more: Any) -> Write:
    values = {**base(entity_id, epoch), **more}
    return Write(op=(epoch, counter), external_id="1", want={"name": "x"}, **values)


def create(entity_id: str, entity_type: str = "product") -> Create:
    values = {**base(entity_id, 5), "type": entity_type}
    return Create(op=(5, 1), want={"name": "x"}, **values)


def read(entity_id: str, clock: int = 1, epoch: int = 5) -> Read:
    return Read(external_id="1", ticket=(epoch, clock), **base(entity_id, epoch))


def perform(key: str, epoch: int = 5) -> Perform:
    return Perform(effect_key=key, effect="order_status", arguments={}, **base("o1", epoch))


def claim(epoch: int) -> Claim:
    return Claim(epoch=epoch, owner="w", issued_at_ms=0)
