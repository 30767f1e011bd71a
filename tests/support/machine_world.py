"""What lies around the workers: a network that may do anything to a message, and people. Nothing
here chooses: what happens next is told from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.base import Fields
from schemas.command import Write
from schemas.observation import Edit, Gone, Seen
from schemas.outcome import Outcome, Resolution, Resync
from support.machine_shape import MONGO, THIRD
from support.machine_worker import TIMING, Workers
from support.reference import QUEUE

LOSSLESS = frozenset(("edit", "resolution"))
"""Kafka has them already."""


@dataclass
class World(Workers):
    """One run."""

    def notify(self, org: str, name: str) -> None:
        """A platform tells of a change: what it holds now, or (a shop) what it will hold when the
        webhook is built."""
        store = self.stores[org][name]
        if not store.exists:
            self.send("gone", org, name, store.external_id)
        else:
            self.send("push", org, name, None if store.late else store.seen())

    def deliver(self, place: int, fate: str = "done") -> None:
        """One message, of any age, arrives."""
        kind, org, name, content = self.bag.pop(place % len(self.bag))
        if kind == "command":
            self.sink(org, name, content)
        elif kind == "http":
            self.carry_out(org, name, content)
        elif kind == "put":
            self.put(org, name, content)
        elif kind == "push":
            seen = content or self.stores[org][name].seen()
            if content is None and not self.stores[org][name].exists:
                return
            self._hear(org, name, seen)
            self.arrive(self._observation(org, name, seen), fate)
        elif kind == "gone":
            self.arrive(
                Gone(
                    **self._entity(org),
                    id=f"g{len(self.log)}",
                    replica=name,
                    external_id=content,
                    received_at_ms=self.now,
                ),
                fate,
            )
        else:
            self.arrive(content, fate)

    def _hear(self, org: str, name: str, seen: Seen) -> None:
        known = self.owner.records[org].replicas.get(name)
        if known is None or not known.shadow or seen.as_of <= known.as_of:
            return
        lag = self.now - (seen.changed_at_ms or 0)
        self.lags[org][name] = min(self.lags[org].get(name, lag), lag)

    def sink(self, org: str, name: str, command: Any) -> None:
        """The fence: what a former owner sent is dropped. What passes may still take its time."""
        if command.epoch < self.epoch:
            self.say(f"fenced {type(command).__name__} {command.epoch} of {org}/{name}")
            return
        self.send("http", org, name, (command, self.now))

    def carry_out(self, org: str, name: str, call: tuple[Any, int]) -> None:
        command, called_at = call
        if name == THIRD and self.now - called_at >= TIMING.overdue_ms:
            return  # a call to a shop that cannot compare has its deadline
        store = self.stores[org][name]
        before = store.modified, store.exists
        if self.setup.window and name == THIRD and isinstance(command, Write):
            if ("put", org, name) in [message[:3] for message in self.bag]:
                return  # one call an item at a time
            if store.would_take(command):
                self.send("put", org, name, call)
                return
        result, seen, reason = store.obey(self.now, command)
        self.say(f"{org}/{name} {result} {_words(command)}")
        if (store.modified, store.exists) != before:
            self.notify(org, name)
        self.send("answer", org, name, self._outcome(org, name, command, result, seen, reason))

    def put(self, org: str, name: str, call: tuple[Any, int]) -> None:
        """The second half of a write to a shop that cannot compare: whatever is there by now."""
        command, called_at = call
        if self.now - called_at >= TIMING.overdue_ms:
            return
        store = self.stores[org][name]
        seen = store.put(self.now, command)
        self.say(f"{org}/{name} put {_words(command)}")
        self.notify(org, name)
        self.send("answer", org, name, self._outcome(org, name, command, "taken", seen, ""))

    def _outcome(
        self, org: str, name: str, command: Any, result: Any, seen: Seen | None, reason: str
    ) -> Outcome:
        return Outcome(
            **self._entity(org),
            replica=name,
            op=getattr(command, "op", None),
            ticket=getattr(command, "ticket", None),
            result=result,
            seen=seen,
            reason=reason,
            at_ms=self.now,
        )

    # -- what people and programs do
    def person(self, org: str, name: str, field_name: str, choice: int) -> None:
        update = self.stores[org][name].person(self.now, field_name, choice)
        if update is not None:
            self.say(f"{org}/{name} {field_name}: {update.base!r} -> {update.value!r}")
            self.notify(org, name)

    def mask(self, org: str, name: str, masked: bool) -> None:
        """A shop stops managing a field of an item, or begins again where it was."""
        store = self.stores[org][name]
        store.masked = masked
        store.touch(self.now)
        self.say(f"{org}/{name} {store.mask} masked: {masked}")
        self.notify(org, name)

    def end(self, org: str, name: str) -> None:
        """Somebody deletes the item."""
        store = self.stores[org][name]
        if store.exists:
            store.remove(self.now)
            self.journals[org].deleted.append((name, self.now))
            self.say(f"{org}/{name} is deleted")
            self.notify(org, name)

    def begin_again(self, org: str, name: str, anew: bool) -> None:
        """Somebody takes it out of the trash, or makes another."""
        store = self.stores[org][name]
        if store.exists:
            return
        if anew:
            store.make(self.now, {}, None)
        else:
            store.untrash(self.now)
        self.journals[org].created.append((name, self.now))
        self.say(f"{org}/{name} is {'made anew' if anew else 'taken out of the trash'}")
        self.notify(org, name)

    def queue_end(self, org: str) -> None:
        """A program deletes it."""
        self.edits += 1
        self.journals[org].deleted.append((QUEUE, self.now))
        self.say(f"{org} queue deletes")
        edit = Edit(
            **self._entity(org),
            id=f"q{self.edits}",
            replica=MONGO,
            action="delete",
            timestamp_ms=self.now,
            received_at_ms=self.now,
        )
        self.send("edit", org, MONGO, edit)

    def queue(self, org: str, fields: Fields, deltas: dict[str, int], age: int) -> None:
        """`queueEvent` of a program; some time ago by its own word, or in the future."""
        self.edits += 1
        at = min(self.now - age, self.now)
        journal = self.journals[org]
        for name, value in fields.items():
            update = journal.made(QUEUE, name, None, value, over=frozenset(), at=at)
            update.earliest, update.at = at, self.now
        for name, delta in deltas.items():
            journal.sold(QUEUE, name, delta, self.now)
        self.say(f"{org} queue {fields or deltas} of {age} ms ago")
        edit = Edit(
            **self._entity(org),
            id=f"q{self.edits}",
            replica=MONGO,
            fields=fields,
            deltas=deltas,
            timestamp_ms=self.now - age,
            received_at_ms=self.now,
        )
        self.send("edit", org, MONGO, edit)

    def answer(self, org: str, choice: int, how: str = "manual") -> None:
        """A person decides an open conflict as it was last shown."""
        conflicts = self.owner.records[org].conflicts
        if not conflicts:
            return
        name = sorted(conflicts)[choice % len(conflicts)]
        conflict = conflicts[name]
        sides = sorted(conflict.candidates)
        side = sides[choice // 3 % len(sides)]
        self.say(f"{org} is told {how} {side} of {name}: {conflict.candidates}")
        resolution = Resolution(
            **self._entity(org),
            id=f"r{len(self.log)}",
            conflict_id=conflict.id,
            field=name,
            resolution=how,  # type: ignore[arg-type]
            side=side,
            value=conflict.candidates[side],
            candidates=dict(conflict.candidates),
            by="nimal",
            at_ms=self.now,
        )
        self.send("resolution", org, "", resolution)

    def force(self, org: str) -> None:
        self.arrive(Resync(**self._entity(org), id=f"f{len(self.log)}", at_ms=self.now))


def _words(command: Any) -> str:
    want = getattr(command, "want", "")
    return f"{type(command).__name__} {getattr(command, 'op', '')} {want}"
