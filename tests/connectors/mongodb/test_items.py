"""Items made and deleted by MongoDB's client."""

import pytest
from bson.decimal128 import Decimal128

from connectors.mongodb.client import MongoDBClient
from connectors.mongodb.settings import COLLECTIONS
from schemas.command import Create, Delete
from streams.database import Database
from support.mongodb_client import CONNECTION, HEX, OID, KnownLinks, one, place, write

pytestmark = pytest.mark.servers


@pytest.fixture
def client(database: Database) -> MongoDBClient:
    return MongoDBClient(CONNECTION, database)


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
