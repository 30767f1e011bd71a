"""Which side wins where two sides changed one field: set per organisation, type and field."""

from __future__ import annotations

from typing import Literal

from schemas.base import Wire

PolicyName = Literal["newest", "local", "remote", "merge", "manual"]


class Rule(Wire, frozen=True, kw_only=True):
    """One rule; `*` means any. The most exact rule wins: field counts four, type two, platform
    one."""

    type: str = "*"
    field: str = "*"
    platform: str = "*"
    """One of the two sides that differ."""
    policy: PolicyName = "newest"
    winner: str = ""
    """A platform that always wins, instead of `policy`."""


class Brakes(Wire, frozen=True, kw_only=True):
    """When what one platform says is held for a person instead of being applied: more than so much
    of it within `window_s`. The first changes below a limit are applied as they come."""

    stock_share: float = 0.2
    """Of the items in stock: going to zero without sales of ours telling of it. 0 switches off."""
    price_change: float = 0.5
    """A price that moves by more than this share of itself counts. 0 switches off."""
    price_items: int = 5
    """So many such prices are applied; the next is held."""
    deletes: int = 10
    """So many deletions are applied; the next is held. 0 switches off."""
    least: int = 10
    """Shares are judged from so many items on."""
    window_s: int = 60


class Policies(Wire, frozen=True, kw_only=True):
    """An organisation's rules; `version` rises with every change and is recorded in decisions."""

    version: int = 0
    rules: tuple[Rule, ...] = ()
    brakes: Brakes = Brakes()
    automatic_at: float = 0.0
    """Suggestions act by themselves where both their confidence and their accuracy on held-out
    resolutions reach this; 0: never."""
    effective_from_ms: int = 0
    """Decisions made before this moment still go by `before`. Set a little ahead of the saving, so
    that every worker has the new rules when their time comes."""
    before: tuple[Rule, ...] = ()
    """The rules of the version before."""

    def at(self, now_ms: int) -> tuple[int, tuple[Rule, ...]]:
        """(version, rules) that hold at this moment."""
        if now_ms < self.effective_from_ms:
            return self.version - 1, self.before
        return self.version, self.rules
