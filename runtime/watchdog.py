"""Judges workers by committed progress, not by being alive (a consumer can hang silently).

`judge` is pure; `supervisor.py` kills what it finds stalled, `progress.py` reads the offsets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Partition = tuple[str, int]


@dataclass(frozen=True)
class Limits:
    """Seconds. A stopped worker must be replaced within 30: 15 here, 2 between looks, a start."""

    group_stall_s: float = 15.0
    # One partition may wait its turn behind a backlog on the others: longer than the group's.
    partition_stall_s: float = 60.0
    grace_s: float = 20.0
    look_every_s: float = 2.0
    paused_s: float = 10.0


@dataclass(frozen=True)
class Progress:
    """What Kafka says of one consumer group: next offset to read, and the end, per partition."""

    committed: Mapping[Partition, int]
    end: Mapping[Partition, int]

    def behind(self) -> set[Partition]:
        """Partitions with work waiting."""
        return {p for p, end in self.end.items() if end > self.committed.get(p, 0)}


@dataclass(frozen=True)
class Watch:
    """Memory between looks: since when each partition with work has not moved."""

    last_moved_s: float
    committed: Mapping[Partition, int] = field(default_factory=dict)
    stuck_since_s: Mapping[Partition, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """`stalled` is empty while all is well, else it says why."""

    watch: Watch | None
    stalled: str = ""


@dataclass
class Starts:
    """Since when each process has been at work."""

    _since: dict[str, tuple[int, float]] = field(default_factory=dict)

    def since_s(
        self, name: str, pid: int, *, ready: bool, age_s: float, limit_s: float, now_s: float
    ) -> float | None:
        """None while it starts, for `limit_s` at most: a busy machine takes a minute to load it,
        and who is killed for that never starts at all."""
        if not ready and age_s < limit_s:
            return None
        known, since_s = self._since.get(name, (0, 0.0))
        if known != pid:
            since_s = now_s
            self._since[name] = (pid, since_s)
        return since_s


def judge(
    watch: Watch | None,
    progress: Progress | None,
    *,
    now_s: float,
    started_s: float,
    limits: Limits,
) -> Verdict:
    """One look at one group. `progress` is None while Kafka cannot be read: then time stands still,
    as a worker cannot commit to a broker that is away, and forgetting restarts the count."""
    if progress is None or now_s - started_s < limits.grace_s:
        return Verdict(None)
    behind = progress.behind()
    if watch is None:
        since = {p: now_s for p in behind}
        return Verdict(Watch(now_s, dict(progress.committed), since))
    moved = {
        p for p, offset in progress.committed.items() if watch.committed.get(p, offset) != offset
    } | (progress.committed.keys() - watch.committed.keys())
    stuck = {p: now_s if p in moved else watch.stuck_since_s.get(p, now_s) for p in behind}
    last_moved = now_s if moved or not watch.stuck_since_s or not behind else watch.last_moved_s
    seen = Watch(last_moved, dict(progress.committed), stuck)
    if behind and now_s - last_moved >= limits.group_stall_s:
        return Verdict(
            seen, f"no commit for {now_s - last_moved:.0f} s with {_lag(progress)} waiting"
        )
    for partition, since_s in stuck.items():
        if now_s - since_s >= limits.partition_stall_s:
            topic, number = partition
            return Verdict(seen, f"{topic}/{number} has not moved for {now_s - since_s:.0f} s")
    return Verdict(seen)


def _lag(progress: Progress) -> int:
    return sum(end - progress.committed.get(p, 0) for p, end in progress.end.items())
