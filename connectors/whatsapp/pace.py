"""How often batches go to a catalogue: at once where little happens, gathered where much does. Meta
counts calls, not items. Times are seconds of any one clock, and arguments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

GAP_S = 60.0
"""Between batches while many items change: price and stock are right to the minute."""
SPACE_S = 5.0
"""Between batches while few do."""
WITHIN_S = 10.0
BUSY = 5
"""More items than this within WITHIN_S are many."""


@dataclass(slots=True)
class Pace:
    """Of one catalogue. A gap of 0 gathers nothing."""

    gap_s: float = GAP_S
    space_s: float = SPACE_S
    sent_at: float | None = None
    seen: dict[str, float] = field(default_factory=dict)
    """SKU to when a change of it last came."""

    def opens_at(self, skus: Iterable[str], now: float) -> float:
        """From when on a batch with changes of these items may go."""
        self.seen = {sku: at for sku, at in self.seen.items() if at > now - WITHIN_S}
        self.seen.update(dict.fromkeys(skus, now))
        if self.sent_at is None:
            return now
        many = len(self.seen) > BUSY
        return max(now, self.sent_at + (self.gap_s if many else min(self.space_s, self.gap_s)))

    def sent(self, now: float) -> None:
        """A batch has gone."""
        self.sent_at = now
