"""The judging, look by look."""

from __future__ import annotations

import pytest

from runtime.watchdog import Limits, Progress, Starts, Verdict, Watch, judge

LIMITS = Limits(group_stall_s=15, partition_stall_s=60, grace_s=20)
A, B = ("observations", 0), ("observations", 1)


def look(
    watch: Watch | None, now_s: float, committed: dict, end: dict, started_s: float = -100
) -> Verdict:
    progress = Progress(committed, end)
    return judge(watch, progress, now_s=now_s, started_s=started_s, limits=LIMITS)


def looks(*seen: tuple[float, dict, dict]) -> Verdict:
    verdict = Verdict(None)
    for now_s, committed, end in seen:
        verdict = look(verdict.watch, now_s, committed, end)
    return verdict


def test_work_and_no_commit_is_a_stall() -> None:
    verdict = looks((0, {A: 5}, {A: 9}), (10, {A: 5}, {A: 9}), (15, {A: 5}, {A: 12}))
    assert verdict.stalled == "no commit for 15 s with 7 waiting"


def test_no_work_is_never_a_stall() -> None:
    assert not looks(*[(t, {A: 9}, {A: 9}) for t in range(0, 300, 2)]).stalled


def test_time_without_work_does_not_count() -> None:
    """A worker that was idle for an hour gets the full time once work arrives."""
    idle = [(t, {A: 9}, {A: 9}) for t in range(0, 3600, 60)]
    assert not looks(*idle, (3600, {A: 9}, {A: 10}), (3614, {A: 9}, {A: 10})).stalled
    assert looks(*idle, (3600, {A: 9}, {A: 10}), (3615, {A: 9}, {A: 10})).stalled


def test_slow_progress_is_progress() -> None:
    assert not looks(*[(t * 10, {A: t}, {A: 10_000}) for t in range(60)]).stalled


def test_one_partition_may_wait_but_not_for_ever() -> None:
    seen = [(t, {A: t, B: 3}, {A: 10_000, B: 4}) for t in range(0, 60, 2)]
    assert not looks(*seen).stalled
    assert looks(*seen, (60, {A: 60, B: 3}, {A: 10_000, B: 4})).stalled == (
        "observations/1 has not moved for 60 s"
    )


def test_a_first_commit_is_progress() -> None:
    assert not looks((0, {}, {A: 9}), (14, {}, {A: 9}), (16, {A: 1}, {A: 9})).stalled


def test_a_rewound_group_is_progress() -> None:
    assert not looks((0, {A: 9}, {A: 20}), (16, {A: 2}, {A: 20})).stalled


@pytest.mark.parametrize("age_s", [0, 19])
def test_a_fresh_worker_has_grace(age_s: float) -> None:
    old = Watch(last_moved_s=-1000, committed={A: 1}, stuck_since_s={A: -1000})
    verdict = look(old, now_s=100, committed={A: 1}, end={A: 5}, started_s=100 - age_s)
    assert verdict == Verdict(None)


def test_unreadable_kafka_forgets_what_was_seen() -> None:
    """Nobody is killed for a broker that is away, nor at once when it is back."""
    old = Watch(last_moved_s=0, committed={A: 1}, stuck_since_s={A: 0})
    away = judge(old, None, now_s=100, started_s=-100, limits=LIMITS)
    assert away == Verdict(None)
    assert not look(away.watch, 101, {A: 1}, {A: 5}).stalled


def test_a_slow_start_is_not_a_stall() -> None:
    """On a busy machine workers took a minute to load, and were killed before that, for ever."""
    starts = Starts()

    def since(pid: int, ready: bool, age_s: float, now_s: float) -> float | None:
        return starts.since_s("sinks", pid, ready=ready, age_s=age_s, limit_s=180, now_s=now_s)

    assert since(7, ready=False, age_s=70, now_s=100) is None
    assert since(7, ready=True, age_s=75, now_s=105) == 105
    assert since(7, ready=True, age_s=90, now_s=120) == 105, "it is at work since it was ready"
    assert since(8, ready=False, age_s=1, now_s=130) is None
    assert since(8, ready=False, age_s=181, now_s=310) == 310, "one that never gets ready is judged"
