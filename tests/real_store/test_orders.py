"""Orders through the route move no stock, and WooCommerce's own notes keep in step."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.woocommerce.rest import API
from tests.real_store.calls import Calls, create, outcome, write


@pytest.fixture
async def product(calls: Calls) -> dict[str, Any]:
    return await calls.new_product(regular_price="100", manage_stock=True, stock_quantity=36)


async def stock(calls: Calls, product: dict[str, Any]) -> int:
    return int((await calls.product(product))["stock_quantity"])


def flag(calls: Calls, number: int) -> bool:
    return bool(
        calls.shop.php(
            f"$order = wc_get_order({number});"
            f"return $order->get_data_store()->get_stock_reduced({number});"
        )
    )


def status(order: dict[str, Any], entity: str, word: str, **more: Any) -> dict[str, Any]:
    return write(order, resource="order", entity=entity, want={"status": word}, **more)


async def copied(calls: Calls, product: dict[str, Any], **more: Any) -> dict[str, Any]:
    want = {
        "status": "processing", "payment_method": "cod",
        "billing": {"first_name": "Nadeesha", "city": "Nugegoda"},
        "line_items": [{"product_id": product["id"], "quantity": 2, "subtotal": "200",
                        "total": "200"}],
        "fee_lines": [{"name": "Discount", "total": "-50"}], **more,
    }  # fmt: skip
    entity = f"order/{calls.new_sku()}"
    operation = create(resource="order", entity=entity, want=want)
    [made] = await calls.sync(operation)
    assert outcome(made) == ("taken", "")
    [again] = await calls.sync(operation)
    assert again["resource"]["id"] == made["resource"]["id"]
    return {**made["resource"], "entity": entity}


async def test_a_copied_order_takes_no_stock(calls: Calls, product: dict[str, Any]) -> None:
    order = await copied(calls, product)
    assert (order["total"], order["line_items"][0]["product_id"]) == ("150.00", product["id"])
    assert flag(calls, order["id"])
    assert await stock(calls, product) == 36


async def test_a_copied_pending_order_is_taken_too(calls: Calls, product: dict[str, Any]) -> None:
    order = await copied(calls, product, status="pending")
    assert flag(calls, order["id"])
    await calls.rest.send("PUT", f"{API}/orders/{order['id']}", body={"status": "processing"})
    assert await stock(calls, product) == 36


async def test_cancelled_by_the_route_it_gives_nothing_back(
    calls: Calls, product: dict[str, Any]
) -> None:
    order = await copied(calls, product)
    operation = status(order, order["entity"], "cancelled", op=[812, 2], after=[812, 1])
    [cancelled] = await calls.sync({**operation, "expected": {"status": "processing"}})
    assert outcome(cancelled) == ("taken", "")
    assert not flag(calls, order["id"])
    assert await stock(calls, product) == 36


async def test_cancelled_in_the_shop_it_gives_back_once(
    calls: Calls, product: dict[str, Any]
) -> None:
    order = await copied(calls, product)
    for _ in range(2):
        await calls.rest.send("PUT", f"{API}/orders/{order['id']}", body={"status": "cancelled"})
    assert await stock(calls, product) == 38


async def test_the_shops_own_order_cancelled_by_the_route_leaves_its_stock(
    calls: Calls, product: dict[str, Any]
) -> None:
    order = await calls.sell(product, 2)
    assert await stock(calls, product) == 34
    await calls.sync(status(order, "order/own", "cancelled"))
    assert not flag(calls, order["id"])
    await calls.rest.send("PUT", f"{API}/orders/{order['id']}", body={"status": "cancelled"})
    assert await stock(calls, product) == 34


async def test_taken_up_again_by_the_route_it_takes_nothing(
    calls: Calls, product: dict[str, Any]
) -> None:
    order = await calls.sell(product, 2)
    first = status(order, "order/own", "cancelled")
    second = status(order, "order/own", "processing", op=[812, 2], after=[812, 1])
    results = await calls.sync(first, second)
    assert [outcome(result) for result in results] == [("taken", "")] * 2
    assert flag(calls, order["id"])
    assert await stock(calls, product) == 34
    await calls.rest.send("PUT", f"{API}/orders/{order['id']}", body={"status": "cancelled"})
    assert await stock(calls, product) == 36


async def test_an_order_goes_to_the_trash(calls: Calls, product: dict[str, Any]) -> None:
    order = await copied(calls, product)
    delete = {
        **write(order, resource="order", entity=order["entity"], do="delete", op=[812, 2]),
        "after": [812, 1], "want": {}, "expected": {"status": "processing"},
    }  # fmt: skip
    for _ in range(2):
        [gone] = await calls.sync(delete)
        assert (outcome(gone), gone["gone"]) == (("taken", ""), True)
    assert gone["resource"]["status"] == "trash"
