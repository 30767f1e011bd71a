"""What is learnt from what people decided."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.feed import ConflictLine
from streams.suggest import Case, Learner, Past, Suggestion, case_of, past_of, suggest
from streams.suggestions import may_act

PAIR = ("mongodb", "woocommerce")


def case(field: str = "price", newer: str = "mongodb", type_: str = "product") -> Case:
    return Case(type_, field, PAIR, newer)


def past(choice: str, field: str = "price", newer: str = "mongodb", **more: Any) -> Past:
    return Past(case(field, newer, **more), choice)


def line(**named: Any) -> ConflictLine:
    values: dict[str, Any] = {
        "organization_id": "o",
        "type": "product",
        "entity_id": "e",
        "id": "c",
        "field": "price",
        "status": "resolved",
        "policy": "manual",
        "candidates": {"woocommerce": "2", "mongodb": "1"},
        "stamps": {"woocommerce": 10, "mongodb": 20},
        "resolution": "keep",
        "value": "2",
        "by": "session",
        "opened_at_ms": 1,
        "at_ms": 2,
        "version": 1,
    }
    return ConflictLine(**{**values, **named})


class TestWhatIsLearnt:
    def test_the_side_is_told_by_the_value_not_by_the_word(self) -> None:
        for word in ("keep", "remote", "manual", "undo"):
            assert past_of(line(resolution=word)) == Past(case(), "keep:woocommerce")

    def test_a_merge_and_a_typed_value(self) -> None:
        assert past_of(line(resolution="merge", value="3")) == Past(case(), "merge")
        assert past_of(line(resolution="manual", value="3")) == Past(case(), "manual")

    @pytest.mark.parametrize(
        "named",
        [
            {"status": "open"},
            {"automatic": True, "by": "rule"},
            {"by": "suggestion"},
            {"by": "woocommerce", "resolution": "agreed"},
            {"brake": "stock"},
            {"candidates": {"a": 1, "b": 2, "c": 3}},
        ],
    )
    def test_only_what_a_person_chose_between_two_sides(self, named: dict[str, Any]) -> None:
        assert past_of(line(**named)) is None

    def test_a_click_on_hundreds_is_one_decision(self) -> None:
        lines = [line(id=f"c{n}", resolution_id=f"abc.{n}") for n in range(300)]
        learner = Learner(found for found in map(past_of, lines) if found)
        assert learner.suggest(case()) is None


class TestWhatIsSuggested:
    def test_nothing_before_three_decisions(self) -> None:
        assert Learner([past("keep:woocommerce")] * 2).suggest(case()) is None
        found = Learner([past("keep:woocommerce")] * 3).suggest(case())
        assert found is not None
        assert (found.resolution, found.side, found.times, found.of) == (
            "keep",
            "woocommerce",
            3,
            3,
        )

    def test_nine_of_ten(self) -> None:
        history = [past("keep:woocommerce")] * 9 + [past("keep:mongodb")]
        found = Learner(history).suggest(case())
        assert found is not None
        assert (found.times, found.of, found.level) == (9, 10, "field")
        # (9 + 2 x 0.2) / (10 + 2), by the prior that all coarser levels leave as it is.
        assert found.confidence == round((9 + 0.4) / 12, 3)
        # The first three were not predicted, the next six were right, the tenth was not.
        assert (found.accuracy, found.judged) == (round(6 / 7, 3), 7)

    def test_the_newer_one_is_a_habit_of_its_own(self) -> None:
        history = [past(f"keep:{newer}", newer=newer) for newer in ("mongodb", "woocommerce") * 5]
        found = Learner(history).suggest(case(newer="woocommerce"))
        assert found is not None
        assert (found.resolution, found.side, found.times) == ("newest", "", 10)

    def test_two_readings_that_differ_suggest_nothing(self) -> None:
        """WooCommerce was kept, and was the newer one each time: which of both was it?"""
        learner = Learner([past("keep:woocommerce", newer="woocommerce")] * 8)
        same = learner.suggest(case(newer="woocommerce"))
        assert same is not None
        assert same.side == "woocommerce"
        assert learner.suggest(case(newer="mongodb")) is None

    def test_opposite_habits_suggest_nothing(self) -> None:
        history = [past("keep:woocommerce"), past("keep:mongodb")] * 10
        assert Learner(history).suggest(case()) is None

    def test_a_field_without_history_goes_by_its_type_then_by_the_pair(self) -> None:
        learner = Learner([past("keep:mongodb", field="name", newer="woocommerce")] * 12)
        found = learner.suggest(case("description", newer="woocommerce"))
        assert found is not None
        assert (found.level, found.side) == ("type", "mongodb")
        other = learner.suggest(case("total", newer="woocommerce", type_="order"))
        assert other is not None
        assert other.level == "pair"
        stranger = Case("product", "name", ("mongodb", "whatsapp"), "mongodb")
        assert learner.suggest(stranger) is None

    def test_a_field_goes_its_own_way(self) -> None:
        learner = Learner(
            [past("keep:mongodb", field="name", newer="woocommerce")] * 40
            + [past("keep:woocommerce", field="price", newer="mongodb")] * 10
        )
        found = learner.suggest(case("price"))
        assert found is not None
        assert found.side == "woocommerce"

    def test_people_change_their_minds(self) -> None:
        history = [past("keep:mongodb", newer="woocommerce")] * 200
        learner = Learner(history)
        for _ in range(40):
            learner.learn(past("keep:woocommerce", newer="mongodb"))
        assert learner.suggest(case()) is None, "its last guesses were wrong too often"
        for _ in range(50):
            learner.learn(past("keep:woocommerce", newer="mongodb"))
        found = learner.suggest(case())
        assert found is not None
        assert (found.side, found.times, found.of) == ("woocommerce", 50, 50)

    def test_a_merge_only_where_it_means_something(self) -> None:
        learner = Learner([past("merge", field="tags")] * 5)
        found = learner.suggest(case("tags"))
        assert found is not None
        assert found.resolution == "merge"
        assert learner.suggest(case("tags"), merges=False) is None

    def test_an_open_conflict_is_asked_about_a_held_one_not(self) -> None:
        learner = Learner([past("keep:woocommerce")] * 5)
        assert suggest(learner, line(status="open")) is not None
        assert suggest(learner, line()) is None
        assert case_of(line(brake="price")) is None


class TestActing:
    def make(self, **named: Any) -> Suggestion:
        values: dict[str, Any] = {
            "resolution": "keep",
            "side": "woocommerce",
            "confidence": 0.95,
            "accuracy": 0.96,
            "judged": 17,
            "level": "field",
            "times": 20,
            "of": 20,
        }
        return Suggestion(**{**values, **named})

    def test_where_the_organisation_said_from_when_on(self) -> None:
        assert may_act(line(status="open"), self.make(), 0.9)
        assert not may_act(line(status="open"), self.make(), 0.0)

    @pytest.mark.parametrize(
        "named",
        [
            {"confidence": 0.89},
            {"accuracy": 0.89},
            {"accuracy": None},
            {"judged": 9},
            {"of": 19},
            {"level": "type"},
            {"resolution": "manual"},
        ],
    )
    def test_not_below_it(self, named: dict[str, Any]) -> None:
        assert not may_act(line(status="open"), self.make(**named), 0.9)

    @pytest.mark.parametrize(
        "named", [{"field": "existence"}, {"policy": "undone"}, {"brake": "stock"}]
    )
    def test_never_on_what_only_a_person_may_decide(self, named: dict[str, Any]) -> None:
        assert not may_act(line(status="open", **named), self.make(), 0.9)

    def test_twenty_like_decisions_reach_nine_tenths(self) -> None:
        found = Learner([past("keep:woocommerce")] * 20).suggest(case())
        assert found is not None
        assert found.may_act(0.9)
        # (20 + 0.4) / 22 = 0.927
        assert not found.may_act(0.93)
