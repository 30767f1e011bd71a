"""Couriers as one platform of the engine: their shipments are observed, and never written.

What makes a shipment, a label or a cancellation goes through `CourierClient` and the ledger of
effects (`streams/couriers`); here is what the machinery asks of every platform.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from connectors.couriers.client import CourierClient
from connectors.couriers.generic import BadProfile
from connectors.couriers.mapping import FIELDS, TYPE, parse
from connectors.couriers.pushes import PUSHED
from connectors.couriers.registry import UnknownCourier, courier_of
from connectors.errors import ConnectorError, Forged, Paused
from connectors.protocol import (
    Answer,
    Client,
    Connection,
    Connector,
    Finding,
    Links,
    Parsed,
    Profile,
    StateCommand,
    TypeProfile,
)
from schemas.command import Perform

PROFILE = Profile(
    platform="courier",
    types={TYPE: TypeProfile(readable=FIELDS)},
    compares=False,
    reads=False,
)
READ_ONLY = "couriers are asked where shipments are; nothing is written to them"
SCARCE_A_DAY = 5_000
"""Where fewer questions a day are allowed, looking whether all is well must not spend them."""


def opened(
    connection: Connection, transport: httpx.AsyncBaseTransport | None = None
) -> CourierClient[Any]:
    """The connection's client. Raises Paused, for an unknown courier or a bad profile too."""
    try:
        return CourierClient(courier_of(connection), connection, transport)
    except (UnknownCourier, BadProfile) as error:
        raise Paused(str(error)) from error


class Account:
    """One account, as `connectors.protocol.Client`."""

    def __init__(self, client: CourierClient[Any]) -> None:
        self._client = client

    async def apply(self, commands: Sequence[StateCommand], _links: Links) -> list[Answer]:
        """Nothing is owed to a courier."""
        return [Answer("failed", reason=READ_ONLY)] * len(commands)

    async def perform(self, _command: Perform) -> Answer:
        """Shipments have a ledger of their own way (`streams/couriers/shipping.py`)."""
        return Answer("failed", reason=READ_ONLY)

    async def probe(self) -> str:
        """Raises ConnectorError."""
        most = self._client.traits.pace.per_day
        if most is not None and most < SCARCE_A_DAY:
            name = self._client.courier.name
            return f"{name} is set up; its {most} calls a day are kept for shipments"
        return await self._client.probe()

    async def examine(self) -> list[Finding]:
        """A real call, as a person asked for it."""
        try:
            return [Finding("The courier answers", True, await self._client.probe())]
        except Paused as error:
            fix = "Correct the keys; the courier's own portal shows them."
            return [Finding("The courier answers", False, str(error), fix)]
        except ConnectorError as error:
            return [Finding("The courier answers", False, str(error), "Try again later.")]

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()


@dataclass
class Couriers:
    """The connector. `transport` replaces the network in tests."""

    transport: httpx.AsyncBaseTransport | None = None
    platform: str = "courier"

    def profile(self, _connection: Connection, _capabilities: Mapping[str, str]) -> Profile:
        """The same for every courier."""
        return PROFILE

    def verify(
        self, connection: Connection, headers: Mapping[str, str], body: bytes, now_ms: int
    ) -> None:
        """Pushes come to an address of their own, with a query (`Courier.verify_push`)."""
        raise Forged("couriers' news are taken by their own address")

    def parse(
        self,
        connection: Connection,
        topic: str,
        headers: Mapping[str, str],
        body: bytes,
        now_ms: int,
    ) -> Parsed:
        """What is known of one shipment, or a courier's own push. Raises Malformed, Paused."""
        if topic != PUSHED:
            return parse(body)
        try:
            courier = courier_of(connection)
            return Parsed(told=(courier.parse_push(courier.account(connection), body),))
        except (UnknownCourier, BadProfile) as error:
            raise Paused(str(error)) from error

    def client(self, connection: Connection) -> Client:
        """Raises Paused where a setting is missing."""
        return Account(opened(connection, self.transport))

    async def capabilities(self, _connection: Connection) -> Mapping[str, str]:
        """Nothing to find out."""
        return {}


CONNECTOR: Connector = Couriers()
