"""The plugin's route as docs/plugin-route.md defines it."""

from typing import Any

from tests.sandbox.conftest import Bench, ShopClient


async def plugin_shop(bench: Bench) -> ShopClient:
    return await bench.shop(load="sri-lanka")


def write(**more: Any) -> dict[str, Any]:
    return {
        "do": "write", "resource": "product", "entity": "product/65f0", "id": 412, "parent_id": 0,
        "op": [812, 1], "after": None, "expected": {"regular_price": "1899.5"},
        "want": {"regular_price": "1950"}, "totals": {}, **more,
    }  # fmt: skip


def create(**more: Any) -> dict[str, Any]:
    return {
        "do": "create", "resource": "product", "entity": "product/new", "op": [812, 1],
        "after": None, "expected": {}, "want": {"name": "Pan", "sku": "PAN-1"}, "totals": {},
        **more,
    }  # fmt: skip


def meta(resource: dict[str, Any], key: str) -> Any:
    return next((entry["value"] for entry in resource["meta_data"] if entry["key"] == key), None)


def outcome(result: dict[str, Any]) -> tuple[str, str]:
    return result["result"], result["reason"]


async def test_description(bench: Bench) -> None:
    shop = await plugin_shop(bench)
    answer = await shop.call("GET", "smartstore/v1/sync")
    assert answer.json() == {"plugin": "1.0.0", "protocol": 1, "max_operations": 100}


async def test_taken_with_mark_and_revision_and_harmless_to_repeat(bench: Bench) -> None:
    shop = await plugin_shop(bench)
    [result] = await shop.sync(write())
    assert outcome(result) == ("taken", "")
    assert result["op"] == [812, 1]
    assert result["resource"]["regular_price"] == "1950"
    assert meta(result["resource"], "_smartstore_product") == {
        "entity": "product/65f0",
        "op": [812, 1],
        "fields": {"regular_price": {"op": [812, 1], "value": "1950", "wanted": "1950"}},
    }
    revision = meta(result["resource"], "_smartstore_revision")
    await bench.control.edit_product("shop", 412, regular_price="1")
    [again] = await shop.sync(write())
    assert outcome(again) == ("taken", "")
    assert again["resource"]["regular_price"] == "1"
    assert meta(again["resource"], "_smartstore_revision") == revision + 1
    accepted = await bench.control.writes("shop", accepted="true")
    assert [entry["op"] for entry in accepted] == [[812, 1]]


async def test_refusals(bench: Bench) -> None:
    shop = await plugin_shop(bench)
    await shop.sync(write())
    await bench.control.edit_product("shop", 412, name="Edited")
    following: dict[str, Any] = {"after": [812, 1], "expected": {}}
    cases = [
        (write(op=[812, 1], id=413), ("refused", "expected")),
        (write(op=[811, 9]), ("refused", "sequence")),
        (write(op=[812, 2]), ("refused", "after")),
        (write(op=[812, 2], after=[812, 1], expected={"name": "Old"}), ("refused", "expected")),
        (write(op=[812, 2], id=9999), ("missing", "")),
        (write(op=[812, 2], **following, want={"regular_price": 5}),
         ("invalid", "rest_invalid_param")),
        (write(op=[812, 2], **following, want={"sku": "POT-CLAY-M"}),
         ("invalid", "product_invalid_sku")),
        (write(op=[812, 2], **following, surprise=1), ("invalid", "rest_invalid_param")),
        (write(op=[812, 2], **following), ("taken", "")),
    ]  # fmt: skip
    results = await shop.sync(*(operation for operation, _ in cases))
    assert [outcome(result) for result in results] == [expected for _, expected in cases]
    assert [result["gone"] for result in results] == [False] * 4 + [True] + [False] * 4
    assert results[2]["resource"]["name"] == "Edited"
    assert results[6]["message"] == "Invalid or duplicated SKU."
    refused = await bench.control.writes("shop", accepted="false")
    assert len(refused) == len(cases) - 1


async def test_prices_compare_as_decimals_and_objects_by_their_keys(bench: Bench) -> None:
    shop = await plugin_shop(bench)
    expected = {
        "regular_price": "1899.50000",
        "dimensions": {"length": ""},
        "categories": [{"id": 21}],
        "manage_stock": True,
    }
    [result] = await shop.sync(write(expected=expected, want={"dimensions": {"length": "4"}}))
    assert outcome(result) == ("taken", "")
    assert result["resource"]["dimensions"] == {"length": "4", "width": "", "height": ""}


async def test_stock_is_an_entity_of_its_own_with_totals(bench: Bench) -> None:
    shop = await plugin_shop(bench)
    await shop.sync(write())
    operation = write(
        resource="stock", entity="inventory/65f0", op=[812, 5], expected={"stock_quantity": 36},
        want={"stock_quantity": 7}, totals={"stock_quantity": -3},
    )  # fmt: skip
    [result] = await shop.sync(operation)
    assert outcome(result) == ("taken", "")
    mark = meta(result["resource"], "_smartstore_stock")
    assert mark["fields"]["stock_quantity"] == {
        "op": [812, 5], "value": 7, "wanted": 7, "total": -3,
    }  # fmt: skip
    assert meta(result["resource"], "_smartstore_product")["op"] == [812, 1]
    await bench.control.sell("shop", "TEA-BOPF-400", 2)
    [refused] = await shop.sync({**operation, "op": [812, 6], "after": [812, 5]})
    assert outcome(refused) == ("refused", "expected")
    assert refused["resource"]["stock_quantity"] == 5


async def test_the_mark_keeps_fields_of_earlier_operations_and_what_was_stored(
    bench: Bench,
) -> None:
    shop = await plugin_shop(bench)
    await shop.sync(write())
    second = write(op=[813, 1], after=[812, 1], expected={}, want={"name": " Tea "})
    [result] = await shop.sync(second)
    assert meta(result["resource"], "_smartstore_product")["fields"] == {
        "regular_price": {"op": [812, 1], "value": "1950", "wanted": "1950"},
        "name": {"op": [813, 1], "value": "Tea", "wanted": " Tea "},
    }


async def test_create_finds_its_own_and_refuses_a_taken_sku(bench: Bench) -> None:
    shop = await plugin_shop(bench)
    [made] = await shop.sync(create())
    [again] = await shop.sync(create())
    assert outcome(again) == ("taken", "")
    assert again["resource"]["id"] == made["resource"]["id"]
    [later] = await shop.sync(create(op=[813, 1]))
    assert outcome(later) == ("refused", "after")
    [other] = await shop.sync(create(entity="product/other"))
    assert outcome(other) == ("refused", "sku")
    assert other["resource"]["id"] == made["resource"]["id"]
    await bench.control.trash_product("shop", made["resource"]["id"])
    [removed] = await shop.sync(create(op=[813, 2]))
    assert outcome(removed) == ("refused", "removed")
    assert removed["gone"] is True


async def test_create_of_a_variation(bench: Bench) -> None:
    shop = await plugin_shop(bench)
    want = {"sku": "HL-SAREE-001-BLU", "regular_price": "1", "attributes": [
        {"name": "Colour", "option": "Blue"}]}  # fmt: skip
    operation = create(resource="variation", parent_id=430, want=want)
    [result] = await shop.sync(operation)
    assert outcome(result) == ("taken", "")
    assert result["resource"]["parent_id"] == 430
    [orphan] = await shop.sync(
        {**operation, "parent_id": 9999, "entity": "x", "want": {"sku": "n"}}
    )
    assert outcome(orphan) == ("missing", "")


async def test_a_copied_order_moves_no_stock_ever(bench: Bench) -> None:
    shop = await plugin_shop(bench)
    want = {"status": "processing", "line_items": [{"product_id": 412, "quantity": 2}]}
    [made] = await shop.sync(create(resource="order", entity="order/1", want=want))
    number = made["resource"]["id"]
    assert (await bench.control.order("shop", number))["order_stock_reduced"] is True
    operation = write(
        resource="order", entity="order/1", id=number, op=[812, 2], after=[812, 1],
        expected={"status": "processing"}, want={"status": "cancelled"},
    )  # fmt: skip
    [cancelled] = await shop.sync(operation)
    assert outcome(cancelled) == ("taken", "")
    assert (await bench.control.order("shop", number))["order_stock_reduced"] is False
    assert (await bench.control.product("shop", 412))["stock_quantity"] == 36


async def test_an_order_of_the_shop_cancelled_through_the_route_leaves_its_stock(
    bench: Bench,
) -> None:
    shop = await plugin_shop(bench)
    order = await bench.control.sell("shop", "TEA-BOPF-400", 2)
    operation = write(
        resource="order", entity="order/2", id=order["id"], expected={},
        want={"status": "cancelled"},
    )  # fmt: skip
    await shop.sync(operation)
    await bench.control.cancel_order("shop", order["id"])
    assert (await bench.control.product("shop", 412))["stock_quantity"] == 34


async def test_delete_and_read(bench: Bench) -> None:
    shop = await plugin_shop(bench)
    delete = write(do="delete", want={})
    [refused] = await shop.sync({**delete, "expected": {"name": "x"}})
    assert outcome(refused) == ("refused", "expected")
    [deleted] = await shop.sync(delete)
    assert (outcome(deleted), deleted["resource"]["status"]) == (("taken", ""), "trash")
    [again] = await shop.sync(delete)
    assert outcome(again) == ("taken", "")
    [read] = await shop.sync({"do": "read", "resource": "product", "id": 412})
    assert (outcome(read), read["gone"]) == (("taken", ""), True)
    [missing] = await shop.sync({"do": "read", "resource": "order", "id": 1})
    assert (outcome(missing), missing["gone"]) == (("missing", ""), True)


async def test_too_many_operations(bench: Bench) -> None:
    shop = await plugin_shop(bench)
    operations = [{"do": "read", "resource": "product", "id": 412}] * 101
    answer = await shop.call("POST", "smartstore/v1/sync", {"operations": operations})
    assert answer.status_code == 413


async def test_the_revision_counts_everyones_changes(bench: Bench) -> None:
    shop = await plugin_shop(bench)

    async def revision() -> Any:
        answer = await shop.rest("GET", "products/412")
        return meta(answer.json(), "_smartstore_revision")

    assert await revision() is None
    await bench.control.sell("shop", "TEA-BOPF-400")
    assert await revision() == 1
    await shop.rest("PUT", "products/412", {"name": "Tea"})
    await shop.rest("PUT", "products/412", {"name": "Tea"})
    assert await revision() == 2
    await shop.sync(write(expected={}, want={"name": "Tea"}))
    assert await revision() == 3


async def test_no_edit_is_lost_through_the_route(bench: Bench) -> None:
    shop = await plugin_shop(bench)
    await shop.rest("GET", "products/412")
    await bench.control.edit_product("shop", 412, regular_price="7")
    [refused] = await shop.sync(write())
    assert outcome(refused) == ("refused", "expected")
    assert await bench.control.lost_edits("shop") == []


async def test_what_a_write_names_is_known_to_its_writer(bench: Bench) -> None:
    """A webhook told of the edit: replacing it on purpose loses nothing."""
    shop = await plugin_shop(bench)
    await bench.control.edit_product("shop", 412, regular_price="7")
    [taken] = await shop.sync(write(expected={"regular_price": "7"}))
    assert outcome(taken) == ("taken", "")
    assert await bench.control.lost_edits("shop") == []
