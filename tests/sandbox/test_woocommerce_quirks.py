"""The real shop's habits that break sync products, each kept."""

import json
from typing import Any

import pytest

from sandbox.woocommerce.hooks import signature
from tests.sandbox.conftest import Bench, ShopClient

TARGET = "http://hub.test/hooks"


async def demo_shop(bench: Bench, **settings: Any) -> ShopClient:
    return await bench.shop(
        load="sri-lanka", webhook_url=TARGET, webhook_secret="abc123", **settings
    )


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"regular_price": 1950}, "regular_price"),
        ({"stock_quantity": "many"}, "stock_quantity"),
        ({"status": "live"}, "status"),
        ({"colour": "red"}, "colour"),
        ({"price": "5"}, "price"),
        ({"dimensions": {"depth": "1"}}, "dimensions[depth]"),
        ({"categories": [{"title": "x"}]}, "categories[0][title]"),
    ],
)
async def test_unknown_and_ill_typed_fields_are_refused(
    bench: Bench, body: dict[str, Any], param: str
) -> None:
    shop = await demo_shop(bench)
    answer = await shop.rest("PUT", "products/412", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "rest_invalid_param")
    assert param in answer.json()["data"]["params"]
    [write] = await bench.control.writes("shop")
    assert (write["accepted"], write["reason"]) == (False, "rest_invalid_param")


async def test_without_strictness_unknown_fields_pass_by(bench: Bench) -> None:
    shop = await demo_shop(bench, strict=False)
    answer = await shop.rest("PUT", "products/412", {"colour": "red", "price": "5"})
    assert answer.status_code == 200
    assert "colour" not in answer.json()
    assert answer.json()["price"] == "1899.50"


async def test_null_is_passed_by_and_never_zeroes_stock(bench: Bench) -> None:
    shop = await demo_shop(bench)
    answer = await shop.rest("PUT", "products/412", {"stock_quantity": None, "sku": None})
    assert (answer.json()["stock_quantity"], answer.json()["sku"]) == (36, "TEA-BOPF-400")


async def test_what_the_shop_makes_of_values(bench: Bench) -> None:
    shop = await demo_shop(bench, wrap_html=True)
    body = {"name": "  Tea ", "regular_price": "1950.5", "description": "Fresh"}
    answer = (await shop.rest("PUT", "products/412", body)).json()
    assert (answer["name"], answer["price"]) == ("Tea", "1950.5")
    assert answer["description"] == "<p>Fresh</p>\n"
    unmanaged = await shop.rest("PUT", "products/430", {"stock_quantity": 9})
    assert unmanaged.json()["stock_quantity"] is None
    delta = await shop.rest("PUT", "products/413", {"inventory_delta": -4})
    assert delta.json()["stock_quantity"] == 50
    refused = await shop.rest("PUT", "products/431", {"regular_price": "1"})
    assert refused.json()["code"] == "woocommerce_rest_invalid_product_id"


async def test_statuses_of_missing_items(bench: Bench) -> None:
    shop = await demo_shop(bench)
    for path in ("products", "orders", "customers"):
        found = [
            (await shop.rest(method, f"{path}/99999?force=true", body)).status_code
            for method, body in (("GET", None), ("PUT", {}), ("DELETE", None))
        ]
        assert found == [404, 400, 404]
    await shop.rest("DELETE", "products/450")
    again = await shop.rest("DELETE", "products/450")
    assert (again.status_code, again.json()["code"]) == (410, "woocommerce_rest_already_trashed")
    customer = await shop.rest("DELETE", "customers/31")
    assert customer.status_code == 501


async def test_a_duplicate_sku_names_its_owner_and_trash_frees_it(bench: Bench) -> None:
    shop = await demo_shop(bench)
    body = {"name": "Copy", "sku": "POT-CLAY-M"}
    refused = await shop.rest("POST", "products", body)
    assert (refused.status_code, refused.json()["code"]) == (400, "product_invalid_sku")
    assert refused.json()["data"]["resource_id"] == 450
    await shop.rest("DELETE", "products/450")
    assert (await shop.rest("POST", "products", body)).status_code == 201
    back = await shop.rest("PUT", "products/450", {"status": "publish"})
    assert back.json()["code"] == "product_invalid_sku"


# Lists


async def test_lists(bench: Bench) -> None:
    shop = await demo_shop(bench)

    async def numbers(query: str) -> list[int]:
        return [entry["id"] for entry in (await shop.rest("GET", f"products?{query}")).json()]

    assert await numbers("include=413,412&orderby=include") == [413, 412]
    assert await numbers("sku=HL-SAREE-001-RED") == [431]
    assert 431 not in await numbers("per_page=100")
    assert await numbers("search=cinnamon") == [414]
    assert await numbers("page=99") == []
    assert await numbers("order=asc&orderby=id&per_page=2&offset=1") == [413, 414]
    await shop.rest("DELETE", "products/412")
    assert 412 not in await numbers("per_page=100")
    assert await numbers("status=trash") == [412]
    narrow = await shop.rest("GET", "products/413?_fields=id,sku")
    assert narrow.json() == {"id": 413, "sku": "TEA-GREEN-100"}


async def test_modified_after_is_exclusive_and_takes_site_time(bench: Bench) -> None:
    await bench.control.set_clock(freeze="2026-11-22T04:30:00")
    shop = await demo_shop(bench)
    await bench.control.set_clock(freeze="2026-11-22T05:00:00.9")
    await shop.rest("PUT", "products/412", {"name": "New"})

    async def count(moment: str) -> int:
        return len((await shop.rest("GET", f"products?modified_after={moment}")).json())

    assert await count("2026-11-22T10:29:59") == 1
    assert await count("2026-11-22T10:30:00") == 0
    assert await count("2026-11-22T04:59:59&dates_are_gmt=true") == 1
    assert await count("2026-11-22T05:00:00&dates_are_gmt=true") == 0


# Orders and stock


async def test_a_sale_sends_three_webhooks_and_leaves_the_products_date(bench: Bench) -> None:
    await bench.control.set_clock(freeze="2026-11-22T04:30:00")
    shop = await demo_shop(bench)
    before = (await shop.rest("GET", "products/412")).json()
    await bench.control.set_clock(advance_s=60)
    order = await bench.control.sell("shop", "TEA-BOPF-400", 2, customer="kasun@example.com")
    await bench.control.drain()
    assert sorted(bench.receiver.topics()) == ["order.created", "order.updated", "product.updated"]
    [body] = bench.receiver.bodies("product.updated")
    assert body["stock_quantity"] == 34
    assert body["date_modified_gmt"] == before["date_modified_gmt"]
    await bench.control.cancel_order("shop", order["id"])
    await bench.control.cancel_order("shop", order["id"])
    assert (await bench.control.product("shop", 412))["stock_quantity"] == 36


async def test_a_created_order_takes_stock_by_product_only(bench: Bench) -> None:
    shop = await demo_shop(bench)
    bare = {"name": "Tea", "quantity": 3, "total": "30"}
    refused = await shop.rest("POST", "orders", {"line_items": [bare]})
    assert refused.json()["code"] == "woocommerce_rest_required_product_reference"
    lines = [{"product_id": 430, "variation_id": 431, "quantity": 1}, {**bare, "sku": "copy:TEA"}]
    made = await shop.rest("POST", "orders", {"status": "processing", "line_items": lines})
    order = made.json()
    assert [line["product_id"] for line in order["line_items"]] == [430, 0]
    assert order["total"] == "14030.00"
    assert (await bench.control.product("shop", 431))["stock_quantity"] == 3
    assert (await bench.control.product("shop", 412))["stock_quantity"] == 36
    await shop.rest("PUT", f"orders/{order['id']}", {"status": "cancelled"})
    assert (await bench.control.product("shop", 431))["stock_quantity"] == 4
    lax = await demo_shop(bench, name="lax", require_product_reference=False)
    assert (await lax.rest("POST", "orders", {"line_items": [bare]})).status_code == 201


async def test_line_edits_leave_the_orders_date(bench: Bench) -> None:
    await bench.control.set_clock(freeze="2026-11-22T04:30:00")
    shop = await demo_shop(bench)
    order = await bench.control.sell("shop", "TEA-BOPF-400", 2)
    await bench.control.set_clock(advance_s=60)
    line = {"id": order["line_items"][0]["id"], "quantity": 0}
    answer = (await shop.rest("PUT", f"orders/{order['id']}", {"line_items": [line]})).json()
    assert (answer["line_items"], answer["total"]) == ([], "0.00")
    assert answer["date_modified_gmt"] == order["date_modified_gmt"]


async def test_variation_fires_product_hooks_with_its_own_body(bench: Bench) -> None:
    shop = await demo_shop(bench)
    answer = await shop.rest("PUT", "products/430/variations/431", {"regular_price": "13000"})
    assert not {"name", "type", "images"} & set(answer.json())
    await bench.control.drain()
    [body] = bench.receiver.bodies("product.updated")
    assert (body["type"], body["parent_id"], body["price"]) == ("variation", 430, "13000")
    assert (await shop.rest("GET", "products/430")).json()["price"] == "13000"


# Webhooks


async def test_changes_before_the_job_runs_coalesce(bench: Bench) -> None:
    await demo_shop(bench)
    world = bench.world
    shop = world.shops["shop"]
    from sandbox.woocommerce import people

    for quantity in (5, 6, 7):
        people.edit_product(shop, people.product(shop, "412"), {"stock_quantity": quantity})
    await world.sender.drain()
    assert [body["stock_quantity"] for body in bench.receiver.bodies("product.updated")] == [7]


async def test_disabled_at_the_seventh_failure_and_by_the_next_after_that(bench: Bench) -> None:
    shop = await bench.shop(load="sri-lanka")
    bench.receiver.status = 500
    hook = {"topic": "product.updated", "delivery_url": TARGET, "secret": "s"}
    number = (await shop.rest("POST", "webhooks", hook)).json()["id"]

    async def fail() -> str:
        await bench.control.edit_product("shop", 412, name=f"n{len(bench.receiver.requests)}")
        await bench.control.drain()
        status: str = (await shop.rest("GET", f"webhooks/{number}")).json()["status"]
        return status

    assert [await fail() for _ in range(7)] == ["active"] * 6 + ["disabled"]
    # The ping failed at creation, so it came again with each failed delivery.
    assert bench.receiver.topics().count("ping") == 8
    await shop.rest("PUT", f"webhooks/{number}", {"status": "active"})
    assert await fail() == "disabled"
    await shop.rest("PUT", f"webhooks/{number}", {"status": "active"})
    bench.receiver.status = 302
    assert [await fail() for _ in range(3)] == ["active"] * 3


async def test_deletions(bench: Bench) -> None:
    shop = await demo_shop(bench)
    order = await bench.control.sell("shop", "TEA-BOPF-400")
    await bench.control.drain()
    bench.receiver.requests.clear()
    await shop.rest("DELETE", f"orders/{order['id']}")
    await bench.control.drain()
    assert sorted(bench.receiver.topics()) == ["order.deleted", "product.deleted"]
    assert bench.receiver.bodies("product.deleted") == [{"id": order["id"]}]
    bench.receiver.requests.clear()
    await shop.rest("DELETE", "products/412?force=true")
    await bench.control.drain()
    assert bench.receiver.requests == []


async def test_delivery_numbers_collide_within_a_second(bench: Bench) -> None:
    await bench.control.set_clock(freeze=1_795_000_000)
    await demo_shop(bench, topics=["product.updated"])
    await bench.control.edit_product("shop", 412, name="a")
    await bench.control.edit_product("shop", 413, name="b")
    await bench.control.drain()
    numbers = [request.headers["x-wc-webhook-delivery-id"] for request in bench.receiver.requests]
    assert len(numbers) == 2
    assert len(set(numbers)) == 1


async def test_invalid_webhooks(bench: Bench) -> None:
    shop = await demo_shop(bench)
    cases = {
        "woocommerce_rest_webhook_invalid_topic": {"topic": "x", "delivery_url": TARGET},
        "woocommerce_rest_webhook_invalid_delivery_url": {
            "topic": "order.updated",
            "delivery_url": "ftp://x",
        },
        "rest_missing_callback_param": {"topic": "order.updated"},
    }
    for code, body in cases.items():
        answer = await shop.rest("POST", "webhooks", body)
        assert (answer.status_code, answer.json()["code"]) == (400, code)


# Faults and accounting


async def test_faults_of_requests(bench: Bench) -> None:
    shop = await demo_shop(bench)
    rules = [
        {"status": 429, "retry_after_s": 7, "times": 2, "method": "PUT"},
        {"status": 500, "code": "internal_server_error", "message": "Sorry."},
    ]
    await bench.control.faults("shop", requests=rules)
    broken = await shop.rest("GET", "products/412")
    assert (broken.status_code, broken.json()["code"]) == (500, "internal_server_error")
    for _ in range(2):
        answer = await shop.rest("PUT", "products/412", {"name": "x"})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
        assert answer.headers["content-type"] == "text/html"
    assert (await shop.rest("PUT", "products/412", {"name": "x"})).status_code == 200


async def test_duplicates_and_disorder_repeat_by_the_seed(bench: Bench) -> None:
    runs = []
    for name in ("one", "two"):
        bench.receiver.requests.clear()
        await demo_shop(bench, name=name, topics=["product.updated"])
        webhooks = {
            "duplicate_probability": 0.5,
            "reorder_probability": 0.5,
            "reorder_delay_s": 0.001,
        }
        await bench.control.faults(name, webhooks=webhooks, seed=3)
        for number in (412, 413, 414, 415, 416, 450, 451, 452):
            await bench.control.edit_product(name, number, name=f"edit {number}")
        await bench.control.drain()
        runs.append([json.loads(request.content)["name"] for request in bench.receiver.requests])
    assert len(runs[0]) > 8
    assert sorted(runs[0]) == sorted(runs[1])


async def test_a_plain_write_over_an_unread_edit_is_counted_as_lost(bench: Bench) -> None:
    shop = await demo_shop(bench, plugin=False)
    assert (await shop.call("GET", "smartstore/v1/sync")).json()["code"] == "rest_no_route"
    await shop.rest("GET", "products/412")
    await bench.control.edit_product("shop", 412, name="By the keeper", sale_price="5")
    await bench.control.sell("shop", "TEA-BOPF-400", 2)
    await shop.rest("PUT", "products/412", {"name": "By us", "stock_quantity": 36})
    losses = await bench.control.lost_edits("shop")
    assert {(loss["field"], loss["lost"]) for loss in losses} == {
        ("name", "By the keeper"),
        ("stock_quantity", 34),
    }
    await bench.control.edit_product("shop", 412, name="Again")
    await shop.rest("GET", "products/412")
    await shop.rest("PUT", "products/412", {"name": "By us, knowing"})
    assert len(await bench.control.lost_edits("shop")) == 2
    accepted = await bench.control.writes("shop", accepted="true", id=412)
    assert [sorted(write["fields"]) for write in accepted] == [["name", "stock_quantity"], ["name"]]


async def test_a_difference_of_stock_loses_no_sale(bench: Bench) -> None:
    shop = await demo_shop(bench, plugin=False)
    await shop.rest("GET", "products/412")
    await bench.control.sell("shop", "TEA-BOPF-400", 2)
    answer = await shop.rest("PUT", "products/412", {"inventory_delta": -3})
    assert answer.json()["stock_quantity"] == 31
    assert await bench.control.lost_edits("shop") == []


async def test_meta_data_merges(bench: Bench) -> None:
    shop = await demo_shop(bench, plugin=False)
    made = await shop.rest("PUT", "products/412", {"meta_data": [{"key": "a", "value": "1"}]})
    [entry] = made.json()["meta_data"]
    again = await shop.rest("PUT", "products/412", {"meta_data": [{"key": "a", "value": "2"}]})
    assert again.json()["meta_data"] == [{"id": entry["id"], "key": "a", "value": "2"}]
    gone = await shop.rest(
        "PUT", "products/412", {"meta_data": [{"id": entry["id"], "value": None}]}
    )
    assert gone.json()["meta_data"] == []


async def test_the_plugins_own_deliveries(bench: Bench) -> None:
    from standardwebhooks.webhooks import Webhook

    secret = "whsec_c2FuZGJveC1zZWNyZXQ="
    await bench.shop(load="sri-lanka", plugin_delivery_url=TARGET, plugin_delivery_secret=secret)
    await bench.control.edit_product("shop", 412, name="x")
    await bench.control.drain()
    [request] = bench.receiver.requests
    verified = Webhook(secret).verify(request.content.decode(), dict(request.headers))
    assert verified["topic"] == "product.updated"
    assert verified["data"]["name"] == "x"
    await bench.control.trash_product("shop", 431)
    await bench.control.drain()
    gone = Webhook(secret).verify(
        bench.receiver.requests[-1].content.decode(), dict(bench.receiver.requests[-1].headers)
    )
    assert gone["data"] == {"id": 431, "type": "variation", "parent_id": 430}


async def test_delivery_signature_of_a_chosen_secret(bench: Bench) -> None:
    await demo_shop(bench, topics=["product.updated"])
    await bench.control.edit_product("shop", 412, name="හරිත / x")
    await bench.control.drain()
    [request] = bench.receiver.requests
    assert request.headers["x-wc-webhook-signature"] == signature("abc123", request.content)
