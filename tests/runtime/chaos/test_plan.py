"""A seed is a course that can be repeated."""

from __future__ import annotations

import pytest

from runtime.chaos import goods
from runtime.chaos.load import Load
from runtime.chaos.plan import ACTS, MOST_CHANGES, PARTS, ROUNDS, plan_of
from runtime.processes import PROCESSES


def test_the_same_seed_is_the_same_course() -> None:
    assert plan_of(7, 300) == plan_of(7, 300)
    assert plan_of(7, 300) != plan_of(8, 300)


@pytest.mark.parametrize("changes", [30, 31, 300, MOST_CHANGES])
def test_every_change_once_and_every_blow_inside_its_round(changes: int) -> None:
    plan = plan_of(3, changes)
    numbers = [change.number for one in plan.rounds for change in one.changes]
    assert numbers == list(range(changes))
    for one in plan.rounds:
        assert one.blows
        assert all(0 <= blow.before < len(one.changes) for blow in one.blows)


def test_some_twenty_seeds_hit_every_part_and_do_every_act() -> None:
    plans = [plan_of(seed, 300) for seed in range(20)]
    rounds = [one for plan in plans for one in plan.rounds]
    assert len(rounds) == 20 * ROUNDS
    assert {blow.part for one in rounds for blow in one.blows} == set(PARTS)
    assert {change.act for one in rounds for change in one.changes} == set(ACTS)
    kinds = {kind for one in rounds for kind in one.weather.kinds}
    assert {"429", "500", "dropped answers", "slow answers", "timeout"} < kinds


def test_no_part_of_ours_is_spared() -> None:
    assert {entry.name for entry in PROCESSES} <= set(PARTS)


def test_a_breaker_is_never_led_to_its_long_wait() -> None:
    """It waits a minute after five failures in a row."""
    for seed in range(50):
        for one in plan_of(seed, 300).rounds:
            failing = [rule["times"] for rule in one.weather.requests if rule.get("status")]
            assert sum(failing) <= 6
            refused = [rule for rule in one.weather.requests if "status" in rule]
            assert all(rule["probability"] <= 0.1 for rule in refused)


def test_prices_stay_near_each_other_and_tell_whose_they_are() -> None:
    prices = {goods.price(number) for number in range(MOST_CHANGES)}
    assert len(prices) == MOST_CHANGES
    amounts = sorted(map(float, prices))
    assert amounts[-1] < 1.5 * float(goods.PRICE), "a larger jump is held for a person"
    sales = [float(goods.sale_price(number)) for number in range(MOST_CHANGES)]
    assert max(sales) < min(amounts)


def test_every_act_has_hands() -> None:
    acts = {name.replace(".", "_") for name in ACTS}
    assert {act for act in acts if not hasattr(Load, f"_{act}")} == set()
