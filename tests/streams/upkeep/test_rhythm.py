"""A shop's rhythm, and when its silence is strange."""

from __future__ import annotations

import pytest

from streams.upkeep.rhythm import (
    DAY,
    HOUR_MS,
    SHORTEST_MS,
    STRANGE,
    WEEK,
    Rhythm,
    expected,
    is_strange,
    learn,
    rate_at,
)

MONDAY = 2_956 * WEEK  # an hour since 1970 that begins a week of slots


def busy_by_day(days: int, a_day: int = 10) -> dict[int, int]:
    """Ten bursts in each hour of the day, none at night (12 hours each)."""
    return {MONDAY + DAY * day + hour: a_day for day in range(days) for hour in range(8, 20)}


def learned(days: int) -> Rhythm:
    return learn(Rhythm(), busy_by_day(days), MONDAY, (MONDAY + DAY * days) * HOUR_MS)


def test_an_hour_is_expected_as_it_was_at_the_same_hour_of_the_week() -> None:
    rhythm = learned(7)
    assert rate_at(rhythm, MONDAY + WEEK + 10) == 10
    assert rate_at(rhythm, MONDAY + WEEK + 3) == 0


def test_hours_of_a_day_that_was_not_seen_are_like_the_same_hours_of_others() -> None:
    rhythm = learned(3)
    saturday = MONDAY + 5 * DAY
    assert rate_at(rhythm, saturday + 10) == 10
    assert rate_at(rhythm, saturday + 3) == 0


def test_a_habit_changes_by_and_by() -> None:
    rhythm = learned(7)
    hours = {MONDAY + WEEK + 10: 20}
    after = learn(rhythm, hours, MONDAY, (MONDAY + 2 * WEEK) * HOUR_MS)
    assert rate_at(after, MONDAY + 10) == pytest.approx(10 + 0.3 * (20 - 10))
    assert rate_at(after, MONDAY + 34) == pytest.approx(10 - 0.3 * 10)


def test_learning_twice_learns_once() -> None:
    end_ms = (MONDAY + DAY) * HOUR_MS
    once = learn(Rhythm(), busy_by_day(1), MONDAY, end_ms)
    assert learn(once, busy_by_day(1), MONDAY, end_ms) == once
    assert once.learned == DAY


def test_parts_of_hours_count_in_part() -> None:
    rhythm = learned(7)
    start_ms = (MONDAY + WEEK + 9) * HOUR_MS
    assert expected(rhythm, start_ms + HOUR_MS // 2, start_ms + HOUR_MS * 2) == pytest.approx(15)
    night_ms = (MONDAY + WEEK + 1) * HOUR_MS
    assert expected(rhythm, night_ms, night_ms + 4 * HOUR_MS) == 0


def test_silence_by_day_is_strange_and_at_night_it_is_not() -> None:
    rhythm = learned(7)
    noon_ms = (MONDAY + WEEK + 12) * HOUR_MS
    assert is_strange(rhythm, noon_ms, noon_ms + HOUR_MS)  # 10 expected, 7 are enough
    assert not is_strange(rhythm, noon_ms, noon_ms + HOUR_MS // 2)
    evening_ms = (MONDAY + WEEK + 20) * HOUR_MS
    assert not is_strange(rhythm, evening_ms, evening_ms + 11 * HOUR_MS)


def test_a_shop_that_is_not_known_yet_is_never_strange() -> None:
    noon_ms = (MONDAY + DAY + 12) * HOUR_MS
    assert not is_strange(learned(1), noon_ms, noon_ms + 6 * HOUR_MS)
    assert not is_strange(Rhythm(), noon_ms, noon_ms + WEEK * HOUR_MS)


def test_a_very_busy_shop_may_rest_a_moment() -> None:
    hours = busy_by_day(7, a_day=600)
    rhythm = learn(Rhythm(), hours, MONDAY, (MONDAY + WEEK) * HOUR_MS)
    noon_ms = (MONDAY + WEEK + 12) * HOUR_MS
    assert expected(rhythm, noon_ms, noon_ms + SHORTEST_MS) > STRANGE
    assert not is_strange(rhythm, noon_ms, noon_ms + SHORTEST_MS - 1)
    assert is_strange(rhythm, noon_ms, noon_ms + SHORTEST_MS)
