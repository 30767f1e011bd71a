"""Short words for tests of `decide`: an engine that holds one record and remembers what left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connectors.protocol import Profile, TypeProfile
from schemas.feed import ConflictLine
from schemas.fields import ENTITY_TYPES
from schemas.observation import Edit, FieldMark, Gone, Mark, Observation, Seen
from schemas.outcome import Outcome, Resolution, Resync
from schemas.policy import Policies, Rule
from streams.sync.context import Context
from streams.sync.decide import Arrival, Tick, decide
from streams.sync.decision import Decision
from streams.sync.record import Record

T0 = 1_800_000_000_000


def context(
    entity_type: str,
    *rules: Rule,
    replicas: tuple[str, ...] = ("mongodb", "woocommerce"),
    **more: Any,
) -> Context:
    """Replicas that can hold every field of a type."""
    fields = frozenset(ENTITY_TYPES[entity_type])
    profile = TypeProfile(readable=fields, writable=fields, creates=True, deletes=True)
    return Context(
        profiles={name: Profile(name, {entity_type: profile}) for name in replicas},
        writable=frozenset(replicas),
        policies=Policies(rules=rules),
        epoch=1,
        **more,
    )


@dataclass
class Engine:
    """One entity."""

    context: Context
    type: str = "product"
    now: int = T0
    record: Record = field(init=False)
    last: Decision = field(init=False)
    marks: dict[str, Mark] = field(default_factory=dict)
    """What our taken writes left in each replica's record."""

    def __post_init__(self) -> None:
        self.record = Record(organization_id="o", type=self.type, entity_id="e")

    @property
    def entity(self) -> dict[str, str]:
        """The key's parts."""
        return {"organization_id": "o", "type": self.type, "entity_id": "e"}

    def take(self, arrival: Arrival) -> Decision:
        """Decide, and keep the record."""
        self.last = decide(self.record, arrival, self.context, self.now)
        self.record = self.last.record
        return self.last

    def sees(self, replica: str, as_of: int, _mark: Mark | None = None, **fields: Any) -> Decision:
        """A push of what a replica holds."""
        seen = Seen(
            external_id=f"{replica}-1",
            fields=fields,
            as_of=as_of,
            changed_at_ms=self.now,
            mark=_mark or self.marks.get(replica),
        )
        return self.take(
            Observation(**self.entity, id="s", replica=replica, seen=seen, received_at_ms=self.now)
        )

    def answers(
        self, result: Any = "taken", seen: Seen | None = None, *, to: Any = None, **more: Any
    ) -> Decision:
        """The outcome of `to`, else of the last command that left."""
        command = to or self.last.commands[-1]
        return self.take(
            Outcome(
                **self.entity,
                replica=command.replica,
                op=getattr(command, "op", None),
                ticket=getattr(command, "ticket", None),
                result=result,
                seen=seen,
                at_ms=self.now,
                **more,
            )
        )

    def settles(self) -> None:
        """Every write in flight is taken, as wanted."""
        for name, replica in list(self.record.replicas.items()):
            flight = replica.flight
            if flight is None:
                continue
            held = {field: shadow.seen for field, shadow in replica.shadow.items()}
            marks = {
                key: FieldMark(op=flight.op, value=value, total=flight.totals.get(key))
                for key, value in flight.want.items()
            }
            self.marks[name] = Mark(op=flight.op, fields=marks)
            seen = Seen(
                external_id=f"{name}-1",
                fields={**held, **flight.want},
                as_of=replica.as_of + 1,
                mark=self.marks[name],
            )
            self.take(
                Outcome(
                    **self.entity,
                    replica=name,
                    op=flight.op,
                    result="taken",
                    seen=seen,
                    at_ms=self.now,
                )
            )

    def edits(self, id_: str, **more: Any) -> Decision:
        """A queued edit from the web."""
        return self.take(
            Edit(
                **self.entity,
                id=id_,
                replica="mongodb",
                timestamp_ms=more.pop("timestamp_ms", self.now),
                received_at_ms=self.now,
                **more,
            )
        )

    def gone(self, replica: str) -> Decision:
        """A deletion notice."""
        return self.take(
            Gone(
                **self.entity,
                id="g",
                replica=replica,
                external_id=f"{replica}-1",
                received_at_ms=self.now,
            )
        )

    def resolves(
        self, resolution: Any, value: Any = None, side: str = "", **candidates: Any
    ) -> Decision:
        """A person decides the only conflict, having seen these candidates."""
        return self.take(self.resolution(resolution, value, side, **candidates))

    def resolution(
        self, resolution: Any, value: Any = None, side: str = "", **candidates: Any
    ) -> Resolution:
        """What a person sends who looks at the only conflict."""
        ((name, conflict),) = self.record.conflicts.items()
        return Resolution(
            **self.entity,
            id="r",
            conflict_id=conflict.id,
            field=name,
            resolution=resolution,
            side=side,
            value=value,
            candidates=candidates or conflict.candidates,
            by="nimal",
            at_ms=self.now,
        )

    def undoes(self, line: ConflictLine) -> Decision:
        """A person takes back what this line tells of."""
        return self.take(
            Resolution(
                **self.entity,
                id="u",
                conflict_id=line.id,
                field=line.field,
                resolution="undo",
                value=line.value,
                previous=line.previous,
                reopen=not line.automatic,
                candidates=line.candidates,
                stamps=line.stamps,
                challenger=line.challenger,
                brake=line.brake,
                by="kamala",
                at_ms=self.now,
            )
        )

    def finds_gone(self, replica: str) -> Decision:
        """A deletion notice, and the read after it finds nothing."""
        self.gone(replica)
        return self.answers("missing")

    def ticks(self, after_ms: int) -> Decision:
        """Time passes, and the timer looks."""
        self.now += after_ms
        return self.take(Tick())

    def forced(self) -> Decision:
        """Force sync."""
        return self.take(Resync(**self.entity, id="f", at_ms=self.now))

    def agreed(self, name: str) -> Any:
        """The agreed value of a field."""
        return self.record.fields[name].value

    def owed(self) -> dict[str, Any]:
        """Replica to what is in flight to it."""
        return {
            name: replica.flight.want
            for name, replica in self.record.replicas.items()
            if replica.flight is not None
        }
