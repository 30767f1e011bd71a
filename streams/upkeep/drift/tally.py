"""What a sweep has found of one type so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.upkeep.drift.judge import DRIFTED, Judged
from streams.upkeep.drift.tree import root_of


@dataclass
class Tally:
    """Of one replica and type. About 200 bytes an item."""

    type: str
    ours: dict[str, bytes] = field(default_factory=dict)
    theirs: dict[str, bytes] = field(default_factory=dict)
    different: dict[str, Judged] = field(default_factory=dict)
    """Those that are not the same, as last looked at."""
    found: dict[str, Judged] = field(default_factory=dict)
    """Those that were found to have drifted, healed meanwhile or not."""
    refreshed: int = 0
    """Items whose etag was another though all that we follow was the same."""

    def note(self, judged: Judged, *, found: bool = False) -> None:
        """Take in one item, or look at it anew. `found`: the engine is told of it."""
        key = judged.external_id or f"~{judged.entity_id}"
        self.ours[key], self.theirs[key] = judged.ours, judged.theirs
        if judged.state == "same":
            self.different.pop(key, None)
            return
        self.different[key] = judged
        if found and judged.state in DRIFTED:
            self.found.setdefault(key, judged)

    def forget(self, key: str) -> None:
        """It is nowhere any more."""
        for kept in (self.ours, self.theirs, self.different):
            kept.pop(key, None)

    @property
    def compared(self) -> int:
        """Items looked at."""
        return len(self.ours)

    @property
    def roots(self) -> tuple[str, str]:
        """(ours, theirs)"""
        return root_of(self.ours), root_of(self.theirs)
