"""A sweep of a sandbox's shop against records that the pure engine wrote into a real MongoDB."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from connectors.protocol import Connection, Listed
from connectors.woocommerce import WooCommerce
from connectors.woocommerce.client import WooCommerceClient
from sandbox.app import create_sandbox
from sandbox.client import SandboxClient
from schemas.codec import encode
from schemas.command import Read, Write
from schemas.observation import Edit, Observation
from schemas.outcome import Outcome, Resync
from streams.database import Database
from streams.entities import EntityViews
from streams.kafka.records import Incoming
from streams.links import Links
from streams.sync.context import Context
from streams.sync.decide import decide, new_record
from streams.sync.record import Record
from streams.upkeep.drift.books import Books
from streams.upkeep.drift.pace import Pace
from streams.upkeep.drift.sweep import Sweep
from streams.upkeep.drift.tally import Tally

pytestmark = pytest.mark.servers

SHOP = "woocommerce"
COUNT = 40


async def nothing_waits() -> int:
    return 0


async def park(_record: Incoming, reason: str) -> None:
    raise AssertionError(reason)


class NoLinks:
    """Products name no other entity."""

    async def external_id(self, *_place: str) -> str | None:
        return None


@dataclass
class Town:
    """One shop, and an engine that knows only this shop."""

    control: SandboxClient
    client: WooCommerceClient
    connection: Connection
    database: Database
    requests: list[str]
    plugin: bool
    told: list[str] = field(default_factory=list)
    records: dict[tuple[str, str], Record] = field(default_factory=dict)
    offsets: Any = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        profile = WooCommerce().profile(self.connection, {"plugin": "1"} if self.plugin else {})
        self.context = Context(profiles={SHOP: profile}, writable=frozenset((SHOP,)), epoch=1)
        self.views = EntityViews(self.database, "log/", park)

    async def take(self, arrival: Observation | Outcome | Resync) -> None:
        place = (arrival.type, arrival.entity_id)
        decision = decide(
            self.records.get(place) or new_record(arrival), arrival, self.context, 1_800_000_000_000
        )
        await self.keep(decision.record)
        for command in decision.commands:
            if isinstance(command, Read):
                [answer] = await self.client.apply([command], NoLinks())
                outcome = Outcome(
                    organization_id="kandy", type=command.type, entity_id=command.entity_id,
                    replica=SHOP, ticket=command.ticket, result=answer.result, seen=answer.seen,
                    at_ms=1_800_000_000_000,
                )  # fmt: skip
                await self.take(outcome)

    async def keep(self, record: Record) -> None:
        self.records[record.type, record.entity_id] = record
        key = f"kandy/{record.type}/{record.entity_id}".encode()
        row = Incoming("entities-changelog", 0, next(self.offsets), 0, key, encode(record))
        await self.views.handle([row])

    async def tell(self, _entity_type: str, items: Sequence[Listed]) -> None:
        for item in items:
            self.told.append(item.external_id)
            parsed = WooCommerce().parse(self.connection, item.topic, {}, item.body, 0)
            for sighting in parsed.sightings:
                assert sighting.seen is not None
                observation = Observation(
                    organization_id="kandy", type=sighting.type,
                    entity_id=f"e{sighting.external_id}", id=f"o{next(self.offsets)}",
                    replica=SHOP, seen=sighting.seen, received_at_ms=1_800_000_000_000,
                )  # fmt: skip
                await self.take(observation)

    async def ask(self, entities: Sequence[tuple[str, str]]) -> None:
        for kind, entity_id in entities:
            self.told.append(entity_id)
            await self.take(
                Resync(organization_id="kandy", type=kind, entity_id=entity_id, id="r", at_ms=1)
            )

    async def learn(self) -> None:
        """What an import would have told."""
        for kind in ("product", "variation", "order", "customer"):
            cursor = ""
            while True:
                page = await self.client.page(kind, cursor)
                await self.tell(kind, page.items)
                cursor = page.next
                if not cursor:
                    break
        self.told.clear()
        self.requests.clear()

    async def sweep(self, heal_s: float = 20.0) -> dict[str, Tally]:
        async def report(_compared: int) -> None:
            return

        books = Books(self.database, Links(self.database), self.connection)
        sweep = Sweep(
            self.client, books, self.context.profiles[SHOP], Pace(nothing_waits),
            tell=self.tell, ask=self.ask, report=report, writable=True, settle_s=0.0, heal_s=heal_s,
        )  # fmt: skip
        return await sweep.run()


@pytest.fixture(params=[True, False], ids=["plugin", "plain"])
def plugin(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def town(plugin: bool, fresh: Database) -> AsyncIterator[Town]:
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
        client = WooCommerce(transport=httpx.MockTransport(note)).client(connection)
        assert isinstance(client, WooCommerceClient)
        made = Town(control, client, connection, fresh, requests, plugin)
        await made.learn()
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


async def test_a_shop_that_agrees_costs_a_few_calls(town: Town) -> None:
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


async def test_exactly_what_changed_silently_is_found_and_healed(town: Town) -> None:
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


async def test_what_is_gone_and_what_is_new(town: Town) -> None:
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


async def test_a_write_on_its_way_is_not_drift(town: Town) -> None:
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
async def test_another_etag_with_the_same_content_is_learnt_and_no_drift(town: Town) -> None:
    await town.control.write_database("shop", 1002, menu_order=3)
    tallies = await town.sweep()
    assert (tallies["product"].found, tallies["product"].refreshed) == ({}, 1)
    assert town.told == ["1002"]
    town.requests.clear()
    quiet(await town.sweep())
    assert town.requests.count("POST /smartstore/v1/digest") == 3, "the new etag is known now"


async def _owed(town: Town, entity_id: str, price: str) -> Write:
    """Somebody else sets the price; the write to the shop leaves and is not answered."""
    edit = Edit(
        organization_id="kandy", type="product", entity_id=entity_id, id="e", replica="mongodb",
        fields={"price": price}, timestamp_ms=1_800_000_000_000, received_at_ms=1_800_000_000_000,
    )  # fmt: skip
    record = town.records["product", entity_id]
    decision = decide(record, edit, town.context, 1_800_000_000_000)
    await town.keep(decision.record)
    [command] = decision.commands
    assert isinstance(command, Write)
    return command
