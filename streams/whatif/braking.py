"""Pure: how often brakes would go on by other limits, beside how often they would by those of then,
both counted as one worker counts. What they would have held is not made up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import msgspec

from schemas.policy import Policies
from streams.sync.brakes import Board
from streams.sync.decide import decide
from streams.whatif.remake import Made


@dataclass
class Braking:
    """Counts through a window of history."""

    policies: Policies
    then: Counter[str] = field(default_factory=Counter)
    """`platform kind` (kind: stock, price, deletes) to how often."""
    now: Counter[str] = field(default_factory=Counter)
    _boards: tuple[Board, Board] = field(default_factory=lambda: (Board(), Board()))

    def begin(self, organization_id: str, in_stock: int) -> None:
        """So many items are in stock when the window begins: shares are of them."""
        for board in self._boards:
            board.stocked[organization_id] = in_stock

    def take(self, key: bytes, made: Made) -> None:
        """One decision, as if no brake had been on before it."""
        always = msgspec.structs.replace(self.policies, effective_from_ms=0, before=())
        for board, counted, policies in zip(
            self._boards, (self.then, self.now), (made.context.policies, always), strict=True
        ):
            context = replace(made.context, policies=policies, braked=frozenset())
            decision = decide(made.before, made.arrival, context, made.now_ms)
            limits = policies.brakes
            for place in board.trip(made.before, key, decision.alarms, limits, made.now_ms):
                counted[" ".join(place)] += 1
            board.note(made.before, made.decision.record)
