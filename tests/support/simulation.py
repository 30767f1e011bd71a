"""One entity on three platforms under loss, repeats, reordering, crashes and woken former owners.

The engine here is the real `decide`; network, platforms and Kafka are small models with a seeded
dice.
A run is judged when the faults have stopped: platforms and record equal, stock exactly what was
sold, no write sent long after the last edit, no edit overwritten unseen, nothing old come back.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from connectors.protocol import Profile, TypeProfile, unchanged
from schemas.command import Create, Delete, Read, Write
from schemas.observation import Edit, Observation, Seen
from schemas.outcome import Outcome, Resolution, Resync
from schemas.policy import Policies, Rule
from streams.sync.context import Context, Timing
from streams.sync.decide import Tick, decide
from streams.sync.record import Agreed, Record, Replica, Shadow
from support.model_platform import NAMES, PLAIN, START, STOCK, Faults, Platform


@dataclass
class Owner:
    """A worker that holds the record."""

    record: Record
    epoch: int
    at: int
    """Position in the log of arrivals."""


@dataclass
class Simulation:
    """One seeded run."""

    seed: int
    faults: Faults
    now: int = 1_000_000
    sold: int = 0
    edits: int = 0
    sent: int = 0
    log: list[tuple[str, Any]] = field(default_factory=list)
    network: list[tuple[int, float, str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        skew = self.faults.skew
        shifts = [self.dice.randint(-skew, skew) if skew else 0 for _ in NAMES]
        fine = bool(skew)
        self.platforms = {
            "mongodb": Platform("mongodb", 1, False, self.faults, shifts[0]),
            "woocommerce": Platform(
                "woocommerce", 1 if fine else 100, True, self.faults, shifts[1]
            ),
            "whatsapp": Platform("whatsapp", 1 if fine else 10, False, self.faults, shifts[2]),
        }
        for platform in self.platforms.values():
            platform.fields = {k: platform.normal(k, v) for k, v in START.items()}
            platform.touch(self.now)
        self.lags: dict[str, int] = {}
        self.edited: dict[str, set[Any]] = {name: set() for name in PLAIN}
        self.resolved = False
        self.owner = Owner(self.first_record(), 1, 0)
        self.durable = self.owner.record
        self.committed = 0
        self.zombies: list[tuple[Owner, int, int]] = []
        self.newest_epoch = 1

    def first_record(self) -> Record:
        """Everything known and equal, as after the first synchronisation."""
        record = Record(organization_id="o", type="inventory", entity_id="e", version=1)
        record.fields = {name: Agreed(value, 0, "mongodb") for name, value in START.items()}
        for name, platform in self.platforms.items():
            record.replicas[name] = Replica(
                external_id=f"{name}-1",
                exists=True,
                as_of=platform.modified,
                totals={STOCK: 0},
                shadow={key: Shadow(value, START[key]) for key, value in platform.fields.items()},
            )
        return record

    def context(self, epoch: int) -> Context:
        fields = frozenset(START)
        profiles = {
            name: Profile(
                name,
                {
                    "inventory": TypeProfile(
                        readable=fields,
                        writable=fields,
                        normal=platform.normal if self.faults.normalises else unchanged,
                    )
                },
                compares=not (self.faults.plain and name == "woocommerce"),
            )
            for name, platform in self.platforms.items()
        }
        rules = (Rule(field="location", policy="manual"),) if self.faults.manual else ()
        return Context(
            profiles=profiles,
            writable=frozenset(NAMES),
            policies=Policies(rules=rules),
            epoch=epoch,
            lags=self.lags,
            timing=Timing(overdue_ms=200, longest_ms=400, reading_ms=260),
        )

    # -- the network
    def send(self, kind: str, content: Any, sure: bool = False) -> None:
        if not sure and self.dice.random() < 0.25:
            return
        for _ in range(2 if self.dice.random() < 0.2 else 1):
            due = self.now + self.dice.randint(1, 120)
            self.network.append((due, self.dice.random(), kind, content))

    def deliver(self) -> None:
        self.network.sort(key=lambda item: item[:2])
        while self.network and self.network[0][0] <= self.now:
            _, _, kind, content = self.network.pop(0)
            if kind == "command":
                self.carry_out(content)
            elif kind == "seen":
                name, seen = content
                found = seen or self.platforms[name].seen()
                self.hear(name, found)
                self.arrive(
                    Observation(
                        organization_id="o",
                        type="inventory",
                        entity_id="e",
                        id=f"s{len(self.log)}",
                        replica=name,
                        seen=found,
                        received_at_ms=self.now,
                    )
                )
            else:
                self.arrive(content)

    def hear(self, name: str, seen: Seen) -> None:
        lag = self.now - (seen.changed_at_ms or 0)
        self.lags[name] = min(self.lags.get(name, 10**9), lag)

    def carry_out(self, command: Write | Read | Create | Delete) -> None:
        if command.epoch < self.newest_epoch:
            return  # the sink's fence
        platform = self.platforms[command.replica]
        common = {"organization_id": "o", "type": "inventory", "entity_id": "e"}
        if isinstance(command, Read):
            self.send(
                "answer",
                Outcome(
                    **common,
                    replica=command.replica,
                    ticket=command.ticket,
                    result="taken",
                    seen=platform.seen(),
                    at_ms=self.now,
                ),
            )
            return
        assert isinstance(command, Write)
        result, seen = platform.write(self.now, command)
        self.send(
            "answer",
            Outcome(
                **common,
                replica=command.replica,
                op=command.op,
                result=result,  # type: ignore[arg-type]
                seen=seen,
                at_ms=self.now,
            ),
        )

    # -- the engine
    def arrive(self, arrival: Any) -> None:
        self.log.append((str(self.now), arrival))
        self.work(self.owner, arrival)
        self.owner.at = len(self.log)

    def work(self, owner: Owner, arrival: Any, zombie: bool = False) -> None:
        decision = decide(owner.record, arrival, self.context(owner.epoch), self.now)
        owner.record = decision.record
        if decision.changed and not zombie:
            self.durable = decision.record  # changelog before commands (rule 3)
        for command in decision.commands:
            self.sent += isinstance(command, Write)
            self.send("command", command)
        if not zombie:
            self.answer_person(owner)

    def answer_person(self, owner: Owner) -> None:
        conflict = owner.record.conflicts.get("location")
        if conflict is None or self.dice.random() > 0.1:
            return
        self.resolved = True
        value = self.dice.choice(sorted(conflict.candidates.values()))
        self.send(
            "resolution",
            Resolution(
                organization_id="o",
                type="inventory",
                entity_id="e",
                id="r",
                conflict_id=conflict.id,
                field="location",
                resolution="manual",
                value=value,
                candidates=dict(conflict.candidates),
                by="p",
                at_ms=self.now,
            ),
        )

    def crash(self) -> None:
        if self.faults.zombies:
            self.zombies.append((self.owner, self.now + self.dice.randint(1, 400), 3))
        self.newest_epoch += 1
        self.owner = Owner(self.durable, self.newest_epoch, self.committed)
        for _, arrival in list(self.log[self.committed :]):
            self.work(self.owner, arrival)
        self.owner.at = len(self.log)

    def wake_zombies(self) -> None:
        for zombie in list(self.zombies):
            owner, at, left = zombie
            if self.now < at:
                continue
            self.zombies.remove(zombie)
            for _, arrival in self.log[owner.at : owner.at + self.dice.randint(0, 6)]:
                self.work(owner, arrival, zombie=True)
                owner.at += 1
            self.work(owner, Tick(), zombie=True)
            if left > 1:
                self.zombies.append((owner, self.now + self.dice.randint(1, 60), left - 1))

    # -- the run
    def user_edits(self) -> None:
        self.edits += 1
        name = self.dice.choice(NAMES)
        platform = self.platforms[name]
        key = self.dice.choice((*PLAIN, STOCK))
        change: Any = -self.dice.randint(1, 3) if key == STOCK else f"{key}{self.edits}"
        if key == STOCK:
            self.sold += change
        if self.faults.edits and self.dice.random() < 0.5:
            if key != STOCK:
                self.edited[key].add(change)
            edit = Edit(
                organization_id="o",
                type="inventory",
                entity_id="e",
                id=f"edit{self.edits}",
                replica="mongodb",
                fields={} if key == STOCK else {key: change},
                deltas={STOCK: change} if key == STOCK else {},
                timestamp_ms=self.now,
                received_at_ms=self.now,
            )
            self.send("edit", edit, sure=True)
            return
        if self.faults.erases and name == "mongodb" and self.dice.random() < 0.3:
            platform.mark = None
        platform.edit(self.now, key, change)
        self.send("seen", (name, None if platform.late else platform.seen()))

    def run(self, steps: int = 120) -> set[str]:
        old = self.owner.record
        rollback_at = self.dice.randint(40, 110) if self.faults.rollback else -1
        for step in range(steps):
            self.now += self.dice.randint(1, 40)
            dice = self.dice.random()
            if dice < 0.35:
                self.user_edits()
            elif dice < 0.45:
                self.committed = len(self.log)
            elif dice < 0.50:
                self.crash()
            if step == 20:
                old = self.owner.record
            if step == rollback_at:
                self.newest_epoch += 1
                self.owner = Owner(old, self.newest_epoch, len(self.log))
                self.durable, self.committed = old, len(self.log)
            self.deliver()
            self.work(self.owner, Tick())
            self.wake_zombies()
        return self.settle()

    def settle(self) -> set[str]:
        sent_before = 0
        for step in range(400):
            self.now += 20
            if step == 300:
                sent_before = self.sent
            if step % 10 == 0:
                for name in NAMES:
                    self.network.append(
                        (self.now + 5, self.dice.random(), "sweep", self.sweep(name))
                    )
            self.deliver()
            self.work(self.owner, Tick())
            self.wake_zombies()
        return self.judge(sent_before)

    def sweep(self, name: str) -> Any:
        """Force sync: the engine reads the platform itself."""
        return Resync(
            organization_id="o", type="inventory", entity_id="e", id=f"sweep-{name}", at_ms=self.now
        )

    def judge(self, sent_before: int) -> set[str]:
        wrong: set[str] = set()
        record = self.owner.record
        for platform in self.platforms.values():
            for name in START:
                agreed = record.fields[name].value
                if name in record.conflicts:
                    wrong.add("conflict left")
                if platform.normal(name, platform.fields[name]) != platform.normal(name, agreed):
                    wrong.add("differ")
        total = START[STOCK] + self.sold
        if any(platform.fields[STOCK] != total for platform in self.platforms.values()):
            wrong.add("stock")
        if self.sent > sent_before:
            wrong.add("busy")
        for name in PLAIN:
            made = {platform.made[name][-1] for platform in self.platforms.values()}
            everyone = all(len(p.made[name]) > 1 for p in self.platforms.values())
            finals = made | self.edited[name] | (set() if everyone else {START[name]})
            if not self.faults.manual and record.fields[name].value not in finals:
                wrong.add("reverted")
        return wrong


def wrong_seeds(
    faults: Faults, seeds: range, make: Callable[..., Simulation] = Simulation
) -> dict[int, set[str]]:
    """Seeds that end wrong, and how."""
    found = {seed: make(seed, faults).run() for seed in seeds}
    return {seed: wrong for seed, wrong in found.items() if wrong}
