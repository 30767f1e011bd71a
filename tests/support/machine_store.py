"""A model platform with every kind of field, items that go and come back, and a journal of who
changed what there over what."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from schemas.command import Create, Delete, Read, Write
from schemas.fields import Kind, kind_of
from schemas.observation import FieldMark, Mark, Seen
from support.machine_shape import (
    LACKED,
    MASKABLE,
    MONGO,
    SHOP,
    START,
    THIRD,
    Habits,
    changed,
    identity,
    normal,
)
from support.model_platform import Faults, Platform
from support.reference import Journal, Update

RESOLUTION = {MONGO: 1, SHOP: 100, THIRD: 100}
"""Milliseconds of each platform's clock."""
NO_FAULTS = Faults()


@dataclass
class Store(Platform):
    """One platform's copy of one entity of one organisation."""

    organization: str = "a"
    type: str = "product"
    habits: Habits = field(default_factory=Habits)
    journal: Journal = field(default_factory=Journal)
    bare: bool = False
    number: int = 1
    """Of the item: one made anew has another id."""
    exists: bool = True
    masked: bool = False
    past: dict[str, frozenset[int]] = field(default_factory=dict)
    """Field to the updates whose values were ever held here."""
    own: dict[str, Update] = field(default_factory=dict)
    """Field to the update made here that is held now."""

    @property
    def external_id(self) -> str:
        return f"{self.name}-{self.number}"

    def normal(self, name: str, value: Any) -> Any:
        return normal(self.name, self.type, name, value) if self.habits.rewrites else value

    def holds(self, name: str) -> bool:
        """Whether the platform knows the field at all."""
        return not (
            self.habits.lacks and self.name == THIRD and name in LACKED.get(self.type, set())
        )

    def key(self, name: str, value: Any) -> Any:
        return identity(self.type, name, value)

    def touch(self, now: int) -> None:
        super().touch(now)
        for update in self.own.values():
            update.latest = now

    # -- what people do
    def person(self, now: int, name: str, choice: int) -> Update | None:
        """Somebody edits a field, or sells."""
        if not self.exists or not self.holds(name) or (self.masked and name == self.mask):
            return None
        kind = kind_of(self.type, name)
        if kind is Kind.COUNTER:
            delta = -(choice % 3 + 1)
            self.fields[name] += delta
            self.touch(now)
            return self.journal.sold(self.name, name, delta, now)
        held = self.fields[name]
        number = self.journal.next_number(choice, kind)
        made = changed(self.type, name, held, number, choice, bare=self.bare)
        value = self.normal(name, made)
        if value == held:
            return None
        over = self.past[name] | self.journal.numbers(name, self.key(name, held))
        update = self.journal.made(
            self.name, name, held, value, over=over, at=now, resolution=self.resolution
        )
        self.fields[name] = value
        self.past[name] = over | {update.number}
        self.own[name] = update
        self.touch(now)
        return update

    @property
    def mask(self) -> str:
        return MASKABLE[self.type]

    def remove(self, now: int) -> None:
        """The item goes to the trash."""
        self.exists = False
        self.own.clear()
        self.touch(now)
        self.modified += 1

    def untrash(self, now: int) -> None:
        """Somebody takes it back out, as it was."""
        self.exists = True
        self.touch(now)
        self.modified += 1

    def make(self, now: int, fields: dict[str, Any], mark: Mark | None) -> None:
        """A new item, by whomever."""
        self.number += 1
        self.exists, self.masked, self.mark = True, False, mark
        self.fields = {
            name: self.normal(name, value) for name, value in deepcopy(START[self.type]).items()
        } | {name: self.normal(name, value) for name, value in fields.items()}
        self.past = {name: frozenset({0}) for name in START[self.type]}
        self.own.clear()
        self.touch(now)
        self.modified += 1

    # -- what the engine sees and does
    def seen(self) -> Seen:
        hidden = {self.mask} if self.masked else set()
        return Seen(
            external_id=self.external_id,
            fields={
                name: value
                for name, value in self.fields.items()
                if name not in hidden and self.holds(name)
            },
            as_of=self.modified,
            changed_at_ms=self.modified * self.resolution,
            mark=self.mark,
            masked=tuple(hidden),
        )

    def obey(
        self, now: int, command: Write | Create | Delete | Read
    ) -> tuple[str, Seen | None, str]:
        """(result, what it holds, reason), as the plugin's route answers."""
        if isinstance(command, Create):
            return self._create(now, command)
        last = self.mark.op if self.mark is not None else None
        if command.external_id != self.external_id or not self.exists:
            done = isinstance(command, Delete) and last == command.op
            return ("taken" if done else "missing"), None, ""
        if isinstance(command, Read):
            return "taken", self.seen(), ""
        if isinstance(command, Delete):
            return self._delete(now, command)
        if self.masked and self.mask in command.want and last != command.op:
            return "refused", self.seen(), "expected"
        result, seen = self.write(now, command)
        if result == "taken" and last != command.op:
            self._landed(command.want, now)
        return result, seen, "" if result == "taken" else "expected"

    def would_take(self, command: Write) -> bool:
        """The first half of a write to a shop that cannot compare."""
        last = self.mark.op if self.mark is not None else None
        if not self.exists or command.external_id != self.external_id or command.after != last:
            return False
        if (last is not None and command.op <= last) or (self.masked and self.mask in command.want):
            return False
        return all(self.fields[name] == command.expected[name] for name in command.want)

    def put(self, now: int, command: Write) -> Seen:
        """The second half: stock as a difference, all else as it is. What somebody wrote in between
        is gone, and counted."""
        told = dict(self.mark.fields) if self.mark is not None else {}
        for name, value in command.want.items():
            stored = self.normal(name, value)
            if kind_of(self.type, name) is Kind.COUNTER:
                self.fields[name] += value - command.expected[name]
            else:
                if self.fields[name] != command.expected[name]:
                    self.lost += 1
                    self.journal.lost.add(name)
                self.fields[name] = stored
            told[name] = FieldMark(
                op=command.op, value=stored, wanted=value, total=command.totals.get(name)
            )
        self.mark = Mark(op=command.op, fields=told)
        self._landed(command.want, now)
        return self.seen()

    def _delete(self, now: int, command: Delete) -> tuple[str, Seen | None, str]:
        last = self.mark.op if self.mark is not None else None
        if last is not None and command.op <= last:
            return "refused", self.seen(), "sequence"
        if command.after != last or any(
            self.fields.get(name) != value for name, value in command.expected.items()
        ):
            return "refused", self.seen(), "after"
        self.remove(now)
        fields = {} if self.mark is None else self.mark.fields
        self.mark = Mark(op=command.op, fields=fields)
        return "taken", None, ""

    def _create(self, now: int, command: Create) -> tuple[str, Seen | None, str]:
        if self.exists:
            ours = self.mark is not None and self.mark.op == command.op
            return ("taken" if ours else "refused"), self.seen(), "" if ours else "sku"
        if self.mark is not None and self.mark.op >= command.op:
            return "missing", None, "removed"
        self.make(now, {}, None)
        write = Write(
            organization_id=command.organization_id,
            type=command.type,
            entity_id=command.entity_id,
            replica=command.replica,
            op=command.op,
            external_id=self.external_id,
            expected={name: self.fields[name] for name in command.want},
            want=command.want,
            totals=command.totals,
            issued_at_ms=command.issued_at_ms,
        )
        _, seen = self.write(now, write)
        self._landed(command.want, now)
        return "taken", seen, ""

    def _landed(self, want: dict[str, Any], now: int) -> None:
        for name, value in want.items():
            if name in self.past:
                found = self.journal.numbers(name, self.key(name, value))
                self.past[name] = self.past[name] | found
            self.own.pop(name, None)
        self.touch(now)
