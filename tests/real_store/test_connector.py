"""The connector's own tests, which run against the sandbox, against the real shop: with the plugin
and without. Where they differ the sandbox is wrong."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator
from dataclasses import fields
from typing import Any

import httpx
import pytest

from connectors.protocol import Connection
from connectors.woocommerce import WooCommerce
from connectors.woocommerce.client import WooCommerceClient
from tests.connectors.woocommerce import (
    test_additions,
    test_client,
    test_creating,
    test_extras,
    test_listing,
    test_measures,
    test_rich,
    test_shipments,
)
from tests.connectors.woocommerce.conftest import Bench
from tests.real_store.calls import Calls
from tests.real_store.people import Network, People, access_of, fill
from tests.real_store.shop import RealShop

NOT_HERE = {
    "test_oauth_over_http": "every test here signs so",
}
NOT_HERE_WITHOUT_PLUGIN = {
    "test_a_variation_makes_its_parent_variable": "two creates at once: either may be the first",
}


for _module in (
    test_additions,
    test_client,
    test_creating,
    test_extras,
    test_listing,
    test_measures,
    test_rich,
    test_shipments,
):
    for _name, _test in inspect.getmembers(_module, inspect.isfunction):
        if _name.startswith("test_"):
            globals()[_name] = _test


@pytest.fixture(params=[True, False], ids=["plugin", "plain"])
def plugin(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def scheme() -> str:
    return "http"


@pytest.fixture
async def bench(
    plugin: bool, scheme: str, shop: RealShop, request: pytest.FixtureRequest
) -> AsyncIterator[Bench]:
    reasons = NOT_HERE if plugin else NOT_HERE | NOT_HERE_WITHOUT_PLUGIN
    if request.function.__name__ in reasons:
        pytest.skip(reasons[request.function.__name__])
    fill(shop, plugin=plugin)
    access = access_of(shop, plugin=plugin)
    requests: list[str] = []
    network = Network(requests)
    connection = Connection(
        id="c1",
        organization_id="org",
        platform="woocommerce",
        replica="woocommerce",
        settings={"site_url": shop.url, "currency": "LKR"},
        secrets={
            "consumer_key": access.consumer_key,
            "consumer_secret": access.consumer_secret,
            "webhook_secret": access.webhook_secret,
        },
    )
    client = WooCommerce(transport=network).client(connection)
    assert isinstance(client, WooCommerceClient)
    calls = Calls(shop)
    parts: dict[str, Any] = {
        "control": People(calls, network),
        "access": access,
        "client": client,
        "connection": connection,
        "http": httpx.AsyncClient(base_url=shop.url),
        "transport": network,
        "requests": requests,
    }
    yield Bench(**{one.name: parts[one.name] for one in fields(Bench)})
    await client.close()
    await calls.rest.close()
    await parts["http"].aclose()


@pytest.fixture(autouse=True, scope="module")
def with_the_plugin_afterwards(shop: RealShop) -> Iterator[None]:
    yield
    fill(shop, plugin=True)
