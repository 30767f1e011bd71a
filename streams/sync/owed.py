"""Pure: what is owed. Wherever the agreed values differ from a shadow, a write is due
(level-triggered: nothing here asks what happened, only what is)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from connectors.protocol import Profile, TypeProfile
from schemas.base import Fields
from schemas.command import Create, Delete, Perform, Read, Write
from schemas.fields import EXISTENCE, Kind, kind_of
from streams.sync.conflict import EMPTY
from streams.sync.decision import Draft
from streams.sync.record import Flight, OwedEffect, Replica

_ABSENT = object()
UNDELETABLE = "-"


def settle(draft: Draft) -> int | None:
    """Send what is owed and due; tell when the entity wants to be looked at again, in ms."""
    due: list[int] = []
    for name in sorted(draft.context.writable):
        profile = draft.context.profiles.get(name)
        if profile is None:
            continue
        type_profile = profile.types.get(draft.record.type)
        if type_profile is not None:
            replica = draft.record.replicas.get(name) or Replica()
            _settle_replica(draft, name, profile, type_profile, replica, due)
    _settle_effects(draft, due)
    return min(due) if due else None


def _settle_replica(
    draft: Draft,
    name: str,
    profile: Profile,
    type_profile: TypeProfile,
    replica: Replica,
    due: list[int],
) -> None:
    now = draft.now_ms
    if replica.retry_at_ms > now:
        due.append(replica.retry_at_ms)
        return
    waits = replica.flight is not None and replica.flight.attempts == 1
    if replica.reread and profile.reads and replica.external_id is not None and not waits:
        asked = replica.reading is not None and replica.reading[0] == draft.context.epoch
        if not asked or replica.reading_due_ms <= now:
            _send_read(draft, name)
        due.append(draft.record.replicas[name].reading_due_ms)
        if replica.flight is None:
            return
    if replica.flight is not None:
        if replica.flight.due_at_ms <= now or replica.flight.epoch != draft.context.epoch:
            _send_again(draft, name, profile)
        flight = draft.record.replicas[name].flight
        if flight is not None:
            due.append(flight.due_at_ms)
        return
    _send_owed(draft, name, type_profile, replica)
    sent = draft.record.replicas.get(name)
    if sent is not None and sent.flight is not None:
        due.append(sent.flight.due_at_ms)


def _send_owed(draft: Draft, name: str, type_profile: TypeProfile, replica: Replica) -> None:
    record = draft.record
    if record.tombstone is not None:  # None while a person is asked
        if replica.exists and type_profile.deletes and UNDELETABLE not in replica.rejected:
            _send(draft, name, "delete", {})
        return
    if replica.exists:
        want = owed_fields(draft, type_profile, replica)
        if want and replica.apart:
            field = next(iter(want))
            want = {field: want[field]}
        elif replica.apart:
            draft.replica(name).apart = False
        if want:
            _send(draft, name, "write", want)
    elif type_profile.creates and EXISTENCE not in record.conflicts:
        given = type_profile.writable | type_profile.initial
        want = {
            field: agreed.value
            for field, agreed in record.fields.items()
            if field in given and agreed.value not in EMPTY and field not in record.conflicts
        }
        if want and all(field in want for field in type_profile.required):
            rejected = replica.rejected
            if not rejected or any(
                rejected.get(field, _ABSENT) != value for field, value in want.items()
            ):
                _send(draft, name, "create", want)


def owed_fields(draft: Draft, type_profile: TypeProfile, replica: Replica) -> Fields:
    """The agreed values that this replica should hold, can hold, and does not."""
    record, shadows = draft.record, replica.shadow
    want: Fields = {}
    for field, agreed in record.fields.items():
        value, shadow = agreed.value, shadows.get(field)
        if shadow is not None and (value == shadow.stands or value == shadow.seen):
            continue  # as for nearly all fields of nearly all decisions
        if (
            field not in type_profile.writable
            or field in record.conflicts
            or field in replica.masked
        ):
            continue
        if shadow is None:
            if value in EMPTY:
                continue
        elif type_profile.normal(field, value) == shadow.seen:
            continue
        if replica.rejected and replica.rejected.get(field, _ABSENT) == value:
            continue
        want[field] = value
    return want


def _send(draft: Draft, name: str, kind: str, want: Fields) -> None:
    replica, record = draft.replica(name), draft.record
    op = draft.operation(replica)
    expected = {
        field: replica.shadow[field].seen if field in replica.shadow else None for field in want
    }
    totals = {
        field: replica.totals.get(field, 0)
        for field in want
        if kind_of(record.type, field) is Kind.COUNTER
    }
    if kind == "create":
        replica.totals = dict.fromkeys(totals, 0)
        totals = dict(replica.totals)
    replica.flight = Flight(
        op=op,
        kind=kind,
        want=want,
        expected=expected,
        totals=totals,
        after=replica.mark,
        issued_at_ms=draft.now_ms,
        issued_clock=draft.record.clock,
        due_at_ms=draft.now_ms + draft.context.timing.overdue_ms,
        epoch=draft.context.epoch,
        origin_at_ms=draft.origin_at_ms or draft.now_ms,
    )
    _issue(draft, name, replica, replica.flight)


def _send_again(draft: Draft, name: str, profile: Profile) -> None:
    """An unanswered write goes out again, the same operation. Where the platform cannot compare,
    it is read first: a blind repeat could undo what a person has done since. So is what was to be
    deleted and is not any more."""
    replica = draft.replica(name)
    flight = replica.flight
    if flight is None:
        return
    timing = draft.context.timing
    wait = min(timing.overdue_ms * 2**flight.attempts, timing.longest_ms)
    replica.flight = replace(
        flight,
        due_at_ms=draft.now_ms + wait,
        attempts=flight.attempts + 1,
        epoch=draft.context.epoch,
    )
    lifted = flight.kind == "delete" and draft.record.tombstone is None
    if not (lifted and profile.reads) and (
        profile.compares or flight.kind == "create" or replica.external_id is None
    ):
        _issue(draft, name, replica, replica.flight)
    elif replica.reading is None or replica.reading_due_ms <= draft.now_ms:
        replica.reread = True
        _send_read(draft, name)


def _issue(draft: Draft, name: str, replica: Replica, flight: Flight) -> None:
    common = _common(draft, name)
    external_id = replica.external_id or ""
    command: Write | Create | Delete
    if flight.kind == "create":
        command = Create(op=flight.op, want=flight.want, totals=flight.totals, **common)
    elif flight.kind == "delete":
        command = Delete(op=flight.op, after=flight.after, external_id=external_id, **common)
    else:
        command = Write(
            op=flight.op,
            after=flight.after,
            external_id=external_id,
            expected=flight.expected,
            want=flight.want,
            totals=flight.totals,
            **common,
        )
    draft.commands.append(command)


def _common(draft: Draft, replica: str) -> dict[str, Any]:
    """What every command of this decision carries."""
    record = draft.record
    return {
        "organization_id": record.organization_id,
        "type": record.type,
        "entity_id": record.entity_id,
        "replica": replica,
        "issued_at_ms": draft.now_ms,
        "epoch": draft.context.epoch,
    }


def _send_read(draft: Draft, name: str) -> None:
    """Ask what the item holds. One read is out per replica, else reads never end (rule 4)."""
    replica = draft.replica(name)
    ticket = draft.ticket()
    replica.reading = ticket
    replica.again = False
    replica.reading_due_ms = draft.now_ms + draft.context.timing.reading_ms
    draft.commands.append(
        Read(external_id=replica.external_id or "", ticket=ticket, **_common(draft, name))
    )


def _settle_effects(draft: Draft, due: list[int]) -> None:
    record, now = draft.record, draft.now_ms
    timing = draft.context.timing
    for key, effect in record.effects.items():
        if effect.due_at_ms > now and effect.epoch in (0, draft.context.epoch):
            due.append(effect.due_at_ms)
            continue
        wait = min(timing.overdue_ms * 2**effect.attempts, timing.longest_ms)
        record.effects = {
            **record.effects,
            key: OwedEffect(
                effect.replica,
                effect.effect,
                effect.arguments,
                now + wait,
                effect.attempts + 1,
                draft.context.epoch,
            ),
        }
        draft.changed = True
        due.append(now + wait)
        draft.commands.append(
            Perform(
                effect_key=key,
                effect=effect.effect,
                arguments=effect.arguments,
                **_common(draft, effect.replica),
            )
        )
