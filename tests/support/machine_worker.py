"""Two organisations, three platforms each, and one worker with the real `decide`: its records, the
changelog as recovery reads it, the log it reads, and the ways it may die, sleep and wake."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from schemas.command import Create, Delete, Write
from schemas.fields import kind_of
from schemas.observation import Edit, Observation, Seen
from schemas.outcome import Resolution
from schemas.policy import Policies, Rule
from streams.sync.context import Context, Timing
from streams.sync.decide import Tick, decide, new_record
from streams.sync.decision import Decision
from streams.sync.record import Record
from support.machine_shape import (
    MONGO,
    PLATFORMS,
    START,
    Habits,
    identity,
    profiles,
)
from support.machine_store import NO_FAULTS, RESOLUTION, Store
from support.reference import Journal

ORGANIZATIONS = ("a", "b")
TIMING = Timing(overdue_ms=200, longest_ms=400, reading_ms=260)
BEGIN_MS = 1_800_000_000_000
FATES = ("done", "on the spot", "told", "after changelog", "half sent", "uncommitted")
"""Where a worker may stop: nothing left its memory; what is told of conflicts did; the record is
durable too; some commands left; all of them left and the offset was not committed."""

Message = tuple[str, str, str, Any]
"""(kind, organisation, platform, content)"""
encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True)
class Setup:
    """What one run is about."""

    type: str = "product"
    policy: str = "newest"
    winner: str = ""
    habits: Habits = field(default_factory=Habits)
    skews: tuple[int, int, int] = (0, 0, 0)
    """What each platform's clock is off by, in ms."""
    warm: bool = True
    """Whether the platforms' clocks have been heard before."""
    repeats: bool = False
    """Whether people set values that stood before."""
    window: bool = False
    """Whether somebody may edit between the third's compare and its write."""
    scrutiny: int = 4
    """Every so many decisions are made twice and compared byte by byte."""


@dataclass
class Owner:
    """A worker that holds the records."""

    records: dict[str, Record]
    epoch: int
    at: int
    """Position in the log."""


@dataclass
class Lines:
    """What left for people: the feed, and the state of each conflict."""

    feed: list[Any] = field(default_factory=list)
    conflicts: list[Any] = field(default_factory=list)
    lost: bool = False
    """A worker died between its changelog and its feed."""


@dataclass
class Workers:
    """One run, as far as the workers go. `World` adds the network and people."""

    setup: Setup
    now: int = BEGIN_MS
    log: list[Any] = field(default_factory=list)
    bag: list[Message] = field(default_factory=list)
    complaints: set[str] = field(default_factory=set)
    story: list[str] = field(default_factory=list)
    calls: int = 0
    edits: int = 0
    sent: dict[tuple[str, str], int] = field(default_factory=dict)
    zombies: list[Owner] = field(default_factory=list)
    yesterday: tuple[dict[str, Record], int] | None = None
    committed: int = 0
    epoch: int = 1
    asked: dict[str, set[int]] = field(default_factory=dict)
    """Conflict to the changes it was about."""
    restored: bool = False
    engine: Callable[..., Decision] = decide

    def __post_init__(self) -> None:
        kinds = {name: kind_of(self.setup.type, name) for name in START[self.setup.type]}
        self.journals: dict[str, Journal] = {}
        self.stores: dict[str, dict[str, Store]] = {}
        self.lags: dict[str, dict[str, int]] = {org: {} for org in ORGANIZATIONS}
        self.lines = {org: Lines() for org in ORGANIZATIONS}
        for org in ORGANIZATIONS:
            journal = Journal(
                self.setup.type,
                deepcopy(START[self.setup.type]),
                kinds,
                identity,
                self.now,
                repeats=self.setup.repeats,
            )
            self.journals[org] = journal
            self.stores[org] = {
                name: self._store(org, name, journal, skew)
                for name, skew in zip(PLATFORMS, self.setup.skews, strict=True)
            }
        self._known_clocks()
        self.profiles = profiles(self.setup.type, self.setup.habits)
        records = {org: self._first_record(org) for org in ORGANIZATIONS}
        self.owner = Owner(records, self.epoch, 0)
        self.durable = dict(records)
        self.first = dict(records)
        self.held_first = {
            org: {name: dict(store.fields) for name, store in stores.items()}
            for org, stores in self.stores.items()
        }

    def _store(self, org: str, name: str, journal: Journal, skew: int) -> Store:
        store = Store(
            name,
            RESOLUTION[name],
            name != MONGO,
            NO_FAULTS,
            skew,
            organization=org,
            type=self.setup.type,
            habits=self.setup.habits,
            journal=journal,
            bare=self.setup.policy == "merge",
        )
        store.fields = {
            key: store.normal(key, value) for key, value in deepcopy(journal.start).items()
        }
        store.past = {key: frozenset({0}) for key in journal.start}
        store.touch(self.now - 10_000)
        return store

    def _known_clocks(self) -> None:
        for org in ORGANIZATIONS:
            for name, skew in zip(PLATFORMS, self.setup.skews, strict=True):
                if self.setup.warm:
                    self.lags[org][name] = 20 - skew
                    self.journals[org].slack[name] = 120
                elif skew:
                    self.journals[org].unsure.add(name)
                else:
                    self.journals[org].slack[name] = 10_000

    def _first_record(self, org: str) -> Record:
        """As after the first synchronisation, made by the engine itself."""
        record = new_record(self._observation(org, MONGO, self.stores[org][MONGO].seen()))
        for name in PLATFORMS:
            seen = self.stores[org][name].seen()
            context = self.context(org, self.epoch)
            quiet = replace(context, writable=frozenset())
            arrival = self._observation(org, name, seen)
            record = decide(record, arrival, quiet, self.now).record
        return record

    def _entity(self, org: str) -> dict[str, str]:
        return {"organization_id": org, "type": self.setup.type, "entity_id": "e"}

    def _observation(self, org: str, name: str, seen: Seen) -> Observation:
        return Observation(
            **self._entity(org),
            id=f"s{len(self.log)}",
            replica=name,
            seen=seen,
            received_at_ms=self.now,
        )

    def context(self, org: str, epoch: int) -> Context:
        """The same rules for everybody; clocks as this organisation has heard them."""
        rule = Rule(
            policy="newest" if self.setup.policy == "winner" else self.setup.policy,  # type: ignore[arg-type]
            winner=self.setup.winner,
        )
        return Context(
            profiles=self.profiles,
            writable=frozenset(PLATFORMS),
            policies=Policies(rules=(rule,)),
            epoch=epoch,
            lags=self.lags[org],
            timing=TIMING,
        )

    def say(self, what: str) -> None:
        self.story.append(f"{self.now - BEGIN_MS:>6} {what}")

    def send(self, kind: str, org: str, name: str, content: Any) -> None:
        self.bag.append((kind, org, name, content))

    def arrive(self, arrival: Any, fate: str = "done") -> None:
        """Into the log, and decided on by the owner, who may die on it."""
        self.log.append(arrival)
        self.work(self.owner, arrival, fate)
        self.owner.at = len(self.log)
        if fate != "done":
            self.say(f"the owner dies: {fate}")
            self.crash()

    def tick(self) -> None:
        for org in ORGANIZATIONS:
            self.work(self.owner, Tick(), org=org)

    def work(self, owner: Owner, arrival: Any, fate: str = "done", org: str = "") -> None:
        org = org or arrival.organization_id
        decision = self.judged(owner, org, arrival)
        lines = self.lines[org]
        if fate == "on the spot":
            return
        lines.conflicts += decision.conflicts
        if fate == "told":
            return
        owner.records[org] = decision.record
        if decision.changed:
            self._write(org, decision.record)
        if owner is self.owner:
            for line in decision.conflicts:
                self._answered(org, line)
        leaving = decision.commands
        if fate == "after changelog":
            lines.lost = lines.lost or bool(decision.feed)
            return
        if fate == "half sent":
            lines.lost = lines.lost or bool(decision.feed)
            leaving = leaving[: len(leaving) // 2]
        else:
            lines.feed += decision.feed
        for command in leaving:
            if isinstance(command, Write | Create | Delete):
                place = (org, command.replica)
                self.sent[place] = self.sent.get(place, 0) + 1
            self.send("command", command.organization_id, command.replica, command)

    def _answered(self, org: str, line: Any) -> None:
        """A person's word was carried out: it is a change like any other, of everything that was
        ever in question."""
        if line.field not in START[line.type] or line.automatic:
            return
        journal = self.journals[org]
        asked = self.asked.setdefault(line.id, set())
        for value in line.candidates.values():
            asked |= journal.numbers(line.field, journal.key(line.type, line.field, value))
        if line.status == "resolved" and line.by == "nimal":
            journal.answered(line.field, line.value, frozenset(asked), line.id, self.now)

    def judged(self, owner: Owner, org: str, arrival: Any) -> Decision:
        """The decision; some are made twice, from inputs that must stay as they are."""
        record, context = owner.records[org], self.context(org, owner.epoch)
        self.calls += 1
        if self.setup.scrutiny and self.calls % self.setup.scrutiny == 0:
            given = encode((record, arrival if isinstance(arrival, msgspec.Struct) else ""))
            decision = self.engine(record, arrival, context, self.now)
            again = self.engine(record, arrival, context, self.now)
            if image(decision) != image(again):
                self.complaints.add("not deterministic")
            if given != encode((record, arrival if isinstance(arrival, msgspec.Struct) else "")):
                self.complaints.add("inputs modified")
        else:
            decision = self.engine(record, arrival, context, self.now)
        if decision.record.version not in (record.version, record.version + decision.changed):
            self.complaints.add("version jumps")
        for leaving in (decision.record, *decision.commands, *decision.feed, *decision.conflicts):
            if leaving.organization_id != org or leaving.entity_id != "e":
                self.complaints.add("another organisation's")
        return decision

    def _write(self, org: str, record: Record) -> None:
        """The changelog as recovery will read it: a former owner's is skipped."""
        held = self.durable[org]
        if self.fenced(record) or (record.epoch, record.version) < (held.epoch, held.version):
            return
        self.durable[org] = record

    def fenced(self, record: Record) -> bool:
        return record.epoch < self.epoch

    def crash(self) -> None:
        """A new owner: the durable records, and everything since the last commit again."""
        self.epoch += 1
        self.owner = Owner(dict(self.durable), self.epoch, self.committed)
        for arrival in self.log[self.committed :]:
            self.work(self.owner, arrival)
        self.owner.at = len(self.log)

    def pause(self) -> None:
        """The owner falls asleep, and another takes over."""
        self.say("the owner falls asleep")
        self.zombies.append(Owner(dict(self.owner.records), self.owner.epoch, self.owner.at))
        self.crash()

    def wake(self, place: int, most: int) -> None:
        """A former owner goes on as if nothing had happened."""
        zombie = self.zombies[place % len(self.zombies)]
        self.say(f"the owner of {zombie.epoch} wakes")
        for arrival in self.log[zombie.at : zombie.at + most]:
            self.work(zombie, arrival)
            zombie.at += 1
        for org in ORGANIZATIONS:
            self.work(zombie, Tick(), org=org)

    # -- yesterday's record
    def remember(self) -> None:
        self.yesterday = (dict(self.owner.records), len(self.log))

    def restore(self) -> None:
        """The records of yesterday. Edits and answers that only Kafka has are read again; if there
        were none, nothing is."""
        if self.yesterday is None:
            return
        records, position = self.yesterday
        self.yesterday = None
        spoken = [
            number
            for number, arrival in enumerate(self.log[position:], position)
            if isinstance(arrival, Edit | Resolution)
        ]
        self.say(f"yesterday's records come back{', and the log is read again' if spoken else ''}")
        self.epoch += 1
        self.durable = dict(records)
        self.committed = position if spoken else len(self.log)
        self.restored = True
        for org in ORGANIZATIONS:
            self.journals[org].came_back(
                [store.fields for store in self.stores[org].values()],
                {name: agreed.value for name, agreed in records[org].fields.items()},
            )
        self.crash()


def image(decision: Decision) -> bytes:
    """A decision as bytes."""
    return encode(
        (
            decision.record,
            decision.changed,
            decision.commands,
            decision.feed,
            decision.conflicts,
            decision.due_at_ms,
            decision.rejected,
        )
    )
