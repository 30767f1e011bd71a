"""Which side wins where two sides changed one field: set per organisation, type and field."""

from __future__ import annotations

from typing import Literal

from schemas.base import Wire

PolicyName = Literal["newest", "local", "remote", "merge", "manual"]


class Rule(Wire, frozen=True, kw_only=True):
    """One rule; `*` means any. The most exact rule wins: type and field, then field, then type."""

    type: str = "*"
    field: str = "*"
    policy: PolicyName = "newest"
    winner: str = ""
    """A platform that always wins, instead of `policy`."""


class Policies(Wire, frozen=True, kw_only=True):
    """An organisation's rules; `version` rises with every change and is recorded in decisions."""

    version: int = 0
    rules: tuple[Rule, ...] = ()
