"""The sandbox's one clock, which tests and demos may set or advance."""

import time
from datetime import UTC, datetime


class Clock:
    """Real time plus an offset, or a time that stands still when it was frozen."""

    def __init__(self) -> None:
        self._offset_s = 0.0
        self._frozen_at: float | None = None

    def now(self) -> float:
        if self._frozen_at is not None:
            return self._frozen_at
        return time.time() + self._offset_s

    def seconds(self) -> int:
        return int(self.now())

    def freeze(self, at: float) -> None:
        self._frozen_at = at

    def advance(self, seconds: float) -> None:
        if self._frozen_at is not None:
            self._frozen_at += seconds
        else:
            self._offset_s += seconds

    def reset(self) -> None:
        self._offset_s = 0.0
        self._frozen_at = None


def iso(epoch: float, offset_minutes: int = 0) -> str:
    """WordPress's form: no zone, whole seconds."""
    shifted = datetime.fromtimestamp(int(epoch) + offset_minutes * 60, UTC)
    return shifted.replace(tzinfo=None).isoformat()


def parse_iso(text: str, offset_minutes: int = 0) -> int:
    """Text without a zone is taken as `offset_minutes` from UTC; a zone in the text wins."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        return int(moment.timestamp())
    return int(moment.replace(tzinfo=UTC).timestamp()) - offset_minutes * 60
