"""Every row of docs/plugin-route.md against the real plugin."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import Paused
from connectors.woocommerce.rest import Rejected
from tests.real_store.calls import Calls, create, meta, outcome, write
from tests.real_store.shop import RealShop


@pytest.fixture
async def product(calls: Calls) -> dict[str, Any]:
    return await calls.new_product(regular_price="1899.50", manage_stock=True, stock_quantity=36)


async def test_description(calls: Calls) -> None:
    found = await calls.rest.send("GET", "/wp-json/smartstore/v1/sync")
    assert found == {"plugin": "1.0.0", "protocol": 1, "max_operations": 100}


async def test_taken_with_mark_and_revision_and_harmless_to_repeat(
    calls: Calls, product: dict[str, Any]
) -> None:
    operation = write(product, expected={"regular_price": "1899.5"})
    [result] = await calls.sync(operation)
    assert outcome(result) == ("taken", "")
    assert (result["op"], result["gone"]) == ([812, 1], False)
    assert result["resource"]["regular_price"] == "1950"
    assert meta(result["resource"], "_smartstore_product") == {
        "entity": operation["entity"],
        "op": [812, 1],
        "fields": {"regular_price": {"op": [812, 1], "value": "1950", "wanted": "1950"}},
    }
    revision = meta(result["resource"], "_smartstore_revision")
    await calls.edit(product, regular_price="1")
    [again] = await calls.sync(operation)
    assert outcome(again) == ("taken", "")
    assert again["resource"]["regular_price"] == "1"
    assert meta(again["resource"], "_smartstore_revision") > revision


async def test_refusals(calls: Calls, product: dict[str, Any]) -> None:
    other = await calls.new_product(regular_price="5", sku=f"TAKEN-{product['id']}")
    await calls.sync(write(product))
    await calls.edit(product, name="Edited")
    following: dict[str, Any] = {"op": [812, 2], "after": [812, 1]}
    cases = [
        (write(other, expected={"regular_price": "6"}), ("refused", "expected")),
        (write(product, op=[811, 9]), ("refused", "sequence")),
        (write(product, op=[812, 2]), ("refused", "after")),
        (write(product, **following, expected={"name": "Old"}), ("refused", "expected")),
        (write(product, op=[812, 2], id=999_999), ("missing", "")),
        (
            write(product, **following, want={"regular_price": 5}),
            ("invalid", "rest_invalid_param"),
        ),
        (
            write(product, **following, want={"sku": other["sku"]}),
            ("invalid", "product_invalid_sku"),
        ),
        (write(product, **following, surprise=1), ("invalid", "rest_invalid_param")),
        (write(product, **following, do="melt"), ("invalid", "rest_invalid_param")),
        (write(product, **following), ("taken", "")),
    ]
    results = await calls.sync(*(operation for operation, _ in cases))
    assert [outcome(result) for result in results] == [expected for _, expected in cases]
    assert [result["gone"] for result in results] == [False] * 4 + [True] + [False] * 5
    assert results[2]["resource"]["name"] == "Edited"
    assert results[6]["message"]


async def test_prices_compare_as_decimals_and_objects_by_their_keys(
    calls: Calls, product: dict[str, Any]
) -> None:
    expected = {
        "regular_price": "1899.50000",
        "dimensions": {"length": ""},
        "categories": [{"id": product["categories"][0]["id"]}],
        "manage_stock": True,
    }
    [result] = await calls.sync(
        write(product, expected=expected, want={"dimensions": {"length": "4"}})
    )
    assert outcome(result) == ("taken", "")
    assert result["resource"]["dimensions"] == {"length": "4", "width": "", "height": ""}


async def test_texts_are_compared_and_answered_as_stored(
    calls: Calls, product: dict[str, Any]
) -> None:
    text = 'Two lines\n\nand a "quote" — කුරුඳු, back\\slash [gallery]'
    stored = text.replace("\\", "")  # WordPress drops backslashes: its form of what we wrote
    [first] = await calls.sync(write(product, want={"description": text}))
    assert first["resource"]["description"] == stored
    entry = meta(first["resource"], "_smartstore_product")["fields"]["description"]
    assert entry == {"op": [812, 1], "value": stored, "wanted": text}
    following = write(product, op=[812, 2], after=[812, 1], expected={"description": stored})
    [second] = await calls.sync(following)
    assert outcome(second) == ("taken", "")


async def test_stock_is_an_entity_of_its_own_with_totals(
    calls: Calls, product: dict[str, Any]
) -> None:
    await calls.sync(write(product))
    operation = write(
        product, resource="stock", entity=f"inventory/{product['id']}", op=[812, 5],
        expected={"stock_quantity": 36}, want={"stock_quantity": 7},
        totals={"stock_quantity": -3},
    )  # fmt: skip
    [result] = await calls.sync(operation)
    assert outcome(result) == ("taken", "")
    mark = meta(result["resource"], "_smartstore_stock")
    assert mark["fields"]["stock_quantity"] == {
        "op": [812, 5], "value": 7, "wanted": 7, "total": -3,
    }  # fmt: skip
    assert meta(result["resource"], "_smartstore_product")["op"] == [812, 1]
    await calls.sell(product, 2)
    [refused] = await calls.sync({**operation, "op": [812, 6], "after": [812, 5]})
    assert outcome(refused) == ("refused", "expected")
    assert refused["resource"]["stock_quantity"] == 5
    [wrong] = await calls.sync({**operation, "op": [812, 7], "want": {"name": "no stock"}})
    assert outcome(wrong) == ("invalid", "rest_invalid_param")


async def test_the_mark_keeps_fields_of_earlier_operations_and_what_was_stored(
    calls: Calls, product: dict[str, Any]
) -> None:
    await calls.sync(write(product))
    second = write(product, op=[813, 1], after=[812, 1], want={"weight": " 0.50 "})
    [result] = await calls.sync(second)
    fields = meta(result["resource"], "_smartstore_product")["fields"]
    assert fields["regular_price"] == {"op": [812, 1], "value": "1950", "wanted": "1950"}
    assert fields["weight"]["wanted"] == " 0.50 "
    assert fields["weight"]["value"] == result["resource"]["weight"]


async def test_an_empty_want_writes_the_mark_alone_and_raises_the_revision(
    calls: Calls, product: dict[str, Any]
) -> None:
    [first] = await calls.sync(write(product, want={}))
    assert meta(first["resource"], "_smartstore_product")["fields"] == {}
    [second] = await calls.sync(write(product, op=[812, 2], after=[812, 1], want={}))
    revisions = [meta(one["resource"], "_smartstore_revision") for one in (first, second)]
    assert revisions[1] > revisions[0]


async def test_create_finds_its_own_and_refuses_a_taken_sku(calls: Calls) -> None:
    operation = create(want={"name": "Pan", "sku": calls.new_sku()})
    [made] = await calls.sync(operation)
    assert outcome(made) == ("taken", "")
    number = made["resource"]["id"]
    [again] = await calls.sync(operation)
    assert (outcome(again), again["resource"]["id"]) == (("taken", ""), number)
    [later] = await calls.sync({**operation, "op": [813, 1]})
    assert outcome(later) == ("refused", "after")
    [other] = await calls.sync({**operation, "entity": f"{operation['entity']}-other"})
    assert (outcome(other), other["resource"]["id"]) == (("refused", "sku"), number)
    await calls.rest.send("DELETE", f"/wp-json/wc/v3/products/{number}")
    [removed] = await calls.sync({**operation, "op": [813, 2]})
    assert (outcome(removed), removed["gone"]) == (("refused", "removed"), True)


async def test_entities_differ_by_capitals(calls: Calls) -> None:
    first = create(entity="product/AbC", want={"name": "One"})
    second = create(entity="product/aBc", want={"name": "Two"})
    results = await calls.sync(first, second)
    assert [outcome(result) for result in results] == [("taken", "")] * 2
    assert results[0]["resource"]["id"] != results[1]["resource"]["id"]


async def test_create_of_a_variation(calls: Calls) -> None:
    parent = await calls.new_product(
        type="variable",
        attributes=[{"name": "Colour", "options": ["Blue"], "variation": True, "visible": True}],
    )
    want = {
        "sku": calls.new_sku(), "regular_price": "1", "description": "Deep\n\nblue",
        "attributes": [{"name": "Colour", "option": "Blue"}],
    }  # fmt: skip
    operation = create(resource="variation", parent_id=parent["id"], want=want)
    [result] = await calls.sync(operation)
    assert outcome(result) == ("taken", "")
    child = result["resource"]
    assert (child["parent_id"], child["type"]) == (parent["id"], "variation")
    assert child["description"] == "Deep\n\nblue"
    stock = {
        **write(child, resource="stock", parent_id=parent["id"]),
        "expected": {"manage_stock": False},
        "want": {"manage_stock": True, "stock_quantity": 4},
    }
    [counted] = await calls.sync(stock)
    assert (outcome(counted), counted["resource"]["stock_quantity"]) == (("taken", ""), 4)
    [orphan] = await calls.sync({**operation, "parent_id": 999_999, "entity": "x/1"})
    assert outcome(orphan) == ("missing", "")
    [elsewhere] = await calls.sync(
        write(child, resource="variation", parent_id=parent["id"] + 1, want={"sku": "x"})
    )
    assert outcome(elsewhere) == ("missing", "")
    [gone] = await calls.sync(
        {**write(child, resource="variation", do="delete", op=[812, 9]), "after": [812, 1],
         "expected": {}}
    )  # fmt: skip
    assert (outcome(gone), gone["gone"]) == (("taken", ""), True)


async def test_delete_and_read(calls: Calls, product: dict[str, Any]) -> None:
    delete = {**write(product, do="delete"), "want": {}}
    [refused] = await calls.sync({**delete, "expected": {"name": "x"}})
    assert outcome(refused) == ("refused", "expected")
    [deleted] = await calls.sync(delete)
    assert (outcome(deleted), deleted["resource"]["status"]) == (("taken", ""), "trash")
    assert deleted["gone"] is True
    [again] = await calls.sync(delete)
    assert outcome(again) == ("taken", "")
    [read] = await calls.sync({"do": "read", "resource": "product", "id": product["id"]})
    assert (outcome(read), read["gone"]) == (("taken", ""), True)
    [missing] = await calls.sync({"do": "read", "resource": "order", "id": 1})
    assert (outcome(missing), missing["gone"]) == (("missing", ""), True)


async def test_customers(calls: Calls) -> None:
    name = calls.new_sku().lower()
    want = {
        "email": f"{name}@example.com", "first_name": "Nadeesha", "last_name": "Perera",
        "billing": {"phone": "077 123 4567"},
    }  # fmt: skip
    [made] = await calls.sync(create(resource="customer", entity=f"customer/{name}", want=want))
    assert outcome(made) == ("taken", "")
    held = made["resource"]
    assert meta(held, "_smartstore_customer")["entity"] == f"customer/{name}"
    operation = write(
        held, resource="customer", entity=f"customer/{name}", op=[812, 2], after=[812, 1],
        expected={"billing": {"phone": "077 123 4567"}}, want={"first_name": "Nadee"},
    )  # fmt: skip
    [taken] = await calls.sync(operation)
    assert (outcome(taken), taken["resource"]["first_name"]) == (("taken", ""), "Nadee")
    shown = await calls.rest.get(f"/customers/{held['id']}")
    assert meta(shown, "_smartstore_customer")["op"] == [812, 2]
    assert meta(shown, "_smartstore_revision") == meta(taken["resource"], "_smartstore_revision")
    [refused] = await calls.sync({**operation, "do": "delete", "op": [812, 3], "after": [812, 2]})
    assert outcome(refused) == ("invalid", "woocommerce_rest_trash_not_supported")


async def test_too_many_operations(calls: Calls) -> None:
    operations = [{"do": "read", "resource": "product", "id": 1}] * 101
    with pytest.raises(Rejected) as caught:
        await calls.sync(*operations)
    assert caught.value.code == "woocommerce_rest_request_entity_too_large"
    assert caught.value.data["status"] == 413


def test_what_there_was_no_time_for_is_told_so(shop: RealShop) -> None:
    told = shop.php("return SmartStore\\WooCommerce\\Operation::later(array('op' => array(1, 2)));")
    assert told == {
        "op": [1, 2], "result": "busy", "reason": "time", "resource": None, "gone": False,
    }  # fmt: skip


async def test_keys_without_the_right(shop: RealShop, product: dict[str, Any]) -> None:
    route = "/wp-json/smartstore/v1/sync"
    body = {"operations": [write(product)]}
    for key, expected in (("read", "woocommerce_rest_cannot_edit"), ("subscriber", "cannot_edit")):
        rest = shop.rest(key)
        with pytest.raises(Paused, match=expected):
            await rest.send("POST", route, body=body)
        await rest.close()
    reader = shop.rest("read")
    assert (await reader.send("GET", route))["protocol"] == 1
    await reader.close()


async def test_what_cannot_be_read_just_now_is_busy_not_gone(calls: Calls) -> None:
    product = await calls.new_product(regular_price="5")
    told = calls.shop.php(
        "class Away extends WC_Product { function __construct($id = 0) {"
        " throw new Exception('away'); } }"
        "add_filter('woocommerce_product_class', function () { return 'Away'; });"
        "return SmartStore\\WooCommerce\\Operation::run(array('do' => 'read',"
        f"'resource' => 'product', 'id' => {product['id']}));"
    )
    assert (told["result"], told["reason"], told["gone"]) == ("busy", "read", False)


async def test_a_lost_connection_ends_the_transaction(calls: Calls) -> None:
    """WordPress opens another one by itself, in which nothing is locked."""
    if calls.shop.database == "sqlite":
        pytest.skip("SQLite has no connection to lose")
    lock = "SmartStore\\WooCommerce\\Lock"
    told = calls.shop.php(
        f"$went_on = 0; try {{ {lock}::transaction(function () use (&$went_on) {{"
        "global $wpdb; $wpdb->close(); $wpdb->db_connect();"
        "$wpdb->query('SELECT 1'); $went_on++; }); return 'done'; }"
        f"catch ({lock}_Lost $lost) {{ return array($lost->getMessage(), $went_on); }}"
    )
    assert told == ["the connection to the database was lost", 0]


async def test_pictures_of_what_is_not_written_are_taken_away(calls: Calls) -> None:
    count = "return (int) wp_count_posts('attachment')->inherit;"
    before = calls.shop.php(count)
    picture = [{"src": "https://cdn.example.com/pot.jpg"}]
    product = await calls.new_product(regular_price="5")
    [refused] = await calls.sync(
        write(product, expected={"regular_price": "6"}, want={"images": picture})
    )
    assert outcome(refused) == ("refused", "expected")
    assert calls.shop.php(count) == before
    [taken] = await calls.sync(write(product, want={"images": picture}))
    assert outcome(taken) == ("taken", "")
    assert calls.shop.php(count) == before + 1
    [again] = await calls.sync(write(product, want={"images": picture}))
    assert outcome(again) == ("taken", "")
    assert calls.shop.php(count) == before + 1
