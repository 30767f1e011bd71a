"""Which rule decides, and what it decides."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.policy import Rule
from streams.sync.policy import Side, rule_for, verdict

ANY = Rule(policy="manual")
TYPE = Rule(type="product", policy="local")
FIELD = Rule(field="price", policy="remote")
SHOP = Rule(platform="woocommerce", policy="merge")
BOTH = Rule(type="product", field="price", winner="mongodb")


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ((), Rule()),
        ((ANY,), ANY),
        ((ANY, SHOP), SHOP),
        ((ANY, SHOP, TYPE), TYPE),
        ((FIELD, TYPE, SHOP), FIELD),
        ((BOTH, FIELD), BOTH),
        ((Rule(type="order", policy="manual"),), Rule()),
        ((Rule(platform="whatsapp", policy="manual"),), Rule()),
    ],
)
def test_the_most_exact_rule_holds(rules: tuple[Rule, ...], found: Rule) -> None:
    assert rule_for(rules, "product", "price", ("mongodb", "woocommerce")) == found


STANDING = Side("100", 10, "mongodb")
CHALLENGER = Side("120", 20, "woocommerce")


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (Rule(), "120"),
        (Rule(policy="local"), "100"),
        (Rule(policy="remote"), "120"),
        (Rule(policy="merge"), "120"),
        (Rule(winner="mongodb"), "100"),
        (Rule(winner="woocommerce"), "120"),
        (Rule(winner="whatsapp"), "120"),
    ],
)
def test_values(rule: Rule, value: Any) -> None:
    found = verdict(rule, "product", "price", "90", STANDING, CHALLENGER)
    assert found is not None
    assert found.value == value


def test_manual_asks() -> None:
    assert verdict(Rule(policy="manual"), "product", "price", "9", STANDING, CHALLENGER) is None


def test_lists_of_unknown_origin_are_united() -> None:
    sides = Side(["a"], 10, "mongodb"), Side(["b"], 20, "woocommerce")
    found = verdict(Rule(policy="merge"), "product", "tags", None, *sides)
    assert found is not None
    assert sorted(found.value) == ["a", "b"]


def test_a_text_that_does_not_merge_goes_to_the_newer() -> None:
    sides = Side("x", 10, "mongodb"), Side("y", 20, "woocommerce")
    found = verdict(Rule(policy="merge"), "product", "description", "a", *sides)
    assert found is not None
    assert (found.value, found.how) == ("y", "newest")


@pytest.mark.parametrize(
    "rule", [Rule(policy="local"), Rule(policy="remote"), Rule(winner="mongodb")]
)
def test_of_two_values_of_one_side_the_newer_holds(rule: Rule) -> None:
    older, newer = Side("q", 10, "mongodb"), Side("e", 20, "mongodb")
    for sides in ((older, newer), (newer, older)):
        found = verdict(rule, "inventory", "location", "x", *sides)
        assert found is not None
        assert found.value == "e"
