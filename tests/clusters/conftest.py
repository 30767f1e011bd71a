"""The servers as clusters, and the product on them. Their own folder: nothing else runs beside."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.demo.system import System
from runtime.processes import PROCESSES
from runtime.servers.clusters import Clusters
from runtime.servers.ports import free_port
from runtime.settings import ENDPOINTS, load_environment
from schemas.settings import Endpoints

_SECOND = ("SECOND_PORT", "SECOND_WEBSOCKET_PORT")
_NEEDED = ("reconcile", "inbound", "sinks", "cdc", "upkeep", "api")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "clusters" in item.path.parts:
            item.add_marker(pytest.mark.servers)


@pytest.fixture(scope="package")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clusters]:
    """Three brokers with SASL over TLS, a replica set of three with TLS, a Redis Cluster of six."""
    with Clusters(tmp_path_factory.mktemp("clusters")) as started:
        yield started


@pytest.fixture(scope="package")
def system(clusters: Clusters, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Our processes on them, by settings alone."""
    base = {name: value for name, value in load_environment().items() if name not in ENDPOINTS}
    taken: set[int] = set()
    for name in ("PORT", "WEBSOCKET_PORT", "SANDBOX_PORT", *_SECOND):
        taken.add(port := free_port(taken))
        base[name] = str(port)
    base["SMARTSTORE_PUBLIC_URL"] = f"http://127.0.0.1:{base['PORT']}"
    entries = [entry for entry in PROCESSES if entry.name in _NEEDED]
    (api,) = (entry for entry in PROCESSES if entry.name == "api")
    ports = {name: base.pop(f"SECOND_{name}") for name in ("PORT", "WEBSOCKET_PORT")}
    entries.append(replace(api, name="api-2", env=ports))
    home = tmp_path_factory.mktemp("system")
    with System(home, base={**base, **clusters.environment()}, entries=entries) as started:
        yield started


@pytest.fixture
def api_urls(system: System) -> tuple[str, str]:
    """Of both api processes."""
    (second,) = (entry for entry in system.entries if entry.name == "api-2")
    return system.url, f"http://127.0.0.1:{second.env['PORT']}"


@pytest.fixture
def environment(clusters: Clusters) -> dict[str, str]:
    """The product's settings, to be spoilt."""
    return clusters.environment()


@pytest.fixture
def endpoints(clusters: Clusters) -> Endpoints:
    return Endpoints.of(clusters.environment())


@pytest.fixture
async def merchant(system: System) -> AsyncIterator[Merchant]:
    """Its plugin delivers again until it is heard."""
    name = f"t{secrets.token_hex(4)}"
    async with open_merchant(system, name, Platforms(load=False, number=False)) as made:
        await made.sandbox.change_shop(
            made.shop.name,
            plugin_delivery_url=f"{made.web.base_url}/api/webhooks/woocommerce/{name}",
            plugin_delivery_secret=made.shop.webhook_secret,
            delivery_attempts=9,
        )
        yield made
