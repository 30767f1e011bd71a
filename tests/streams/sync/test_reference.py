"""The reference itself, on journals short enough to judge by eye; and, with many random ones, the
engine against it."""

from __future__ import annotations

import ast
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.fields import Kind
from support import machine_moves as moves
from support import reference, reference_merge
from support.machine_judge import judge, settle
from support.machine_shape import identity
from support.machine_world import World
from support.reference import QUEUE, Journal, Update
from support.reference_merge import ABSENT, merged

APP, SHOP, OTHER = "mongodb", "woocommerce", "woocommerce:2"


@pytest.fixture
def journal() -> Journal:
    """A product's name, an order's status and a count."""
    start = {"sku": "v1", "quantity": 10}
    kinds = {"sku": Kind.VALUE, "quantity": Kind.COUNTER}
    return Journal("product", start, kinds, identity)


def says(journal: Journal, place: str, value: str, *, at: int, over: Any = (0,)) -> Update:
    return journal.made(place, "sku", None, value, over=frozenset(over), at=at)


def allowed(journal: Journal, policy: str = "newest", winner: str = "") -> set[Any]:
    return set(journal.permitted("sku", policy, winner).identities)


def test_the_only_change_stands_whatever_the_policy(journal: Journal) -> None:
    says(journal, SHOP, "a", at=100)
    for policy in ("newest", "local", "remote", "merge", "manual"):
        assert allowed(journal, policy) == {"a"}


def test_who_saw_a_value_and_changed_it_stands_above_it(journal: Journal) -> None:
    first = says(journal, SHOP, "a", at=100)
    says(journal, APP, "b", at=50, over=(0, first.number))  # its clock is behind
    assert allowed(journal) == {"b"}
    assert allowed(journal, "remote") == {"b"}


def test_of_two_side_by_side_the_newest_stands(journal: Journal) -> None:
    says(journal, SHOP, "a", at=100)
    says(journal, APP, "b", at=200)
    assert allowed(journal) == {"b"}


def test_either_may_stand_where_the_clocks_cannot_tell(journal: Journal) -> None:
    says(journal, SHOP, "a", at=100)
    says(journal, APP, "b", at=200)
    journal.slack[SHOP] = 150
    assert allowed(journal) == {"a", "b"}


def test_an_item_touched_later_makes_its_fields_look_later(journal: Journal) -> None:
    says(journal, SHOP, "a", at=100).latest = 300
    says(journal, APP, "b", at=200)
    assert allowed(journal) == {"a", "b"}


def test_sides_decide_whatever_the_age(journal: Journal) -> None:
    says(journal, SHOP, "a", at=200)
    says(journal, APP, "b", at=100)
    assert allowed(journal, "local") == {"b"}
    assert allowed(journal, "remote") == {"a"}
    assert allowed(journal, "newest", SHOP) == {"a"}


def test_of_two_shops_the_newer_one_is_the_remote_side(journal: Journal) -> None:
    says(journal, SHOP, "a", at=200)
    says(journal, OTHER, "c", at=300)
    says(journal, APP, "b", at=400)
    assert allowed(journal, "remote") == {"c"}


def test_side_by_side_under_manual_without_an_answer_is_nobodys_to_decide(
    journal: Journal,
) -> None:
    a, b = says(journal, SHOP, "a", at=200), says(journal, APP, "b", at=100)
    assert allowed(journal, "manual") == set()
    journal.answered("sku", "a", frozenset((a.number, b.number)), "c1", 300)
    assert allowed(journal, "manual") == {"a"}


def test_an_answer_yields_to_who_changed_the_chosen_value_meanwhile(journal: Journal) -> None:
    a, b = says(journal, SHOP, "a", at=100), says(journal, APP, "b", at=100)
    says(journal, SHOP, "a2", at=150, over=(0, a.number))
    journal.answered("sku", "a", frozenset((a.number, b.number)), "c1", 300)
    assert allowed(journal, "manual") == {"a2"}


def test_a_decision_made_before_the_next_change_came_may_stand(journal: Journal) -> None:
    """The shop's value beat the other shop's; then somebody in the app changed it, having seen it.
    Under `remote` the other shop's may stand only if it arrived after that."""
    a = says(journal, SHOP, "a", at=200)
    says(journal, OTHER, "c", at=100)
    says(journal, APP, "b", at=300, over=(0, a.number))
    assert allowed(journal, "remote") == {"b", "c"}


def test_a_programs_word_goes_by_its_time(journal: Journal) -> None:
    says(journal, SHOP, "a", at=200)
    says(journal, QUEUE, "q", at=100, over=())
    assert allowed(journal) == {"a"}


def test_sales_add_up_in_any_order(journal: Journal) -> None:
    for place, delta in ((APP, -2), (SHOP, -3), (QUEUE, 4), (SHOP, -1)):
        journal.sold(place, "quantity", delta, 100)
    assert journal.permitted("quantity", "manual").identities == {8}


def test_a_status_goes_as_far_as_any_places_last_word() -> None:
    journal = Journal("order", {"status": "pending"}, {"status": Kind.LATTICE}, identity)
    for place, value in ((SHOP, "shipped"), (APP, "processing"), (APP, "unheard-of")):
        journal.made(place, "status", None, value, over=frozenset(), at=1)
    assert journal.permitted("status", "local").identities == {"shipped"}
    journal.made(SHOP, "status", None, "pending", over=frozenset(), at=2)
    # The shop went back before anybody had seen it shipped, or after.
    assert journal.permitted("status", "local").identities == {"pending", "processing", "shipped"}


def change(place: str, base: Any, value: Any, number: int) -> Update:
    return Update(number, place, "f", base, value, frozenset(), 0, 0)


def test_what_anybody_adds_to_a_list_is_there_and_what_anybody_removes_is_not() -> None:
    updates = [
        change(APP, ["a", "b"], ["b", "c"], 1),
        change(SHOP, ["a", "b"], ["d", "a", "b"], 2),
    ]
    found = merged(Kind.LIST, ["a", "b"], updates, lambda value: value)
    there = {item for item, allowed in found.elements.items() if allowed == {True}}
    assert there == {"b", "c", "d"}


def test_keys_of_a_map_are_judged_one_by_one() -> None:
    updates = [
        change(APP, {"k": 1, "l": 2}, {"k": 9, "l": 2}, 1),
        change(SHOP, {"k": 1, "l": 2}, {"k": 1}, 2),
        change(OTHER, {"k": 1, "l": 2}, {"k": 8, "l": 2}, 3),
    ]
    found = merged(Kind.MAP, {"k": 1, "l": 2}, updates, lambda value: value)
    assert found.elements == {"k": {8, 9}, "l": {ABSENT}}


def test_lines_far_apart_both_hold_and_one_line_makes_the_text_one_value() -> None:
    apart = [change(APP, "a\nb\nc", "A\nb\nc", 1), change(SHOP, "a\nb\nc", "a\nb\nC", 2)]
    found = merged(Kind.TEXT, "a\nb\nc", apart, lambda value: value)
    assert found.elements == {0: {"A"}, 1: {"b"}, 2: {"C"}}
    same = [change(APP, "a\nb\nc", "X\nb\nc", 1), change(SHOP, "a\nb\nc", "Y\nb\nc", 2)]
    found = merged(Kind.TEXT, "a\nb\nc", same, lambda value: value)
    assert found.elements[0] == {"a", "X", "Y"}


def test_the_reference_knows_nothing_of_the_engine() -> None:
    for module in (reference, reference_merge):
        tree = ast.parse(Path(str(module.__file__)).read_text())
        found = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {name for name in found if name and name.startswith("streams")}


@pytest.mark.parametrize("policy", moves.POLICIES)
def test_the_engine_agrees_with_the_reference(policy: str) -> None:
    wrong = {}
    for seed in range(40):
        dice = random.Random(f"{policy}{seed}")
        setup = moves.setup(*(dice.randrange(40) for _ in range(4)))
        winner = "woocommerce" if policy == "winner" else ""
        world = World(replace(setup, policy=policy, winner=winner))
        moves.walk(world, dice, 60)
        settle(world)
        if judge(world):
            wrong[seed] = world.complaints
    assert wrong == {}
