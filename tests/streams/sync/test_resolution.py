"""What rules and people decide is listed, idempotent, and can be taken back."""

from __future__ import annotations

import pytest

from schemas.policy import Policies, Rule
from support.engine import Engine, context


def contested(*rules: Rule) -> Engine:
    """MongoDB's 120 is written to the shop when the shop's 130 is seen."""
    engine = Engine(context("product", *rules))
    engine.sees("mongodb", 1, sku="T", price="100")
    engine.sees("woocommerce", 1, sku="T", price="100")
    engine.settles()
    engine.now += 10
    engine.sees("mongodb", 12, sku="T", price="120")
    engine.now += 10
    engine.sees("woocommerce", 12, sku="T", price="130")
    return engine


class TestByRule:
    def test_is_listed_with_both_sides(self) -> None:
        engine = contested()
        (line,) = engine.last.conflicts
        assert (line.status, line.automatic, line.resolution) == ("resolved", True, "newest")
        assert line.candidates == {"mongodb": "120", "woocommerce": "130"}
        assert (line.value, line.previous, line.base) == ("130", "120", "100")

    def test_a_side_that_does_not_stand_is_listed_too(self) -> None:
        engine = contested(Rule(field="price", policy="local"))
        (line,) = engine.last.conflicts
        assert (line.value, line.previous, line.resolution) == ("120", "130", "local")

    def test_can_be_reversed_and_whoever_takes_that_back_is_asked(self) -> None:
        engine = contested()
        (line,) = engine.last.conflicts
        engine.undoes(line)
        assert engine.agreed("price") == "120"
        (undone,) = engine.last.conflicts
        assert (undone.status, undone.resolution, undone.by) == ("resolved", "undo", "kamala")
        engine.undoes(undone)
        assert engine.record.conflicts["price"].candidates == line.candidates

    def test_reversing_twice_changes_once(self) -> None:
        engine = contested()
        (line,) = engine.last.conflicts
        engine.undoes(line)
        engine.undoes(line)
        assert engine.agreed("price") == "120"
        assert engine.last.feed[-1].reason == "it has changed since; change the value itself"

    def test_a_late_event_that_loses_is_listed(self) -> None:
        engine = contested()
        engine.edits("e", fields={"price": "90"}, timestamp_ms=engine.now - 60_000)
        assert engine.agreed("price") == "130"
        (line,) = engine.last.conflicts
        assert (line.value, line.previous) == ("130", "90")


class TestByPerson:
    @pytest.fixture
    def engine(self) -> Engine:
        return contested(Rule(field="price", policy="manual"))

    def test_keep_names_a_side(self, engine: Engine) -> None:
        engine.resolves("keep", side="woocommerce")
        assert engine.agreed("price") == "130"
        assert engine.last.conflicts[-1].resolution_id == "r"

    def test_a_side_that_is_none_is_refused(self, engine: Engine) -> None:
        engine.resolves("keep", side="whatsapp")
        assert "price" in engine.record.conflicts

    def test_the_second_person_is_told(self, engine: Engine) -> None:
        before = engine.record
        engine.resolves("keep", side="woocommerce")
        settled, engine.record = engine.record, before
        late = engine.resolution("local")
        engine.record = settled
        engine.take(late)
        assert engine.agreed("price") == "130"
        assert engine.last.feed[-1].reason == "this conflict is already settled"

    def test_undo_opens_it_again(self, engine: Engine) -> None:
        engine.resolves("remote")
        (line,) = engine.last.conflicts
        engine.undoes(line)
        conflict = engine.record.conflicts["price"]
        assert conflict.candidates == {"mongodb": "120", "woocommerce": "130"}
        assert engine.last.conflicts[-1].status == "open"

    def test_undo_after_a_new_edit_is_refused(self, engine: Engine) -> None:
        engine.resolves("remote")
        (line,) = engine.last.conflicts
        engine.settles()
        engine.now += 10
        engine.edits("e", fields={"price": "140"})
        engine.undoes(line)
        assert engine.agreed("price") == "140"
        assert engine.record.conflicts == {}


def test_new_rules_hold_from_their_moment_on() -> None:
    engine = Engine(context("product"))
    engine.context = context("product")
    before = (Rule(field="price", policy="local"),)
    policies = Policies(version=8, rules=(), before=before, effective_from_ms=engine.now + 15)
    object.__setattr__(engine.context, "policies", policies)
    engine.sees("mongodb", 1, sku="T", price="100")
    engine.sees("woocommerce", 1, sku="T", price="100")
    engine.settles()
    engine.now += 10
    engine.sees("mongodb", 12, sku="T", price="120")
    engine.sees("woocommerce", 12, sku="T", price="130")
    assert engine.last.conflicts[0].policy_version == 7
    assert engine.agreed("price") == "120"
    engine.now += 10
    engine.sees("woocommerce", 13, sku="T", price="150")
    assert engine.agreed("price") == "150"
    assert engine.last.conflicts[0].policy_version == 8
