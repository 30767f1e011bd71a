"""Entities as clients see them: shapes, and the reading of what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from typing import Any

from api.entities import Entities, Row
from api.errors import not_found
from api.pages.words import line_title
from api.shapes import Cursor, LiveConflict, LiveEvent, Shown, live_conflict, live_event
from api.standing import AGREED, CANNOT_HOLD
from api.steps import ORDER_MS, Step, name_orders, steps_of
from api.why import ShownStanding, Why, at_of, standings, why
from schemas.base import Fields, Operation
from schemas.envelope import rfc3339
from schemas.feed import FeedLine
from schemas.fields import Kind, kind_of
from streams.database import Database
from streams.directory import Directory
from streams.history import lines_of, orders_near
from streams.sync.context import Context
from streams.sync.decision import label_of
from streams.sync.record import Record, Replica

MOST_SALES = 20
"""Whose orders are looked for."""
MOST_LINES = 300
"""Of the history of a field: as far back as one answer goes."""


class ShownField(Shown, frozen=True, kw_only=True):
    """One agreed value."""

    value: Any
    source: str
    changed_at: str | None


class ShownFlight(Shown, frozen=True, kw_only=True):
    """The write that is out."""

    operation: Operation
    kind: str
    fields: Fields
    since: str
    attempts: int
    sent_again_at: str


class ShownReplica(Shown, frozen=True, kw_only=True):
    """One platform's copy."""

    replica: str
    external_id: str | None
    exists: bool | None
    """None: never seen there."""
    active: bool
    """Whether it is connected and written to."""
    state: str
    """agreed, or the worst of its fields'."""
    states: dict[str, str]
    """Field to agreed, owed, in flight, contested, cannot hold, rejected or paused."""
    holds: Fields
    """What it was last seen to hold."""
    in_flight: ShownFlight | None
    rejected: Fields
    retry_at: str | None


class ShownEntity(Shown, frozen=True, kw_only=True):
    """Everything about one entity."""

    organization_id: str
    type: str
    entity_id: str
    label: str
    version: int
    deleted: ShownField | None
    """When and by whom, where it is deleted; its value is true."""
    fields: dict[str, ShownField]
    conflicts: tuple[LiveConflict, ...]
    replicas: tuple[ShownReplica, ...]


class ShownRow(Shown, frozen=True, kw_only=True):
    """One entity in a list."""

    type: str
    entity_id: str
    label: str
    sku: str
    version: int
    updated_at: str
    replicas: tuple[Any, ...]


class ShownHistory(Shown, frozen=True, kw_only=True):
    """One line of an entity's history, and in words."""

    sentence: str
    event: LiveEvent


class Explained:
    """Reads what an answer needs. Errors: Problem, PyMongoError."""

    def __init__(
        self, database: Database, directory: Directory, clock_ms: Callable[[], int]
    ) -> None:
        self.entities = Entities(database, directory)
        self._database = database
        self._clock_ms = clock_ms

    async def entity(self, record: Record) -> ShownEntity:
        """What stands."""
        context = await self.entities.context(record.organization_id)
        conflicts = await self.entities.conflicts(record)
        now_ms = self._clock_ms()
        states = {name: standings(record, name, context, now_ms) for name in record.fields}
        names = dict.fromkeys((*context.profiles, *record.replicas))
        grave = record.tombstone
        return ShownEntity(
            organization_id=record.organization_id,
            type=record.type,
            entity_id=record.entity_id,
            label=label_of(record),
            version=record.version,
            deleted=ShownField(value=True, source=grave.source, changed_at=rfc3339(grave.at_ms))
            if grave
            else None,
            fields={
                name: ShownField(value=held.value, source=held.source, changed_at=at_of(held))
                for name, held in record.fields.items()
            },
            conflicts=tuple(live_conflict(line) for line in conflicts if line.status == "open"),
            replicas=tuple(_replica(record, name, context, states) for name in names),
        )

    async def why(self, record: Record, field: str, zone: tzinfo | None = UTC) -> Why:
        """Why a field has its value. Raises 404 for a field that nobody has told of."""
        if field not in record.fields:
            known = ", ".join(sorted(record.fields)) or "none yet"
            raise not_found(
                f"This {record.type} has no field {field!r}.", f"Its fields are: {known}."
            )
        found = await lines_of(
            self._database,
            record.organization_id,
            record.type,
            record.entity_id,
            field=field,
            limit=MOST_LINES,
        )
        lines = [line for _, line in found]
        steps = steps_of(lines, await self.entities.conflicts(record, field), field)
        await self._orders(record, field, steps)
        return why(
            record,
            field,
            steps,
            lines,
            await self.entities.context(record.organization_id),
            self._clock_ms(),
            zone=zone,
            complete=len(found) < MOST_LINES,
        )

    async def _orders(self, record: Record, field: str, steps: Sequence[Step]) -> None:
        """Name the orders behind the newest sales."""
        if kind_of(record.type, field) is not Kind.COUNTER:
            return
        moments = [step.at_ms for step in steps if step.delta < 0][:MOST_SALES]
        orders = await orders_near(self._database, record.organization_id, moments, ORDER_MS)
        sku = record.fields.get("sku")
        name_orders(steps, orders, record.entity_id, str(sku.value) if sku else "")


def _replica(
    record: Record,
    name: str,
    context: Context,
    states: dict[str, tuple[ShownStanding, ...]],
) -> ShownReplica:
    held = record.replicas.get(name) or Replica()
    mine = {
        field: one.state for field, found in states.items() for one in found if one.replica == name
    }
    wrong = [state for state in mine.values() if state not in (AGREED, CANNOT_HOLD)]
    holding = AGREED if AGREED in mine.values() else CANNOT_HOLD
    return ShownReplica(
        replica=name,
        external_id=held.external_id,
        exists=held.exists,
        active=name in context.writable,
        state=wrong[0] if wrong else holding,
        states=mine,
        holds={field: shadow.seen for field, shadow in held.shadow.items()},
        in_flight=_flight(held),
        rejected=held.rejected,
        retry_at=rfc3339(held.retry_at_ms) if held.retry_at_ms else None,
    )


def _flight(held: Replica) -> ShownFlight | None:
    flight = held.flight
    if flight is None:
        return None
    return ShownFlight(
        operation=flight.op,
        kind=flight.kind,
        fields=flight.want,
        since=rfc3339(flight.issued_at_ms),
        attempts=flight.attempts,
        sent_again_at=rfc3339(flight.due_at_ms),
    )


def shown_row(row: Row) -> ShownRow:
    """A row of the list."""
    return ShownRow(
        type=row.type,
        entity_id=row.entity_id,
        label=row.label,
        sku=row.sku,
        version=row.version,
        updated_at=rfc3339(row.at_ms),
        replicas=row.replicas,
    )


def shown_event(line: FeedLine, cursor: Cursor) -> ShownHistory:
    """A line with its sentence."""
    return ShownHistory(sentence=line_title(line), event=live_event(line, cursor))
