"""Couriers from Python, in the user's own names, on the product's own database: connections with
their secrets encrypted, each courier's pace, one label an order whatever is retried.

    async with open_service() as couriers:
        await couriers.add_courier({"code": "ups", "apiKey": "…", "apiSecret": "…", ...})
        await couriers.track_shipment("1Z12345E0205271688", "ups")
        await couriers.create_shipment({"orderId": "ORD-123", ...}, "ups")

`sri_lanka_courier_service` is one for the whole application that opens itself on first use.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.couriers.asked import ShipmentRequest
from connectors.couriers.errors import InvalidRequest, RateLimited
from connectors.couriers.registry import UnknownCourier, couriers
from connectors.couriers.service import CourierToAdd, SriLankaCourierService
from connectors.errors import Unknown
from connectors.protocol import Connection
from schemas.settings import Endpoints
from streams.couriers.finding import find_order
from streams.couriers.orders import check_addresses
from streams.couriers.paces import NotNow, account_of
from streams.couriers.parts import CourierParts
from streams.couriers.shipments import Wanted
from streams.database import Database, open_database
from streams.directory import DEFAULT_ORGANIZATION, Directory, ensure_default_organization
from streams.kafka.publisher import Publisher
from streams.keyring import open_keyring
from streams.links import Links
from streams.platforms import PlatformEnvironment
from streams.roles import home as usual_home


class DirectoryStore:
    """The product's connections, as the service asks for them."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def save_courier(self, connection: Connection) -> None:
        """In place of the organisation's earlier one of the same courier."""
        if connection.organization_id == DEFAULT_ORGANIZATION:
            await ensure_default_organization(self._directory, show=False)
        await self._directory.connect(
            connection.organization_id,
            "courier",
            connection.settings,
            connection.secrets,
            connection.active,
            connection.replica,
            first_sync="newest",
        )

    async def find_courier(self, organization_id: str, code: str) -> Connection | None:
        """The organisation's connection to this courier."""
        return await self._directory.connection(organization_id, f"courier:{code}")


class CourierService(SriLankaCourierService):
    """`SriLankaCourierService` on the product's ledger and paces."""

    def __init__(self, database: Database, directory: Directory, parts: CourierParts) -> None:
        super().__init__(DirectoryStore(directory))
        self._database = database
        self._directory = directory
        self._parts = parts

    async def track_shipment(
        self, tracking_number: str, courier_code: str, organization_id: str = "default"
    ) -> dict[str, Any]:
        """See SriLankaCourierService; RateLimited where the courier's calls are used up."""
        connection, client = await self._client(organization_id, courier_code)
        try:
            place = account_of(connection)
            slot = await self._parts.paces.reserve(place, client.traits.pace)
        except NotNow as error:
            raise RateLimited(str(error), retry_after_s=error.retry_after_s) from error
        await asyncio.sleep(max(0, slot.at_ms - self._now_ms()) / 1000)
        return await super().track_shipment(tracking_number, courier_code, organization_id)

    async def create_shipment(
        self, wanted: ShipmentRequest | Mapping[str, Any], courier_code: str = ""
    ) -> dict[str, Any]:
        """See SriLankaCourierService. The same order again gives the same shipment. Raises also
        places.WrongPlace; Unknown where it is still owed: the same call again is safe."""
        given = ShipmentRequest.model_validate(wanted)
        code = courier_code or given.courier_code
        given = given.model_copy(update={"courier_code": code})
        check_addresses(given)
        if await self._directory.connection(given.organization_id, f"courier:{code}") is None:
            known = ", ".join(couriers())
            raise UnknownCourier(f"the courier {code!r} is not connected; known: {known}")
        order = await find_order(self._database, given.organization_id, given.order_id)
        order_id = order.entity_id if order is not None else given.order_id
        noted = await self._parts.shipments.want(given.organization_id, order_id, "1", given)
        return answer_of(await self._parts.shipper.ship(noted))

    async def close(self) -> None:
        """Let go of connections."""
        await super().close()
        await self._parts.lines.close()


def answer_of(made: Wanted) -> dict[str, Any]:
    """As `create_shipment` gives it. Raises InvalidRequest for what the courier will not take,
    Unknown for what is not settled."""
    if made.state in ("refused", "cancelled"):
        reason = made.reason or "this parcel of the order was cancelled"
        raise InvalidRequest(reason, reference=made.reference)
    if made.state != "created":
        raise Unknown(made.reason or "the courier's answer is still owed")
    return {
        "trackingNumber": made.number,
        "courierCode": made.courier,
        "orderId": made.reference,
        "status": "Created",
        "statusCode": "created",
        "pieces": list(made.pieces),
        "labels": made.labels,
        "warnings": list(made.warnings),
        "shipmentId": made.id,
    }


@dataclass(frozen=True)
class Opened:
    """What works on couriers in one process."""

    database: Database
    directory: Directory
    parts: CourierParts


@asynccontextmanager
async def opened(
    endpoints: Endpoints | None = None, home: Path | None = None
) -> AsyncIterator[Opened]:
    """From KAFKA_URL, DATABASE_URL and SMARTSTORE_HOME, or what is given. Connects on first use."""
    found = endpoints or Endpoints()
    publisher = Publisher(found)
    database = open_database(found, application="smartstore-couriers")
    keyring = open_keyring(os.environ, home or usual_home())
    directory = Directory(database, keyring, PlatformEnvironment())
    parts = CourierParts.of(database, directory, publisher, Links(database))
    try:
        yield Opened(database, directory, parts)
    finally:
        await parts.lines.close()
        await publisher.stop()
        await database.client.close()


@asynccontextmanager
async def open_service(
    endpoints: Endpoints | None = None, home: Path | None = None
) -> AsyncIterator[CourierService]:
    """A service of your own, closed at the end of the block."""
    async with opened(endpoints, home) as found:
        service = CourierService(found.database, found.directory, found.parts)
        try:
            yield service
        finally:
            await service.close()


class SharedCourierService:
    """Opens itself on first use; safe to share between tasks of one event loop."""

    def __init__(self) -> None:
        self._opening = asyncio.Lock()
        self._stack: AsyncExitStack | None = None
        self._service: CourierService | None = None

    async def add_courier(self, wanted: CourierToAdd | Mapping[str, Any]) -> Connection:
        """See SriLankaCourierService."""
        return await (await self._ready()).add_courier(wanted)

    async def track_shipment(
        self, tracking_number: str, courier_code: str, organization_id: str = "default"
    ) -> dict[str, Any]:
        """See CourierService."""
        service = await self._ready()
        return await service.track_shipment(tracking_number, courier_code, organization_id)

    async def create_shipment(
        self, wanted: ShipmentRequest | Mapping[str, Any], courier_code: str = ""
    ) -> dict[str, Any]:
        """See CourierService."""
        return await (await self._ready()).create_shipment(wanted, courier_code)

    async def close(self) -> None:
        """Let go of connections; the next call opens them again."""
        stack, self._stack, self._service = self._stack, None, None
        if stack is not None:
            await stack.aclose()

    async def _ready(self) -> CourierService:
        async with self._opening:
            if self._service is None:
                self._stack = AsyncExitStack()
                self._service = await self._stack.enter_async_context(open_service())
            return self._service


sri_lanka_courier_service = SharedCourierService()
