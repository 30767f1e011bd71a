"""What Meta's error codes mean. Decided by `code`: throttling arrives as HTTP 400. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec


class Meaning(Enum):
    """What helps."""

    STOPPED = "stopped"
    """The connection is unusable until a person acts."""
    LATER = "later"
    """Surely not done; trying again helps."""
    RECIPIENT = "recipient"
    """Too fast for this recipient only."""
    SPAM = "spam"
    """The channel rests for a long while."""
    NEVER = "never"
    """The same again will not do."""
    UNKNOWN = "unknown"
    """It may have happened."""


STOPPED = frozenset((0, 190, 3, 10, 131005, 368, 131031, 130497))
LATER = frozenset((4, 80007, 80009, 80014, 130429, 1, 2, 133004, 131057))
REFUSING = frozenset((2, 133004, 131057))
"""5xx codes that say the service did not take the call, so it did not happen."""
SPAM_WAIT_S = 3600.0
PAIR_WAIT_S = 4.0


def meaning_of(code: int | None, status: int) -> Meaning:
    """The contract's table; without a code, HTTP's."""
    if code is None:
        return Meaning.UNKNOWN if status >= 500 else Meaning.NEVER
    if code in STOPPED or 200 <= code <= 299:
        return Meaning.STOPPED
    if code == 131056:
        return Meaning.RECIPIENT
    if code == 131048:
        return Meaning.SPAM
    if status >= 500 and code not in REFUSING:
        return Meaning.UNKNOWN
    return Meaning.LATER if code in LATER else Meaning.NEVER


def pair_wait_s(refusals: int) -> float:
    """4^n seconds for one recipient: 1, 4, 16, ... at most ten minutes."""
    return min(PAIR_WAIT_S ** min(refusals, 6), 600.0)


def regain_s(headers: Mapping[str, str]) -> float | None:
    """How long a throttled account rests, from `X-Business-Use-Case-Usage` (minutes there)."""
    try:
        usage: Any = msgspec.json.decode(headers.get("x-business-use-case-usage", "") or "null")
    except msgspec.DecodeError:
        return None
    if not isinstance(usage, dict):
        return None
    minutes = [
        entry.get("estimated_time_to_regain_access")
        for listed in usage.values()
        if isinstance(listed, list)
        for entry in listed
        if isinstance(entry, dict)
    ]
    numbers = [float(one) for one in minutes if isinstance(one, int | float)]
    return max(numbers) * 60 if numbers and max(numbers) > 0 else None
