"""The handler of topic `inbound`: parse, identify, publish observations and edits.

A chunk costs a few queries whatever its size: bodies that stayed in the inbox, identities,
references. A record that cannot be understood goes to the dead letter and its neighbours go on;
while a store is away the chunk waits, and after PATIENCE_S the process ends and is started again,
nothing committed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import stamina
import structlog
from msgspec.structs import replace
from pydantic import ValidationError
from pymongo.errors import PyMongoError

from connectors.errors import ConnectorError
from connectors.protocol import Connector, EffectSettled, Parsed, Sighting, StockTaken
from connectors.registry import UnknownPlatform, connector
from schemas.base import EntityWire
from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.envelope import Envelope
from schemas.event import QueuedEvent
from schemas.observation import Edit, Gone, Observation
from schemas.topics import OBSERVATIONS, OUTCOMES, Topic
from streams import tracing
from streams.deadletter.parking import Parking
from streams.identity import Place, Request
from streams.inbound.edits import Target, Unclear, Wanted, wanted
from streams.inbound.notices import known_only
from streams.inbound.ports import Connections, Evidence, Follows, Prepares
from streams.inbound.references import Bearer, Resolved, bearer_of, resolved, told_fields
from streams.inbox import BODY_REF, BodyLost, Inbox
from streams.kafka.publisher import PublishFailed, fits
from streams.kafka.records import Incoming, Outgoing, Publishes
from streams.links import Links, LinksContended

log = structlog.get_logger(__name__)

PATIENCE_S = 25.0
EVENTS = "event"
"""The platform part of a queued event's type, and the replica under which entities that were only
ever named by a match key are linked."""
STAGE = "inbound"
_AWAY = (PyMongoError, PublishFailed, LinksContended, TimeoutError)


@dataclass
class Arrival:
    """One record on its way through."""

    record: Incoming
    id: str
    type: str
    traceparent: str
    organization_id: str
    replica: str
    parsed: Parsed = field(default_factory=Parsed)
    edits: Sequence[Wanted] = ()
    event: QueuedEvent | None = None


@dataclass
class Work:
    """What a chunk asks of the links."""

    requests: list[Request] = field(default_factory=list)
    entities: list[str] = field(default_factory=list)

    def ask(self, organization_id: str, replica: str, sighting: Sighting) -> int:
        """The place of the answer in `entities`."""
        self.requests.append(Request(organization_id, replica, sighting))
        return len(self.requests) - 1


class Normaliser:
    """Bind `handle` to topic `inbound`."""

    def __init__(
        self,
        *,
        publisher: Publishes,
        links: Links,
        connections: Connections,
        inbox: Inbox,
        dead: Parking,
        effects: Evidence,
        followers: Mapping[str, Follows] | None = None,
        prepares: Prepares | None = None,
        find: Callable[[str], Connector] = connector,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._publisher = publisher
        self._links = links
        self._connections = connections
        self._inbox = inbox
        self._dead = dead
        self._effects = effects
        self._followers = followers or {}
        self._prepares = prepares
        self._find = find
        self._clock_ms = clock_ms

    async def handle(self, chunk: Sequence[Incoming]) -> None:
        """Returns when everything the chunk says is in Kafka. Raises after PATIENCE_S without a
        store that it needs."""
        async for attempt in stamina.retry_context(
            on=_AWAY, attempts=None, timeout=PATIENCE_S, wait_initial=0.1, wait_max=2.0
        ):
            with attempt:
                await self._handle(chunk)

    async def _handle(self, chunk: Sequence[Incoming]) -> None:
        arrivals = []
        for record in chunk:
            arrival = _arrival(record)
            reason = await self._read(arrival)
            if reason:
                await self._park(arrival, reason)
            else:
                arrivals.append(arrival)
        if self._prepares is not None:
            await self._prepares.prepare(arrivals, self._park)
        told = [(one.organization_id, one.replica, one.parsed) for one in arrivals]
        for arrival, parsed in zip(arrivals, await known_only(told, self._links), strict=True):
            arrival.parsed = parsed
        work = Work()
        unknown = await self._unknown(arrivals)
        places = [self._ask(arrival, work) for arrival in arrivals]
        work.entities = await self._links.resolve_many(work.requests)
        found = await resolved(_bearers(arrivals), self._links)
        records: list[Outgoing] = []
        gone: list[Place] = []
        for arrival, asked in zip(arrivals, places, strict=True):
            if arrival.record.offset in unknown:
                await self._park(arrival, unknown[arrival.record.offset])
                continue
            made = self._records(arrival, asked, work, found, gone)
            if not all(map(fits, made)):
                await self._park(
                    arrival,
                    "This item is over 1 MB, more than Kafka takes. Shorten its texts (pictures "
                    "inside a description?), then retry.",
                )
                continue
            records += made
            for settled in arrival.parsed.settled:
                records += await self._settled(arrival, settled)
        await self._links.gone(gone)
        await self._publisher.publish(*records)
        for arrival in arrivals:
            await self._tell(arrival)

    async def _read(self, arrival: Arrival) -> str:
        """Fill in what the body says; why it cannot be understood, or nothing."""
        record = arrival.record
        try:
            body = record.value
            if any(name == BODY_REF for name, _ in record.headers):
                body = await self._inbox.body(record)
            if arrival.type.startswith(f"inbound.{EVENTS}."):
                arrival.event = QueuedEvent.model_validate_json(body)
                arrival.edits = wanted(arrival.event)
                arrival.organization_id = arrival.event.organization_id
                arrival.replica = arrival.event.replica
                return ""
            return await self._parse(arrival, body)
        except ValidationError as error:
            told = error.errors(include_url=False, include_input=False)
            return "Not a queued event: " + "; ".join(
                f"{'.'.join(map(str, one['loc']))} {one['msg']}" for one in told
            )
        except Unclear as error:
            return f"The event cannot be applied: {error}"
        except BodyLost as error:
            return str(error)

    async def _parse(self, arrival: Arrival, body: bytes) -> str:
        if not arrival.organization_id or not arrival.replica:
            return f"Not a delivery: key {arrival.record.key!r:.100}, type {arrival.type!r:.100}"
        connection = await self._connections.connection(arrival.organization_id, arrival.replica)
        if connection is None:
            return f"{arrival.organization_id} has no connection {arrival.replica}"
        topic = arrival.type.split(".", 2)[-1]
        headers = {name: value.decode("utf-8", "replace") for name, value in arrival.record.headers}
        try:
            found = self._find(connection.platform)
            if not connection.confirmed and found.profile(connection, {}).reads:
                # The import reads it all again; what cannot be (a customer's message) is not lost.
                arrival.parsed = Parsed(ignored="nobody has said yet who wins")
            else:
                at_ms = arrival.record.timestamp_ms
                arrival.parsed = found.parse(connection, topic, headers, body, at_ms)
        except (ConnectorError, UnknownPlatform) as error:
            return f"Not understood: {error}"
        except Exception as error:  # an unforeseen shape: kept, told, and its neighbours go on
            trace = tracing.trace_id(arrival.traceparent)
            log.exception("parser failed", type=arrival.type, trace=trace)
            return f"The parser of {connection.platform} failed: {error!r}"
        return ""

    async def _tell(self, arrival: Arrival) -> None:
        """What only the platform's own part of the product understands."""
        for told in arrival.parsed.told:
            follower = self._followers.get(arrival.replica.partition(":")[0])
            if follower is not None:
                await follower.take(arrival.organization_id, arrival.replica, told)

    async def _park(self, arrival: Arrival, reason: str) -> None:
        await self._dead.park(
            arrival.record, organization_id=arrival.organization_id, stage=STAGE, reason=reason
        )

    async def _unknown(self, arrivals: Sequence[Arrival]) -> dict[int, str]:
        """Offsets of events that change an entity named only by a match key that nobody has."""
        asked = {}
        for arrival in arrivals:
            for edit in arrival.edits:
                target = edit.target
                if edit.action != "create" and not target.entity_id and not target.external_id:
                    keys = [(arrival.organization_id, edit.of, key) for key in target.match_keys]
                    asked[arrival.record.offset] = keys
        if not asked:
            return {}
        claimed = await self._links.claimed([key for keys in asked.values() for key in keys])
        return {
            offset: f"Nothing has {', '.join(key[2] for key in keys)}"
            for offset, keys in asked.items()
            if not any(key in claimed for key in keys)
        }

    def _ask(self, arrival: Arrival, work: Work) -> list[int]:
        """Put the arrival's questions to the links; places of sightings, stock, then edits."""
        org, replica = arrival.organization_id, arrival.replica
        asked = [work.ask(org, replica, sighting) for sighting in arrival.parsed.sightings]
        for taken in arrival.parsed.stock_taken:
            asked.append(work.ask(org, replica, _stock_of(taken)))
        for edit in arrival.edits:
            target = edit.target
            if target.entity_id:
                asked.append(-1)
            elif target.external_id:
                asked.append(work.ask(org, replica, target.sighting(edit.of)))
            else:
                asked.append(work.ask(org, EVENTS, _by_key(edit.of, target)))
        return asked

    def _records(
        self,
        arrival: Arrival,
        asked: Sequence[int],
        work: Work,
        found: Resolved,
        gone: list[Place],
    ) -> list[Outgoing]:
        org, replica, at_ms = (
            arrival.organization_id,
            arrival.replica,
            arrival.record.timestamp_ms,
        )
        places = iter(asked)
        made: list[Outgoing] = []
        for sighting in arrival.parsed.sightings:
            entity_id = work.entities[next(places)]
            number = f"{arrival.id}:{len(made)}" if made else arrival.id
            if sighting.seen is None:
                gone.append((org, replica, sighting.type, sighting.external_id))
            made.append(_sighted(arrival, sighting, entity_id, number, found))
        for taken in arrival.parsed.stock_taken:
            wire = Edit(
                organization_id=org,
                type="inventory",
                entity_id=work.entities[next(places)],
                id=f"order:{taken.order_external_id}:{taken.sku}",
                replica=replica,
                deltas={"quantity": -taken.quantity},
                timestamp_ms=at_ms,
                received_at_ms=at_ms,
            )
            made.append(_record(OBSERVATIONS, wire, arrival, "observation"))
        for edit in arrival.edits:
            place_of = next(places)
            entity_id = edit.target.entity_id if place_of < 0 else work.entities[place_of]
            made.append(self._edit(arrival, edit, entity_id, found))
        return made

    def _edit(self, arrival: Arrival, edit: Wanted, entity_id: str, found: Resolved) -> Outgoing:
        org, replica, at_ms = (
            arrival.organization_id,
            arrival.replica,
            arrival.record.timestamp_ms,
        )
        wire = Edit(
            organization_id=org,
            type=edit.type,
            entity_id=entity_id,
            id=edit.id,
            replica=replica,
            action=edit.action,
            fields=found.fields(Bearer(org, replica, edit.type, edit.fields)),
            deltas=edit.deltas,
            timestamp_ms=arrival.event.timestamp if arrival.event else at_ms,
            received_at_ms=at_ms,
        )
        return _record(OBSERVATIONS, wire, arrival, "observation")

    async def _settled(self, arrival: Arrival, settled: EffectSettled) -> list[Outgoing]:
        outcome = await self._effects.evidence(arrival.organization_id, settled, self._clock_ms())
        return [] if outcome is None else [_record(OUTCOMES, outcome, arrival, "outcome")]


def _arrival(record: Incoming) -> Arrival:
    """From key `org/replica/type/external id` and the CloudEvents headers."""
    headers = dict(record.headers)
    parts = (record.key or b"").decode("utf-8", "replace").split("/", 2)
    replica = parts[1] if len(parts) == 3 else ""
    given = headers.get("ce_id", b"").decode("utf-8", "replace")
    return Arrival(
        record=record,
        id=given or f"{record.topic}-{record.partition}-{record.offset}",
        type=headers.get("ce_type", b"").decode("utf-8", "replace"),
        traceparent=headers.get("traceparent", b"").decode("ascii", "replace"),
        organization_id=headers.get("ce_organizationid", b"").decode("utf-8", "replace")
        or parts[0],
        replica=replica,
    )


def _record(topic: Topic, wire: EntityWire, arrival: Arrival, kind: str) -> Outgoing:
    envelope = Envelope(
        id=arrival.id,
        type=f"{kind}.{type(wire).__name__.lower()}",
        source="streams/inbound",
        organization_id=arrival.organization_id,
        time_ms=arrival.record.timestamp_ms,
        traceparent=arrival.traceparent,
    )
    return Outgoing(topic, wire.key, encode(wire), envelope.headers())


def _sighted(
    arrival: Arrival, sighting: Sighting, entity_id: str, number: str, found: Resolved
) -> Outgoing:
    """An observation, or a reason to look."""
    org, replica, at_ms = arrival.organization_id, arrival.replica, arrival.record.timestamp_ms
    wire: EntityWire
    if sighting.seen is None:
        wire = Gone(
            organization_id=org,
            type=sighting.type,
            entity_id=entity_id,
            id=number,
            replica=replica,
            external_id=sighting.external_id,
            received_at_ms=at_ms,
        )
        return _record(OBSERVATIONS, wire, arrival, "observation")
    fields = told_fields(bearer_of(org, replica, sighting), sighting, found)
    wire = Observation(
        organization_id=org,
        type=sighting.type,
        entity_id=entity_id,
        id=number,
        replica=replica,
        seen=replace(sighting.seen, fields=fields),
        received_at_ms=at_ms,
    )
    return _record(OBSERVATIONS, wire, arrival, "observation")


def _stock_of(taken: StockTaken) -> Sighting:
    """The stock that an order took, on a platform whose items are named by their SKU."""
    return Sighting(
        type="inventory",
        external_id=taken.sku,
        seen=None,
        match_keys=(f"sku:{taken.sku}",),
        item_of=taken.sku,
    )


def _by_key(entity_type: str, target: Target) -> Sighting:
    keys = target.match_keys
    return Sighting(type=entity_type, external_id=keys[0], seen=None, match_keys=keys)


def _bearers(arrivals: Sequence[Arrival]) -> list[Bearer]:
    found = []
    for arrival in arrivals:
        for sighting in arrival.parsed.sightings:
            if sighting.seen is not None:
                found.append(bearer_of(arrival.organization_id, arrival.replica, sighting))
        for edit in arrival.edits:
            found.append(Bearer(arrival.organization_id, arrival.replica, edit.type, edit.fields))
    return found
