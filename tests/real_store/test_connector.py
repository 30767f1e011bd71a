"""The connector's own tests, which run against the sandbox, against the real shop: with the plugin
and without. Where they differ the sandbox is wrong."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.protocol import Connection
from connectors.woocommerce import WooCommerce
from connectors.woocommerce.client import WooCommerceClient
from tests.connectors.woocommerce import test_client, test_creating
from tests.connectors.woocommerce.conftest import Bench
from tests.real_store.calls import Calls
from tests.real_store.people import Network, People, access_of, fill
from tests.real_store.shop import RealShop

NOT_HERE = {
    "test_a_product_is_created_once": "its picture is on a server that is not reached from here",
    "test_oauth_over_http": "every test here signs so",
}

for _module in (test_client, test_creating):
    for _name, _test in inspect.getmembers(_module, inspect.isfunction):
        if _name.startswith("test_"):
            globals()[_name] = _test


@pytest.fixture(params=[True, False], ids=["plugin", "plain"])
def plugin(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def bench(
    plugin: bool, shop: RealShop, request: pytest.FixtureRequest
) -> AsyncIterator[Bench]:
    if request.function.__name__ in NOT_HERE:
        pytest.skip(NOT_HERE[request.function.__name__])
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
    control: Any = People(calls, network)
    yield Bench(control, access, client, connection, requests)
    await client.close()
    await calls.rest.close()
    if not plugin:
        fill(shop, plugin=True)
