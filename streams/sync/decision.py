"""What `decide` returns, and the draft it works on."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from schemas.base import Operation, Ticket
from schemas.command import Create, Delete, Perform, Read, Write
from schemas.feed import ConflictLine, FeedKind, FeedLine
from streams.sync.context import Context
from streams.sync.record import Agreed, Conflict, Record, Replica

StateCommand = Write | Create | Delete | Read


@dataclass(slots=True)
class Decision:
    """The new record, and everything that leaves because of it."""

    record: Record
    changed: bool
    """Whether the record must be written."""
    commands: list[StateCommand | Perform]
    feed: list[FeedLine]
    conflicts: list[ConflictLine]
    due_at_ms: int | None
    """When the entity wants to be looked at again."""
    rejected: str = ""
    """Why the arrival could not be handled: it goes to the dead letter."""


@dataclass(slots=True)
class Draft:
    """A record being decided on. Copies what it touches, so the given record stays as it was."""

    before: Record
    context: Context
    now_ms: int
    cause: str
    record: Record = field(init=False)
    origin_at_ms: int = 0
    """When the change behind this arrival reached us."""
    commands: list[StateCommand | Perform] = field(default_factory=list)
    feed: list[FeedLine] = field(default_factory=list)
    conflicts: list[ConflictLine] = field(default_factory=list)
    changed: bool = False
    rejected: str = ""
    _touched: set[str] = field(default_factory=set)
    _own_fields: bool = False
    _moved: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    _source: str = ""

    def __post_init__(self) -> None:
        self.record = copy.copy(self.before)

    # -- parts of the record, copied when first touched
    def replica(self, name: str) -> Replica:
        """The replica, ours to change."""
        record = self.record
        if name not in self._touched:
            if not self._touched:
                record.replicas = dict(record.replicas)
            self._touched.add(name)
            found = record.replicas.get(name)
            if found is None:
                found = Replica()
            else:
                found = copy.copy(found)
                found.shadow = dict(found.shadow)
                found.totals = dict(found.totals)
            record.replicas[name] = found
        self.changed = True
        return record.replicas[name]

    def agree(self, name: str, value: Any, at_ms: int, source: str) -> None:
        """Move the agreed value of a field."""
        record = self.record
        if not self._own_fields:
            record.fields = dict(record.fields)
            self._own_fields = True
        old = record.fields.get(name)
        before = None if old is None else old.value
        record.fields[name] = Agreed(value, at_ms, source)
        self.changed = True
        if before != value:
            first = self._moved.get(name, (before, None))[0]
            self._moved[name] = (first, value)
            self._source = source

    # -- conflicts
    def hold(
        self,
        name: str,
        candidates: dict[str, Any],
        stamps: dict[str, int],
        policy: str = "",
    ) -> None:
        """Open a conflict on a field, or move the values of an open one."""
        record = self.record
        old = record.conflicts.get(name)
        if old is None:
            kind, entity = record.type, record.entity_id
            conflict = Conflict(
                id=f"{record.organization_id}.{kind}.{entity}.{name}.{record.version + 1}",
                candidates=candidates,
                stamps=stamps,
                policy=policy,
                opened_at_ms=self.now_ms,
            )
        else:
            conflict = Conflict(old.id, candidates, stamps, old.policy, old.opened_at_ms)
        record.conflicts = {**record.conflicts, name: conflict}
        self.changed = True
        self.conflict_line(name, conflict)

    def release(
        self, name: str, value: Any, at_ms: int, source: str, *, resolution: str, by: str
    ) -> None:
        """Close a conflict with this value."""
        record = self.record
        conflict = record.conflicts[name]
        record.conflicts = {key: open_ for key, open_ in record.conflicts.items() if key != name}
        for replica in record.replicas:
            if name in record.replicas[replica].rewrites:
                ours = self.replica(replica)
                ours.rewrites = {key: n for key, n in ours.rewrites.items() if key != name}
        self.agree(name, value, at_ms, source)
        self.conflict_line(name, conflict, resolution=resolution, value=value, by=by)
        self.tell("resolved", source=source, fields={name: value}, reason=resolution)

    # -- identifiers
    def ticket(self) -> Ticket:
        """The next moment of the entity's own clock."""
        self.record.clock += 1
        return self.context.epoch, self.record.clock

    def operation(self, replica: Replica) -> Operation:
        """The next operation id: above every one of ours, and above the replica's mark (which may
        be of a history whose changelog is gone)."""
        self.record.counter += 1
        ours = (self.context.epoch, self.record.counter)
        if replica.mark is not None and replica.mark >= ours:
            return replica.mark[0], replica.mark[1] + self.record.counter
        return ours

    # -- what leaves
    def tell(self, kind: FeedKind, **more: Any) -> None:
        """One line of the feed."""
        record = self.record
        self.feed.append(
            FeedLine(
                organization_id=record.organization_id,
                type=record.type,
                entity_id=record.entity_id,
                id=f"{record.type}/{record.entity_id}/{record.version + 1}/{len(self.feed)}",
                kind=kind,
                label=label_of(record),
                version=record.version + 1,
                at_ms=self.now_ms,
                cause=self.cause,
                **more,
            )
        )

    def tell_changes(self, action: str) -> None:
        """The line for everything that `agree` moved."""
        moved = {name: pair for name, pair in self._moved.items() if pair[0] != pair[1]}
        if not moved:
            return
        self.tell(
            "changed",
            action=action,
            source=self._source,
            fields={name: new for name, (_, new) in moved.items()},
            previous={name: old for name, (old, _) in moved.items() if old is not None},
            origin_at_ms=self.origin_at_ms or None,
        )

    def conflict_line(self, name: str, conflict: Conflict, **resolved: Any) -> None:
        """The state of one conflict, for the inbox."""
        record = self.record
        self.conflicts.append(
            ConflictLine(
                organization_id=record.organization_id,
                type=record.type,
                entity_id=record.entity_id,
                id=conflict.id,
                field=name,
                label=label_of(record),
                status="resolved" if resolved else "open",
                policy=conflict.policy,
                candidates=conflict.candidates,
                stamps=conflict.stamps,
                opened_at_ms=conflict.opened_at_ms,
                at_ms=self.now_ms,
                version=record.version + 1,
                **resolved,
            )
        )

    def finish(self, due_at_ms: int | None) -> Decision:
        """Close the draft: a changed record has one version more and its owner's epoch."""
        if self.changed:
            self.record.version += 1
            self.record.epoch = self.context.epoch
        return Decision(
            self.record if self.changed else self.before,
            self.changed,
            self.commands,
            self.feed,
            self.conflicts,
            due_at_ms,
            self.rejected,
        )


LABELS = {"product": ("name", "sku"), "order": ("number",), "customer": ("name", "email", "phone")}
"""Fields that people know an entity by, best first; else its SKU."""


def label_of(record: Record) -> str:
    """What a person calls the entity, or nothing."""
    for name in LABELS.get(record.type, ("sku",)):
        agreed = record.fields.get(name)
        if agreed is not None and isinstance(agreed.value, str) and agreed.value:
            return agreed.value
    return ""
