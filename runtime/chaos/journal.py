"""What the load was told is accepted, kept outside of the system: the judge's own truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

Subject = tuple[str, str]
"""Kind and what names the item on all sides: a SKU, an order's note, an e-mail address, a text."""


@dataclass(frozen=True)
class Entry:
    """One update that its platform accepted, between `sent_ms` and `accepted_ms` (ms since 1970).

    `place` is where it was made: mongodb, woocommerce, whatsapp, or event (queueEvent)."""

    number: int
    place: str
    subject: Subject
    field: str
    """`created`, `deleted`, a canonical field, or `stock` with a difference."""
    value: Any
    sent_ms: float
    accepted_ms: float


@dataclass
class Journal:
    """In the order of acceptance: on one platform an item has one hand at a time."""

    entries: list[Entry] = field(default_factory=list)
    skipped: int = 0
    """Changes that had nothing to act on, such as an order that had not arrived yet."""

    def edits(self, subject: Subject, name: str) -> list[Entry]:
        """Of one field."""
        return [one for one in self.entries if (one.subject, one.field) == (subject, name)]

    def fields(self) -> dict[tuple[Subject, str], list[Entry]]:
        """Every field that was changed, with its updates."""
        found: dict[tuple[Subject, str], list[Entry]] = {}
        for one in self.entries:
            found.setdefault((one.subject, one.field), []).append(one)
        return found

    def subjects(self, name: str) -> set[Subject]:
        """Items with an entry of this field: `created`, `deleted`."""
        return {one.subject for one in self.entries if one.field == name}

    def lines(self) -> Iterator[dict[str, Any]]:
        """For a file."""
        return (asdict(one) for one in self.entries)
