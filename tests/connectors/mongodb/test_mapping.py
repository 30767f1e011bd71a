from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.objectid import ObjectId

from connectors.errors import Malformed
from connectors.mongodb.mapping import escaped, id_text, parse_event, seen_of, sightings
from connectors.mongodb.settings import DEFAULT, shape_of
from connectors.mongodb.stored import id_value, id_values, stored
from schemas.observation import FieldMark

HEX = "65f0c0ffee65f0c0ffee65f0"
AS_OF = (1795339800 << 32) | 3


def event(operation: str, collection: str, key: Any, document: Any, **more: Any) -> bytes:
    return orjson.dumps(
        {
            "operationType": operation,
            "clusterTime": {"t": 1795339800, "i": 3},
            "wallTime": 1795339800250,
            "ns": {"db": "shop", "coll": collection},
            "documentKey": {"_id": key},
            "fullDocument": document,
            **more,
        }
    )


@pytest.mark.parametrize(
    ("raw", "text"),
    [(ObjectId(HEX), HEX), ({"$oid": HEX}, HEX), ("web-7", "web-7"), (412, "412"), (Int64(9), "9")],
)
def test_ids_as_text(raw: Any, text: str) -> None:
    assert id_text(raw) == text


@pytest.mark.parametrize("raw", [1.5, None, True, {"a": 1}, [1]])
def test_other_ids_are_refused(raw: Any) -> None:
    with pytest.raises(Malformed):
        id_text(raw)


@pytest.mark.parametrize(
    "raw",
    [Decimal128("1899.50"), {"$numberDecimal": "1899.50"}, 1899.5, "1899.50", "1899.5"],
)
def test_money_of_every_type_is_one_value(raw: Any) -> None:
    seen = seen_of(DEFAULT, "product", {"_id": HEX, "price": raw}, as_of=1)
    assert seen.fields == {"price": "1899.5"}


def test_absent_null_empty_and_zero_stay_four_things() -> None:
    document = {"_id": HEX, "name": "", "description": None, "price": 0, "salePrice": None}
    fields = seen_of(DEFAULT, "product", document, as_of=1).fields
    assert fields == {"name": "", "description": None, "price": "0", "salePrice": None}
    assert "sku" not in fields


def test_null_stock_is_unmanaged_and_missing_stock_says_nothing() -> None:
    null = seen_of(DEFAULT, "inventory", {"_id": HEX, "quantity": None}, as_of=1)
    assert (null.fields, null.masked) == ({}, ("quantity",))
    missing = seen_of(DEFAULT, "inventory", {"_id": HEX, "sku": "T"}, as_of=1)
    assert (missing.fields, missing.masked) == ({"sku": "T"}, ())
    zero = seen_of(DEFAULT, "inventory", {"_id": HEX, "quantity": 0.0}, as_of=1)
    assert zero.fields == {"quantity": 0}


@pytest.mark.parametrize("quantity", ["many", 1.5, True, Decimal128("NaN")])
def test_what_is_no_count_is_named(quantity: Any) -> None:
    with pytest.raises(Malformed, match="quantity"):
        seen_of(DEFAULT, "inventory", {"_id": HEX, "quantity": quantity}, as_of=1)


def test_a_product_with_variants_is_several_sightings() -> None:
    document = {
        "_id": {"$oid": HEX},
        "organizationId": "org",
        "sku": "TEA",
        "price": {"$numberDecimal": "100"},
        "variants": [
            {
                "sku": "TEA-400",
                "price": 150,
                "attributes": {"size": "400 g"},
                "weight": 0.4,
                "dimensions": {"length": 20, "height": "5.0"},
            },
            {"price": 9},
            {"sku": "TEA-400", "price": 1},
        ],
        "_sync": {
            "op": [7, 2],
            "fields": {"price": {"op": [7, 2], "value": "100"}},
            "variants": {"TEA-400": {"op": [7, 3], "fields": {}}},
        },
    }
    parsed = parse_event(
        DEFAULT,
        event("update", "products", {"$oid": HEX}, document, removedVariants=["TEA-100"]),
    )
    product, variation, gone = parsed.sightings
    assert product.seen is not None
    assert product.match_keys == ("sku:TEA",)
    assert product.seen.as_of == AS_OF
    assert product.seen.changed_at_ms == 1795339800250
    assert product.seen.mark is not None
    assert product.seen.mark.fields["price"] == FieldMark(op=(7, 2), value="100", wanted="100")
    assert variation.seen is not None
    assert (variation.external_id, variation.parent) == (f"{HEX}#TEA-400", HEX)
    assert variation.seen.fields == {
        "sku": "TEA-400",
        "price": "150",
        "attributes": {"size": "400 g"},
        "weight": "0.4",
        "dimensions": {"length": "20", "height": "5"},
        "parentId": HEX,
    }
    assert variation.seen.mark is not None
    assert variation.seen.mark.op == (7, 3)
    assert (gone.external_id, gone.seen) == (f"{HEX}#TEA-100", None)


def test_a_deletion_is_a_notice_and_a_vanished_document_too() -> None:
    for body in (
        event("delete", "orders", "o-1", None),
        event("update", "orders", "o-1", None),
    ):
        (notice,) = parse_event(DEFAULT, body).sightings
        assert (notice.type, notice.external_id, notice.seen) == ("order", "o-1", None)


@pytest.mark.parametrize(
    ("document", "item_of"),
    [
        ({"_id": HEX, "sku": "T"}, HEX),
        ({"_id": HEX, "productId": HEX, "sku": "T"}, HEX),
        ({"_id": "row-1", "productId": HEX, "sku": "T"}, f"{HEX}#T"),
        ({"_id": "row-1", "productId": HEX}, HEX),
    ],
)
def test_whose_stock_it_is(document: dict[str, Any], item_of: str) -> None:
    (sighting,) = sightings(DEFAULT, "inventory", document, as_of=1)
    assert sighting.item_of == item_of


def test_customers_match_by_phone_and_email() -> None:
    document = {"_id": 25, "phone": "+94 77 123 4567", "email": " A@B.lk "}
    (sighting,) = sightings(DEFAULT, "customer", document, as_of=1)
    assert sighting.match_keys == ("phone:+94771234567", "email:a@b.lk")


def test_an_order_line_has_all_its_keys() -> None:
    document = {
        "_id": 1041,
        "createdAt": datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
        "items": [{"productId": ObjectId(HEX), "quantity": 2.0, "unitPrice": "10.00"}],
        "payment": {"method": "cod", "codAmount": Decimal128("20.00")},
    }
    fields = seen_of(DEFAULT, "order", document, as_of=1).fields
    assert fields["createdAt"] == "2026-11-22T09:30:00.000Z"
    assert fields["payment"] == {"method": "cod", "codAmount": "20"}
    assert fields["items"] == [
        {
            "productId": HEX,
            "sku": None,
            "name": None,
            "quantity": 2,
            "unitPrice": "10",
            "total": None,
        }
    ]


@pytest.mark.parametrize("sync", [None, 7, {"op": "x"}, {"op": [1]}, {"op": ["a", "b"]}, {}])
def test_an_unreadable_mark_is_no_mark(sync: Any) -> None:
    assert seen_of(DEFAULT, "product", {"_id": HEX, "_sync": sync}, as_of=1).mark is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"ns": {"coll": "products"}}'])
def test_what_is_no_change_event(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_event(DEFAULT, body)


def test_other_collections_are_ignored() -> None:
    assert parse_event(DEFAULT, event("insert", "ss_links", "x", {"_id": "x"})).ignored


def test_names_can_be_mapped() -> None:
    shape = shape_of({"collection_product": "goods", "field_product_price": "unit_price"})
    (product,) = sightings(shape, "product", {"_id": HEX, "unit_price": 5, "price": 9}, as_of=1)
    assert product.seen is not None
    assert product.seen.fields == {"price": "5"}
    assert shape.types["goods"] == "product"


@pytest.mark.parametrize(
    ("current", "written"),
    [
        (None, Decimal128("1950.5")),
        (Decimal128("1899.50"), Decimal128("1950.5")),
        ("1899.50", "1950.5"),
        (1899.5, 1950.5),
        (1899, Decimal128("1950.5")),
    ],
)
def test_money_is_written_in_the_type_the_field_has(current: Any, written: Any) -> None:
    made = stored("product", "price", "1950.5", current)
    assert (type(made), made) == (type(written), written)


def test_a_double_takes_only_what_it_holds_exactly() -> None:
    long = "1950.123456789012345678"
    assert stored("product", "price", long, 1.0) == Decimal128(Decimal(long))
    assert stored("product", "price", "1950", 12) == 1950


def test_times_ids_and_lines_in_their_types() -> None:
    made = stored("order", "createdAt", "2026-11-22T09:30:00.000Z", None)
    assert made == datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    assert stored("order", "customerId", HEX, None) == ObjectId(HEX)
    assert stored("order", "customerId", HEX, "old") == HEX
    line = {
        "productId": HEX,
        "sku": "T",
        "name": "Tea",
        "quantity": 1,
        "unitPrice": "5",
        "total": "5",
    }
    (new,) = stored("order", "items", [line], None)
    assert (new["productId"], new["unitPrice"]) == (ObjectId(HEX), Decimal128("5"))
    (like,) = stored("order", "items", [line], [{"productId": "x", "unitPrice": 1.5, "total": "2"}])
    assert (like["productId"], like["unitPrice"], like["total"]) == (HEX, 5.0, "5")


def test_ids_back() -> None:
    assert id_value(HEX) == ObjectId(HEX)
    assert id_value("412") == 412
    assert id_value("web-7") == "web-7"
    assert id_values(HEX) == [ObjectId(HEX), HEX]
    assert id_values("007") == ["007"]


def test_a_sku_as_a_field_name() -> None:
    assert escaped("A.B$C%D") == "A%2EB%24C%25D"
