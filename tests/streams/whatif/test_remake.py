"""The same code and policy give the same decisions, byte for byte, from what is kept of them: whole
simulated lives go through the agent, and are decided again from its changelog."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from schemas.codec import decode, encode
from schemas.command import Command
from schemas.context import Connected, ContextWire, decided_of
from schemas.observation import Edit, Gone, Observation
from schemas.outcome import Outcome
from schemas.policy import Policies, Rule
from schemas.topics import CONTEXTS, ENTITIES, FEED, OBSERVATIONS, OUTCOMES, RESOLUTIONS
from streams.kafka import Incoming, Outgoing
from streams.sync.agent import Reconciler
from streams.sync.batch import Due
from streams.sync.context import Context
from streams.sync.contexts import Contexts, context_of, same_rules
from streams.sync.decide import Tick
from streams.sync.record import Record
from streams.whatif.remake import Arrived, Kept, Made, remake
from support.model_platform import Faults
from support.rerun import Store
from support.simulation import Owner, Simulation

KEY = b"o/inventory/e"


@dataclass
class Kafka:
    """What was published, in order."""

    log: list[Outgoing] = field(default_factory=list)

    async def publish(self, *records: Outgoing) -> None:
        self.log += records


class Nobody:
    """Nothing is parked in these worlds."""

    async def park(self, incoming: Incoming, **told: Any) -> None:
        raise AssertionError(f"parked: {told}")


class Agents(Simulation):
    """The simulation, with the agent itself in the place of bare `decide`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.kafka = Kafka()
        self.offsets: list[Arrived] = []
        self.loop = asyncio.new_event_loop()
        self.first = encode(self.owner.record)
        self.start(self.owner.record, 1)

    def start(self, record: Record, epoch: int) -> None:
        async def load(_organization: str) -> Context:
            return self.context(0)

        self.agent = Reconciler(
            store=Store({KEY: record}),  # type: ignore[arg-type]
            publisher=self.kafka,  # type: ignore[arg-type]
            contexts=Contexts(load),
            dead=Nobody(),  # type: ignore[arg-type]
            epochs={0: epoch},
            clock_ms=lambda: self.now,
        )

    def work(self, owner: Owner, arrival: Any, zombie: bool = False) -> None:
        self.do(owner, [arrival])

    def do(self, owner: Owner, arrivals: Sequence[Any]) -> None:
        begin = len(self.kafka.log)
        if isinstance(arrivals[0], Tick):
            self.agent.due[0] = Due()
            self.agent.due[0].set(KEY, self.now)
            self.loop.run_until_complete(self.agent.tick())
        else:
            self.loop.run_until_complete(self.agent.handle([self.record(a) for a in arrivals]))
        owner.record = self.durable = self.agent.store.data[KEY]
        for sent in self.kafka.log[begin:]:
            if sent.topic.name.startswith("commands."):
                self.send("command", decode(sent.value or b"", COMMAND))
        self.answer_person(owner)

    def record(self, arrival: Any) -> Incoming:
        if isinstance(arrival, Observation | Gone | Edit):
            topic = OBSERVATIONS.name
        else:
            topic = OUTCOMES.name if isinstance(arrival, Outcome) else RESOLUTIONS.name
        offset, value = len(self.offsets) * 3, encode(arrival)
        self.offsets.append(Arrived(topic, offset, value))
        return Incoming(topic, 0, offset, self.now, KEY, value)

    def settle(self) -> set[str]:
        """The judge's part, not needed here."""
        return set()

    def crash(self) -> None:
        """What was not committed comes again, in one chunk."""
        self.newest_epoch += 1
        self.owner = Owner(self.durable, self.newest_epoch, len(self.log))
        self.start(self.durable, self.newest_epoch)
        if again := [arrival for _, arrival in self.log[self.committed :]]:
            self.do(self.owner, again)

    def kept(self) -> list[tuple[Kept, list[Outgoing]]]:
        """Every record of the changelog, and what left with it."""
        found: list[tuple[Kept, list[Outgoing]]] = []
        told: list[Outgoing] = []
        before = self.first
        for sent in self.kafka.log:
            if sent.topic is ENTITIES:
                decided = decided_of(sent.headers)
                assert decided is not None
                kept = Kept(KEY, before, sent.value or b"", decided, self.offsets)
                before = kept.after
                found.append((kept, told))
                told = []
            elif sent.topic.name == "conflicts":
                told.append(sent)  # told before the record
            elif found:
                found[-1][1].append(sent)
        return found


COMMAND: Any = Command


def left(made: Sequence[Made]) -> list[bytes]:
    """Everything that leaves, in any order."""
    return sorted(
        encode(one)
        for step in made
        for one in (*step.decision.commands, *step.decision.feed, *step.decision.conflicts)
    )


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(Faults(edits=True), id="edits, loss, repeats, crashes"),
        pytest.param(Faults(manual=True, skew=3600), id="conflicts held, clocks skewed"),
        pytest.param(Faults(normalises=True), id="a platform that rewrites"),
    ],
)
def test_decisions_are_made_again_byte_for_byte(faults: Faults) -> None:
    records = several = 0
    for seed in range(8):
        world = Agents(seed, faults)
        world.run(70)
        world.loop.close()
        for kept, told in world.kept():
            made = list(remake(kept, world.context(0)))
            assert encode([m.decision for m in made if m.decision.changed][-1].record) == kept.after
            assert left(made) == sorted(one.value or b"" for one in told)
            records += 1
            several += len(made) > 1
    assert records > 200
    assert several > 5  # chunks with more than one arrival of the entity were among them


def test_another_context_is_noticed() -> None:
    """The comparison above would see a difference: by rules that hold what was decided, some
    decision comes out otherwise."""
    world = Agents(1, Faults(edits=True))
    world.run(70)
    world.loop.close()
    other = world.context(0)
    manual = Policies(rules=(Rule(field="location", policy="manual"), Rule(policy="local")))
    other = Context(**{**vars(other), "policies": manual})
    differ = [kept for kept, _ in world.kept()
              if [m for m in remake(kept, other)][-1].decision.record
              != [m for m in remake(kept, world.context(0))][-1].decision.record]  # fmt: skip
    assert differ


def test_a_context_is_told_once_and_made_again_the_same() -> None:
    wire = ContextWire(
        organization_id="o",
        connections=(
            Connected(replica="mongodb", platform="mongodb"),
            Connected(
                replica="woocommerce",
                platform="woocommerce",
                settings={"currency": "LKR"},
                capabilities={"plugin": "1.0.0"},
                first_sync="ask",
            ),
            Connected(replica="whatsapp", platform="whatsapp", confirmed=False,
                      settings={"order_statuses": "shipped, delivered"}),
        ),
        policies=Policies(version=3, rules=(Rule(field="price", policy="local"),)),
    )  # fmt: skip
    again = context_of(decode(encode(wire), ContextWire))
    assert same_rules(again, context_of(wire))
    assert again.digest == wire.digest != ""
    assert again.writable == {"mongodb", "woocommerce"}
    assert again.announced == {}  # nobody is messaged over what is not confirmed
    assert again.first_sync["woocommerce"] == "ask"
    assert again.profiles["woocommerce"].compares

    async def load(_organization: str) -> Context:
        return context_of(wire)

    async def twice() -> list[ContextWire]:
        contexts = Contexts(load, clock=iter((0.0, 100.0)).__next__)
        await contexts.ensure(["o"])
        await contexts.ensure(["o"])
        return contexts.untold

    assert asyncio.run(twice()) == [wire]
    assert wire.key == f"o/context/{wire.digest}".encode()
    assert CONTEXTS.compacted
    assert not FEED.compacted
