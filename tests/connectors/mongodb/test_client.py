from dataclasses import dataclass, field
from typing import Any

import pytest
from bson.decimal128 import Decimal128
from bson.objectid import ObjectId

from connectors.errors import Paused, Retry
from connectors.mongodb import MongoDBConnector
from connectors.mongodb.client import MongoDBClient
from connectors.mongodb.settings import COLLECTIONS
from connectors.protocol import Answer, Connection, StateCommand
from schemas.command import Create, Delete, Read, Write
from schemas.settings import Endpoints
from streams.database import Database, open_database

pytestmark = pytest.mark.servers

HEX = "65f0c0ffee65f0c0ffee65f0"
OID = ObjectId(HEX)
CONNECTION = Connection(
    id="org:mongodb", organization_id="org", platform="mongodb", replica="mongodb"
)


@dataclass
class KnownLinks:
    known: dict[tuple[str, str], str] = field(default_factory=dict)

    async def external_id(
        self, organization_id: str, replica: str, entity_type: str, entity_id: str
    ) -> str | None:
        return self.known.get((entity_type, entity_id))


@pytest.fixture
def client(database: Database) -> MongoDBClient:
    return MongoDBClient(CONNECTION, database)


async def one(client: MongoDBClient, command: StateCommand) -> Answer:
    (answer,) = await client.apply([command], KnownLinks())
    return answer


def place(kind: str = "product", entity_id: str = HEX) -> dict[str, Any]:
    return {
        "organization_id": "org",
        "type": kind,
        "entity_id": entity_id,
        "replica": "mongodb",
        "issued_at_ms": 0,
    }


def write(
    want: dict[str, Any],
    expected: dict[str, Any],
    *,
    op: tuple[int, int] = (7, 1),
    after: tuple[int, int] | None = None,
    kind: str = "product",
    external_id: str = HEX,
    **more: Any,
) -> Write:
    return Write(
        **place(kind),
        external_id=external_id,
        want=want,
        expected=expected,
        op=op,
        after=after,
        **more,
    )


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


async def test_create_twice_is_one_document(client: MongoDBClient, database: Database) -> None:
    create = Create(**place(), want={"name": "Tea", "price": "12.5", "salePrice": None}, op=(3, 1))
    first, second = await one(client, create), await one(client, create)
    assert (first.result, first.external_id) == ("taken", HEX)
    assert (second.result, second.external_id) == ("taken", HEX)
    assert await database["products"].find().to_list() == [
        {
            "_id": OID,
            "organizationId": "org",
            "name": "Tea",
            "price": Decimal128("12.5"),
            "_sync": {
                "op": [3, 1],
                "fields": {
                    "name": {"op": [3, 1], "value": "Tea"},
                    "price": {"op": [3, 1], "value": "12.5"},
                    "salePrice": {"op": [3, 1], "value": None},
                },
            },
        }
    ]


async def test_a_unique_sku_of_the_app_names_the_item_to_link(
    client: MongoDBClient, database: Database
) -> None:
    await database["products"].create_index([("organizationId", 1), ("sku", 1)], unique=True)
    await database["products"].insert_one({"_id": "theirs", "organizationId": "org", "sku": "T"})
    answer = await one(client, Create(**place(), want={"sku": "T", "name": "Tea"}, op=(3, 1)))
    assert (answer.result, answer.reason, answer.external_id) == ("refused", "sku", "theirs")
    assert answer.seen is not None
    assert answer.seen.fields == {"sku": "T"}


async def test_variations_inside_their_product(client: MongoDBClient, database: Database) -> None:
    await database["products"].insert_one(
        {
            "_id": OID,
            "organizationId": "org",
            "price": 1,
            "variants": [{"sku": "A.1", "price": 5}, {"sku": "B", "price": "7.00"}],
        }
    )
    links = KnownLinks()
    answers = await client.apply(
        [
            write({"price": "2"}, {"price": "1"}),
            write({"price": "6"}, {"price": "5"}, kind="variation", external_id=f"{HEX}#A.1"),
            write({"price": "8"}, {"price": "9"}, kind="variation", external_id=f"{HEX}#B"),
            Create(
                **place("variation", "v"),
                want={"parentId": HEX, "sku": "C", "price": "3"},
                op=(1, 1),
            ),
        ],
        links,
    )
    assert [answer.result for answer in answers] == ["taken", "taken", "refused", "taken"]
    assert answers[1].seen is not None
    assert answers[1].seen.fields == {"sku": "A.1", "price": "6", "parentId": HEX}
    assert answers[1].seen.mark is not None
    assert answers[3].external_id == f"{HEX}#C"
    document = await database["products"].find_one({"_id": OID})
    assert document is not None
    assert document["variants"] == [
        {"sku": "A.1", "price": 6},
        {"sku": "B", "price": "7.00"},
        {"sku": "C", "price": Decimal128("3")},
    ]
    assert set(document["_sync"]["variants"]) == {"A%2E1", "C"}
    gone = Delete(
        **place("variation"),
        external_id=f"{HEX}#A.1",
        expected={"price": "6"},
        op=(8, 1),
        after=(7, 1),
    )
    assert [(await one(client, gone)).result for _ in range(2)] == ["taken", "taken"]
    document = await database["products"].find_one({"_id": OID})
    assert document is not None
    assert [variant["sku"] for variant in document["variants"]] == ["B", "C"]


async def test_delete_only_what_is_as_expected(client: MongoDBClient, database: Database) -> None:
    await database["products"].insert_one({"_id": OID, "organizationId": "org", "price": 1})
    delete = Delete(**place(), external_id=HEX, expected={"price": "2"}, op=(1, 1))
    refused = await one(client, delete)
    assert refused.result == "refused"
    delete = Delete(**place(), external_id=HEX, expected={"price": "1"}, op=(1, 1))
    taken = await one(client, delete)
    assert taken.result == "taken"
    assert taken.seen is not None
    assert not taken.seen.exists
    assert (await one(client, delete)).result == "taken"


async def test_the_stock_of_a_deleted_product_goes_with_it(
    client: MongoDBClient, database: Database
) -> None:
    await database["products"].insert_one({"_id": OID, "organizationId": "org", "price": 1})
    await database["inventory"].insert_many(
        [
            {"_id": OID, "organizationId": "org", "quantity": 3},
            {"_id": "v", "productId": HEX, "organizationId": "org", "quantity": 4},
            {"_id": "other", "productId": "p2", "organizationId": "org", "quantity": 5},
            {"_id": "theirs", "productId": HEX, "organizationId": "org2", "quantity": 6},
        ]
    )
    await one(client, Delete(**place(), external_id=HEX, expected={"price": "1"}, op=(1, 1)))
    left = {row["_id"] async for row in database["inventory"].find({}, {"_id": 1})}
    assert left == {"other", "theirs"}


async def test_references_go_out_as_the_platforms_own_ids(
    client: MongoDBClient, database: Database
) -> None:
    links = KnownLinks(
        {("product", "e1"): HEX, ("variation", "e2"): f"{HEX}#B", ("customer", "e3"): "c9"}
    )
    line = {"sku": "S", "name": "n", "quantity": 1, "unitPrice": "1", "total": "1"}
    order = Create(
        **place("order", "0123456789abcdef01234567"),
        want={
            "status": "processing",
            "customerId": "e3",
            "items": [
                {**line, "productId": "e1"},
                {**line, "productId": "e2"},
                {**line, "productId": None},
            ],
        },
        op=(1, 1),
    )
    (answer,) = await client.apply([order], links)
    assert answer.result == "taken"
    (document,) = await database["orders"].find().to_list()
    assert document["customerId"] == "c9"
    assert [item["productId"] for item in document["items"]] == [OID, OID, None]


async def test_stock_of_a_new_item_names_its_product(
    client: MongoDBClient, database: Database
) -> None:
    create = Create(**place("inventory"), want={"quantity": 4, "sku": "T"}, op=(1, 1))
    links = KnownLinks({("product", HEX): "77"})
    (answer,) = await client.apply([create], links)
    assert answer.result == "missing", "its product is not there"
    await database["products"].insert_one({"_id": "77", "organizationId": "org"})
    (answer,) = await client.apply([create], links)
    assert answer.result == "taken"
    (document,) = await database["inventory"].find().to_list()
    assert (document["_id"], document["productId"], document["quantity"]) == (OID, 77, 4)


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


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("product", {"sku": "TEA"}),
        ("inventory", {"sku": "TEA"}),
        ("customer", {"email": "nimal@example.com"}),
        ("customer", {"phone": "+94771234567"}),
    ],
)
async def test_a_create_finds_what_the_app_has_made_meanwhile(
    client: MongoDBClient, database: Database, kind: str, known: dict[str, str]
) -> None:
    """No index of the merchant's need say so: it is the one to link."""
    collection = database[COLLECTIONS[kind]]
    held = {**known, "name": "Tea", "quantity": 5}
    await collection.insert_one({"_id": "p1", "organizationId": "org", **held})
    await collection.insert_one({"_id": "p2", "organizationId": "other", **held})
    create = Create(**place(kind), op=(1, 1), want={**known, "quantity": 5, "name": "Tea"})
    answer = await one(client, create)
    assert (answer.result, answer.reason, answer.external_id) == ("refused", "sku", "p1")
    assert answer.seen is not None
    assert answer.seen.exists
    assert await collection.count_documents({"organizationId": "org"}) == 1
