"""`SriLankaCourierService`: the user's own names, as a Python call.

service = SriLankaCourierService(store)
await service.add_courier({"name": "UPS", "code": "ups", "apiKey": "…", "apiSecret": "…",
                           "organizationId": "org-id", "isActive": True})
await service.track_shipment("1Z12345E0205271688", "ups", "org-id")
await service.create_shipment({...}, "ups")
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import httpx
from pydantic import Field

from connectors.couriers.asked import Asked, ShipmentRequest
from connectors.couriers.client import CourierClient
from connectors.couriers.errors import InvalidRequest, NotFound
from connectors.couriers.model import Created
from connectors.couriers.protocol import Courier
from connectors.couriers.registry import UnknownCourier, courier_of, couriers
from connectors.couriers.shipment import Shipment
from connectors.errors import Unknown
from connectors.protocol import Connection
from schemas.clock import unix_ms


class Store(Protocol):
    """Where connections are kept, their secrets encrypted."""

    async def save_courier(self, connection: Connection) -> None:
        """In place of the organisation's earlier one of the same courier."""
        ...

    async def find_courier(self, organization_id: str, code: str) -> Connection | None:
        """The organisation's connection to this courier."""
        ...


Ship = Callable[[Connection, CourierClient[Any], Shipment], Awaitable[Created]]
"""How a shipment is created once and only once: the ledger of effects around `ship_directly`."""


class CourierToAdd(Asked):
    """What `add_courier` takes. One key cannot hold what most couriers need: `settings` and
    `secrets` name the rest (`Courier.fields`), or `apiKey` holds them as `name=value;name=value`.
    """

    code: str = Field(min_length=1)
    name: str = ""
    api_key: str = Field("", repr=False)
    api_secret: str = Field("", repr=False)
    base_url: str = ""
    is_active: bool = True
    organization_id: str = "default"
    settings: dict[str, str] = Field(default={})
    secrets: dict[str, str] = Field(default={}, repr=False)
    profile: str = ""
    """Of a courier that is not shipped with the product: the text of its file."""


class SriLankaCourierService:
    """Safe to share between tasks of one event loop. `transport` replaces the network in tests."""

    def __init__(
        self,
        store: Store,
        ship: Ship | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        now_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._store = store
        self._ship = ship or ship_directly
        self._transport = transport
        self._now_ms = now_ms
        self._clients: dict[tuple[str, str], tuple[Connection, CourierClient[Any]]] = {}

    async def add_courier(self, wanted: CourierToAdd | Mapping[str, Any]) -> Connection:
        """Checked and kept; not yet called (`CourierClient.probe` does).

        Raises pydantic.ValidationError for a wrong shape, UnknownCourier, BadProfile, and Paused
        naming what the courier needs besides."""
        given = wanted if isinstance(wanted, CourierToAdd) else CourierToAdd.model_validate(wanted)
        connection = connection_of(given)
        courier_of(connection).account(connection)
        await self._store.save_courier(connection)
        return connection

    async def track_shipment(
        self, tracking_number: str, courier_code: str, organization_id: str = "default"
    ) -> dict[str, Any]:
        """`trackingNumber, courierCode, status` in words with `statusCode`, `location, timestamp,
        description, estimatedDelivery, events`.

        Raises CourierError (NotFound for a number the courier does not know yet), UnknownCourier
        where the organisation has no such courier."""
        _, client = await self._client(organization_id, courier_code)
        answer = await client.track([tracking_number])
        if answer.found:
            return answer.found[0].answer()
        if answer.failed:
            raise answer.failed[0]
        raise NotFound(
            f"{client.courier.name} does not know {tracking_number} (yet)", number=tracking_number
        )

    async def create_shipment(
        self, wanted: ShipmentRequest | Mapping[str, Any], courier_code: str = ""
    ) -> dict[str, Any]:
        """`trackingNumber, courierCode, orderId, status, pieces, labels` (how many), `warnings`.

        Raises pydantic.ValidationError, CourierError, UnknownCourier, and Unknown where nobody
        knows whether it was created: never ask again before looking up the reference."""
        given = (
            wanted
            if isinstance(wanted, ShipmentRequest)
            else ShipmentRequest.model_validate(wanted)
        )
        code = courier_code or given.courier_code
        connection, client = await self._client(given.organization_id, code)
        created = await self._ship(connection, client, given.shipment(self._now_ms()))
        return {
            "trackingNumber": created.number,
            "courierCode": created.courier,
            "orderId": created.reference,
            "status": "Created",
            "statusCode": "created",
            "pieces": list(created.pieces),
            "labels": len(created.labels) or int(bool(created.label_url)),
            "warnings": [notice.message or notice.code for notice in created.notices],
        }

    async def close(self) -> None:
        """Let go of connections; the next call opens them again."""
        clients, self._clients = self._clients, {}
        for _, client in clients.values():
            await client.close()

    async def _client(
        self, organization_id: str, code: str
    ) -> tuple[Connection, CourierClient[Any]]:
        connection = await self._store.find_courier(organization_id, code)
        if connection is None or not connection.active:
            raise UnknownCourier(f"the courier {code!r} is not connected; known: {_known()}")
        held = self._clients.get((organization_id, code))
        if held is not None and held[0] == connection:
            return held
        client = CourierClient(courier_of(connection), connection, self._transport)
        self._clients[organization_id, code] = (connection, client)
        if held is not None:
            await held[1].close()
        return connection, client


def _known() -> str:
    return ", ".join(couriers())


async def ship_directly(
    connection: Connection, client: CourierClient[Any], shipment: Shipment
) -> Created:
    """One call, never repeated. Raises CourierError, Unknown."""
    answer = await client.create([shipment])
    if answer.created:
        return answer.created[0]
    if answer.refused:
        raise answer.refused[0]
    raise Unknown(f"{client.courier.name} said nothing of {shipment.reference}")


def connection_of(given: CourierToAdd) -> Connection:
    """A connection with its fields where the courier looks for them. Raises UnknownCourier,
    BadProfile, InvalidRequest for a profile that takes another courier's name."""
    settings = {**given.settings, "courier": given.code}
    if given.profile:
        settings["profile"] = given.profile
    bare = Connection("", given.organization_id, "courier", "", settings)
    courier = courier_of(bare)
    if given.profile and (courier.code != given.code or given.code in couriers()):
        raise InvalidRequest("the profile's slug is its code, and no shipped courier has it")
    found = credentials(courier, given.api_key, given.api_secret)
    secret_names = {one.name for one in courier.fields if one.secret}
    settings |= {name: value for name, value in found.items() if name not in secret_names}
    secrets = {name: value for name, value in found.items() if name in secret_names}
    if given.base_url:
        settings["base_url"] = given.base_url
    replica = f"courier:{given.code}"
    return Connection(
        id=f"{given.organization_id}/{replica}",
        organization_id=given.organization_id,
        platform="courier",
        replica=replica,
        settings=settings,
        secrets={**secrets, **given.secrets},
        active=given.is_active,
    )


def credentials(courier: Courier[Any], api_key: str, api_secret: str) -> dict[str, str]:
    """Field to value. `name=value;name=value` in the key sets fields by name; any other key, and
    the secret, are the fields that the courier itself calls so."""
    names = {one.name for one in courier.fields}
    pairs = [part.partition("=") for part in api_key.split(";")]
    if api_key and all(name.strip() in names and sign for name, sign, _ in pairs):
        found = {name.strip(): value.strip() for name, _, value in pairs}
        api_key = ""
    else:
        found = {}
    key_field, secret_field = courier.key_fields
    if api_key and key_field:
        found[key_field] = api_key
    if api_secret and secret_field:
        found[secret_field] = api_secret
    return found
