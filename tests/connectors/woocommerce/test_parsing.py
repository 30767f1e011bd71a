from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.errors import Malformed
from connectors.protocol import Parsed, Sighting
from connectors.woocommerce.mapping import REVISION_BASE
from connectors.woocommerce.parsing import parse_delivery
from schemas.observation import FieldMark, Mark, Seen
from tests.connectors.woocommerce.conftest import raw, sample


def parse(topic: str, body: Any, **headers: str) -> Parsed:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_delivery(topic, headers, data)


def by_type(parsed: Parsed) -> dict[str, Sighting]:
    return {one.type: one for one in parsed.sightings}


def seen(parsed: Parsed, entity_type: str) -> Seen:
    found = by_type(parsed)[entity_type].seen
    assert found is not None
    return found


def test_a_product_is_itself_and_its_stock() -> None:
    parsed = parse("product.updated", raw("product_simple"))
    found = by_type(parsed)
    assert set(found) == {"product", "inventory"}
    product = found["product"]
    assert (product.external_id, product.match_keys) == ("412", ("sku:TEA-BOPF-400",))
    assert product.seen == Seen(
        external_id="412",
        fields={
            "sku": "TEA-BOPF-400",
            "name": "Ceylon BOPF tea 400 g",
            "weight": "0.4",
            "description": "<p>High-grown BOPF &#8211; <strong>fresh</strong> pack.</p>\n",
            "shortDescription": None,
            "status": "active",
            "dimensions": None,
            "categories": ["තේ / Tea"],
            "tags": [],
            "images": [{"url": "https://cdn.example.com/p/tea-bopf-400.jpg", "alt": ""}],
            "attributes": {},
            "details": {},
            "metadata": {},
            "price": "1899.5",
            "salePrice": None,
        },
        as_of=1784522131000,
        changed_at_ms=1784522131000,
    )
    stock = found["inventory"]
    assert (stock.external_id, stock.item_of, stock.match_keys) == (
        "412", "412", ("sku:TEA-BOPF-400",),
    )  # fmt: skip
    assert stock.seen is not None
    assert stock.seen.fields == {
        "sku": "TEA-BOPF-400", "quantity": 36, "backorders": "no", "lowStockThreshold": 5,
    }  # fmt: skip
    assert stock.seen.masked == ()


def test_the_plugins_shape_says_the_same() -> None:
    native = parse("product.updated", raw("product_simple"))
    plugin = parse("", {"topic": "product.updated", "data": sample("product_simple")})
    by_header = parse("", raw("product_simple"), **{"x-wc-webhook-topic": "product.updated"})
    assert native == plugin == by_header


def test_empty_price_is_no_price_and_unmanaged_stock_is_no_zero() -> None:
    parsed = parse("product.updated", raw("product_draft_empty_prices"))
    product, stock = seen(parsed, "product"), seen(parsed, "inventory")
    assert (product.fields["price"], product.fields["salePrice"]) == (None, None)
    assert product.fields["status"] == "draft"
    assert "quantity" not in stock.fields
    assert stock.masked == ("quantity", "backorders", "lowStockThreshold")
    assert by_type(parsed)["product"].match_keys == ()


@pytest.mark.parametrize("absent", [{}, {"stock_quantity": None}])
def test_stock_that_is_not_told_is_not_zero(absent: dict[str, Any]) -> None:
    body = {"id": 412, "name": "Tea", "manage_stock": True, **absent}
    stock = seen(parse("product.updated", body), "inventory")
    assert "quantity" not in stock.fields
    assert stock.masked == ()
    short = parse("product.updated", {"id": 412, "name": "Tea"})
    assert [one.type for one in short.sightings] == ["product"]


@pytest.mark.parametrize(
    ("given", "quantity", "masked"),
    [("16", 16, ()), (16.0, 16, ()), (0, 0, ()), (-3, -3, ()), (16.5, None, ("quantity",))],
)
def test_stock_of_other_types(given: Any, quantity: int | None, masked: tuple[str, ...]) -> None:
    body = {"id": 412, "manage_stock": True, "stock_quantity": given}
    stock = seen(parse("product.updated", body), "inventory")
    assert stock.fields.get("quantity") == quantity
    assert stock.masked == masked


def test_a_variable_parent_holds_no_price() -> None:
    parsed = parse("product.updated", raw("product_variable"))
    product = seen(parsed, "product")
    assert product.masked == ("price", "salePrice")
    assert "price" not in product.fields
    assert product.fields["attributes"] == {
        "Colour": ["Red", "Indigo"], "Blouse piece": ["Yes", "No"],
    }  # fmt: skip


def test_a_variation_arrives_as_a_product() -> None:
    found = by_type(parse("product.updated", raw("product_updated_variation_body")))
    assert set(found) == {"variation", "inventory"}
    red = found["variation"]
    assert (red.external_id, red.parent) == ("430:431", "430")
    assert red.seen is not None
    assert red.seen.fields == {
        "sku": "HL-SAREE-001-RED",
        "price": "14000",
        "salePrice": "12500",
        "attributes": {"Colour": "Red"},
        "image": "https://cdn.example.com/p/hl-saree-001-red.jpg",
    }
    stock = found["inventory"]
    assert (stock.external_id, stock.item_of) == ("430:431", "430:431")
    assert stock.seen is not None
    assert stock.seen.fields["quantity"] == 4


def test_an_order() -> None:
    order = seen(parse("order.created", raw("order_created_cod")), "order")
    fields = order.fields
    assert fields["status"] == "processing"
    assert fields["placedOn"] == "woocommerce"
    assert fields["items"] == [
        {"productId": "430:431", "sku": "HL-SAREE-001-RED", "name": "Handloom saree - Red",
         "quantity": 1, "unitPrice": "11250", "total": "11250"},
        {"productId": "412", "sku": "TEA-BOPF-400", "name": "Ceylon BOPF tea 400 g",
         "quantity": 3, "unitPrice": "1709.55", "total": "5128.65"},
    ]  # fmt: skip
    assert (fields["subtotal"], fields["discount"], fields["shippingTotal"], fields["total"]) == (
        "18198.5", "1819.85", "400", "16978.65",
    )  # fmt: skip
    assert fields["payment"] == {"method": "cod", "status": "pending", "codAmount": "16978.65"}
    assert fields["billing"]["phone"] == "+94771234567"
    assert fields["billing"]["name"] == "Nadeesha Perera"
    assert fields["shipping"] == {
        "name": "Nadeesha Perera", "address1": "12/3, Stanley Tillakaratne Mawatha",
        "city": "Nugegoda", "district": "Western", "postalCode": "10250", "country": "LK",
    }  # fmt: skip
    assert fields["createdAt"] == "2026-07-20T04:31:12.000Z"
    assert order.changed_at_ms == 1784521874000
    later = seen(parse("order.updated", raw("order_updated_partially_refunded")), "order")
    assert later.fields["status"] == "completed"
    assert later.fields["payment"] == {"method": "cod", "status": "paid"}
    assert later.fields["total"] == fields["total"]


def test_created_tells_what_the_order_is_by_now() -> None:
    """The body is built when it is sent: a new order may be paid already."""
    late = {**sample("order_created_cod"), "status": "processing",
            "date_paid_gmt": "2026-07-20T09:00:00"}  # fmt: skip
    order = seen(parse("order.created", late), "order")
    assert order.fields["status"] == "processing"
    assert order.fields["payment"]["status"] == "paid"
    assert parse("order.created", late) == parse("order.updated", late)


def test_a_status_of_a_plugin_is_nobodys_edit() -> None:
    order = seen(parse("order.updated", {"id": 1, "status": "wc-packed"}), "order")
    assert "status" not in order.fields
    assert order.fields["vendorStatus"] == "wc-packed"
    assert order.masked == ("status",)


def test_a_customer() -> None:
    parsed = parse("customer.created", raw("customer_created"))
    customer = by_type(parsed)["customer"]
    assert customer.external_id == "31"
    assert customer.match_keys == ("phone:+94712345670", "email:kasun@example.com")
    assert customer.seen is not None
    assert customer.seen.fields["name"] == "කසුන් ජයවර්ධන"
    assert customer.seen.changed_at_ms == 1784521870000
    assert [one["city"] for one in customer.seen.fields["addresses"]] == ["Dehiwala"]


@pytest.mark.parametrize("identifier", [455, "455"])
def test_a_deletion_is_only_a_notice(identifier: Any) -> None:
    parsed = parse("product.deleted", {"id": identifier})
    assert parsed.sightings == (
        Sighting(type="product", external_id="455", seen=None),
        Sighting(type="inventory", external_id="455", seen=None, item_of="455"),
    )
    trashed = parse("product.updated", {**sample("product_simple"), "status": "trash"})
    assert [one.seen for one in trashed.sightings] == [None, None]
    order = parse("order.deleted", {"id": 1041})
    assert order.sightings == (Sighting(type="order", external_id="1041", seen=None),)


@pytest.mark.parametrize(
    ("topic", "body", "why"),
    [
        ("", b"webhook_id=17", "ping"),
        ("order.updated", {"id": 9, "status": "checkout-draft"}, "checkout-draft"),
        ("product.created", {"id": 9, "status": "auto-draft"}, "auto-draft"),
        ("coupon.created", {"id": 9}, "not followed"),
        ("action.woocommerce_add_to_cart", {"action": "x", "arg": 1}, "not followed"),
        ("", {"id": 9}, "not followed"),
        (
            "order.updated",
            sample("exchange_webhook")["deliveries"][2]["raw_body"].encode(),
            "woocommerce_rest_cannot_view",
        ),
    ],
)
def test_nothing_in_it(topic: str, body: Any, why: str) -> None:
    parsed = parse(topic, body)
    assert parsed.sightings == ()
    assert why in parsed.ignored


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("product.updated", b"<html>"),
        ("product.updated", b"\xff"),
        ("product.updated", b"[1]"),
        ("product.updated", {"name": "no id"}),
        ("product.updated", {"id": 0}),
        ("product.updated", {"id": 7, "type": "variation"}),
    ],
)
def test_what_cannot_be_understood(topic: str, body: Any) -> None:
    with pytest.raises(Malformed):
        parse(topic, body)


def test_plugins_types_do_not_break_it() -> None:
    body = {
        "id": "412", "sku": 4711, "name": None, "regular_price": "call us", "sale_price": 12.5,
        "categories": None, "images": [None, {"src": ""}], "meta_data": {"a": 1}, "tags": "x",
        "attributes": [{"name": None}], "dimensions": [],
        "date_modified_gmt": "0000-00-00T00:00:00",
    }  # fmt: skip
    product = seen(parse("product.updated", body), "product")
    assert product.fields == {
        "sku": "4711", "name": None, "salePrice": "12.5", "categories": [], "images": [],
        "tags": [], "attributes": {}, "dimensions": None,
    }  # fmt: skip
    assert product.changed_at_ms is None


MARK = {
    "entity": "product/65f0c0ffee",
    "op": [812, 4],
    "fields": {
        "regular_price": {"op": [812, 4], "value": "1950.00", "wanted": "1950"},
        "description": {"op": [811, 1], "value": "<p>Plain</p>\n", "wanted": "Plain"},
        "unheard_of": {"op": [1, 1], "value": "x"},
    },
}


@pytest.mark.parametrize("value", [MARK, json.dumps(MARK)])
def test_our_mark_in_our_own_names(value: Any) -> None:
    body = {"id": 412, "meta_data": [{"id": 1, "key": "_smartstore_product", "value": value}]}
    assert seen(parse("product.updated", body), "product").mark == Mark(
        op=(812, 4),
        entity="product/65f0c0ffee",
        fields={
            "price": FieldMark(op=(812, 4), value="1950", wanted="1950"),
            "description": FieldMark(op=(811, 1), value="Plain", wanted="Plain"),
        },
    )


def test_a_counters_mark_has_its_total() -> None:
    value = {
        "entity": "inventory/65f0", "op": [812, 5],
        "fields": {"stock_quantity": {"op": [812, 5], "value": 7, "wanted": 7, "total": -3}},
    }  # fmt: skip
    body = {
        "id": 412, "manage_stock": True, "stock_quantity": 6,
        "meta_data": [{"key": "_smartstore_stock", "value": value}],
    }  # fmt: skip
    parsed = parse("product.updated", body)
    assert seen(parsed, "product").mark is None
    stock = seen(parsed, "inventory")
    assert stock.fields["quantity"] == 6
    assert stock.mark is not None
    assert stock.mark.fields == {"quantity": FieldMark(op=(812, 5), value=7, wanted=7, total=-3)}


@pytest.mark.parametrize("value", ["", "{", None, 7, [], {"op": "x"}, {"op": [1]}, {"fields": {}}])
def test_what_is_no_mark_of_ours(value: Any) -> None:
    body = {"id": 412, "meta_data": [{"key": "_smartstore_product", "value": value}]}
    assert seen(parse("product.updated", body), "product").mark is None


def test_the_revision_comes_after_every_time() -> None:
    timed = seen(parse("product.updated", raw("product_simple")), "product")
    meta = [{"id": 1, "key": "_smartstore_revision", "value": "3"}]
    counted = seen(
        parse("product.updated", {**sample("product_simple"), "meta_data": meta}), "product"
    )
    assert counted.as_of == REVISION_BASE + 3
    assert timed.as_of < counted.as_of < 2**53


def test_an_item_just_made_by_us_tells_no_stock_yet() -> None:
    meta = [{"key": "_smartstore_product", "value": MARK}]
    body = {**sample("product_draft_empty_prices"), "meta_data": meta}
    assert [one.type for one in parse("product.created", body).sightings] == ["product"]


def test_a_copy_of_ours_is_in_the_shops_wording() -> None:
    value = {"entity": "order/1", "op": [1, 1], "fields": {
        "status": {"op": [1, 1], "value": "processing"},
        "line_items": {"op": [1, 1], "value": None, "wanted": []},
    }}  # fmt: skip
    copied = {
        **sample("order_created_cod"),
        "meta_data": [{"key": "_smartstore_order", "value": value}],
    }
    order = seen(parse("order.updated", copied), "order")
    assert set(order.fields) == {"status", "billing", "shipping", "note", "refunds"}
    del value["fields"]["line_items"]
    written = seen(parse("order.updated", copied), "order")
    assert "items" in written.fields
    assert "placedOn" not in written.fields


def test_the_plugin_tells_which_variation_was_deleted() -> None:
    gone = {"id": 431, "type": "variation", "parent_id": 430}
    told = {"topic": "product.deleted", "data": gone}
    parsed = parse("", told)
    assert [(one.type, one.external_id, one.parent) for one in parsed.sightings] == [
        ("variation", "430:431", "430"),
        ("inventory", "430:431", None),
    ]
    assert all(one.seen is None for one in parsed.sightings)
    trashed = {**sample("product_updated_variation_body"), "status": "trash"}
    assert parse("product.updated", trashed) == parsed


def test_people_who_run_the_shop_are_no_customers() -> None:
    owner = {**sample("customer_created"), "role": "administrator"}
    assert "administrator" in parse("customer.updated", owner).ignored
    assert parse("customer.updated", sample("customer_created")).sightings
