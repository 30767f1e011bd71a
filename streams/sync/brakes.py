"""When many dangerous changes come from one platform at once: a brake goes on, and what it says is
held for a person as one batch.

The board counts; what is held lies in the records themselves, as conflicts with `brake` set. So a
brake is on as long as any conflict of it is open, a restart included. A worker judges by the
partitions it owns: entities are spread evenly, so a share of its own is a share of all.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.fields import EXISTENCE
from schemas.policy import Brakes
from streams.sync.conflict import open_conflict
from streams.sync.decision import Alarm, Draft
from streams.sync.deletion import ask
from streams.sync.record import Record

Place = tuple[str, str, str]
"""Organisation, replica, kind."""


@dataclass(frozen=True, slots=True)
class Recall:
    """A brake went on: what was applied just before is in question too."""

    alarm: Alarm
    id: str = "recall"


@dataclass
class Board:
    """What one worker counts."""

    windows: dict[Place, deque[tuple[int, bytes, Alarm]]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    held: Counter[Place] = field(default_factory=Counter)
    """Open conflicts of each brake."""
    stocked: Counter[str] = field(default_factory=Counter)
    """Items in stock of each organisation."""

    def on(self, organization_id: str) -> frozenset[tuple[str, str]]:
        """The brakes that are on."""
        if not self.held:
            return frozenset()
        return frozenset(
            (replica, kind) for org, replica, kind in self.held if org == organization_id
        )

    def note(self, before: Record | None, after: Record | None) -> None:
        """A record has changed."""
        for record, step in ((before, -1), (after, 1)):
            if record is None:
                continue
            if record.type == "inventory":
                agreed = record.fields.get("quantity")
                if agreed is not None and isinstance(agreed.value, int) and agreed.value > 0:
                    self.stocked[record.organization_id] += step
            for conflict in record.conflicts.values():
                if conflict.brake:
                    place = (record.organization_id, conflict.challenger, conflict.brake)
                    self.held[place] += step
                    if self.held[place] <= 0:
                        del self.held[place]

    def trip(
        self, record: Record, key: bytes, alarms: Iterable[Alarm], limits: Brakes, now_ms: int
    ) -> dict[tuple[str, str], list[tuple[bytes, Alarm]]]:
        """Count what was applied. The brakes that this is too much for, each with what was applied
        before in the same window."""
        tripped = {}
        for alarm in alarms:
            window = self.windows[record.organization_id, alarm.replica, alarm.kind]
            while window and window[0][0] <= now_ms - limits.window_s * 1000:
                window.popleft()
            if len(window) >= self._most(record.organization_id, alarm.kind, limits, len(window)):
                before = [(earlier, found) for _, earlier, found in window if earlier != key]
                tripped[alarm.replica, alarm.kind] = before
                window.clear()
            else:
                window.append((now_ms, key, alarm))
        return tripped

    def _most(self, organization_id: str, kind: str, limits: Brakes, emptied: int) -> int:
        if kind == "stock":
            in_stock = self.stocked[organization_id] + emptied
            return max(limits.least, int(limits.stock_share * in_stock))
        return limits.price_items if kind == "price" else limits.deletes


def recall(draft: Draft, arrival: Recall) -> None:
    """Put the agreed value back and hold the field. Platforms keep what they have meanwhile: a
    contested field is owed nowhere."""
    record, alarm = draft.record, arrival.alarm
    if alarm.kind == "deletes":
        tombstone = record.tombstone
        if tombstone is not None and tombstone.source == alarm.replica:
            ask(draft, alarm.replica, tombstone.at_ms, "agreed", 0, brake="deletes")
        return
    name, before = alarm.field, alarm.before
    agreed = record.fields.get(name)
    if (
        before is None
        or agreed is None
        or name in record.conflicts
        or EXISTENCE in record.conflicts
    ):
        return
    there = agreed.value
    if alarm.kind == "stock":
        back = there + before.value - alarm.value  # sales since then still count
    elif there == alarm.value:
        back = before.value
    else:
        return  # changed again since, by somebody who saw it
    draft.agree(name, back, before.at_ms, before.source)
    open_conflict(
        draft,
        alarm.replica,
        name,
        there,
        record.fields[name],
        agreed.at_ms,
        "brake",
        brake=alarm.kind,
    )
