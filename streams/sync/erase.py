"""Pure: a person's data out of an entity's record. The entity stays, with its amounts, dates and
numbers: books must still add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from schemas.fields import PERSONAL
from streams.sync.record import Agreed, Conflict, Flight, Record, Replica, Shadow

MARK = "[erased]"
"""Stands where a person's data stood."""


def blank(value: Any) -> Any:
    """Every text in it replaced by the mark; null, empty text, numbers and the shape stay."""
    if isinstance(value, str):
        return MARK if value else value
    if isinstance(value, Mapping):
        return {name: blank(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [blank(part) for part in value]
    return value


def blank_named(values: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """The values with these names blanked."""
    return {name: blank(value) if name in names else value for name, value in values.items()}


def erased_record(record: Record) -> Record:
    """The record as history may keep it: personal fields blanked wherever they stand."""
    names = PERSONAL.get(record.type, frozenset())
    return replace(
        record,
        fields={
            name: Agreed(blank(found.value), found.at_ms, found.source) if name in names else found
            for name, found in record.fields.items()
        },
        replicas={name: _replica(held, names) for name, held in record.replicas.items()},
        conflicts={
            name: _conflict(held) if name in names else held
            for name, held in record.conflicts.items()
        },
        effects={
            name: replace(owed, arguments=blank(owed.arguments))
            for name, owed in record.effects.items()
        },
    )


def _replica(held: Replica, names: frozenset[str]) -> Replica:
    return replace(
        held,
        shadow={
            name: Shadow(blank(shown.seen), blank(shown.stands), shown.op)
            if name in names
            else shown
            for name, shown in held.shadow.items()
        },
        flight=None if held.flight is None else _flight(held.flight, names),
        rejected=blank_named(held.rejected, names),
        rewrites=blank_named(held.rewrites, names),
    )


def _flight(flight: Flight, names: frozenset[str]) -> Flight:
    return replace(
        flight,
        want=blank_named(flight.want, names),
        expected=blank_named(flight.expected, names),
    )


def _conflict(held: Conflict) -> Conflict:
    return replace(held, candidates=blank(held.candidates), base=blank(held.base))
