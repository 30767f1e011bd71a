from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.sinks.breaker import THRESHOLD, Breaker
from streams.sinks.schedule import SCHEDULE_S, next_attempt


@pytest.mark.parametrize(
    ("failures", "wait"), [(0, 1), (1, 1), (2, 2), (3, 5), (8, 3600), (9, 3600), (10_000, 3600)]
)
def test_the_schedule(failures: int, wait: float) -> None:
    assert next_attempt(SCHEDULE_S, failures) == wait


@given(st.integers(0, 50), st.none() | st.floats(0, 1e6))
def test_never_earlier_than_retry_after(failures: int, retry_after_s: float | None) -> None:
    wait = next_attempt(SCHEDULE_S, failures, retry_after_s)
    assert wait >= (retry_after_s or 0)
    assert wait >= SCHEDULE_S[0]


def test_a_breaker_opens_after_failures_in_a_row() -> None:
    breaker = Breaker()
    for failure in range(1, THRESHOLD):
        breaker.failed(0, "x")
        assert breaker.closed(failure)
    again_ms = breaker.failed(0, "x")
    assert not breaker.closed(again_ms - 1)
    assert breaker.closed(again_ms)
    later_ms = breaker.failed(again_ms, "y")
    assert later_ms - again_ms > again_ms
    assert not breaker.closed(later_ms - 1)
    breaker.succeeded()
    assert breaker.closed(0)
    assert breaker.failures == 0


def test_a_retry_after_opens_it_at_once() -> None:
    breaker = Breaker()
    assert breaker.failed(1000, "429", 30) == 31_000
    assert not breaker.closed(30_999)
