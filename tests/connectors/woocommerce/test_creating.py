"""Creates against the sandbox: once, adopted where the SKU is there, stock after its item."""

from __future__ import annotations

import pytest

from connectors.errors import Retry
from tests.connectors.woocommerce.conftest import Bench, Known, create, write

NOBODY = Known()


async def test_a_product_is_created_once(bench: Bench) -> None:
    command = create(
        "product", "e1",
        want={
            "name": "Clay pot", "sku": "POT-1", "price": "950", "status": "active",
            "images": [{"url": "https://cdn.example.com/pot.jpg", "alt": "Pot"}],
        },
    )  # fmt: skip
    (made,) = await bench.client.apply([command], NOBODY)
    assert made.result == "taken"
    number = made.external_id
    assert made.seen is not None
    (picture,) = made.seen.fields["images"]
    assert "/uploads/" in picture["url"]  # the shop's own copy
    assert picture["alt"] == "Pot"
    (again,) = await bench.client.apply([command], NOBODY)
    assert (again.result, again.external_id) == ("taken", number)
    shop = await bench.control.dump_shop("shop")
    assert [p["sku"] for p in shop["products"]].count("POT-1") == 1


async def test_categories_tags_and_attributes_are_given_at_creation(bench: Bench) -> None:
    want = {
        "name": "Pot", "sku": "POT-1", "price": "950", "categories": ["Sarees", "Clay & more"],
        "tags": ["new"], "attributes": {"Colour": ["Red", "Brown"], "Size": "L"},
    }  # fmt: skip
    first = create("product", "e1", want=want)
    second = create("product", "e2", want={**want, "sku": "POT-2"})
    answers = await bench.client.apply([first, second], NOBODY)
    for answer in answers:
        assert answer.result == "taken"
        assert answer.seen is not None
        assert answer.seen.fields["categories"] == ["Clay & more", "Sarees"]
        assert answer.seen.fields["tags"] == ["new"]
        assert answer.seen.fields["attributes"] == {"Colour": ["Red", "Brown"], "Size": ["L"]}


async def test_a_variation_makes_its_parent_variable(bench: Bench) -> None:
    wanted = [
        create(
            "variation", f"v{size}",
            want={
                "parentId": "p1", "sku": f"TEA-{size}", "price": "900", "attributes": {"Size": size}
            },
        )
        for size in ("200 g", "1 kg")
    ]  # fmt: skip
    (early,) = await bench.client.apply(wanted[:1], NOBODY)
    assert early.result == "missing"
    links = Known(product_p1="412", product_p2="430")
    for _ in range(2):
        answers = await bench.client.apply(wanted, links)
        assert [answer.result for answer in answers] == ["taken", "taken"]
        assert [answer.external_id for answer in answers] == ["412:2000", "412:2001"]
    assert answers[0].seen is not None
    assert answers[0].seen.fields["attributes"] == {"Size": "200 g"}
    assert answers[0].seen.fields["price"] == "900"
    parent = await bench.product(412)
    assert parent["type"] == "variable"
    assert parent["attributes"][0]["options"] == ["200 g", "1 kg"]
    red = create(
        "variation", "v3", want={"parentId": "p2", "price": "9", "sku": "X-3",
                                 "attributes": {"Colour": "Red", "Blouse piece": "No"}},
    )  # fmt: skip
    (answer,) = await bench.client.apply([red], links)
    assert answer.result == "taken"
    assert (await bench.product(430))["attributes"][0]["options"] == ["Red", "Indigo"]
    stock = create("inventory", "v3", want={"quantity": 4}, totals={"quantity": 0})
    (answer,) = await bench.client.apply([stock], Known(variation_v3=answer.external_id or ""))
    assert (answer.result, answer.external_id) == ("taken", "430:2002")


async def test_an_item_with_the_sku_is_adopted(bench: Bench) -> None:
    command = create("product", "e1", want={"name": "Tea", "sku": "TEA-BOPF-400", "price": "1"})
    (answer,) = await bench.client.apply([command], NOBODY)
    assert (answer.result, answer.reason, answer.external_id) == ("refused", "sku", "412")
    assert answer.seen is not None
    assert answer.seen.fields["name"] == "Ceylon BOPF tea 400 g"
    other = create("product", "e2", want={"name": "Red", "sku": "HL-SAREE-001-RED", "price": "1"})
    (answer,) = await bench.client.apply([other], NOBODY)
    assert answer.result == "failed"
    assert "variation" in answer.reason


async def test_our_own_item_in_the_trash_is_not_made_again(bench: Bench) -> None:
    command = create("product", "e1", want={"name": "Pot", "sku": "POT-1", "price": "950"})
    (made,) = await bench.client.apply([command], NOBODY)
    await bench.control.trash_product("shop", int(made.external_id or 0))
    if not bench.access.plugin:
        pytest.skip("without the plugin a SKU in the trash is free, as in core")
    (answer,) = await bench.client.apply(
        [create("product", "e1", op=(2, 1), want=command.want)], NOBODY
    )
    assert (answer.result, answer.reason) == ("refused", "removed")
    assert answer.seen is not None
    assert not answer.seen.exists


async def test_the_first_stock_of_an_item_of_ours(bench: Bench) -> None:
    stock = create("inventory", "e1", want={"quantity": 12}, totals={"quantity": 0})
    (early,) = await bench.client.apply([stock], NOBODY)
    assert early.result == "missing"
    assert early.seen is None
    made = create("product", "e1", want={"name": "Pot", "sku": "POT-1", "price": "950"})
    (product,) = await bench.client.apply([made], NOBODY)
    links = Known(product_e1=product.external_id or "")
    for _ in range(2):
        (answer,) = await bench.client.apply([stock], links)
        assert (answer.result, answer.external_id) == ("taken", product.external_id)
        assert answer.seen is not None
        assert answer.seen.fields["quantity"] == 12
        assert answer.seen.mark is not None
        assert answer.seen.mark.fields["quantity"].total == 0
    assert (await bench.product("POT-1"))["stock_quantity"] == 12


async def test_stock_that_is_managed_already_is_seen_not_set(bench: Bench) -> None:
    stock = create("inventory", "e1", want={"quantity": 12}, totals={"quantity": 0})
    (answer,) = await bench.client.apply([stock], Known(product_e1="412"))
    assert (answer.result, answer.reason) == ("refused", "expected")
    assert answer.seen is not None
    assert answer.seen.fields["quantity"] == 36


async def test_a_copied_order_takes_no_stock(bench: Bench) -> None:
    command = create(
        "order", "o1",
        want={
            "status": "processing", "currency": "LKR", "total": "4349", "shippingTotal": "400",
            "note": "After four", "payment": {"method": "cod"},
            "billing": {"name": "Nadeesha Perera", "phone": "+94771234567", "city": "Nugegoda"},
            "shipping": {"name": "Nadeesha Perera", "city": "Nugegoda"},
            "items": [
                {"productId": "p1", "sku": "TEA-BOPF-400", "name": "Tea", "quantity": 2,
                 "unitPrice": "1899.5", "total": "3799"},
                {"productId": None, "sku": "GONE", "name": "Gone", "quantity": 1,
                 "unitPrice": "250", "total": "250"},
            ],
        },
    )  # fmt: skip
    links = Known(product_p1="412")
    (made,) = await bench.client.apply([command], links)
    assert made.result == "taken"
    assert made.seen is not None
    assert "placedOn" not in made.seen.fields
    assert "items" not in made.seen.fields
    assert made.seen.fields["billing"]["phone"] == "+94771234567"
    order = await bench.control.order("shop", int(made.external_id or 0))
    assert order["total"] == "4349.00"
    assert order["fee_lines"][0]["total"] == "-100.00"
    assert [line["quantity"] for line in order["line_items"]] == [2, 1]
    assert order["line_items"][0]["product_id"] == (412 if bench.access.plugin else 0)
    assert (await bench.product(412))["stock_quantity"] == 36

    (again,) = await bench.client.apply([command], links)
    assert (again.result, again.external_id) == ("taken", made.external_id)
    cancel = write(
        "order", made.external_id or "", op=(1, 2), after=(1, 1), entity_id="o1",
        expected={"status": "processing"}, want={"status": "cancelled"},
    )  # fmt: skip
    (answer,) = await bench.client.apply([cancel], links)
    assert answer.result == "taken"
    assert (await bench.product(412))["stock_quantity"] == 36


async def test_an_unanswered_create_is_found(bench: Bench) -> None:
    await bench.control.faults("shop", requests=[{"method": "POST", "drop": True}])
    command = create("product", "e1", want={"name": "Pot without SKU", "price": "950"})
    with pytest.raises(Retry):
        await bench.client.apply([command], NOBODY)
    (answer,) = await bench.client.apply([command], NOBODY)
    assert answer.result == "taken"
    shop = await bench.control.dump_shop("shop")
    names = [product["name"] for product in shop["products"]]
    assert names.count("Pot without SKU") == 1
