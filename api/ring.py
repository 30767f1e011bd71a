"""The newest lines of the feed in memory: a ring a partition, found by organisation."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from api.shapes import Cursor, live_event, to_json
from schemas.feed import FeedLine


@dataclass(slots=True)
class Entry:
    """One line and its place."""

    cursor: Cursor
    line: FeedLine
    _event: bytes = field(default=b"", repr=False)

    @property
    def event(self) -> bytes:
        """The line as JSON for clients: made once, whoever many are watching."""
        if not self._event:
            self._event = to_json(live_event(self.line, self.cursor))
        return self._event


class Ring:
    """Lines `start <= offset < stop` of one partition, at most `size` of them."""

    def __init__(self, partition: int, size: int) -> None:
        self.partition = partition
        self.start = 0
        self.stop = 0
        self._size = size
        self._lines: deque[Entry] = deque()
        self._of: defaultdict[str, deque[Entry]] = defaultdict(deque)

    def restart(self, offset: int) -> None:
        """Nothing is known; the next line read will be at `offset` or behind it."""
        self._lines.clear()
        self._of.clear()
        self.start = self.stop = offset

    def append(self, offset: int, line: FeedLine | None) -> None:
        """The line at `offset`; None for a record that is none. Repeats are dropped."""
        if offset < self.stop:
            return
        self.stop = offset + 1
        if line is None:
            return
        entry = Entry(Cursor(self.partition, offset), line)
        self._lines.append(entry)
        self._of[line.organization_id].append(entry)
        if len(self._lines) > self._size:
            oldest = self._lines.popleft()
            self.start = oldest.cursor.offset + 1
            organization_id = oldest.line.organization_id
            kept = self._of[organization_id]
            kept.popleft()
            if not kept:
                del self._of[organization_id]

    def newest(self, organization_id: str, limit: int) -> list[Entry]:
        """The organisation's newest lines, oldest first."""
        found = list(islice(reversed(self._lines_of(organization_id)), limit))
        return found[::-1]

    def since(self, organization_id: str, offset: int) -> list[Entry]:
        """The organisation's lines at `offset` and behind, oldest first. Costs what is found."""
        found: list[Entry] = []
        for entry in reversed(self._lines_of(organization_id)):
            if entry.cursor.offset < offset:
                break
            found.append(entry)
        return found[::-1]

    def before(self, organization_id: str, offset: int) -> Iterable[Entry]:
        """The organisation's lines before `offset`, newest first."""
        for entry in reversed(self._lines_of(organization_id)):
            if entry.cursor.offset < offset:
                yield entry

    def _lines_of(self, organization_id: str) -> deque[Entry]:
        return self._of.get(organization_id) or deque()
