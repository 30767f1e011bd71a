"""What `decide` returns, and the draft it works on."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from schemas.base import Operation, Ticket
from schemas.command import Create, Delete, Perform, Read, Write
from schemas.feed import ConflictLine, FeedKind, FeedLine
from schemas.fields import EXISTENCE
from streams.sync.context import Context
from streams.sync.record import Agreed, Conflict, Record, Replica, Tombstone

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
    forward_to: str = ""
    """The entity that this sighting is about by now: it is sent there."""
    alarms: tuple[Alarm, ...] = ()
    """What of it counts towards a brake and was applied all the same."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A change that is harmless alone and a mistake in hundreds."""

    replica: str
    kind: str
    """stock, price or deletes"""
    field: str = ""
    before: Agreed | None = None
    value: Any = None
    """The new agreed value."""


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
    forward_to: str = ""
    alarms: list[Alarm] = field(default_factory=list)
    touched_by: str = ""
    """The replica that was seen to have edited a field."""
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

    def forget(self, name: str) -> None:
        """The replica is not ours any more."""
        record = self.record
        record.replicas = {key: held for key, held in record.replicas.items() if key != name}
        self._touched.discard(name)
        self.changed = True

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
        base: Any = None,
        challenger: str = "",
        brake: str = "",
    ) -> None:
        """Open a conflict on a field, or move the values of an open one."""
        record = self.record
        old = record.conflicts.get(name)
        if old is None:
            conflict = Conflict(
                id=self._conflict_id(name),
                candidates=candidates,
                stamps=stamps,
                policy=policy,
                opened_at_ms=self.now_ms,
                base=base,
                challenger=challenger,
                brake=brake,
            )
        else:
            conflict = replace(old, candidates=candidates, stamps=stamps)
        record.conflicts = {**record.conflicts, name: conflict}
        self.changed = True
        self.conflict_line(name, conflict)

    def release(
        self,
        name: str,
        value: Any,
        at_ms: int,
        source: str,
        *,
        resolution: str,
        by: str,
        resolution_id: str = "",
    ) -> None:
        """Close a conflict with this value. Of `existence` the value is the item's fate."""
        record = self.record
        conflict = record.conflicts[name]
        record.conflicts = {key: open_ for key, open_ in record.conflicts.items() if key != name}
        for replica in record.replicas:
            if name in record.replicas[replica].rewrites:
                ours = self.replica(replica)
                ours.rewrites = {key: n for key, n in ours.rewrites.items() if key != name}
        agreed = record.fields.get(name)
        previous = None if agreed is None else agreed.value
        if name == EXISTENCE:
            previous = "kept" if record.tombstone is None else "deleted"
            record.tombstone = Tombstone(self.now_ms, source) if value == "deleted" else None
            self.changed = True
        else:
            self.agree(name, value, at_ms, source)
        self.conflict_line(
            name,
            conflict,
            resolution=resolution,
            resolution_id=resolution_id,
            value=value,
            previous=previous,
            by=by,
        )
        self.tell("resolved", source=source, fields={name: value}, reason=resolution)

    def decided(
        self,
        name: str,
        agreed: Agreed,
        replica: str,
        value_there: Any,
        at_ms: int,
        *,
        base: Any,
        value: Any,
        how: str,
    ) -> None:
        """List what a rule has decided between what stood and what `replica` said."""
        standing = agreed.source if agreed.source != replica else "agreed"
        conflict = Conflict(
            id=self._conflict_id(name),
            candidates={standing: agreed.value, replica: value_there},
            stamps={standing: agreed.at_ms, replica: at_ms},
            policy=how,
            opened_at_ms=self.now_ms,
            base=base,
            challenger=replica,
        )
        previous = agreed.value if value != agreed.value else value_there
        self.changed = True  # its id is the version's
        self.conflict_line(
            name,
            conflict,
            automatic=True,
            resolution=how,
            value=value,
            previous=previous,
            by="rule",
        )

    def alarm(self, replica: str, kind: str, name: str = "", value: Any = None) -> bool:
        """Count a change of a field towards its brake. True where the brake is on: it must be
        held."""
        if (replica, kind) in self.context.braked:
            return True
        self.alarms.append(Alarm(replica, kind, name, self.record.fields.get(name), value))
        return False

    # -- identifiers
    def _conflict_id(self, name: str) -> str:
        record = self.record
        place = f"{record.organization_id}.{record.type}.{record.entity_id}"
        return f"{place}.{name}.{record.version + 1}"

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
                base=conflict.base,
                challenger=conflict.challenger,
                brake=conflict.brake,
                policy_version=self.context.policies.at(self.now_ms)[0],
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
            self.forward_to,
            tuple(self.alarms),
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
