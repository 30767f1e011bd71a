"""A sandbox's shop and a client of ours, in one process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.protocol import Connection
from connectors.woocommerce import WooCommerce
from connectors.woocommerce.client import WooCommerceClient
from sandbox.app import create_sandbox
from sandbox.client import SandboxClient, ShopAccess
from schemas.command import Create, Delete, Read, Write

FIXTURES = Path(__file__).parents[2] / "fixtures" / "woocommerce"


def sample(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def raw(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


class Known:
    """Links, as a dictionary."""

    def __init__(self, **found: str) -> None:
        self.found = found

    async def external_id(
        self, organization_id: str, replica: str, entity_type: str, entity_id: str
    ) -> str | None:
        return self.found.get(f"{entity_type}_{entity_id}")


@dataclass
class Bench:
    control: SandboxClient
    access: ShopAccess
    client: WooCommerceClient
    connection: Connection
    http: httpx.AsyncClient
    transport: httpx.AsyncBaseTransport
    requests: list[str] = field(default_factory=list)

    async def product(self, reference: str | int) -> dict[str, Any]:
        return await self.control.product(self.access.name, reference)


def connection_of(access: ShopAccess, scheme: str) -> Connection:
    return Connection(
        id="c1",
        organization_id="org",
        platform="woocommerce",
        replica="woocommerce",
        settings={"site_url": f"{scheme}://sandbox.test/shops/{access.name}", "currency": "LKR"},
        secrets={
            "consumer_key": access.consumer_key,
            "consumer_secret": access.consumer_secret,
            "webhook_secret": "s3cr3tDumbaraLooms2026",
        },
    )


@pytest.fixture(params=[True, False], ids=["plugin", "plain"])
def plugin(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def scheme() -> str:
    return "https"


@pytest.fixture
async def bench(plugin: bool, scheme: str) -> AsyncIterator[Bench]:
    app = create_sandbox(httpx.MockTransport(lambda _: httpx.Response(200)))
    asgi = httpx.ASGITransport(app)
    requests: list[str] = []

    async def note(request: httpx.Request) -> httpx.Response:
        requests.append(f"{request.method} {request.url.path.partition('/wp-json')[2]}")
        try:
            return await asgi.handle_async_request(request)
        except AssertionError:
            # How this transport tells of a connection that broke before the answer was complete.
            raise httpx.ReadError("dropped", request=request) from None

    async with httpx.AsyncClient(transport=asgi, base_url=f"{scheme}://sandbox.test") as http:
        control = SandboxClient(http)
        access = await control.create_shop(
            "shop", plugin=plugin, home_url="https://shop.example.com"
        )
        red = sample("product_updated_variation_body")
        others = [{**red, "id": number, "sku": f"X-{number}"} for number in (432, 433)]
        await control.load(
            "shop",
            {
                "products": [sample("product_simple"), sample("product_variable")],
                "variations": [red, *others],
                "orders": [sample("order_created_cod")],
                "customers": [sample("customer_created")],
                "next_ids": {"post": 2000},
            },
        )
        connection = connection_of(access, scheme)
        transport = httpx.MockTransport(note)
        client = WooCommerce(transport=transport).client(connection)
        assert isinstance(client, WooCommerceClient)
        yield Bench(control, access, client, connection, http, transport, requests)
        await client.close()
    await app.state.world.sender.close()


Make = Callable[..., Any]


def write(entity_type: str, external_id: str, **more: Any) -> Write:
    values: dict[str, Any] = {
        "organization_id": "org",
        "type": entity_type,
        "entity_id": f"our-{external_id}",
        "replica": "woocommerce",
        "op": (1, 1),
        "external_id": external_id,
        "issued_at_ms": 0,
    }
    return Write(**{**values, **more})


def create(entity_type: str, entity_id: str, **more: Any) -> Create:
    values: dict[str, Any] = {
        "organization_id": "org",
        "type": entity_type,
        "entity_id": entity_id,
        "replica": "woocommerce",
        "op": (1, 1),
        "issued_at_ms": 0,
    }
    return Create(**{**values, **more})


def read(entity_type: str, external_id: str) -> Read:
    return Read(
        organization_id="org",
        type=entity_type,
        entity_id=f"our-{external_id}",
        replica="woocommerce",
        external_id=external_id,
        ticket=(1, 1),
        issued_at_ms=0,
    )


def delete(entity_type: str, external_id: str, **more: Any) -> Delete:
    values: dict[str, Any] = {
        "organization_id": "org",
        "type": entity_type,
        "entity_id": f"our-{external_id}",
        "replica": "woocommerce",
        "op": (1, 1),
        "external_id": external_id,
        "issued_at_ms": 0,
    }
    return Delete(**{**values, **more})
