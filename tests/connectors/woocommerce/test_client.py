"""The client against the sandbox's shop, with the plugin and without, over https and http."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from connectors.errors import Paused, Retry
from connectors.protocol import Connection
from connectors.woocommerce import WooCommerce
from schemas.observation import FieldMark
from tests.connectors.woocommerce.conftest import Bench, Known, create, delete, read, write

NOBODY = Known()


async def test_a_write_is_taken_once_and_leaves_its_mark(bench: Bench) -> None:
    command = write("product", "412", expected={"price": "1899.5"}, want={"price": "1950"})
    (answer,) = await bench.client.apply([command], NOBODY)
    assert (answer.result, answer.reason) == ("taken", "")
    assert answer.seen is not None
    assert answer.seen.fields["price"] == "1950"
    assert answer.seen.mark is not None
    assert answer.seen.mark.entity == "product/our-412"
    assert answer.seen.mark.fields == {
        "price": FieldMark(op=(1, 1), value="1950", wanted="1950", total=None)
    }
    assert (await bench.product(412))["regular_price"] == "1950"

    await bench.control.edit_product("shop", 412, regular_price="2100")
    (again,) = await bench.client.apply([command], NOBODY)
    assert again.result == "taken"
    assert again.seen is not None
    assert again.seen.fields["price"] == "2100"
    assert (await bench.product(412))["regular_price"] == "2100"


async def test_a_write_onto_something_else_is_refused_with_what_is_there(bench: Bench) -> None:
    await bench.control.edit_product("shop", 412, regular_price="2000")
    command = write("product", "412", expected={"price": "1899.5"}, want={"price": "1950"})
    (answer,) = await bench.client.apply([command], NOBODY)
    assert (answer.result, answer.reason) == ("refused", "expected")
    assert answer.seen is not None
    assert answer.seen.fields["price"] == "2000"
    assert answer.seen.mark is None


@pytest.mark.parametrize(
    ("op", "after", "reason"), [((1, 5), (1, 2), "after"), ((0, 9), (1, 1), "sequence")]
)
async def test_operations_are_in_order(bench: Bench, op: Any, after: Any, reason: str) -> None:
    first = write("product", "412", want={"name": "Tea"}, expected={})
    await bench.client.apply([first], NOBODY)
    late = write("product", "412", want={"name": "Late"}, op=op, after=after)
    (answer,) = await bench.client.apply([late], NOBODY)
    assert (answer.result, answer.reason) == ("refused", reason)
    assert (await bench.product(412))["name"] == "Tea"


async def test_every_writable_field_of_a_product(bench: Bench) -> None:
    want = {
        "name": "Tea, new",
        "description": "Plain words",
        "shortDescription": None,
        "sku": "TEA-NEW",
        "price": "2000.25",
        "salePrice": "1999",
        "status": "archived",
        "weight": "0.5",
        "dimensions": {"length": "10", "width": "5", "height": "2"},
    }
    (answer,) = await bench.client.apply([write("product", "412", want=want)], NOBODY)
    assert answer.result == "taken"
    assert answer.seen is not None
    assert {name: answer.seen.fields[name] for name in want} == want
    back = {**want, "salePrice": None, "dimensions": None, "status": "active", "weight": None}
    command = write("product", "412", op=(1, 2), after=(1, 1), expected=want, want=back)
    (answer,) = await bench.client.apply([command], NOBODY)
    assert (answer.result, answer.reason) == ("taken", "")
    assert answer.seen is not None
    assert {name: answer.seen.fields[name] for name in back} == back


async def test_stock_beside_a_product_in_one_batch(bench: Bench) -> None:
    commands = [
        write("product", "412", expected={"name": "Ceylon BOPF tea 400 g"}, want={"name": "Tea"}),
        write(
            "inventory", "412", expected={"quantity": 36}, want={"quantity": 30},
            totals={"quantity": -2},
        ),
        write("variation", "430:431", expected={"salePrice": "12500"}, want={"salePrice": None}),
        write(
            "inventory", "430:431", expected={"quantity": 4}, want={"quantity": 9},
            totals={"quantity": 0},
        ),
    ]  # fmt: skip
    answers = await bench.client.apply(commands, NOBODY)
    assert [answer.result for answer in answers] == ["taken"] * 4
    tea, red = await bench.product(412), await bench.product(431)
    assert (tea["name"], tea["stock_quantity"]) == ("Tea", 30)
    assert (red["sale_price"], red["stock_quantity"]) == ("", 9)
    stock = answers[1].seen
    assert stock is not None
    assert stock.mark is not None
    assert stock.mark.fields["quantity"] == FieldMark(op=(1, 1), value=30, wanted=30, total=-2)


async def test_a_status_is_written_in_the_shops_words(bench: Bench) -> None:
    command = write(
        "order", "1041", expected={"status": "processing"}, want={"status": "delivered"}
    )
    (answer,) = await bench.client.apply([command], NOBODY)
    assert answer.result == "taken"
    assert answer.seen is not None
    assert answer.seen.fields["status"] == "completed"
    assert (await bench.control.order("shop", 1041))["status"] == "completed"


async def test_what_is_only_spelled_differently_is_the_same(bench: Bench) -> None:
    await bench.control.edit_product("shop", 412, status="pending")
    await bench.control.edit_customer("shop", 31, billing={"phone": "071 234 5670"})
    commands = [
        write("product", "412", expected={"status": "draft"}, want={"status": "active"}),
        write("customer", "31", expected={"phone": "+94712345670"}, want={"phone": "+94771234567"}),
    ]
    answers = await bench.client.apply(commands, NOBODY)
    assert [answer.result for answer in answers] == ["taken", "taken"]
    assert (await bench.product(412))["status"] == "publish"


async def test_reads(bench: Bench) -> None:
    commands = [
        read("product", "412"), read("inventory", "412"), read("variation", "430:431"),
        read("order", "1041"), read("customer", "31"), read("product", "9999"),
    ]  # fmt: skip
    answers = await bench.client.apply(commands, NOBODY)
    assert [answer.result for answer in answers] == ["taken"] * 5 + ["missing"]
    product, stock, red, order, customer, none = (answer.seen for answer in answers)
    assert product is not None
    assert stock is not None
    assert red is not None
    assert order is not None
    assert customer is not None
    assert none is not None
    assert product.fields["price"] == "1899.5"
    assert stock.fields["quantity"] == 36
    assert red.fields == {
        "sku": "HL-SAREE-001-RED", "price": "14000", "salePrice": "12500",
        "attributes": {"Colour": "Red"}, "image": red.fields["image"],
        **({"weight": None, "dimensions": None} if bench.access.plugin else {}),
    }  # fmt: skip
    assert order.fields["items"][0]["productId"] == "430:431"
    assert customer.fields["phone"] == "+94712345670"
    assert not none.exists


async def test_deletion_goes_to_the_trash_and_repeats(bench: Bench) -> None:
    for _ in range(2):
        (answer,) = await bench.client.apply([delete("product", "412")], NOBODY)
        assert answer.result in ("taken", "refused")
        assert answer.seen is not None
        assert not answer.seen.exists
    (gone,) = await bench.client.apply([read("product", "412")], NOBODY)
    assert gone.result == "missing"


async def test_a_value_that_the_shop_will_not_take_fails_alone(bench: Bench) -> None:
    commands = [
        write("product", "412", want={"sku": "HL-SAREE-001-RED"}),
        write("product", "430", want={"name": "Saree"}),
        write("product", "no-number", want={"name": "?"}),
    ]
    answers = await bench.client.apply(commands, NOBODY)
    assert [answer.result for answer in answers] == ["failed", "taken", "failed"]
    assert answers[0].reason.startswith("product_invalid_sku")


@pytest.mark.parametrize("status", [429, 503])
async def test_a_shop_out_of_reach_is_tried_later(bench: Bench, status: int) -> None:
    fault = {"status": status, "html": True, "retry_after_s": 7, "times": None}
    await bench.control.faults("shop", requests=[fault])
    with pytest.raises(Retry) as caught:
        await bench.client.apply([write("product", "412", want={"name": "Tea"})], NOBODY)
    assert caught.value.retry_after_s == 7


async def test_an_unanswered_write_is_not_done_twice(bench: Bench) -> None:
    if bench.access.plugin:
        fault = {"method": "POST", "drop": True}
    else:
        fault = {"method": "PUT", "drop": True}
    await bench.control.faults("shop", requests=[fault])
    command = write(
        "inventory", "412", expected={"quantity": 36}, want={"quantity": 30}, totals={"quantity": 0}
    )
    with pytest.raises(Retry):
        await bench.client.apply([command], NOBODY)
    await bench.control.set_stock("shop", 412, 28)
    (answer,) = await bench.client.apply([command], NOBODY)
    assert answer.result == "taken"
    assert answer.seen is not None
    assert answer.seen.fields["quantity"] == 28


async def test_a_wrong_secret_pauses_and_is_not_printed(bench: Bench) -> None:
    wrong = Connection(
        id="c1", organization_id="org", platform="woocommerce", replica="woocommerce",
        settings=bench.connection.settings,
        secrets={**bench.connection.secrets, "consumer_secret": "cs_not_the_secret"},
    )  # fmt: skip
    assert isinstance(bench.client._rest._http._transport, httpx.MockTransport)  # noqa: SLF001
    connector = WooCommerce(transport=bench.client._rest._http._transport)  # noqa: SLF001
    client = connector.client(wrong)
    with pytest.raises(Paused) as caught:
        await client.apply([write("product", "412", want={"name": "Tea"})], NOBODY)
    assert "cs_not_the_secret" not in f"{caught.value!r} {wrong!r} {client!r}"
    await client.close()


@pytest.mark.parametrize("scheme", ["http"])
async def test_oauth_over_http(bench: Bench) -> None:
    command = write("product", "412", expected={"price": "1899.5"}, want={"price": "1950"})
    (answer,) = await bench.client.apply([command], NOBODY)
    assert answer.result == "taken"
    made = create("product", "e1", want={"name": "Pot & pan", "sku": "POT 1+2/ක", "price": "9"})
    (answer,) = await bench.client.apply([made], NOBODY)
    assert answer.result == "taken"


async def test_a_batch_is_one_call_with_the_plugin(bench: Bench) -> None:
    await bench.control.create_product("shop", name="Other", sku="O-1", regular_price="1")
    commands = [
        write("product", "412", want={"name": "A"}),
        write("product", "430", want={"name": "B"}),
    ]
    await bench.client.apply(commands, NOBODY)
    route = "/smartstore/v1/sync"
    if bench.access.plugin:
        assert bench.requests == [f"GET {route}", f"POST {route}"]
    else:
        assert sorted(bench.requests[1:]) == sorted(
            f"{method} /wc/v3/products/{number}"
            for method in ("GET", "PUT")
            for number in (412, 430)
        )


async def test_probe_and_capabilities(bench: Bench) -> None:
    connector = WooCommerce(transport=bench.client._rest._http._transport)  # noqa: SLF001
    found = await connector.capabilities(bench.connection)
    expected = {"plugin": "1.0.0", "protocol": "1", "max_operations": "100"}
    assert found == (expected if bench.access.plugin else {})
    assert connector.profile(bench.connection, found).compares is bench.access.plugin
    assert "the shop answers" in await bench.client.probe()


async def test_no_edit_is_lost_with_the_plugin(bench: Bench) -> None:
    await bench.control.edit_product("shop", 412, regular_price="2000", stock_quantity=35)
    commands = [
        write("product", "412", expected={"price": "1899.5"}, want={"price": "1"}),
        write("inventory", "412", expected={"quantity": 36}, want={"quantity": 1}),
    ]
    answers = await bench.client.apply(commands, NOBODY)
    assert [answer.result for answer in answers] == ["refused", "refused"]
    assert await bench.control.lost_edits("shop") == []
