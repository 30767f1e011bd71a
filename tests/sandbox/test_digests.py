"""Etags, digests and lists of ids as docs/plugin-route.md defines them."""

from hashlib import sha256
from typing import Any

import pytest

from tests.sandbox.conftest import Bench, ShopClient

SHELF = {
    "products": [
        {"id": 10, "name": "Tea", "sku": "T", "regular_price": "900"},
        {"id": 11, "name": "Cup", "sku": "C", "regular_price": "500"},
        {"id": 12, "name": "Pot", "type": "variable"},
    ],
    "variations": [{"id": 21, "parent_id": 12, "sku": "P-1", "regular_price": "1500"}],
}


async def shelf(bench: Bench, **settings: Any) -> ShopClient:
    return await bench.shop(load=SHELF, **settings)


async def etag(shop: ShopClient, path: str) -> str:
    found: str = (await shop.rest("GET", path)).json()["smartstore_etag"]
    return found


async def digest(shop: ShopClient, **asked: Any) -> Any:
    answer = await shop.call("POST", "smartstore/v1/digest", asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_etag_is_of_the_content_and_of_nothing_else(bench: Bench) -> None:
    shop = await shelf(bench)
    first = await etag(shop, "products/10")
    assert len(first) == 16
    assert int(first, 16) >= 0
    await shop.rest("PUT", "products/10", {"regular_price": "950"})
    changed = await etag(shop, "products/10")
    assert changed != first
    await shop.rest("PUT", "products/10", {"regular_price": "900"})
    assert await etag(shop, "products/10") == first, "though dates and revision have moved"
    write = {
        "do": "write", "resource": "product", "entity": "product/1", "id": 10, "op": [1, 1],
        "after": None, "expected": {}, "want": {"name": "Tea"}, "totals": {},
    }  # fmt: skip
    [result] = await shop.sync(write)
    assert result["resource"]["smartstore_etag"] == first, "our mark is not content"
    await bench.control.write_database("shop", 10, stock_quantity=3, manage_stock=True)
    assert await etag(shop, "products/10") != first, "whoever changes it, by whatever way"


async def test_a_variation_has_one_etag_by_every_address(bench: Bench) -> None:
    shop = await shelf(bench)
    assert await etag(shop, "products/12/variations/21") == await etag(shop, "products/21")


async def test_a_digest_is_of_the_lines_in_the_order_asked(bench: Bench) -> None:
    shop = await shelf(bench)
    cup, tea = await etag(shop, "products/11"), await etag(shop, "products/10")
    lines = f"11:{cup}\n10:{tea}\n99:-\n"
    assert await digest(shop, resource="product", ids=["11", "10", "99"]) == {
        "digest": sha256(lines.encode()).hexdigest(),
        "count": 2,
    }
    await bench.control.trash_product("shop", 11)
    assert await digest(shop, resource="product", ids=["11", "10"], each=True) == {
        "items": {"10": tea}
    }


async def test_ids_come_in_pages_in_rising_order(bench: Bench) -> None:
    shop = await shelf(bench)

    async def items(**query: str) -> Any:
        return (await shop.call("GET", "smartstore/v1/items", params=query)).json()

    assert await items(resource="product", after="0", limit="2") == {
        "ids": ["10", "11"],
        "next": "11",
        "total": 3,
    }
    assert await items(resource="product", after="11", limit="2") == {
        "ids": ["12"],
        "next": "",
        "total": 3,
    }
    await bench.control.trash_product("shop", 10)
    assert (await items(resource="product"))["ids"] == ["11", "12"]
    assert (await items(resource="variation"))["ids"] == ["12:21"]


@pytest.mark.parametrize(
    ("method", "route"), [("POST", "digest"), ("GET", "items"), ("POST", "sync"), ("GET", "sync")]
)
async def test_without_the_plugin_there_is_nothing_of_it(
    bench: Bench, method: str, route: str
) -> None:
    shop = await shelf(bench, plugin=False)
    answer = await shop.call(method, f"smartstore/v1/{route}", {} if method == "POST" else None)
    assert answer.json()["code"] == "rest_no_route"
    assert "smartstore_etag" not in (await shop.rest("GET", "products/10")).json()


async def test_more_than_500_ids_are_refused(bench: Bench) -> None:
    shop = await shelf(bench)
    ids = [str(number) for number in range(501)]
    answer = await shop.call("POST", "smartstore/v1/digest", {"resource": "product", "ids": ids})
    assert answer.status_code == 413
