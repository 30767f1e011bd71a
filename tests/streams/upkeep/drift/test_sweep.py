"""A sweep of a sandbox's shop against records that the pure engine wrote into a real MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from connectors.protocol import Connection
from connectors.woocommerce import WooCommerce
from sandbox.app import create_sandbox
from sandbox.client import SandboxClient
from schemas.command import Write
from schemas.observation import Edit
from streams.database import Database
from streams.sync.decide import decide
from streams.upkeep.drift.tally import Tally
from support.town import NOW, NoLinks, Town

pytestmark = pytest.mark.servers

SHOP = "woocommerce"
COUNT = 40


@dataclass
class ShopTown(Town):
    """The town's shop, its keeper, and what it was asked."""

    control: SandboxClient = field(kw_only=True)
    requests: list[str] = field(kw_only=True)
    plugin: bool = field(kw_only=True)


@pytest.fixture(params=[True, False], ids=["plugin", "plain"])
def plugin(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def town(plugin: bool, fresh: Database) -> AsyncIterator[ShopTown]:
    app = create_sandbox(httpx.MockTransport(lambda _: httpx.Response(200)))
    asgi = httpx.ASGITransport(app)
    requests: list[str] = []

    async def note(request: httpx.Request) -> httpx.Response:
        requests.append(f"{request.method} {request.url.path.partition('/wp-json')[2]}")
        return await asgi.handle_async_request(request)

    async with httpx.AsyncClient(transport=asgi, base_url="https://sandbox.test") as http:
        control = SandboxClient(http)
        access = await control.create_shop("shop", plugin=plugin)
        await control.load("shop", shelf())
        connection = Connection(
            id="c", organization_id="kandy", platform=SHOP, replica=SHOP,
            settings={"site_url": "https://sandbox.test/shops/shop"},
            secrets={
                "consumer_key": access.consumer_key, "consumer_secret": access.consumer_secret
            },
        )  # fmt: skip
        connector = WooCommerce(transport=httpx.MockTransport(note))
        client = connector.client(connection)
        made = ShopTown(
            connector, client, connection, fresh, {"plugin": "1"} if plugin else {},
            control=control, requests=requests, plugin=plugin,
        )  # fmt: skip
        await made.learn()
        requests.clear()
        yield made
        await client.close()
    await app.state.world.sender.close()


def shelf() -> dict[str, Any]:
    products = [
        {
            "id": 1000 + n, "name": f"Tea {n}", "sku": f"T-{n}", "regular_price": "900",
            "manage_stock": True, "stock_quantity": 10,
        }
        for n in range(COUNT)
    ]  # fmt: skip
    parent = {"id": 2000, "name": "Shirt", "type": "variable"}
    child = {"id": 2001, "parent_id": 2000, "sku": "S-1", "regular_price": "5"}
    buyer = {"id": 7, "email": "nimal@example.com", "first_name": "Nimal"}
    return {"products": [*products, parent], "variations": [child], "customers": [buyer]}


def quiet(tallies: dict[str, Tally]) -> None:
    for tally in tallies.values():
        assert tally.different == {}
        ours, theirs = tally.roots
        assert ours == theirs


async def test_a_shop_that_agrees_costs_a_few_calls(town: ShopTown) -> None:
    tallies = await town.sweep()
    quiet(tallies)
    assert {kind: tally.compared for kind, tally in tallies.items()} == {
        "customer": 1,
        "product": COUNT + 1,
        "variation": 1,
        "inventory": COUNT + 2,
        "order": 0,
    }
    assert town.told == []
    if town.plugin:
        # For each of four types its number, and one digest where there is anything.
        assert sorted(town.requests) == [
            *["GET /smartstore/v1/items"] * 4,
            *["POST /smartstore/v1/digest"] * 3,
        ]


async def test_exactly_what_changed_silently_is_found_and_healed(town: ShopTown) -> None:
    for number in (1003, 1017):
        await town.control.write_database("shop", number, regular_price=f"{number}")
    await town.control.write_database("shop", 1020, stock_quantity=4)
    await town.control.write_database("shop", 2001, regular_price="6")
    tallies = await town.sweep()
    assert set(tallies["product"].found) == {"1003", "1017"}
    assert set(tallies["inventory"].found) == {"1020"}
    assert set(tallies["variation"].found) == {"2000:2001"}
    quiet(tallies)
    assert town.records["product", "e1003"].fields["price"].value == "1003"
    assert town.records["inventory", "e1020"].fields["quantity"].value == 4
    town.told.clear()
    again = await town.sweep()
    quiet(again)
    assert (town.told, again["product"].found) == ([], {})


async def test_what_is_gone_and_what_is_new(town: ShopTown) -> None:
    await town.control.trash_product("shop", 1005, force=True)
    await town.control.load("shop", {"products": [{"id": 3000, "name": "New", "sku": "N"}]})
    tallies = await town.sweep()
    assert {key: one.state for key, one in tallies["product"].found.items()} == {
        "1005": "gone",
        "3000": "unknown",
    }
    assert town.records["product", "e1005"].tombstone is not None
    assert town.records["product", "e3000"].fields["name"].value == "New"
    assert "1005" not in tallies["product"].ours
    assert tallies["product"].different == {}


async def test_a_write_on_its_way_is_not_drift(town: ShopTown) -> None:
    """The shop holds it already; its answer has not come yet."""
    place = ("product", "e1001")
    write = await _owed(town, "e1001", "950")
    await town.client.apply([write], NoLinks())
    tallies_before = len(town.told)
    assert town.records[place].replicas[SHOP].flight is not None
    looked = await town.sweep(heal_s=0.0)  # what still moves at the end is not waited for
    assert looked["product"].found == {}
    assert {one.state for one in looked["product"].different.values()} == {"moving"}
    assert len(town.told) == tallies_before


@pytest.mark.parametrize("plugin", [True], ids=["plugin"])
async def test_another_etag_with_the_same_content_is_learnt_and_no_drift(town: ShopTown) -> None:
    await town.control.write_database("shop", 1002, menu_order=3)
    tallies = await town.sweep()
    assert (tallies["product"].found, tallies["product"].refreshed) == ({}, 1)
    assert town.told == ["1002"]
    town.requests.clear()
    quiet(await town.sweep())
    assert town.requests.count("POST /smartstore/v1/digest") == 3, "the new etag is known now"


async def _owed(town: ShopTown, entity_id: str, price: str) -> Write:
    """Somebody else sets the price; the write to the shop leaves and is not answered."""
    edit = Edit(
        organization_id="kandy", type="product", entity_id=entity_id, id="e", replica="mongodb",
        fields={"price": price}, timestamp_ms=NOW, received_at_ms=NOW,
    )  # fmt: skip
    record = town.records["product", entity_id]
    decision = decide(record, edit, town.context, NOW)
    await town.keep(decision.record)
    [command] = decision.commands
    assert isinstance(command, Write)
    return command
