"""The whole product on real servers, started once for all tests here: each test has an
organisation, a shop and a number of its own."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.demo.system import System
from runtime.servers.ports import free_port
from runtime.settings import ENDPOINTS, load_environment

OpenMerchant = Callable[[Platforms], AbstractAsyncContextManager[Merchant]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "integration" in item.path.parts:
            item.add_marker(pytest.mark.servers)


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Local servers always: these tests kill them. Ended with the last test of this folder: its
    processes and its watchdog's thread would go on beside all other tests (Hypothesis objects to a
    thread that draws from `random`)."""
    base = {name: value for name, value in load_environment().items() if name not in ENDPOINTS}
    taken: set[int] = set()
    for name in ("PORT", "WEBSOCKET_PORT", "SANDBOX_PORT"):
        taken.add(port := free_port(taken))
        base[name] = str(port)
    base["SMARTSTORE_PUBLIC_URL"] = f"http://127.0.0.1:{base['PORT']}"
    with System(tmp_path_factory.mktemp("system"), base=base) as started:
        yield started


@pytest.fixture
def new_merchant(system: System) -> OpenMerchant:
    """Makes an organisation with its platforms."""

    @asynccontextmanager
    async def opened(platforms: Platforms) -> AsyncIterator[Merchant]:
        name = f"t{secrets.token_hex(4)}"
        async with open_merchant(system, name, platforms) as merchant:
            yield merchant

    return opened


@pytest.fixture
async def merchant(new_merchant: OpenMerchant) -> AsyncIterator[Merchant]:
    """An organisation with an empty shop that has the plugin, and a number."""
    async with new_merchant(Platforms(load=False)) as made:
        yield made
