"""A real shop for these tests; without one they are skipped, saying what is missing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.real_store import sources
from tests.real_store.calls import Calls
from tests.real_store.receiver import SECRET, Receiver
from tests.real_store.shop import RealShop


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "real_store" in item.path.parts:
            item.add_marker(pytest.mark.real_store)
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def found_sources() -> sources.Sources:
    try:
        return sources.find()
    except sources.Missing as missing:
        pytest.skip(f"no real shop: {missing}")


@pytest.fixture(scope="session")
def shop(
    found_sources: sources.Sources, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealShop]:
    """On MariaDB where its server is installed, else on SQLite; REAL_STORE_DATABASE=sqlite and
    REAL_STORE_ORDERS=posts (orders without tables of their own) choose."""
    database = os.environ.get("REAL_STORE_DATABASE") or (
        "mariadb" if sources.mariadb() else "sqlite"
    )
    with RealShop(found_sources, tmp_path_factory.mktemp("shop") / "s", database) as started:
        yield started


@pytest.fixture
async def calls(shop: RealShop) -> AsyncIterator[Calls]:
    made = Calls(shop)
    yield made
    await made.rest.close()


@pytest.fixture
def receiver(shop: RealShop) -> Iterator[Receiver]:
    """The shop's plugin delivers to it, automatically; nothing waits in the outbox at first."""
    made = Receiver()
    made.mend()
    settings = (
        f"'api_url'=>'{made.url}','organization_id'=>'org-1','webhook_secret'=>'{SECRET}',"
        "'api_key'=>'key-1','sync_products'=>true,'sync_orders'=>true,'auto_sync'=>true"
    )
    forget = "global $wpdb; $wpdb->query('DELETE FROM wp_smartstore_outbox');"
    options = "delete_option('smartstore_sender'); delete_option('smartstore_settings');"
    shop.php(f"{forget}{options} update_option('smartstore_settings', array({settings}));")
    yield made
    made.cut()
    shop.php(f"{forget}{options}")
