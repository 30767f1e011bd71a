"""What normalising needs from the rest, as narrow as it is used."""

from __future__ import annotations

from typing import Protocol

from connectors.protocol import Connection
from schemas.outcome import Outcome


class Connections(Protocol):
    """`streams.directory.Directory`."""

    async def connection(self, organization_id: str, replica: str) -> Connection | None:
        """None when there is none of this name."""
        ...


class Evidence(Protocol):
    """`streams.effects.ledger.Ledger`."""

    async def evidence(
        self,
        organization_id: str,
        effect_key: str,
        vendor_id: str,
        status: str,
        reason: str,
        now_ms: int,
    ) -> Outcome | None:
        """The outcome to publish when this settles what nobody knew."""
        ...


class Follows(Protocol):
    """A platform's own part of the product. Safe to repeat. Errors: PyMongo's, PublishFailed."""

    async def take(self, organization_id: str, replica: str, told: object) -> None:
        """One of `Parsed.told`."""
        ...
