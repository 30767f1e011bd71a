"""The judge notices what differs, and only that."""

from __future__ import annotations

import subprocess
import sys
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from runtime.convergence import compare
from runtime.holdings import (
    Holding,
    amount,
    catalogue_holding,
    records_of,
    shop_holding,
)

TEA = {
    "sku": "TEA",
    "name": "Ceylon tea",
    "description": "High-grown",
    "shortDescription": "",
    "status": "active",
    "price": Decimal("1899.50"),
    "salePrice": None,
    "weight": Decimal("0.4"),
}


def stamped(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: [value, 1, "mongodb"] for name, value in fields.items()}


def changelog() -> list[dict[str, Any]]:
    plain = {**TEA, "price": "1899.5", "weight": "0.4", "categories": ["Tea"]}
    ids = {"mongodb": {"external_id": "p1"}, "woocommerce": {"external_id": "412"}}
    orders = {"mongodb": {"external_id": "o1"}, "woocommerce": {"external_id": "1041"}}
    return [
        {"organization_id": "a", "type": "product", "entity_id": "p1", "fields": stamped(plain),
         "replicas": ids},
        {"organization_id": "a", "type": "inventory", "entity_id": "p1",
         "fields": stamped({"sku": "TEA", "quantity": 5}), "replicas": ids},
        {"organization_id": "a", "type": "order", "entity_id": "x1",
         "fields": stamped({"status": "shipped"}), "replicas": orders},
        {"organization_id": "b", "type": "product", "entity_id": "p1",
         "fields": stamped({"sku": "FOREIGN"}), "replicas": {}},
        {"organization_id": "a", "type": "product", "entity_id": "p9",
         "fields": stamped({"sku": "GONE"}), "replicas": {}, "tombstone": [1, "mongodb"]},
    ]  # fmt: skip


def dump() -> dict[str, Any]:
    return {
        "products": [
            {"id": 412, "type": "simple", "sku": "TEA", "name": "Ceylon tea", "status": "publish",
             "description": "<p>High-grown</p>\n", "short_description": "",
             "regular_price": "1899.50", "sale_price": "", "weight": "0.4", "manage_stock": True,
             "stock_quantity": 5}
        ],
        "variations": [],
        "orders": [{"id": 1041, "status": "processing"}],
    }  # fmt: skip


def mongodb() -> Holding:
    held = Holding("mongodb")
    held.add(("product", "TEA"), dict(TEA))
    held.add(("inventory", "TEA"), {"quantity": Decimal(5)})
    held.add(("order", "x1"), {"status": "shipped"})
    return held


def judged(merchant: Holding | None = None, shop: dict[str, Any] | None = None, **more: Any) -> Any:
    records = records_of(more.pop("changelog", changelog()), "a")
    held = shop_holding(shop or dump(), records.order_at("woocommerce"))
    return compare(records, merchant or mongodb(), held, **more)


def test_the_same_everywhere() -> None:
    found = judged()
    assert found.differences == ()
    assert found.converged
    assert found.compared == 10


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "Tea"), ("price", Decimal(1900)), ("salePrice", Decimal(1)), ("status", "draft")],
)
def test_a_field_differs_in_mongodb(field: str, value: object) -> None:
    held = mongodb()
    held.items["product", "TEA"][field] = value
    (found,) = judged(held).differences
    assert (found.type, found.item, found.field) == ("product", "TEA", field)
    assert found.values["mongodb"] == value


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "Tea"), ("regular_price", ""), ("stock_quantity", 0), ("stock_quantity", None)],
)
def test_a_field_differs_in_the_shop(field: str, value: object) -> None:
    shop = dump()
    shop["products"][0][field] = value
    assert len(judged(shop=shop).differences) == 1


def test_an_item_is_missing_or_there_twice() -> None:
    shop = dump()
    shop["products"][0]["status"] = "trash"
    assert {found.field for found in judged(shop=shop).differences} == {"exists"}
    shop = dump()
    shop["products"].append(deepcopy(shop["products"][0]))
    assert [found.field for found in judged(shop=shop).differences] == ["twice", "twice"]


def test_an_order_nobody_told_the_engine_of() -> None:
    shop = dump()
    shop["orders"].append({"id": 7, "status": "processing"})
    (found,) = judged(shop=shop).differences
    assert (found.item, found.values["mongodb"]) == ("woocommerce 7", "absent")


def test_an_order_went_on_in_one_place_only() -> None:
    shop = dump()
    shop["orders"][0]["status"] = "completed"
    (found,) = judged(shop=shop).differences
    assert found.field == "status"


def test_a_contested_field_waits_for_a_person() -> None:
    told = changelog()
    told[0]["conflicts"] = {"price": {"id": "c1"}}
    shop = dump()
    shop["products"][0]["regular_price"] = "2000"
    found = judged(shop=shop, changelog=told)
    assert found.converged
    assert found.contested == 1


def test_whether_an_item_is_to_be_there_waits_for_a_person() -> None:
    """Its stock, which lives in it, waits too."""
    told = changelog()
    told[0]["conflicts"] = {"existence": {"id": "c1"}}
    shop = dump()
    shop["products"][0]["status"] = "trash"
    assert judged(shop=shop, changelog=told, catalogue=catalogue_holding({})).differences == ()


def test_the_catalogue_shows_another_price() -> None:
    items = {"TEA": {"title": "Ceylon tea", "price": "1900.00 LKR",
                     "quantity_to_sell_on_facebook": 5}}  # fmt: skip
    (found,) = judged(catalogue=catalogue_holding(items)).differences
    assert (found.field, found.values["whatsapp"]) == ("price", Decimal(1900))


def test_nothing_at_all_is_not_the_same() -> None:
    assert not compare(records_of([], "a"), Holding("mongodb"), Holding("woocommerce")).converged


def test_zero_empty_and_no_number_are_three_things() -> None:
    assert (amount(0), amount(""), amount("many")) == (Decimal(0), None, "many")


def test_the_judge_is_a_stranger() -> None:
    """Own eyes: none of the product's code is loaded."""
    told = (
        "import sys, runtime.convergence\n"
        "own = {'streams', 'connectors', 'schemas', 'api'}\n"
        "sys.exit(any(name.split('.')[0] in own for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0
