"""Deliberate damage: each a world or an engine with one rule broken. A judge that lets one of them
pass proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from msgspec.structs import replace as altered

from schemas.command import Delete, Write
from schemas.observation import Edit, Observation, Seen
from schemas.outcome import Outcome
from streams.sync.context import Context
from streams.sync.decide import decide
from streams.sync.decision import Decision
from streams.sync.record import Agreed, Record
from support.machine_shape import SHOP, THIRD
from support.machine_store import Store
from support.machine_world import World

Engine = Callable[[Record, Any, Context, int], Decision]


class DropsOne(World):
    """One accepted event never arrives."""

    dropped = False

    def arrive(self, arrival: Any, fate: str = "done") -> None:
        if isinstance(arrival, Edit) and arrival.deltas and not self.dropped:
            self.dropped = True
            return
        super().arrive(arrival, fate)


class DropsAnEdit(World):
    """One platform's change is never shown."""

    def notify(self, org: str, name: str) -> None:
        self.hide(org, name)
        super().notify(org, name)

    def hide(self, org: str, name: str) -> None:
        store = self.stores[org][name]
        if name == SHOP and not isinstance(store, Veiled):
            store.__class__ = Veiled


class Veiled(Store):
    """Shows its first field as it was at the beginning."""

    def seen(self) -> Seen:
        seen = super().seen()
        name = next(iter(self.journal.start))
        return altered(seen, fields={**seen.fields, name: self.journal.start[name]})


class SellsTwice(World):
    """One sale is applied twice."""

    done = False

    def arrive(self, arrival: Any, fate: str = "done") -> None:
        super().arrive(arrival, fate)
        if isinstance(arrival, Edit) and arrival.deltas and not self.done:
            self.done = True
            super().arrive(altered(arrival, id=f"{arrival.id}-again"))


class WritesTwice(World):
    """A platform repeats one write of stock as if it were a difference."""

    done = False

    def carry_out(self, org: str, name: str, call: tuple[Any, int]) -> None:
        command, _ = call
        store = self.stores[org][name]
        before = dict(store.fields)
        super().carry_out(org, name, call)
        want = command.want if isinstance(command, Write) and store.fields != before else {}
        if "quantity" in want and not self.done:
            self.done = True
            store.fields["quantity"] += want["quantity"] - before["quantity"]


class SwapsOrganizations(World):
    """One event of one organisation is taken for the other's."""

    done = False

    def arrive(self, arrival: Any, fate: str = "done") -> None:
        news = isinstance(arrival, Observation) and arrival.seen != self.first_seen(arrival)
        if news and not self.done:
            self.done = True
            other = "b" if arrival.organization_id == "a" else "a"
            arrival = altered(arrival, organization_id=other)
        super().arrive(arrival, fate)

    def first_seen(self, arrival: Observation) -> Any:
        return self.stores["b" if arrival.organization_id == "a" else "a"][arrival.replica].seen()


class SwapsCommands(World):
    """One write goes to the other organisation's shop."""

    done = False

    def sink(self, org: str, name: str, command: Any) -> None:
        if isinstance(command, Write) and not self.done:
            self.done = True
            org = "b" if org == "a" else "a"
        super().sink(org, name, command)


class FlipsPolicy(World):
    """`local` is taken for `remote`, and the other way round."""

    def context(self, org: str, epoch: int) -> Context:
        found = super().context(org, epoch)
        (rule,) = found.policies.rules
        flipped = {"local": "remote", "remote": "local"}.get(rule.policy, rule.policy)
        rules = (altered(rule, policy=flipped),)
        return replace(found, policies=altered(found.policies, rules=rules))


class SkipsFence(World):
    """What a former owner sends is carried out, and its changelog is read."""

    def sink(self, org: str, name: str, command: Any) -> None:
        self.send("http", org, name, (command, self.now))

    def fenced(self, record: Record) -> bool:
        return False


class KeepsEpoch(SkipsFence):
    """And a new owner does not even count on from a higher epoch."""

    def crash(self) -> None:
        super().crash()
        self.owner.epoch = self.epoch = 1


class IgnoresMarks(World):
    """The engine is not told of the marks in the platforms' records."""

    def _observation(self, org: str, name: str, seen: Seen) -> Observation:
        return super()._observation(org, name, altered(seen, mark=None))

    def _outcome(self, *args: Any) -> Outcome:
        found = super()._outcome(*args)
        return found if found.seen is None else altered(found, seen=altered(found.seen, mark=None))


class SkipsCompare(World):
    """The shop writes whatever it holds."""

    def carry_out(self, org: str, name: str, call: tuple[Any, int]) -> None:
        command, called_at = call
        store = self.stores[org][name]
        if isinstance(command, Write) and name == SHOP and store.exists:
            held = {key: store.fields[key] for key in command.expected}
            after = store.mark.op if store.mark else None
            command = altered(command, expected=held, after=after)
        super().carry_out(org, name, (command, called_at))


class SkipsChangelog(World):
    """Commands leave and the record is kept nowhere."""

    def _write(self, org: str, record: Record) -> None:
        if self.calls % 2:
            super()._write(org, record)


# -- engines
def losing_an_element() -> Engine:
    """A merged list comes out short."""

    def engine(record: Record, arrival: Any, context: Context, now_ms: int) -> Decision:
        decision = decide(record, arrival, context, now_ms)
        agreed = decision.record.fields.get("tags")
        if decision.changed and agreed is not None and agreed.source == "merge":
            if record.fields.get("tags") != agreed:
                short = Agreed(agreed.value[:-1], agreed.at_ms, agreed.source)
                decision.record.fields = {**decision.record.fields, "tags": short}
        return decision

    return engine


def without_lines(*, automatic: bool) -> Engine:
    """Nobody is told what a rule has decided, or that a person is asked."""

    def engine(record: Record, arrival: Any, context: Context, now_ms: int) -> Decision:
        decision = decide(record, arrival, context, now_ms)
        if automatic:
            decision.feed = []
        decision.conflicts = [
            line
            for line in decision.conflicts
            if line.automatic != automatic and (automatic or line.status != "open")
        ]
        return decision

    return engine


def never_the_same() -> Engine:
    """A decision that depends on more than its inputs."""
    numbers = count()

    def engine(record: Record, arrival: Any, context: Context, now_ms: int) -> Decision:
        decision = decide(record, arrival, context, now_ms)
        decision.due_at_ms = now_ms + next(numbers)
        return decision

    return engine


def writing_on_its_inputs() -> Engine:
    """It changes the record that it was given."""

    def engine(record: Record, arrival: Any, context: Context, now_ms: int) -> Decision:
        record.clock += 1
        return decide(record, arrival, context, now_ms)

    return engine


def going_back() -> Engine:
    """A status follows whatever is seen."""

    def engine(record: Record, arrival: Any, context: Context, now_ms: int) -> Decision:
        decision = decide(record, arrival, context, now_ms)
        if isinstance(arrival, Observation) and decision.changed:
            status = arrival.seen.fields.get("status")
            agreed = decision.record.fields.get("status")
            if agreed is not None and status not in (None, agreed.value):
                back = Agreed(status, now_ms, arrival.replica)
                decision.record.fields = {**decision.record.fields, "status": back}
        return decision

    return engine


def without(kind: type, replica: str) -> Engine:
    """Commands of one kind never leave for one replica."""

    def engine(record: Record, arrival: Any, context: Context, now_ms: int) -> Decision:
        decision = decide(record, arrival, context, now_ms)
        decision.commands = [
            command
            for command in decision.commands
            if not (isinstance(command, kind) and command.replica == replica)
        ]
        return decision

    return engine


@dataclass(frozen=True)
class Damage:
    """One thing broken, and what the judge must say of it."""

    what: str
    world: type[World] = World
    engine: Callable[[], Engine] = lambda: decide
    setup: dict[str, Any] = field(default_factory=dict)
    says: str = ""


DAMAGES = (
    Damage("an event dropped for good", DropsOne, setup={"type": "inventory"}, says="sales add up"),
    Damage("a change never shown", DropsAnEdit, says="differs"),
    Damage("a sale applied twice", SellsTwice, setup={"type": "inventory"}, says="sales add up"),
    Damage("a write added twice", WritesTwice, setup={"type": "inventory"}, says="sales add up"),
    Damage("organisations swapped", SwapsOrganizations, says="b "),
    Damage("commands swapped", SwapsCommands, says="b "),
    Damage("local for remote", FlipsPolicy, setup={"policy": "local"}, says="local"),
    Damage("remote for local", FlipsPolicy, setup={"policy": "remote"}, says="remote"),
    Damage("no fence", KeepsEpoch),
    Damage("no marks", IgnoresMarks),
    Damage("no comparison", SkipsCompare, says="without a word"),
    Damage("a changelog with holes", SkipsChangelog),
    Damage(
        "a merge that loses an element",
        engine=losing_an_element,
        setup={"type": "product", "policy": "merge"},
        says="tags",
    ),
    Damage("losers without a line", engine=lambda: without_lines(automatic=True), says="a word"),
    Damage(
        "questions that nobody sees",
        engine=lambda: without_lines(automatic=False),
        setup={"policy": "manual"},
        says="inbox",
    ),
    Damage("not deterministic", engine=never_the_same, says="not deterministic"),
    Damage("inputs modified", engine=writing_on_its_inputs, says="inputs modified"),
    Damage("a status that goes back", engine=going_back, setup={"type": "order"}, says="status"),
    Damage("a write never sent", engine=lambda: without(Write, THIRD), says="differs"),
    Damage("a deletion not followed", engine=lambda: without(Delete, SHOP), says="some places"),
)
