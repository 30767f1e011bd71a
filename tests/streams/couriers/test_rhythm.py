"""When a parcel is asked for again: pure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.couriers.choosing import spread_ms, turns
from streams.couriers.rhythm import (
    DAY_MS,
    HOUR_MS,
    LONGEST_MS,
    PUSHED_SHORTEST_MS,
    SHORTEST_MS,
    STALE_MS,
    UNKNOWN_MS,
    History,
    Rhythm,
    effort_of,
    hour_factor,
    is_scarce,
    learn,
    next_poll,
    rate,
    shortest,
)

NOW_MS = 20_500 * DAY_MS + 8 * HOUR_MS
FRESH = History("in_transit", NOW_MS - 2 * HOUR_MS, NOW_MS, NOW_MS - HOUR_MS)


def wait(history: History, rhythm: Rhythm, effort: float) -> int:
    found = next_poll(history, rhythm, effort, NOW_MS, SHORTEST_MS)
    assert found is not None
    return found - NOW_MS


def test_a_few_parcels_are_asked_for_at_the_shortest_pause_and_many_share() -> None:
    alone = effort_of({"in_transit": 1}, Rhythm(), 5 * 3600)
    assert wait(FRESH, Rhythm(), alone) == SHORTEST_MS
    assert not is_scarce({"in_transit": 1}, 5 * 3600, SHORTEST_MS)
    told = replace(FRESH, pushed=True)
    assert wait(told, Rhythm(), alone) == PUSHED_SHORTEST_MS
    # 1,000 parcels and ten questions an hour: each is asked for every 100 hours.
    many = effort_of({"in_transit": 1_000}, Rhythm(), 10)
    turn = (2 * many / rate(Rhythm(), "in_transit")) ** 0.5
    assert turn == pytest.approx(100)
    assert is_scarce({"in_transit": 1_000}, 10, SHORTEST_MS)


def test_a_question_about_many_parcels_may_be_asked_more_often() -> None:
    assert [shortest(batch) for batch in (1, 2, 30, 50)] == [30_000, 15_000, 5_000, 5_000]
    # One that its courier does not know waits longer, whatever is allowed.
    alone = effort_of({"in_transit": 1}, Rhythm(), 5 * 3600)
    assert next_poll(FRESH, Rhythm(), alone, NOW_MS, UNKNOWN_MS) == NOW_MS + UNKNOWN_MS


def test_what_is_expected_sooner_is_asked_for_sooner() -> None:
    effort = effort_of({"in_transit": 500, "created": 500}, Rhythm(), 100)
    out = replace(FRESH, status="out_for_delivery")
    assert wait(out, Rhythm(), effort) < wait(FRESH, Rhythm(), effort)
    promised = replace(FRESH, expected_ms=NOW_MS + HOUR_MS)
    assert wait(promised, Rhythm(), effort) < wait(FRESH, Rhythm(), effort)
    silent = replace(FRESH, event_ms=NOW_MS - 20 * DAY_MS, created_ms=NOW_MS - 21 * DAY_MS)
    assert wait(silent, Rhythm(), effort) > wait(FRESH, Rhythm(), effort)


def test_thirty_days_of_silence_end_it() -> None:
    silent = History("in_transit", NOW_MS - 40 * DAY_MS, NOW_MS, NOW_MS - STALE_MS)
    assert next_poll(silent, Rhythm(), 1.0, NOW_MS, SHORTEST_MS) is None
    assert next_poll(
        replace(silent, event_ms=NOW_MS - STALE_MS + 1), Rhythm(), 1.0, NOW_MS, SHORTEST_MS
    )


def test_a_courier_is_learned() -> None:
    """200 gaps of two hours where eight were assumed, all ending at 10:00 UTC."""
    ten = 20_400 * DAY_MS + 10 * HOUR_MS
    gaps = [("in_transit", at - 2 * HOUR_MS, at) for at in range(ten, ten + 200 * DAY_MS, DAY_MS)]
    learned = learn(Rhythm(), gaps)
    # (20 + 200) scans in 20 * 8 + 200 * 2 hours.
    assert rate(learned, "in_transit") == pytest.approx(220 / 560)
    assert hour_factor(learned, ten) > 10 > 1 > hour_factor(learned, ten + 8 * HOUR_MS)
    assert rate(learned, "created") == rate(Rhythm(), "created")


def test_gaps_that_run_backwards_teach_nothing() -> None:
    assert learn(Rhythm(), [("created", NOW_MS, NOW_MS - 1)]) == Rhythm(by_hour=(0.0,) * 24)


@given(
    status=st.sampled_from(["", "created", "in_transit", "exception", "out_for_delivery"]),
    silent_h=st.integers(0, 29 * 24),
    effort=st.floats(1e-9, 1e6),
)
def test_never_too_soon_and_never_too_late(status: str, silent_h: int, effort: float) -> None:
    history = History(status, NOW_MS - silent_h * HOUR_MS, NOW_MS)
    assert SHORTEST_MS <= wait(history, Rhythm(), effort) <= LONGEST_MS


def test_organizations_take_turns() -> None:
    served: dict[str, int] = {}
    order = []
    for turn in range(6):
        chosen = turns(["galle", "kandy", "matara"], served)[0]
        served[chosen] = turn
        order.append(chosen)
    assert order == ["galle", "kandy", "matara"] * 2


def test_a_days_calls_last_for_the_day() -> None:
    # 237 of 250 calls (95 %) over 24 hours: one in about six minutes.
    assert spread_ms(1.0, 250, 0, DAY_MS, 0.95) == pytest.approx(DAY_MS / 237.5)
    assert spread_ms(1.0, 250, 249, HOUR_MS, 0.95) == HOUR_MS
    assert spread_ms(5.0, None, 10**6, HOUR_MS, 0.95) == 200
