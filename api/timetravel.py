"""Entities as they stood: shapes, and where the past is read from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from api.errors import invalid, unavailable
from api.services import Services
from api.shapes import Shown, to_json
from schemas.envelope import epoch_ms, rfc3339
from streams.sync.decision import label_of
from streams.sync.record import Record
from streams.timetravel import Difference, Then, TimeTravel, difference, differences, reader


class ShownValue(Shown, frozen=True, kw_only=True):
    """One agreed value, as it was."""

    value: Any
    source: str
    changed_at: str | None


class ShownCopy(Shown, frozen=True, kw_only=True):
    """What a platform was known to hold."""

    external_id: str | None
    exists: bool | None
    fields: dict[str, Any]


class ShownThen(Shown, frozen=True, kw_only=True):
    """One entity at one time."""

    time: str
    type: str
    entity_id: str
    known: bool
    """False: there was none, or nothing is known of so long ago (`complete` tells which)."""
    complete: bool
    """False: taken back from a later record; platforms' copies are not known then."""
    since: str | None
    """When it came to be so."""
    label: str
    version: int
    deleted: bool
    fields: dict[str, ShownValue]
    replicas: dict[str, ShownCopy]
    conflicts: tuple[str, ...]


class ShownVersion(Shown, frozen=True, kw_only=True):
    """One version, with what is different from the one before."""

    version: int
    at: str
    label: str
    deleted: bool
    changed: dict[str, Any]


class ShownDifference(Shown, frozen=True, kw_only=True):
    """What became of one entity."""

    type: str
    entity_id: str
    label: str
    change: str
    fields: dict[str, dict[str, Any]]
    """Field to `from` and `to`."""


@dataclass(frozen=True)
class Past:
    """One organisation's past, as clients see it. Errors: Problem, PyMongoError, KafkaError."""

    travel: TimeTravel
    organization_id: str

    async def entity(self, entity_type: str, entity_id: str, at_ms: int) -> ShownThen:
        """One entity as it stood."""
        then = await self.travel.at(self.organization_id, entity_type, entity_id, at_ms)
        return shown_then(entity_type, entity_id, at_ms, then)

    async def versions(self, entity_type: str, entity_id: str) -> list[ShownVersion]:
        """What changed of one entity, oldest first; versions that only say what a platform holds
        are left out."""
        found: list[ShownVersion] = []
        before: Record | None = None
        for version in await self.travel.versions(self.organization_id, entity_type, entity_id):
            record = version.record()
            told = difference(before, record)
            before = record
            if told is None:
                continue
            found.append(
                ShownVersion(
                    version=record.version,
                    at=rfc3339(version.event.at_ms),
                    label=label_of(record),
                    deleted=record.tombstone is not None,
                    changed={name: new for name, (_, new) in told.fields.items()},
                )
            )
        return found

    async def everything(self, at_ms: int, entity_type: str) -> AsyncIterator[bytes]:
        """A line of JSON an entity, in the order of keys."""
        async for state in self.travel.organization(self.organization_id, [at_ms], entity_type):
            for key in sorted(state):
                version = state[key]
                then = Then(version.record(), version.event.at_ms)
                event = version.event
                yield to_json(shown_then(event.type, event.entity_id, at_ms, then)) + b"\n"

    async def diff(self, from_ms: int, to_ms: int, entity_type: str) -> AsyncIterator[bytes]:
        """A line of JSON an entity that is different."""
        states = [
            state
            async for state in self.travel.organization(
                self.organization_id, [from_ms, to_ms], entity_type
            )
        ]
        for found in differences(*states):
            yield to_json(shown_difference(found)) + b"\n"


def past_of(use: Services, organization_id: str) -> Past:
    """The caller's. Raises 503 where there is no history to read."""
    if use.history is None:
        raise unavailable("There is no history to read here.")
    return Past(TimeTravel(use.database, reader(use.history), use.clock_ms()), organization_id)


def moment(text: str, name: str, now_ms: int) -> int:
    """RFC 3339 to ms. Raises 422 for anything else, and for what is to come."""
    at_ms = epoch_ms(text.replace(" ", "+"))  # a plus sign in an address means a space
    if not at_ms:
        raise invalid(f"{name}={text!r} is no time.", "Send one such as 2026-11-23T10:30:00Z.")
    if at_ms > now_ms:
        raise invalid(f"{name}={text} is still to come.", "Ask for a time in the past.")
    return at_ms


def shown_then(entity_type: str, entity_id: str, at_ms: int, then: Then) -> ShownThen:
    """As clients see it."""
    record = then.record
    return ShownThen(
        time=rfc3339(at_ms),
        type=entity_type,
        entity_id=entity_id,
        known=record is not None,
        complete=then.complete,
        since=rfc3339(then.at_ms) if then.at_ms else None,
        label=label_of(record) if record else "",
        version=record.version if record else 0,
        deleted=bool(record and record.tombstone),
        fields={
            name: ShownValue(
                value=held.value,
                source=held.source,
                changed_at=rfc3339(held.at_ms) if held.at_ms else None,
            )
            for name, held in (record.fields if record else {}).items()
        },
        replicas={
            name: ShownCopy(
                external_id=held.external_id,
                exists=held.exists,
                fields={field: shadow.seen for field, shadow in held.shadow.items()},
            )
            for name, held in (record.replicas if record else {}).items()
        },
        conflicts=tuple(record.conflicts) if record else (),
    )


def shown_difference(found: Difference) -> ShownDifference:
    """As clients see it."""
    record = found.after or found.before
    if record is None:
        raise ValueError("a difference between nothing and nothing")
    return ShownDifference(
        type=record.type,
        entity_id=record.entity_id,
        label=label_of(record),
        change=found.change,
        fields={name: {"from": old, "to": new} for name, (old, new) in found.fields.items()},
    )
