"""Everything of one organisation, in the order of `_id`, as `parse` understands it."""

from __future__ import annotations

from typing import Any

import pytest
from bson.decimal128 import Decimal128
from bson.objectid import ObjectId

from connectors.mongodb import MongoDBConnector
from connectors.mongodb.client import MongoDBClient
from connectors.protocol import Connection, Listed, Page, Parsed, Sweeps
from streams.database import Database

pytestmark = pytest.mark.servers

HEX = "65f0c0ffee65f0c0ffee65f0"
CONNECTION = Connection(
    id="org:mongodb", organization_id="org", platform="mongodb", replica="mongodb"
)


@pytest.fixture
def client(database: Database) -> MongoDBClient:
    return MongoDBClient(CONNECTION, database)


async def pages(client: Sweeps, entity_type: str, limit: int) -> list[Page]:
    found = [await client.page(entity_type, limit=limit)]
    while found[-1].next:
        found.append(await client.page(entity_type, found[-1].next, limit=limit))
    return found


def parsed(item: Listed) -> Parsed:
    return MongoDBConnector().parse(CONNECTION, item.topic, {}, item.body, 0)


async def test_pages_hold_each_document_of_the_organisation_once(
    client: MongoDBClient, database: Database
) -> None:
    ids: list[Any] = [7, 41, "a", "b", ObjectId(HEX)]
    rows = [{"_id": one, "organizationId": "org", "name": "x"} for one in ids]
    others = [{"_id": f"{n}", "organizationId": "other"} for n in range(3)]
    await database["products"].insert_many([*rows, *others])
    found = await pages(client, "product", limit=2)
    shown = [item.external_id for page in found for item in page.items]
    # BSON's own order of types: numbers, text, object ids.
    assert shown == ["7", "41", "a", "b", HEX]
    assert found[0].total == 5
    assert [len(page.items) for page in found] == [2, 2, 1]


async def test_a_document_gone_from_the_edge_of_a_page_hides_nothing(
    client: MongoDBClient, database: Database
) -> None:
    await database["products"].insert_many(
        [{"_id": f"p{n}", "organizationId": "org"} for n in range(5)]
    )
    first = await client.page("product", limit=2)
    await database["products"].delete_one({"_id": "p2"})
    rest = await client.page("product", first.next, limit=5)
    assert [item.external_id for item in rest.items] == ["p3", "p4"]


async def test_a_product_tells_of_its_variants_too(
    client: MongoDBClient, database: Database
) -> None:
    await database["products"].insert_one(
        {
            "_id": HEX,
            "organizationId": "org",
            "name": "Tea",
            "price": Decimal128("1950.00"),
            "variants": [{"sku": "TEA-G", "price": 900}],
        }
    )
    [item] = (await client.page("product")).items
    told = parsed(item).sightings
    assert [(one.type, one.external_id) for one in told] == [
        ("product", HEX),
        ("variation", f"{HEX}#TEA-G"),
    ]
    assert told[0].seen is not None
    assert told[0].seen.fields["price"] == "1950"
    assert told[0].seen.as_of > 0
    assert await client.page("variation") == Page(())


async def test_documents_are_read_by_id(client: MongoDBClient, database: Database) -> None:
    await database["products"].insert_many(
        [
            {"_id": ObjectId(HEX), "organizationId": "org", "variants": [{"sku": "V"}]},
            {"_id": "p1", "organizationId": "other"},
        ]
    )
    assert [one.external_id for one in await client.read("product", [HEX, "p1", "p9"])] == [HEX]
    [item] = await client.read("variation", [f"{HEX}#V"])
    assert item.external_id == f"{HEX}#V"
    assert [one.type for one in parsed(item).sightings] == ["product", "variation"]


async def test_mongodb_makes_no_digests(client: MongoDBClient) -> None:
    assert isinstance(client, Sweeps)
    assert await client.ids("product") is None
    assert await client.digest("product", [HEX]) is None
