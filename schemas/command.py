"""What the engine asks of a platform: topics `commands.<platform>`."""

from __future__ import annotations

from schemas.base import EntityWire, Fields, Operation, Ticket, Wire


class Write(EntityWire, frozen=True, kw_only=True, tag="write", tag_field="kind"):
    """Make the item hold `want` if it still holds `expected` (DESIGN: rule 1)."""

    replica: str
    op: Operation
    after: Operation | None = None
    """The last operation of ours that the item is known to include."""
    external_id: str
    expected: Fields = {}
    """Values as last seen, for the fields in `want`."""
    want: Fields
    totals: dict[str, int] = {}
    """Counters in `want`: the platform's own changes counted so far."""
    issued_at_ms: int
    epoch: int = 0
    """Of the owner that sent it; sinks drop what is below the newest Claim. Not `op[0]`, which may
    be higher where a platform holds a mark of a history we no longer have."""


class Create(EntityWire, frozen=True, kw_only=True, tag="create", tag_field="kind"):
    """Make the item; one that bears our entity id or its SKU already is adopted."""

    replica: str
    op: Operation
    want: Fields
    totals: dict[str, int] = {}
    issued_at_ms: int
    epoch: int = 0


class Delete(EntityWire, frozen=True, kw_only=True, tag="delete", tag_field="kind"):
    """Remove the item (to the trash where there is one) if it still holds `expected`."""

    replica: str
    op: Operation
    after: Operation | None = None
    external_id: str
    expected: Fields = {}
    issued_at_ms: int
    epoch: int = 0


class Read(EntityWire, frozen=True, kw_only=True, tag="read", tag_field="kind"):
    """Tell what the item holds now."""

    replica: str
    external_id: str
    ticket: Ticket
    issued_at_ms: int
    epoch: int = 0


class Perform(EntityWire, frozen=True, kw_only=True, tag="perform", tag_field="kind"):
    """An effect that cannot be undone: done once per `effect_key`, whatever is repeated."""

    replica: str
    effect_key: str
    effect: str
    """What to do: `order_status`, `shipment_status`, `message`."""
    arguments: Fields
    epoch: int
    issued_at_ms: int


class Claim(Wire, frozen=True, kw_only=True, tag="claim", tag_field="kind"):
    """A new owner of this partition: commands of a lower epoch are dropped (DESIGN: rule 5)."""

    epoch: int
    owner: str
    issued_at_ms: int


StateCommand = Write | Create | Delete | Read
Command = Write | Create | Delete | Read | Perform | Claim
