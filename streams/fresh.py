"""A small in-process memory of answers that may be a little old."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Fresh(Generic[T]):
    """Answers by name, each used for `fresh_s` seconds; at most `most` of them are kept, so a
    stranger who asks for endless names costs no memory."""

    def __init__(self, fresh_s: float, clock: Callable[[], float], *, most: int = 10_000) -> None:
        self._fresh_s = fresh_s
        self._clock = clock
        self._most = most
        self._kept: dict[str, tuple[float, T]] = {}
        self._changes = 0

    async def get(self, name: str, read: Callable[[], Awaitable[T]]) -> T:
        """The kept answer, or what `read` finds now. An error of `read` is kept nowhere."""
        kept = self._kept.get(name)
        if kept is not None and self._clock() < kept[0]:
            return kept[1]
        before = self._changes
        answer = await read()
        if before == self._changes:  # else what was read may be older than a change made meanwhile
            if len(self._kept) >= self._most:
                self._kept.clear()
            self._kept[name] = (self._clock() + self._fresh_s, answer)
        return answer

    def clear(self) -> None:
        """Something changed: ask again."""
        self._changes += 1
        self._kept.clear()
