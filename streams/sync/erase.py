"""Pure: a person's data out of an entity's record. The entity stays, with its amounts, dates and
numbers: books must still add up.

What a platform does not let anyone write, it still holds and will show again. So that this is no
news, the record keeps a digest of it in the place of the value: it is enough to know it again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from schemas.fields import PERSONAL
from schemas.observation import Observation, Seen
from schemas.outcome import Outcome
from streams.sync.context import Context
from streams.sync.decision import Draft
from streams.sync.record import Agreed, Conflict, Flight, Record, Replica, Shadow

MARK = "[erased]"
"""Stands where a person's data stood."""
SOURCE = "erasure"
VEIL = "erased:sha256"
"""The only member of what stands for a value that a platform still holds."""
SEALED = "erased."
"""What a digest begins with that stands for a platform's id."""
_GONE = (None, "", MARK)
_MARKED = {("customer", "name"), ("message", "body")}


def blank(value: Any) -> Any:
    """Every text in it replaced by the mark; null, empty text, numbers and the shape stay."""
    if isinstance(value, str):
        return MARK if value else value
    if isinstance(value, Mapping):
        if value.keys() == {VEIL}:
            return dict(value)
        return {name: blank(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [blank(part) for part in value]
    return value


def blank_named(values: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """The values with these names blanked."""
    return {name: blank(value) if name in names else value for name, value in values.items()}


Told = TypeVar("Told", bound=Observation | Outcome)


def veiled(record: Record, told: Told) -> Told:
    """The arrival with the digest in place of what was erased and is shown unchanged."""
    held = record.replicas.get(told.replica)
    if held is None or told.seen is None or record.type not in PERSONAL:
        return told
    seen: Seen = told.seen
    again = {
        name: shown.seen
        for name, shown in held.shadow.items()
        if _is_veil(shown.seen) and name in seen.fields
        and veil(record, name, seen.fields[name]) == shown.seen
    }  # fmt: skip
    if again:
        seen = replace(seen, fields={**seen.fields, **again})
    if (held.external_id or "").startswith(SEALED) and held.external_id == sealed(seen.external_id):
        seen = replace(seen, external_id=held.external_id)
    return told if seen is told.seen else replace(told, seen=seen)


def sealed(external_id: str) -> str:
    """What stands for a platform's id that tells whose it is: a digest, so that what bears the id
    is known again. Only for ids with much in them that nobody could guess, as WhatsApp's have."""
    if external_id.startswith(SEALED):
        return external_id
    return SEALED + sha256(external_id.encode()).hexdigest()[:32]


def veil(record: Record, field: str, value: Any) -> dict[str, str]:
    """What stands for a value of this field of this entity, and for no other."""
    place = f"{record.organization_id}/{record.type}/{record.entity_id}/{field}:"
    text = msgspec.json.encode(value, order="sorted")
    return {VEIL: sha256(place.encode() + text).hexdigest()}


def _is_veil(value: Any) -> bool:
    return isinstance(value, Mapping) and value.keys() == {VEIL}


def erase(draft: Draft, ids: Collection[str] = ()) -> None:
    """Take a person's data out of the record. Where a platform lets itself be written, what it is
    owed now takes it out there too; where it does not, it is forgotten here (what the platform
    shows of it later is a change like any other). `ids`: what stands for platforms' ids that tell
    who it is."""
    record = draft.record
    names = PERSONAL.get(record.type, frozenset())
    now = {
        name: Agreed(tombstone(record.type, name), draft.now_ms, SOURCE)
        for name, found in record.fields.items()
        if name in names and found.value is not None and found.source != SOURCE
    }
    held = any(_holds(draft.context, record, name, names) for name in record.replicas)
    telling = [
        name
        for name, replica in record.replicas.items()
        if replica.external_id and sealed(replica.external_id) in ids
        and not replica.external_id.startswith(SEALED)
    ]  # fmt: skip
    contested = names & record.conflicts.keys()
    if not (now or held or telling or contested or record.effects):
        return
    record.fields = {**record.fields, **now}
    for name in record.replicas:
        _forget(draft, name, names)
    for name in telling:
        replica = draft.replica(name)
        replica.external_id = sealed(replica.external_id or "")
    record.conflicts = {n: one for n, one in record.conflicts.items() if n not in names}
    record.effects = {}
    draft.changed = True
    told = {name: agreed.value for name, agreed in now.items()}
    draft.tell("changed", source=SOURCE, fields=told, reason="erased")


def tombstone(entity_type: str, name: str) -> Any:
    """What stands from now on. Only texts that nobody is found by bear the mark: two erased
    customers with one and the same e-mail address would be taken for one."""
    return MARK if (entity_type, name) in _MARKED else None


def _forget(draft: Draft, name: str, names: frozenset[str]) -> None:
    stuck = _stuck(draft.context, draft.record, name, names)
    replica = draft.replica(name)
    for field in stuck:
        stands, shown = tombstone(draft.record.type, field), replica.shadow[field]
        seen = shown.seen
        if replica.exists and seen not in _GONE and not _is_veil(seen):
            seen = veil(draft.record, field, seen)
        elif not replica.exists:
            seen = stands
        replica.shadow[field] = Shadow(seen, stands, shown.op)
    replica.rejected = {n: value for n, value in replica.rejected.items() if n not in names}
    replica.rewrites = {n: value for n, value in replica.rewrites.items() if n not in names}
    if not replica.exists:
        replica.flight = None


def _stuck(context: Context, record: Record, name: str, names: frozenset[str]) -> frozenset[str]:
    """What was seen on a replica and cannot be overwritten there."""
    replica = record.replicas[name]
    writable = context.type_profile(name, record.type).writable if replica.exists else frozenset()
    return (names & replica.shadow.keys()) - writable


def _holds(context: Context, record: Record, name: str, names: frozenset[str]) -> bool:
    replica = record.replicas[name]
    if names & {*replica.rejected, *replica.rewrites}:
        return True
    shown = [replica.shadow[field] for field in _stuck(context, record, name, names)]
    return any(
        value not in _GONE and not _is_veil(value)
        for one in shown
        for value in (one.seen, one.stands)
    )


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
