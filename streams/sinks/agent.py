"""The sink of one platform: commands in, the platform's answers out as outcomes.

It never sleeps on a failure: it answers when to try again, and what is owed is sent again then. A
chunk is over when all its outcomes are acknowledged; a crash before that repeats it, and repeats
are known by their operation.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Protocol

import stamina
from msgspec import structs
from pymongo.errors import PyMongoError

from connectors.protocol import Answer, Connector, StateCommand
from schemas.clock import unix_ms
from schemas.codec import Undecodable, decode
from schemas.command import Command, Create, Delete, Perform, Read, Write
from schemas.outcome import Outcome
from schemas.topics import COMMANDS
from streams import tracing
from streams.deadletter.parking import Parking
from streams.effects.ledger import CLAIM_MS, Ledger
from streams.inbound.references import Bearer, Identities, resolved
from streams.kafka.publisher import PublishFailed
from streams.kafka.records import Incoming, Outgoing, Publishes
from streams.metrics import WRITES
from streams.sinks.claims import Fences
from streams.sinks.coalesce import Sent, coalesced, newest_claim
from streams.sinks.lines import EFFECTS_AT_ONCE, PAUSE_S, Connections, Line, Lines, Said
from streams.sinks.outcomes import outcome_of, outgoing
from streams.sinks.troubles import Troubles

PATIENCE_S = 20.0
"""With MongoDB or Kafka away for longer the process ends, uncommitted, and is started again."""
GONE = "the connection was removed"
SAID = ("taken", "refused", "missing")
"""Results that are no failure of the call."""
MADE = ("taken", "refused")
"""Answers to a create that name the item: made, or found to be there."""


def _patient(
    kind: type[Exception] | tuple[type[Exception], ...],
) -> AsyncIterator[stamina.Attempt]:
    """Attempts at what needs MongoDB or Kafka, until one works or patience ends."""
    return stamina.retry_context(
        on=kind, attempts=None, timeout=PATIENCE_S, wait_initial=0.1, wait_max=2.0
    )


class LinkStore(Identities, Protocol):
    """Identity (`streams.links`)."""

    async def entity_id(
        self, organization_id: str, replica: str, entity_type: str, external_id: str
    ) -> str | None:
        """Our id of the platform's item, or None."""
        ...

    async def external_id(
        self, organization_id: str, replica: str, entity_type: str, entity_id: str
    ) -> str | None:
        """The platform's id of our entity, or None."""
        ...

    async def link(
        self,
        organization_id: str,
        replica: str,
        entity_type: str,
        entity_id: str,
        external_id: str,
    ) -> object:
        """Make the two one."""
        ...


class Performer(Protocol):
    """A platform's own way with effects (`streams.whatsapp.sending`)."""

    async def perform(self, command: Perform, line: Line) -> Outcome:
        """As far as it goes now. Raises PyMongoError before a call was made: then the same again
        is safe."""
        ...


class Sink:
    """The handler of `commands.<platform>`; bind `handle` to the topic, `close` at the end."""

    def __init__(
        self,
        connector: Connector,
        *,
        publisher: Publishes,
        connections: Connections,
        links: LinkStore,
        claims: Fences,
        ledger: Ledger,
        dead: Parking,
        performer: Performer | None = None,
        troubles: Troubles | None = None,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._performer = performer
        self._troubles = troubles
        self.topic = COMMANDS[connector.platform]
        self._stage = f"sink.{connector.platform}"
        self._lines = Lines(connector, connections, clock_ms)
        self._publisher = publisher
        self._links = links
        self._claims = claims
        self._ledger = ledger
        self._dead = dead
        self._clock_ms = clock_ms

    async def close(self) -> None:
        """Let go of every connection."""
        await self._lines.close()

    async def handle(self, chunk: Sequence[Incoming]) -> None:
        """One chunk of one partition. Raises when MongoDB or Kafka stays away."""
        sent = [one for one in [await self._decoded(incoming) for incoming in chunk] if one]
        if not sent:
            return
        epoch = await self._fence(chunk[0].partition, sent)
        work = coalesced(sent, epoch)
        await self._state(work.writes)
        await self._state(work.reads)
        await self._effects(work.effects)

    async def _decoded(self, incoming: Incoming) -> Sent | None:
        try:
            return incoming, decode(incoming.value, Command)  # type: ignore[arg-type]
        except Undecodable as error:
            await self._park(incoming, "", f"This is no command: {error}. Nothing helps but a fix.")
            return None

    async def _fence(self, partition: int, sent: Sequence[Sent]) -> int:
        """The newest owner's epoch, kept before anything of it is carried out."""
        async for attempt in _patient(PyMongoError):
            with attempt:
                known = await self._claims.newest(self.topic.name, partition)
                epoch = newest_claim(sent, known)
                if epoch > known:
                    await self._claims.raise_to(self.topic.name, partition, epoch)
        return epoch

    async def _state(self, sent: Sequence[Sent]) -> None:
        groups: dict[tuple[str, str], list[Sent]] = defaultdict(list)
        for one in sent:
            command = one[1]
            if not isinstance(command, Write | Create | Delete | Read):
                continue
            groups[command.organization_id, command.replica].append(one)
        await asyncio.gather(*(self._group(*place, group) for place, group in groups.items()))

    async def _group(self, organization_id: str, replica: str, group: list[Sent]) -> None:
        """One connection's commands; its neighbours do not wait for it."""
        line = await self._line(organization_id, replica)
        commands = [c for _, c in group if isinstance(c, Write | Create | Delete | Read)]
        begun_ns = tracing.now_ns()
        if line is None:
            answers = self._gone(len(group))
        else:
            try:
                async for attempt in _patient(PyMongoError):
                    with attempt:
                        answers = await line.apply(commands, self._links)
            except PyMongoError:
                raise
            except Exception as error:  # a fault of ours: it must not stop its neighbours
                await self._apart(line, group, error)
                return
            if self._troubles is not None:
                await self._troubles.keep(line)
        for (incoming, command), said in zip(group, answers, strict=True):
            self._traced(begun_ns, incoming, command, said.answer.result)
        async for attempt in _patient(PyMongoError):
            with attempt:
                answers = await self._identified(commands, answers)
        told = [
            self._told(incoming, command, said)
            for (incoming, _), command, said in zip(group, commands, answers, strict=True)
        ]
        await self._publish(told)

    async def _apart(self, line: Line, group: list[Sent], fault: Exception) -> None:
        """After an unforeseen error: one at a time, and what still fails is parked and answered."""
        if len(group) > 1:
            for one in group:
                await self._group(line.connection.organization_id, line.connection.replica, [one])
            return
        incoming, command = group[0]
        if not isinstance(command, Write | Create | Delete | Read):
            return
        reason = f"{type(fault).__name__} in the {command.replica} connector"
        await self._park(
            incoming, command.organization_id, f"{reason}: a fault of ours. Retry after an update."
        )
        failed = outcome_of(command, "failed", self._clock_ms(), reason=reason)
        await self._publish([_counted(incoming, failed)])

    async def _identified(
        self, commands: Sequence[StateCommand], answers: Sequence[Said]
    ) -> list[Said]:
        """The answers, after the identity of what was made is kept (its echo comes any moment),
        and with our ids in what was seen, as the normaliser puts them into observations."""
        found: list[Said] = []
        bearers: dict[int, Bearer] = {}
        for command, said in zip(commands, answers, strict=True):
            answer = said.answer
            if isinstance(command, Create) and answer.external_id and answer.result in MADE:
                answer = await self._linked(command, answer, answer.external_id)
            if answer.seen is not None and answer.seen.fields:
                bearers[len(found)] = Bearer(
                    command.organization_id, command.replica, command.type, answer.seen.fields
                )
            found.append(Said(answer, said.retry_at_ms))
        ours = await resolved(bearers.values(), self._links)
        for place, bearer in bearers.items():
            answer = found[place].answer
            if answer.seen is not None:
                seen = structs.replace(answer.seen, fields=ours.fields(bearer))
                found[place] = Said(replace(answer, seen=seen), found[place].retry_at_ms)
        return found

    def _told(
        self, incoming: Incoming, command: Write | Create | Delete | Read, said: Said
    ) -> Outgoing:
        outcome = outcome_of(
            command,
            said.answer.result,
            self._clock_ms(),
            seen=said.answer.seen,
            reason=said.answer.reason,
            retry_at_ms=said.retry_at_ms,
        )
        return _counted(incoming, outcome)

    async def _linked(self, command: Create, answer: Answer, external_id: str) -> Answer:
        """Made: it is ours. Found: it is, unless it is another entity's already (two products of
        one SKU), which a person must sort out."""
        place = (command.organization_id, command.replica, command.type)
        if answer.result == "refused":
            known = await self._links.entity_id(*place, external_id)
            if known not in (None, command.entity_id):
                reason = f"{answer.reason}: {external_id} is {command.type} {known} already"
                return Answer("failed", reason=reason)
        await self._links.link(*place, command.entity_id, external_id)
        return answer

    async def _effects(self, sent: Sequence[Sent]) -> None:
        """Each on its own, some at once; one business key, and one recipient, at a time."""
        lanes: dict[tuple[str, str], list[Sent]] = defaultdict(list)
        for one in sent:
            command = one[1]
            if isinstance(command, Perform):
                # Messages to one person go one after the other.
                lane = str(command.arguments.get("to") or command.effect_key)
                lanes[command.organization_id, lane].append(one)
        slots = asyncio.Semaphore(EFFECTS_AT_ONCE)

        async def run(lane: list[Sent]) -> None:
            async with slots:
                for incoming, command in lane:
                    if isinstance(command, Perform):
                        begun_ns = tracing.now_ns()
                        outcome = await self._perform(command)
                        self._traced(begun_ns, incoming, command, outcome.result)
                        await self._publish([_counted(incoming, outcome)])

        await asyncio.gather(*(run(lane) for lane in lanes.values()))

    async def _perform(self, command: Perform) -> Outcome:
        line = await self._line(command.organization_id, command.replica)
        if line is None:
            return self._effect_outcome(command, self._gone(1)[0])
        if self._performer is not None:
            async for attempt in _patient((PyMongoError, PublishFailed)):
                with attempt:
                    return await self._performer.perform(command, line)
        async for attempt in _patient(PyMongoError):
            with attempt:
                entry = await self._ledger.claim(command, self._clock_ms())
        if not entry.mine:
            if entry.state == "claimed":
                # Another process is at it, or was: after a while nobody is, and it is unknown.
                return outcome_of(
                    command,
                    "retry",
                    self._clock_ms(),
                    reason="being done by another process",
                    retry_at_ms=entry.claimed_at_ms + CLAIM_MS + 1000,
                )
            result = {"sent": "taken", "failed": "failed"}.get(entry.state, "unknown")
            return outcome_of(
                command,
                result,  # type: ignore[arg-type]
                self._clock_ms(),
                reason=entry.reason,
            )
        try:
            self._ledger.begin(command, entry)
        except (OSError, LookupError) as error:
            said = Said(Answer("retry", reason=f"it could not be noted down: {error}"))
        else:
            said = await line.perform(command)
        answer = said.answer
        state = {"taken": "sent", "retry": "released", "unknown": "unknown"}.get(
            answer.result, "failed"
        )
        async for attempt in _patient(PyMongoError):
            with attempt:
                await self._ledger.settle(
                    command,
                    state,  # type: ignore[arg-type]
                    self._clock_ms(),
                    answer.external_id or "",
                    answer.reason,
                )
        return self._effect_outcome(command, said)

    def _effect_outcome(self, command: Perform, said: Said) -> Outcome:
        return outcome_of(
            command,
            said.answer.result,
            self._clock_ms(),
            reason=said.answer.reason,
            retry_at_ms=said.retry_at_ms,
        )

    def _traced(self, begun_ns: int, incoming: Incoming, command: Command, result: str) -> None:
        if begun_ns:
            kind = type(command).__name__.lower()
            told = {"smartstore.platform": self.topic.name, "smartstore.result": result}
            failed = "" if result in SAID else result
            name = f"call {kind}"
            tracing.step(name, begun_ns, incoming, told, kind="client", failed=failed)

    async def _line(self, organization_id: str, replica: str) -> Line | None:
        async for attempt in _patient(PyMongoError):
            with attempt:
                line = await self._lines.line(organization_id, replica)
        return line

    def _gone(self, count: int) -> list[Said]:
        again_ms = self._clock_ms() + int(1000 * PAUSE_S)
        return [Said(Answer("retry", reason=GONE), again_ms)] * count

    async def _publish(self, records: Sequence[Outgoing]) -> None:
        async for attempt in _patient(PublishFailed):
            with attempt:
                await self._publisher.publish(*records)

    async def _park(self, incoming: Incoming, organization_id: str, reason: str) -> None:
        await self._dead.park(
            incoming, organization_id=organization_id, stage=self._stage, reason=reason
        )


def _counted(incoming: Incoming, outcome: Outcome) -> Outgoing:
    WRITES.labels(outcome.replica, outcome.result).inc()
    return outgoing(incoming, outcome)
