from typing import Any

import pytest

from schemas.event import QueuedEvent
from streams.inbound.edits import Unclear, Wanted, wanted


def event(kind: str, data: dict[str, Any], action: str = "update") -> QueuedEvent:
    return QueuedEvent.model_validate(
        {
            "id": "e1",
            "type": kind,
            "action": action,
            "data": data,
            "source": "web",
            "timestamp": 1795339800250,
            "organizationId": "org",
        }
    )


def test_stock_is_split_out_of_a_product() -> None:
    product, stock = wanted(event("product", {"id": "p1", "price": "10.50", "stockQuantity": 4}))
    assert (product.id, product.type, product.fields) == ("e1", "product", {"price": "10.5"})
    assert (stock.id, stock.type, stock.of) == ("e1:inventory", "inventory", "product")
    assert (stock.fields, stock.deltas) == ({"quantity": 4}, {})
    assert stock.target == product.target


def test_a_delta_is_a_change() -> None:
    (stock,) = wanted(event("product", {"sku": "T", "delta": "-2"}))
    assert (stock.fields, stock.deltas) == ({}, {"quantity": -2})
    assert stock.target.match_keys == ("sku:T",)


@pytest.mark.parametrize("data", [{"quantity": None}, {}, {"stock": ""}])
def test_no_stock_said_is_no_stock_edit(data: dict[str, Any]) -> None:
    found: list[Wanted] = wanted(event("product", {"id": "p1", "name": "Tea", **data}))
    assert [edit.type for edit in found] == ["product"]


def test_zero_is_a_stock() -> None:
    (stock,) = wanted(event("inventory", {"_id": {"$oid": "a" * 24}, "quantity": 0}))
    assert stock.fields == {"quantity": 0}
    assert stock.target.external_id == "a" * 24


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("product", {"price": "1"}),
        ("product", {"id": "p1"}),
        ("product", {"id": "p1", "colour": "red"}),
        ("product", {"id": "p1", "price": "a lot"}),
        ("product", {"id": "p1", "stock": 1, "quantity": 2}),
        ("product", {"id": "p1", "stock": 1, "delta": 2}),
        ("inventory", {"id": "p1", "quantity": 1.5}),
        ("inventory", {"id": "p1", "quantity": None}),
    ],
)
def test_what_cannot_be_applied_is_said(kind: str, data: dict[str, Any]) -> None:
    with pytest.raises(Unclear):
        wanted(event(kind, data))


def test_a_deletion_needs_no_fields_and_a_creation_no_id() -> None:
    (gone,) = wanted(event("order", {"id": 1041}, "delete"))
    assert (gone.action, gone.target.external_id) == ("delete", "1041")
    (made,) = wanted(event("product", {"name": "Tea"}, "create"))
    assert made.target.match_keys == ("event:e1",)


def test_customers_by_phone_and_email() -> None:
    data = {"phone": "+94 77 1234567", "email": "A@b.lk", "name": "Nimal"}
    (edit,) = wanted(event("customer", data))
    assert edit.target.match_keys == ("phone:+94771234567", "email:a@b.lk")
