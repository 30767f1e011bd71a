"""Secrets that were replaced, and that their platforms may still sign with: accepted for a day, so
that no delivery is lost while the new one is typed in over there.

In a row of `ss_integrations`: {former: {<name>: <as sealed before>, untilMs}}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.database import Document

OVERLAP_MS = 86_400_000
_NAMES = ("webhook_secret", "app_secret")
_BEGIN = ("push_", "webhook_")


def is_signed_with(name: str) -> bool:
    """Whether others prove with this secret who they are."""
    return name in _NAMES or name.startswith(_BEGIN)


def retired(row: Document | None, given: Mapping[str, str], now_ms: int) -> dict[str, Any]:
    """What `$set` keeps of the secrets that these take the place of."""
    held = (row or {}).get("secrets", {})
    return {
        f"former.{name}": {**held[name], "untilMs": now_ms + OVERLAP_MS}
        for name, value in given.items()
        if value and name in held and is_signed_with(name)
    }


def accepted(row: Document, now_ms: int) -> dict[str, int]:
    """Name to when it ends, of those that count still."""
    found = row.get("former", {})
    return {name: one["untilMs"] for name, one in found.items() if one["untilMs"] > now_ms}
