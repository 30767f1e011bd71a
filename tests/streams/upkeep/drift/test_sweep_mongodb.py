"""A sweep of the merchant's own database: every document is read, its variants are items too."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.mongodb import MongoDBConnector
from connectors.protocol import Connection
from streams.database import Database
from support.town import Town

pytestmark = pytest.mark.servers


@pytest.fixture
async def town(fresh: Database) -> Town:
    connector = MongoDBConnector()
    connector.bind(fresh)
    connection = Connection(id="c", organization_id="kandy", platform="mongodb", replica="mongodb")
    mine: dict[str, Any] = {"organizationId": "kandy"}
    await fresh["products"].insert_many(
        [
            {**mine, "_id": "p1", "sku": "T", "name": "Tea", "price": "900", "variants": []},
            {
                **mine, "_id": "p2", "sku": "S", "name": "Shirt",
                "variants": [{"sku": "S-R", "price": "5"}, {"sku": "S-B", "price": "6"}],
            },
        ]
    )  # fmt: skip
    await fresh["inventory"].insert_one({**mine, "_id": "p1", "sku": "T", "quantity": 4})
    made = Town(connector, connector.client(connection), connection, fresh)
    await made.learn()
    return made


async def test_documents_and_variants_that_agree(town: Town) -> None:
    tallies = await town.sweep()
    compared = {kind: tally.compared for kind, tally in tallies.items() if tally.compared}
    assert compared == {"product": 2, "variation": 2, "inventory": 1}
    assert all(tally.different == {} for tally in tallies.values())
    assert town.told == []


async def test_changes_that_no_stream_told_of(town: Town) -> None:
    """An edit, a variant taken out, stock deleted, and a document that a backup brought."""
    products = town.database["products"]
    await products.update_one({"_id": "p1"}, {"$set": {"price": "950"}})
    await products.update_one({"_id": "p2"}, {"$pull": {"variants": {"sku": "S-B"}}})
    await products.insert_one({"_id": "p3", "organizationId": "kandy", "sku": "N", "name": "New"})
    await town.database["inventory"].delete_one({"_id": "p1"})
    tallies = await town.sweep()
    found = {
        kind: {key: one.state for key, one in tally.found.items()}
        for kind, tally in tallies.items()
        if tally.found
    }
    assert found == {
        "product": {"p1": "drift", "p3": "unknown"},
        "variation": {"p2#S-B": "gone"},
        "inventory": {"p1": "gone"},
    }
    assert town.records["product", "ep1"].fields["price"].value == "950"
    assert town.records["product", "ep3"].fields["name"].value == "New"
    assert town.records["variation", "ep2#S-B"].replicas["mongodb"].exists is False
    assert town.records["inventory", "ep1"].replicas["mongodb"].exists is False
    again = await town.sweep()
    assert all(not tally.found for tally in again.values())


async def test_a_document_that_cannot_be_understood_is_not_gone(town: Town) -> None:
    await town.database["products"].update_one({"_id": "p1"}, {"$set": {"price": {"a": 1}}})
    tallies = await town.sweep()
    assert tallies["product"].found == {}
    assert town.told == []
