"""What normalising needs from the rest, as narrow as it is used."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from connectors.protocol import Connection, EffectSettled, Parsed
from schemas.outcome import Outcome
from streams.kafka.records import Incoming


class Connections(Protocol):
    """`streams.directory.Directory`."""

    async def connection(self, organization_id: str, replica: str) -> Connection | None:
        """None when there is none of this name."""
        ...


class Evidence(Protocol):
    """`streams.whatsapp.receipts.Receipts`, around the ledger of effects."""

    async def evidence(
        self, organization_id: str, settled: EffectSettled, now_ms: int
    ) -> Outcome | None:
        """The outcome to publish when this settles what nobody knew."""
        ...


class Follows(Protocol):
    """A platform's own part of the product. Safe to repeat. Errors: PyMongo's, PublishFailed."""

    async def take(self, organization_id: str, replica: str, told: object) -> None:
        """One of `Parsed.told`."""
        ...


class Delivery(Protocol):
    """`streams.inbound.normalise.Arrival`, as far as others need it."""

    organization_id: str
    replica: str
    parsed: Parsed
    record: Incoming


Park = Callable[[Any, str], Awaitable[None]]
"""Put an arrival into the dead letter with a reason."""


class Prepares(Protocol):
    """`streams.whatsapp.arriving.Arriving`."""

    async def prepare(self, arrivals: Sequence[Any], park: Park) -> None:
        """Put into what deliveries say (`Delivery.parsed`) what only we know."""
        ...
