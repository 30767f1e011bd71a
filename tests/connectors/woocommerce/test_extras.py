"""Products that are not simple, orders with more than lines, customers made there. Shapes are those
of the REST API v3."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.protocol import Connection
from connectors.woocommerce import WooCommerce
from connectors.woocommerce.extras import details_body, meta_body, normal_details
from connectors.woocommerce.mapping import seen_of
from sandbox.client import SandboxClient
from tests.connectors.woocommerce.conftest import Bench, Known, create, sample, write

NOBODY = Known()
BOOK = {"name": "Tea book", "url": "https://cdn.example.com/tea.pdf"}


def product(**fields: Any) -> dict[str, Any]:
    return {**sample("product_simple"), **fields}


def seen(resource: dict[str, Any]) -> Any:
    return seen_of("product", "412", resource)


def test_an_external_product_has_an_address_and_a_price() -> None:
    found = seen(
        product(type="external", external_url="https://maker.example/pot", button_text="Buy there")
    )
    assert found.fields["productType"] == "external"
    assert found.fields["details"] == {
        "externalUrl": "https://maker.example/pot",
        "buttonText": "Buy there",
    }
    assert found.fields["price"] == "1899.5"
    assert found.masked == ()


def test_a_grouped_product_has_no_price_of_its_own() -> None:
    found = seen(product(type="grouped", regular_price="", grouped_products=[1, 2]))
    assert found.fields["productType"] == "grouped"
    assert found.masked == ("price", "salePrice")


def test_a_downloadable_product_tells_its_files() -> None:
    files = [{"id": "a1", "name": BOOK["name"], "file": BOOK["url"]}]
    found = seen(product(virtual=True, downloadable=True, downloads=files))
    assert found.fields["details"] == {"virtual": True, "downloadable": True, "downloads": [BOOK]}


def test_a_type_of_another_plugin_is_seen_and_breaks_nothing() -> None:
    found = seen(product(type="subscription"))
    assert found.fields["productType"] == "subscription"
    assert found.fields["price"] == "1899.5"


def test_a_simple_product_says_nothing_of_all_this() -> None:
    assert "productType" not in seen(product()).fields
    assert seen(product()).fields["details"] == {}
    assert "details" not in seen({"id": 412, "name": "cut short"}).fields


def test_only_public_meta_data_is_anybodys_business() -> None:
    entries = [
        {"id": 1, "key": "origin", "value": "Dimbula"},
        {"id": 2, "key": "_edit_lock", "value": "1:1"},
        {"id": 3, "key": "_smartstore_product", "value": {}},
        {"id": 4, "key": "$bad", "value": 1},
        {"id": 5, "key": "grades", "value": {"bopf": ["a", "b"]}},
    ]
    found = seen(product(meta_data=entries))
    assert found.fields["metadata"] == {"origin": "Dimbula", "grades": {"bopf": ["a", "b"]}}
    assert meta_body({"origin": "Uva"}, {"meta_data": entries}) == [
        {"key": "origin", "value": "Uva"},
        {"id": 5, "key": "grades", "value": None},
    ]


def test_details_are_written_as_core_wants_them() -> None:
    details = {"virtual": True, "downloadable": True, "downloads": [BOOK]}
    assert details_body({**details, "saleTo": "2026-12-31T18:30:00.000Z"}) == {
        "virtual": True,
        "downloadable": True,
        "downloads": [{"name": BOOK["name"], "file": BOOK["url"]}],
        "date_on_sale_from_gmt": "",
        "date_on_sale_to_gmt": "2026-12-31T18:30:00",
    }
    assert normal_details({"downloads": [BOOK]}) == {}
    assert normal_details({"virtual": False, "downloads": "12", "buttonText": ""}) == {}


async def test_details_and_meta_data_both_ways(bench: Bench) -> None:
    want = {
        "details": {
            "virtual": True,
            "downloadable": True,
            "downloads": [BOOK],
            "saleFrom": "2026-12-01T00:00:00.000Z",
        },
        "metadata": {"origin": "Dimbula"},
    }
    expected = {"details": {}, "metadata": {}}
    (answer,) = await bench.client.apply(
        [write("product", "412", expected=expected, want=want)], NOBODY
    )
    assert (answer.result, answer.reason) == ("taken", "")
    assert answer.seen is not None
    assert {name: answer.seen.fields[name] for name in want} == want
    back = write("product", "412", op=(1, 2), after=(1, 1), expected=want, want=expected)
    (answer,) = await bench.client.apply([back], NOBODY)
    assert answer.result == "taken"
    assert answer.seen is not None
    assert {name: answer.seen.fields[name] for name in expected} == expected


async def test_what_becomes_virtual_loses_its_weight_by_nobodys_edit(bench: Bench) -> None:
    assert (await bench.product(412))["weight"] == "0.4"
    want = {"details": {"virtual": True}}
    (answer,) = await bench.client.apply(
        [write("product", "412", expected={"details": {}}, want=want)], NOBODY
    )
    assert (answer.result, answer.reason) == ("taken", "")
    assert (await bench.product(412))["weight"] == ""
    assert answer.seen is not None
    assert answer.seen.masked == ("weight", "dimensions")
    assert not {"weight", "dimensions"} & answer.seen.fields.keys()


async def test_products_are_made_as_what_they_are(bench: Bench) -> None:
    link = "https://maker.example/pot"
    want = {
        "name": "Pot", "sku": "POT-X", "price": "950", "productType": "external",
        "details": {"externalUrl": link, "buttonText": "Buy there"},
        "metadata": {"origin": "Galle"},
    }  # fmt: skip
    strange = {**want, "sku": "POT-Y", "productType": "subscription", "details": {}}
    answers = await bench.client.apply(
        [create("product", "e1", want=want), create("product", "e2", want=strange)], NOBODY
    )
    assert [answer.result for answer in answers] == ["taken", "taken"]
    made = await bench.product("POT-X")
    assert (made["type"], made["external_url"]) == ("external", link)
    assert (await bench.product("POT-Y"))["type"] == "simple"
    assert answers[0].seen is not None
    assert answers[0].seen.fields["metadata"] == {"origin": "Galle"}


def test_an_orders_fees_coupons_and_refunds() -> None:
    order = {
        **sample("order_created_cod"),
        "fee_lines": [{"id": 1, "name": "Gift wrap", "total": "150.00"}],
        "coupon_lines": [{"id": 2, "code": "avurudu", "discount": "450.00"}],
        "refunds": [{"id": 990, "reason": "Broken", "total": "-450.00"}],
    }
    found = seen_of("order", "1", order)
    assert found.fields["fees"] == [{"name": "Gift wrap", "total": "150"}]
    assert found.fields["coupons"] == [{"code": "avurudu", "discount": "450"}]
    assert found.fields["refunds"] == [{"id": "990", "reason": "Broken", "total": "450"}]


async def test_a_copied_orders_fees_are_its_own_and_its_total_the_same(bench: Bench) -> None:
    want = {
        "items": [{"productId": None, "sku": "A", "name": "A", "quantity": 1, "unitPrice": "100",
                   "total": "100"}],
        "fees": [{"name": "Gift wrap", "total": "150"}],
        "total": "230",
    }  # fmt: skip
    (answer,) = await bench.client.apply([create("order", "o1", want=want)], NOBODY)
    assert answer.result == "taken"
    order = await bench.control.order("shop", int(answer.external_id or 0))
    assert [(fee["name"], fee["total"]) for fee in order["fee_lines"]] == [
        ("Gift wrap", "150.00"),
        ("Discount", "-20.00"),
    ]
    assert order["total"] == "230.00"


NIMAL = {
    "name": "Nimal Perera",
    "email": "nimal@example.lk",
    "phone": "+94771234567",
    "addresses": [{"address1": "12 Galle Road", "city": "Colombo", "country": "LK"}],
}


async def test_a_customer_gets_an_account_once(bench: Bench) -> None:
    command = create("customer", "c1", want=NIMAL)
    (made,) = await bench.client.apply([command], NOBODY)
    assert (made.result, made.reason) == ("taken", "")
    (again,) = await bench.client.apply([command], NOBODY)
    assert (again.result, again.external_id) == ("taken", made.external_id)
    people = (await bench.control.dump_shop("shop"))["customers"]
    shown = next(person for person in people if str(person["id"]) == made.external_id)
    assert (shown["first_name"], shown["last_name"]) == ("Nimal", "Perera")
    assert shown["billing"]["address_1"] == "12 Galle Road"
    assert shown["billing"]["phone"] == "+94771234567"


async def test_a_customer_is_written_again_and_again(bench: Bench) -> None:
    """Core's REST API takes and shows no hidden entry of a customer: its mark is an open one."""
    number = str(sample("customer_created")["id"])
    last: Any = None
    for place, name in enumerate(("Kumari Silva", "Kumari de Silva"), start=1):
        command = write("customer", number, op=(1, place), after=last, want={"name": name})
        for _ in range(2):
            (answer,) = await bench.client.apply([command], NOBODY)
            assert (answer.result, answer.reason) == ("taken", "")
        last = (1, place)
        assert answer.seen is not None
        assert answer.seen.mark is not None
        assert (answer.seen.mark.op, answer.seen.fields["name"]) == (last, name)


async def test_an_account_of_the_shops_own_people_is_nobodys(bench: Bench) -> None:
    if isinstance(bench.control, SandboxClient):
        owner = {**sample("customer_created"), "id": 1, "role": "administrator"}
        await bench.control.load("shop", {"customers": [{**owner, "email": "admin@example.com"}]})
    want = {**NIMAL, "email": "admin@example.com"}
    (answer,) = await bench.client.apply([create("customer", "c1", want=want)], NOBODY)
    assert answer.result == "failed"
    assert "administrator" in answer.reason
    page = await bench.client.page("customer")
    assert [item.external_id for item in page.items] == [str(sample("customer_created")["id"])]


async def test_a_customer_who_has_an_account_is_linked(bench: Bench) -> None:
    known = sample("customer_created")
    want = {**NIMAL, "email": known["email"].upper()}
    (answer,) = await bench.client.apply([create("customer", "c1", want=want)], NOBODY)
    assert (answer.result, answer.external_id) == ("refused", str(known["id"]))


@pytest.mark.parametrize(
    ("settings", "capabilities", "creates"),
    [
        ({}, {}, False),
        ({}, {"plugin": "1.0.0"}, True),
        ({"create_customers": "yes"}, {}, True),
        ({"create_customers": "no"}, {"plugin": "1.0.0"}, False),
    ],
)
def test_who_makes_accounts(
    settings: dict[str, str], capabilities: dict[str, str], creates: bool
) -> None:
    connection = Connection("c", "org", "woocommerce", "woocommerce", settings)
    profile = WooCommerce().profile(connection, capabilities)
    assert profile.types["customer"].creates is creates
