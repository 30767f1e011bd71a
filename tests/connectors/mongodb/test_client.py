from typing import Any

import pytest
from bson.decimal128 import Decimal128

from connectors.errors import Paused, Retry
from connectors.mongodb import MongoDBConnector
from connectors.mongodb.client import MongoDBClient
from schemas.command import Create, Read
from schemas.settings import Endpoints
from streams.database import Database, open_database
from support.mongodb_client import CONNECTION, HEX, OID, KnownLinks, one, place, write

pytestmark = pytest.mark.servers


@pytest.fixture
def client(database: Database) -> MongoDBClient:
    return MongoDBClient(CONNECTION, database)


async def test_a_write_that_matches_is_taken_and_marked(
    client: MongoDBClient, database: Database
) -> None:
    await database["products"].insert_one(
        {"_id": OID, "organizationId": "org", "price": "1899.50", "name": "Tea", "theirs": 1}
    )
    answer = await one(client, write({"price": "1950"}, {"price": "1899.5"}))
    assert answer.result == "taken"
    assert answer.seen is not None
    assert answer.seen.fields == {"price": "1950", "name": "Tea"}
    assert answer.seen.mark is not None
    assert answer.seen.mark.fields["price"].value == "1950"
    assert answer.seen.as_of > 0
    document = await database["products"].find_one({"_id": OID})
    assert document == {
        "_id": OID,
        "organizationId": "org",
        "price": "1950",
        "name": "Tea",
        "theirs": 1,
        "_sync": {"op": [7, 1], "fields": {"price": {"op": [7, 1], "value": "1950"}}},
    }


@pytest.mark.parametrize("raw", [Decimal128("0.10"), 0.1, "0.1", "0.100"])
async def test_any_representation_of_the_expected_amount_matches(
    client: MongoDBClient, database: Database, raw: Any
) -> None:
    await database["products"].insert_one({"_id": OID, "organizationId": "org", "price": raw})
    assert (await one(client, write({"price": "2"}, {"price": "0.1"}))).result == "taken"


async def test_a_write_meeting_something_else_is_refused_with_what_is_there(
    client: MongoDBClient, database: Database
) -> None:
    await database["products"].insert_one({"_id": OID, "organizationId": "org", "price": 5})
    answer = await one(client, write({"price": "2"}, {"price": "4"}))
    assert (answer.result, answer.reason) == ("refused", "expected")
    assert answer.seen is not None
    assert answer.seen.fields == {"price": "5"}
    answer = await one(client, write({"price": "2"}, {"price": "5"}, after=(1, 1)))
    assert (answer.result, answer.reason) == ("refused", "after")


@pytest.mark.parametrize("held", [{}, {"salePrice": None}, {"salePrice": ""}])
async def test_an_expected_null_matches_absent_and_null(
    client: MongoDBClient, database: Database, held: dict[str, Any]
) -> None:
    await database["products"].insert_one({"_id": OID, "organizationId": "org", **held})
    taken = await one(client, write({"salePrice": "9"}, {"salePrice": None}))
    assert taken.result == "taken"


async def test_zero_and_empty_are_not_null(client: MongoDBClient, database: Database) -> None:
    await database["products"].insert_one(
        {"_id": OID, "organizationId": "org", "salePrice": 0, "name": ""}
    )
    assert (await one(client, write({"salePrice": "9"}, {}))).result == "refused"
    assert (await one(client, write({"name": "Tea"}, {"name": None}))).result == "refused"
    assert (await one(client, write({"name": "Tea"}, {"name": ""}))).result == "taken"


async def test_a_repeat_is_taken_and_a_lower_operation_refused(
    client: MongoDBClient, database: Database
) -> None:
    await database["inventory"].insert_one({"_id": OID, "organizationId": "org", "quantity": 10})
    first = write({"quantity": 7}, {"quantity": 10}, kind="inventory", totals={"quantity": -1})
    assert (await one(client, first)).result == "taken"
    await database["inventory"].update_one({"_id": OID}, {"$inc": {"quantity": -2}})
    again = await one(client, first)
    assert again.result == "taken"
    assert again.seen is not None
    assert again.seen.fields["quantity"] == 5
    assert again.seen.mark is not None
    assert (again.seen.mark.fields["quantity"].value, again.seen.mark.fields["quantity"].total) == (
        7,
        -1,
    )
    stale = write({"quantity": 9}, {"quantity": 5}, kind="inventory", op=(6, 9), after=(6, 8))
    assert (await one(client, stale)).result == "refused"
    held = await database["inventory"].find_one({"_id": OID})
    assert held is not None
    assert held["quantity"] == 5


async def test_other_marks_stay_and_a_broken_one_is_replaced(
    client: MongoDBClient, database: Database
) -> None:
    await database["products"].insert_one(
        {"_id": OID, "organizationId": "org", "name": "a", "price": 1, "_sync": "broken"}
    )
    assert (await one(client, write({"name": "b"}, {"name": "a"}))).result == "taken"
    second = await one(client, write({"price": "2"}, {"price": "1"}, op=(7, 2), after=(7, 1)))
    assert second.result == "taken"
    assert second.seen is not None
    assert second.seen.mark is not None
    assert {name: told.op for name, told in second.seen.mark.fields.items()} == {
        "name": (7, 1),
        "price": (7, 2),
    }


async def test_another_organisations_item_is_missing(
    client: MongoDBClient, database: Database
) -> None:
    await database["products"].insert_one({"_id": OID, "organizationId": "other", "price": 1})
    assert (await one(client, write({"price": "2"}, {"price": "1"}))).result == "missing"
    assert (await one(client, Read(**place(), external_id=HEX, ticket=(1, 1)))).result == "missing"
    taken = await one(client, Create(**place(), want={"name": "x"}, op=(1, 1)))
    assert taken.result != "taken"
    assert await database["products"].count_documents({"organizationId": "other", "price": 1}) == 1


async def test_a_read_is_answered_with_what_is_there(
    client: MongoDBClient, database: Database
) -> None:
    await database["products"].insert_one({"_id": OID, "organizationId": "org", "name": "Tea"})
    answer = await one(client, Read(**place(), external_id=HEX, ticket=(1, 1)))
    assert answer.result == "taken"
    assert answer.seen is not None
    assert answer.seen.fields == {"name": "Tea"}


async def test_a_document_that_cannot_be_read_fails_alone(
    client: MongoDBClient, database: Database
) -> None:
    await database["products"].insert_many(
        [
            {"_id": OID, "organizationId": "org", "price": "a lot"},
            {"_id": "b", "organizationId": "org", "price": 1},
        ]
    )
    answers = await client.apply(
        [
            write({"price": "2"}, {"price": "1"}),
            write({"price": "2"}, {"price": "1"}, external_id="b"),
        ],
        KnownLinks(),
    )
    assert [answer.result for answer in answers] == ["failed", "taken"]
    assert "price" in answers[0].reason


async def test_a_server_that_does_not_answer_is_a_reason_to_retry(database: Database) -> None:
    closed = open_database(Endpoints())
    await closed.client.close()
    connector = MongoDBConnector()
    connector.bind(closed)
    client = connector.client(CONNECTION)
    with pytest.raises(Retry):
        await client.apply([Read(**place(), external_id=HEX, ticket=(1, 1))], KnownLinks())


def test_no_writes_without_a_database() -> None:
    with pytest.raises(Paused):
        MongoDBConnector().client(CONNECTION)
