"""Feeds `decide`, writes the table, emits commands: the one writer of every entity.

A chunk goes through in this order (DESIGN: rule 3): decide on everything, one changelog write a
changed record, acknowledged; then commands, feed and conflicts, acknowledged; then Faust commits
the offset. A crash anywhere repeats the chunk, and repeats change nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import stamina
import structlog
from msgspec import structs

from schemas.base import split_key
from schemas.clock import unix_ms
from schemas.codec import Undecodable, decode, encode
from schemas.envelope import Envelope, Headers, new_traceparent, traceparent_of
from schemas.observation import Arrival as Observed
from schemas.observation import Gone, Observation
from schemas.outcome import Erase, Outcome, Reply, Resolution, Resync
from schemas.topics import COMMANDS, CONFLICTS, CONTEXTS, ENTITIES, FEED, OBSERVATIONS
from streams import tracing
from streams.deadletter.parking import Parking
from streams.kafka import Incoming, Outgoing, Publisher, PublishFailed
from streams.kafka.publisher import MAX_RECORD_BYTES, fits
from streams.sync.batch import Batch, Change, Due
from streams.sync.brakes import Board, Recall
from streams.sync.context import Context
from streams.sync.contexts import Contexts
from streams.sync.decide import Arrival, Tick, decide, new_record
from streams.sync.decided import decided_header, joined, step_of
from streams.sync.decision import Decision
from streams.sync.record import Record
from streams.sync.table import EntityStore

log = structlog.get_logger(__name__)

TICK = Tick()
PATIENCE_S = 25.0
LATER_MS = 120_000


class NotTheOwner(RuntimeError):
    """A chunk came before its partition was claimed. Ending uncommitted reads it again."""


OBSERVED: Any = Observed
REPLIES: Any = Reply


@dataclass
class Reconciler:
    """The agent's state beside the table."""

    store: EntityStore
    publisher: Publisher
    contexts: Contexts
    dead: Parking
    epochs: dict[int, int] = field(default_factory=dict)
    due: dict[int, Due] = field(default_factory=dict)
    locks: dict[int, asyncio.Lock] = field(default_factory=dict)
    last_arrived_ms: dict[str, int] = field(default_factory=dict)
    clock_ms: Callable[[], int] = unix_ms
    board: Board = field(default_factory=Board)
    recalls: dict[int, list[tuple[bytes, Recall]]] = field(default_factory=dict)
    """By partition: what a brake that went on puts in question."""

    async def handle(self, chunk: Sequence[Incoming]) -> None:
        """One chunk of `observations`, `outcomes` or `resolutions`."""
        partition = chunk[0].partition
        async with self.lock(partition):
            arrivals = [pair for pair in [await self._decoded(one) for one in chunk] if pair]
            await self._refresh({found.organization_id for _, found in arrivals})
            if partition not in self.epochs:
                raise NotTheOwner(f"partition {partition} is not claimed")
            batch = Batch(partition, self.clock_ms())
            for incoming, arrival in arrivals:
                reason = self._decide(batch, incoming.key, arrival, incoming)
                if reason:
                    await self._park(incoming, arrival.organization_id, reason)
            await self._flush(batch)

    async def tick(self, most: int = 500) -> None:
        """Look at every entity whose time has come."""
        await self._refresh(self.contexts.known)
        partitions = {*self.due, *self.recalls}
        await asyncio.gather(*(self._tick(partition, most) for partition in partitions))

    async def _tick(self, partition: int, most: int) -> None:
        async with self.lock(partition):
            now_ms, epochs, due = self.clock_ms(), self.epochs, self.due.get(partition)
            keys = due.pop(now_ms, most) if due is not None else []
            looks: list[tuple[bytes, Arrival]] = [(key, TICK) for key in keys]
            looks += self.recalls.pop(partition, [])
            if not looks:
                return
            await self._load({split_key(key)[0] for key, _ in looks})
            if self.epochs is not epochs or partition not in epochs:
                return  # a rebalance came between; its owner looks at everything anew
            batch = Batch(partition, now_ms)
            for key, arrival in looks:
                self._decide(batch, key, arrival, None)
            await self._flush(batch)

    def lock(self, partition: int) -> asyncio.Lock:
        """One thing at a time in a partition: a chunk or the timer, until it is flushed."""
        found = self.locks.get(partition)
        if found is None:
            found = self.locks[partition] = asyncio.Lock()
        return found

    def restored(self) -> None:
        """After a recovery: everything is looked at once, so whatever was owed is sent."""
        now_ms = self.clock_ms()
        self.due = {partition: Due() for partition in self.epochs}
        self.board, self.recalls = Board(), {}
        for key, record in self.store.data.items():
            partition = self.store.partition_of(key)
            if partition in self.due:
                self.due[partition].set(key, now_ms)
                self.board.note(None, record)

    async def _decoded(self, incoming: Incoming) -> tuple[Incoming, Observed | Reply] | None:
        kind = OBSERVED if incoming.topic == OBSERVATIONS.name else REPLIES
        try:
            found = decode(incoming.value, kind)
        except Undecodable as error:
            await self._park(incoming, "", f"not a record of {incoming.topic}: {error}")
            return None
        if found.key != incoming.key:
            reason = f"its key {incoming.key!r} is not that of its entity, {found.key!r}"
            await self._park(incoming, found.organization_id, reason)
            return None
        return incoming, found

    async def _refresh(self, organization_ids: Iterable[str]) -> None:
        """New rules (a connection switched on, a policy changed) are looked at from every
        entity."""
        changed = await self._load(organization_ids)
        if not changed:
            return
        now_ms = self.clock_ms()
        for key in self.store.data:
            if split_key(key)[0] in changed:
                partition = self.store.partition_of(key)
                self.due.setdefault(partition, Due()).set(key, now_ms)

    async def _load(self, organization_ids: Iterable[str]) -> set[str]:
        """Have their contexts at hand, told to Kafka before anything is decided with them. Returns
        the organisations whose rules have changed."""
        changed = await self.contexts.ensure(organization_ids)
        if told := list(self.contexts.untold):
            await self._publish([Outgoing(CONTEXTS, one.key, encode(one)) for one in told])
            self.contexts.untold = [one for one in self.contexts.untold if one not in told]
        return changed

    def _decide(self, batch: Batch, key: bytes, arrival: Arrival, incoming: Incoming | None) -> str:
        """Returns why it could not be handled, or nothing."""
        partition, now_ms = batch.partition, batch.now_ms
        record = self.store.data.get(key)
        if record is None:
            if isinstance(arrival, (Tick, Outcome, Resolution, Resync, Erase, Recall)):
                return ""
            record = new_record(arrival)
        context = self.contexts.of(record.organization_id, self.epochs.get(partition, 0))
        braked = self.board.on(record.organization_id)
        if braked:
            context = replace(context, braked=braked)
        if isinstance(arrival, Observation):
            self._hear(record, arrival)
        begun_ns = tracing.now_ns()
        try:
            decision = decide(record, arrival, context, now_ms)
            if decision.alarms:
                decision, context = self._braked(key, arrival, record, context, decision, now_ms)
        except Exception as error:
            # A mistake of ours in one entity must not stop its neighbours.
            trace = traceparent_of(incoming.headers) if incoming else ""
            log.exception("decision failed", key=key, trace=tracing.trace_id(trace))
            self._look_later(partition, key, now_ms)
            return f"the decision failed ({type(error).__name__}: {error}); retry after an update"
        if begun_ns:
            tracing.step("decide", begun_ns, incoming, _told(arrival, decision))
        change = batch.change(key, self.store.data.get(key))
        if incoming is not None:
            change.arrivals.append(incoming)
        change.context = context
        joined(change.steps, step_of(incoming, arrival, context))
        if decision.changed:
            self.board.note(change.record or change.before, decision.record)
            self.store.put(partition, key, decision.record)
            change.record = decision.record
        self.due.setdefault(partition, Due()).set(key, decision.due_at_ms)
        self._collect(change, batch.partition, key, decision, now_ms, incoming)
        if decision.forward_to and incoming is not None:
            change.sent.append(_forwarded(incoming, arrival, decision.forward_to))
        return decision.rejected

    def _braked(
        self,
        key: bytes,
        arrival: Arrival,
        record: Record,
        context: Context,
        decision: Decision,
        now_ms: int,
    ) -> tuple[Decision, Context]:
        """Count what the decision applies; where that is too much, decide again with the brake on,
        and look again at what came just before."""
        limits = context.policies.brakes
        tripped = self.board.trip(record, key, decision.alarms, limits, now_ms)
        if not tripped:
            return decision, context
        for (replica, kind), before in tripped.items():
            log.warning("brake on", organization=record.organization_id, replica=replica, kind=kind)
            for earlier, alarm in before:
                if earlier not in self.store.data:
                    continue
                place = self.store.partition_of(earlier)
                self.recalls.setdefault(place, []).append((earlier, Recall(alarm)))
        context = replace(context, braked=context.braked | frozenset(tripped))
        return decide(record, arrival, context, now_ms), context

    def _look_later(self, partition: int, key: bytes, now_ms: int) -> None:
        """What could not be decided now may still owe something."""
        self.due.setdefault(partition, Due()).set(key, now_ms + LATER_MS)

    def _hear(self, record: Record, arrival: Observation) -> None:
        """Learn a platform's clock from its changes, never from a first sight."""
        known = record.replicas.get(arrival.replica)
        changed_at_ms = arrival.seen.changed_at_ms
        if known is None or not known.shadow or changed_at_ms is None or arrival.ticket:
            return
        if arrival.seen.as_of > known.as_of:
            lag_ms = arrival.received_at_ms - changed_at_ms
            self.contexts.heard(record.organization_id, arrival.replica, lag_ms)

    def _collect(
        self,
        change: Change,
        partition: int,
        key: bytes,
        decision: Decision,
        now_ms: int,
        incoming: Incoming | None,
    ) -> None:
        if not (decision.commands or decision.feed or decision.conflicts):
            return
        record = decision.record
        trace = (traceparent_of(incoming.headers) if incoming else "") or new_traceparent()
        for command in decision.commands:
            topic = COMMANDS[command.replica.partition(":")[0]]
            headers = self._headers(record, f"command.{topic.name}", now_ms, trace)
            change.sent.append(Outgoing(topic, key, encode(command), headers, partition))
        if decision.feed:
            headers = self._headers(record, "feed", now_ms, trace)
            org_key = record.organization_id.encode()
            for line in decision.feed:
                change.sent.append(Outgoing(FEED, org_key, encode(line), headers))
                if line.kind == "arrived":
                    self.last_arrived_ms[record.organization_id] = now_ms
        for conflict in decision.conflicts:
            headers = self._headers(record, "conflict", now_ms, trace)
            place = key + b"/" + conflict.field.encode()
            change.sent.append(Outgoing(CONFLICTS, place, encode(conflict), headers))

    def _headers(self, record: Record, kind: str, now_ms: int, trace: str) -> Headers:
        return Envelope(
            id=f"{record.type}/{record.entity_id}/{record.version}",
            type=kind,
            source="reconcile",
            organization_id=record.organization_id,
            time_ms=now_ms,
            traceparent=trace,
        ).headers()

    async def _flush(self, batch: Batch) -> None:
        """Records first, acknowledged; only then what follows from them. Except what is told of
        conflicts: before the records, or a crash in between would leave a person unasked (a repeat
        tells the same line again)."""
        records: list[Outgoing] = []
        sent: list[Outgoing] = []
        for key, change in batch.changes.items():
            record = None
            if change.record is not None and change.context is not None:
                value = encode(change.record)
                headers = decided_header(batch.now_ms, change.context, change.steps)
                record = Outgoing(ENTITIES, key, value, headers, batch.partition)
            if not all(map(fits, (*change.sent, *([record] if record else ())))):
                await self._too_large(batch.partition, key, change)
                continue
            if record is not None:
                records.append(record)
            sent.extend(change.sent)
        await self._publish([line for line in sent if line.topic is CONFLICTS])
        await self._publish(records)
        await self._publish([line for line in sent if line.topic is not CONFLICTS])

    async def _too_large(self, partition: int, key: bytes, change: Change) -> None:
        """An entity that Kafka would not take stays as it was; what came for it is kept aside."""
        self.board.note(change.record, change.before)
        if change.before is None:
            self.store.forget_one(key)
        else:
            self.store.put(partition, key, change.before)
        self._look_later(partition, key, self.clock_ms())
        log.error("entity too large", key=key, bytes=MAX_RECORD_BYTES)
        for incoming in change.arrivals:
            await self._park(
                incoming,
                split_key(key)[0],
                "with this the entity would be over 1 MB, more than Kafka takes. Shorten its "
                "texts (pictures inside a description?), then retry.",
            )

    async def _park(self, incoming: Incoming, organization_id: str, reason: str) -> None:
        await self.dead.park(
            incoming, organization_id=organization_id, stage="reconcile", reason=reason
        )

    async def _publish(self, records: Sequence[Outgoing]) -> None:
        """A restarting broker is waited for; raises PublishFailed when it stays away."""
        async for attempt in stamina.retry_context(
            on=PublishFailed, attempts=None, timeout=PATIENCE_S, wait_initial=0.1, wait_max=2.0
        ):
            with attempt:
                await self.publisher.publish(*records)

    def status(self) -> dict[int, dict[str, dict[str, int]]]:
        """Partition to organisation to figures: writes out or overdue, the oldest of them, and when
        a write last arrived. Times in ms since 1970."""
        figures: dict[int, dict[str, dict[str, int]]] = {}
        for partition, due in self.due.items():
            orgs = figures.setdefault(partition, {})
            for key in due.at:
                record = self.store.data.get(key)
                if record is not None:
                    _add(orgs.setdefault(record.organization_id, _zero()), record)
            for organization_id, at_ms in self.last_arrived_ms.items():
                orgs.setdefault(organization_id, _zero())["lastArrivedMs"] = at_ms
        return figures


def _forwarded(incoming: Incoming, arrival: Arrival, entity_id: str) -> Outgoing:
    """The same sighting, for the entity that its item belongs to by now."""
    if not isinstance(arrival, Observation | Gone):
        raise TypeError(f"{arrival!r} is no sighting")
    moved = structs.replace(arrival, entity_id=entity_id)
    return Outgoing(OBSERVATIONS, moved.key, encode(moved), incoming.headers)


def _told(arrival: Arrival, decision: Decision) -> dict[str, str | int]:
    """What a span tells of a decision."""
    return {
        "smartstore.arrival": type(arrival).__name__.lower(),
        "smartstore.entity.type": decision.record.type,
        "smartstore.commands": len(decision.commands),
        "smartstore.conflicts": len(decision.conflicts),
    }


def _zero() -> dict[str, int]:
    return {"owed": 0, "inFlight": 0, "oldestOwedMs": 0, "lastArrivedMs": 0}


def _add(figures: dict[str, int], record: Record) -> None:
    for replica in record.replicas.values():
        if replica.flight is not None:
            figures["inFlight"] += 1
            since = replica.flight.issued_at_ms
            oldest = figures["oldestOwedMs"]
            figures["oldestOwedMs"] = min(oldest, since) if oldest else since
        elif replica.retry_at_ms or replica.reread:
            figures["owed"] += 1
    figures["owed"] += len(record.effects)
