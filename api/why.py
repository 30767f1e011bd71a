"""Why a field has its value: observation, decision, rule, command and outcome of every step, and
where the field stands on each platform now. Shapes, and their making from the record and the
history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any

from api.shapes import Shown
from api.standing import REJECTED, Standing, standing
from api.steps import Step
from api.tellings import Teller
from schemas.base import Operation
from schemas.envelope import rfc3339
from schemas.feed import ConflictLine, FeedLine
from streams.sync.context import Context
from streams.sync.decision import label_of
from streams.sync.record import Agreed, Record


class ShownRule(Shown, frozen=True, kw_only=True):
    """Which rule, or who, decided between sides that differed."""

    how: str
    """newest, local, remote, merge, winner, manual, keep, ...; empty while a person is asked."""
    by: str
    automatic: bool
    policy: str
    policy_version: int
    candidates: dict[str, Any]
    conflict_id: str
    resolution_id: str


class ShownDelivery(Shown, frozen=True, kw_only=True):
    """What became of the command that carried a value to one platform."""

    replica: str
    result: str
    """arrived · refused (it held something else, and was read) · failed (it will not take it)"""
    at: str
    latency_ms: int | None
    """From the arrival of the change at us."""
    operation: Operation | None
    """The command's id, where an answer of the platform told of it."""
    reason: str
    line_id: str
    cause: str


class ShownStep(Shown, frozen=True, kw_only=True):
    """One decision about the field."""

    kind: str
    """changed · decided (by a rule) · resolved (by a person) · held (for a person) · deleted"""
    sentence: str
    at: str
    source: str
    value: Any
    previous: Any
    received_at: str | None
    """When what caused it reached us."""
    cause: str
    """Id of the observation, edit, outcome or resolution behind it."""
    line_id: str
    version: int
    """Of the entity, after it."""
    order_id: str
    """The order that took this from the stock, where one did, by our id."""
    order_number: str
    rule: ShownRule | None
    deliveries: tuple[ShownDelivery, ...]


class ShownStanding(Shown, frozen=True, kw_only=True):
    """The field on one platform."""

    replica: str
    external_id: str | None
    state: str
    """agreed · owed · in flight · contested · cannot hold · rejected · paused"""
    reason: str
    since: str | None
    """Of a write in flight: when it was first sent."""
    attempts: int
    operation: Operation | None
    until: str | None
    """When it is tried again."""
    known: bool
    sees: Any
    """What the platform was last seen to hold."""
    stands: Any
    """The agreed value that this stands for."""


class Why(Shown, frozen=True, kw_only=True):
    """The whole answer."""

    organization_id: str
    type: str
    entity_id: str
    label: str
    field: str
    value: Any
    source: str
    changed_at: str | None
    """When its source says it was changed, by our clock."""
    sentence: str
    replicas: tuple[ShownStanding, ...]
    steps: tuple[ShownStep, ...]
    complete: bool
    """False: there are older lines than were looked at."""


def why(
    record: Record,
    name: str,
    steps: Sequence[Step],
    lines: Sequence[FeedLine],
    context: Context,
    now_ms: int,
    *,
    zone: tzinfo | None = UTC,
    complete: bool = True,
) -> Why:
    """Why field `name`, which the record must have, is what it is. `steps`: newest first; `lines`
    are those they were made of."""
    agreed = record.fields[name]
    teller = Teller(record.type, name, now_ms, zone)
    return Why(
        organization_id=record.organization_id,
        type=record.type,
        entity_id=record.entity_id,
        label=label_of(record),
        field=name,
        value=agreed.value,
        source=agreed.source,
        changed_at=at_of(agreed),
        sentence=teller.story(agreed, steps, contested=name in record.conflicts),
        replicas=standings(record, name, context, now_ms, lines),
        steps=tuple(_step(step, teller) for step in steps),
        complete=complete,
    )


def standings(
    record: Record, name: str, context: Context, now_ms: int, lines: Sequence[FeedLine] = ()
) -> tuple[ShownStanding, ...]:
    """The field on every platform that is connected, or was. `lines` tell why one was refused."""
    shown = []
    for replica in dict.fromkeys((*context.profiles, *record.replicas)):
        found = standing(record, context, replica, name, now_ms)
        reason = found.reason
        if found.state == REJECTED:
            failed = [x for x in lines if x.kind == "failed" and x.replica == replica]
            told = [x.reason for x in failed if name in x.fields] or [x.reason for x in failed]
            reason = next((text for text in told if text), reason)
        shown.append(_standing(record, replica, found, reason))
    return tuple(shown)


def at_of(agreed: Agreed) -> str | None:
    """The time of a stamp; None for a first sight without one."""
    return rfc3339(agreed.at_ms) if agreed.at_ms > 0 else None


def _standing(record: Record, replica: str, found: Standing, reason: str) -> ShownStanding:
    copy = record.replicas.get(replica)
    return ShownStanding(
        replica=replica,
        external_id=copy.external_id if copy else None,
        state=found.state,
        reason=reason,
        since=rfc3339(found.since_ms) if found.since_ms else None,
        attempts=found.attempts,
        operation=found.operation,
        until=rfc3339(found.until_ms) if found.until_ms else None,
        known=found.known,
        sees=found.sees,
        stands=found.stands,
    )


def _step(step: Step, teller: Teller) -> ShownStep:
    line = step.line
    return ShownStep(
        kind=step.kind,
        sentence=teller.sentence(step),
        at=rfc3339(step.at_ms),
        source=step.source,
        value=step.value,
        previous=step.previous,
        received_at=rfc3339(line.origin_at_ms) if line and line.origin_at_ms else None,
        cause=line.cause if line else "",
        line_id=line.id if line else "",
        version=step.version,
        order_id=step.order.entity_id if step.order else "",
        order_number=step.order.label if step.order else "",
        rule=_rule(step.ruled) if step.ruled else None,
        deliveries=tuple(_delivery(found) for found in step.deliveries),
    )


def _rule(ruled: ConflictLine) -> ShownRule:
    return ShownRule(
        how=ruled.resolution,
        by=ruled.by,
        automatic=ruled.automatic,
        policy=ruled.policy,
        policy_version=ruled.policy_version,
        candidates=ruled.candidates,
        conflict_id=ruled.id,
        resolution_id=ruled.resolution_id,
    )


def _delivery(line: FeedLine) -> ShownDelivery:
    return ShownDelivery(
        replica=line.replica,
        result=line.kind,
        at=rfc3339(line.at_ms),
        latency_ms=line.latency_ms,
        operation=line.op,
        reason=line.reason,
        line_id=line.id,
        cause=line.cause,
    )
