"""Pure: whether a connection is worth a call now. Every time is an argument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streams.sinks.schedule import SCHEDULE_S, next_attempt

THRESHOLD = 3
"""Failures in a row before calls stop; a Retry-After stops them at once."""


@dataclass(slots=True)
class Breaker:
    """Of one connection. While it is open nothing is called; then one batch tries."""

    schedule: Sequence[float] = SCHEDULE_S
    failures: int = 0
    open_until_ms: int = 0
    reason: str = ""
    person: bool = False
    """Nothing helps but a person."""

    def closed(self, now_ms: int) -> bool:
        """Whether a call may be made."""
        return now_ms >= self.open_until_ms

    def succeeded(self) -> None:
        """The platform answered."""
        self.failures, self.open_until_ms, self.reason, self.person = 0, 0, "", False

    def failed(self, now_ms: int, reason: str, retry_after_s: float | None = None) -> int:
        """The platform did not answer. Returns when to try again, in ms."""
        self.failures += 1
        self.reason, self.person = reason, False
        again_ms = now_ms + int(1000 * next_attempt(self.schedule, self.failures, retry_after_s))
        if self.failures >= THRESHOLD or retry_after_s:
            # Calls that were under way may still come back with another word: the latest counts.
            self.open_until_ms = max(self.open_until_ms, again_ms)
        return again_ms

    def pause(self, now_ms: int, reason: str, wait_s: float) -> int:
        """The connection is unusable until a person acts. Returns when to look again, in ms."""
        self.failures += 1
        self.reason, self.person = reason, True
        self.open_until_ms = now_ms + int(1000 * wait_s)
        return self.open_until_ms
