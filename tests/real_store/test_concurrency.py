"""Sales in the shop and writes by the route at once: nothing is lost, nothing counts twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.real_store.calls import Calls, create, meta, outcome, write

SALES = 50
WRITES = 50


async def test_sales_and_writes_on_one_item(calls: Calls) -> None:
    if calls.shop.database == "sqlite":
        pytest.skip("SQLite has one writer at a time: customers wait too long for this")
    product = await calls.new_product(manage_stock=True, stock_quantity=120)
    customers = Calls(calls.shop)
    start, tills = asyncio.Event(), asyncio.Semaphore(6)

    async def sell() -> None:
        await start.wait()
        async with tills:
            await customers.sell(product, 1)

    async def take() -> int:
        """As the engine does: compare with what was seen last; refused, look and try again."""
        await start.wait()
        held: dict[str, Any] = await calls.product(product)
        refused = 0
        for counter in range(1, WRITES + 1):
            attempt = 0
            while True:
                attempt += 1
                mark = meta(held, "_smartstore_stock")
                [result] = await calls.sync(
                    write(
                        product, resource="stock", entity="inventory/one",
                        op=[counter, attempt], after=mark["op"] if mark else None,
                        expected={"stock_quantity": held["stock_quantity"]},
                        want={"stock_quantity": held["stock_quantity"] - 1},
                        totals={"stock_quantity": -counter},
                    )
                )  # fmt: skip
                held = result["resource"]
                if outcome(result) == ("taken", ""):
                    break
                assert outcome(result) == ("refused", "expected")
                refused += 1
        return refused

    selling = [asyncio.create_task(sell()) for _ in range(SALES)]
    taking = asyncio.create_task(take())
    start.set()
    await asyncio.gather(*selling, taking)
    await customers.rest.close()
    held = await calls.product(product)
    assert held["stock_quantity"] == 120 - SALES - WRITES
    assert meta(held, "_smartstore_stock")["fields"]["stock_quantity"]["total"] == -WRITES
    # At least a change each; two requests at once never count to one number.
    assert meta(held, "_smartstore_revision") >= SALES + WRITES
    assert taking.result() > 0, "the writes met no sale: this proved nothing"


HOLD = """global $wpdb;
$wpdb->query('START TRANSACTION');
$wpdb->get_col('SELECT meta_id FROM wp_postmeta WHERE post_id = ITEM FOR UPDATE');
$wpdb->query("UPDATE wp_postmeta SET meta_value = '7'
    WHERE post_id = ITEM AND meta_key = '_price'");
$until = time() + 60;
do {
    usleep(50000);
    $waits = $wpdb->get_var("SELECT COUNT(*) FROM information_schema.INNODB_TRX
        WHERE trx_state = 'LOCK WAIT'");
} while (!$waits && time() < $until);
$wpdb->get_col("SELECT meta_id FROM wp_postmeta FORCE INDEX (meta_key)
    WHERE meta_key = '_stock' FOR UPDATE");
$error = $wpdb->last_error;
$wpdb->query('COMMIT');
return array((int) $waits, $error);"""
SELL = """global $wpdb;
$until = time() + 60;
do {
    usleep(50000);
    $held = $wpdb->get_var("SELECT COUNT(*) FROM information_schema.INNODB_TRX
        WHERE trx_rows_locked > 0");
} while (!$held && time() < $until);
return wc_update_product_stock(ITEM, 2, 'decrease');"""


async def test_a_sale_that_waits_for_the_route_is_not_given_up(calls: Calls) -> None:
    """Core's own UPDATE is not tried again. A transaction holds the item's rows as the route does,
    then wants the rows of all items' stock, as the database may choose to find one."""
    if calls.shop.database == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    product = await calls.new_product(regular_price="5", manage_stock=True, stock_quantity=9)
    await calls.new_product(manage_stock=True, stock_quantity=9)
    codes = [code.replace("ITEM", str(product["id"])) for code in (HOLD, SELL)]
    held, left = await asyncio.gather(*(asyncio.to_thread(calls.shop.php, c) for c in codes))
    assert held == [1, ""]
    assert left == 7
    assert (await calls.product(product))["stock_quantity"] == 7


async def test_one_entity_created_by_many_at_once_is_one_item(calls: Calls) -> None:
    operation = create(want={"name": "Pot", "regular_price": "1"})
    answers = await asyncio.gather(*(calls.sync(operation) for _ in range(8)))
    results = [result for [result] in answers]
    assert {outcome(result) for result in results} == {("taken", "")}
    assert len({result["resource"]["id"] for result in results}) == 1


async def test_one_sku_created_by_many_at_once_is_one_item(calls: Calls) -> None:
    sku = calls.new_sku()
    answers = await asyncio.gather(
        *(calls.sync(create(want={"name": "Pot", "sku": sku})) for _ in range(8))
    )
    results = [result for [result] in answers]
    taken = [result for result in results if result["result"] == "taken"]
    others = [result for result in results if result["result"] != "taken"]
    assert len(taken) == 1
    assert {outcome(result) for result in others} == {("refused", "sku")}
    assert {r["resource"]["id"] for r in others} == {taken[0]["resource"]["id"]}


async def test_many_items_in_many_calls_at_once(calls: Calls) -> None:
    products = [await calls.new_product(regular_price="1") for _ in range(6)]
    calls_at_once = [
        calls.sync(*(write(one, want={"regular_price": "2"}) for one in order))
        for order in (products, products[::-1], products, products[::-1])
    ]
    for results in await asyncio.gather(*calls_at_once):
        assert [outcome(result) for result in results] == [("taken", "")] * len(products)
