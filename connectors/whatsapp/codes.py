"""What Meta's error codes mean. Decided by `code`: throttling arrives as HTTP 400. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


class Then(Enum):
    """What is done beside that, for a message that was refused or failed later."""

    NOTHING = "nothing"
    TEMPLATE = "template"
    """The window is closed: send an approved template instead."""
    NEXT_DAY = "next day"
    """Meta chose not to deliver now: not again before 24 hours have passed."""
    OPT_OUT = "opt out"
    """The customer stopped marketing messages: recorded, and honoured."""
    GONE = "gone"
    """This template is not there in this language, or does not fit: look at the list again."""
    PAUSED = "paused"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Rule:
    """One code. `words`: for people, in place of Meta's own."""

    meaning: Meaning
    then: Then = Then.NOTHING
    words: str = ""
    refusing: bool = True
    """Even with a 5xx the service says that it did not take the call."""


_TOKEN = Rule(Meaning.STOPPED, words="WhatsApp's access token has expired or is wrong")
_RIGHTS = Rule(Meaning.STOPPED, words="the access token lacks a permission")
_BLOCKED = Rule(Meaning.STOPPED, words="Meta has blocked this WhatsApp account")
_BUSY = Rule(Meaning.LATER, words="WhatsApp takes no more messages for the moment")
_MAYBE = Rule(Meaning.LATER, words="WhatsApp had a fault of its own", refusing=False)
_WRONG = Rule(Meaning.NEVER)
_UNWANTED = Rule(
    Meaning.NEVER, Then.NEXT_DAY, "Meta chose not to deliver this; not again before 24 hours"
)
_TEMPLATE = Rule(Meaning.NEVER, Then.GONE, "WhatsApp does not accept this template as it is")

RULES: Mapping[int, Rule] = {
    0: _TOKEN,
    190: _TOKEN,
    3: _RIGHTS,
    10: _RIGHTS,
    131005: _RIGHTS,
    368: _BLOCKED,
    131031: _BLOCKED,
    130497: Rule(Meaning.STOPPED, words="Meta does not let this account write to this country"),
    4: _BUSY,
    80007: _BUSY,
    80009: _BUSY,
    80014: _BUSY,
    130429: _BUSY,
    1: _MAYBE,
    131000: _MAYBE,
    131016: _MAYBE,
    2: Rule(Meaning.LATER, words="WhatsApp is not available now"),
    133004: Rule(Meaning.LATER, words="WhatsApp is not available now"),
    131057: Rule(Meaning.LATER, words="the WhatsApp account is in maintenance"),
    131056: Rule(Meaning.RECIPIENT, words="too many messages to this customer within a minute"),
    131048: Rule(Meaning.SPAM, words="Meta limits this number: customers reported its messages"),
    33: _WRONG,
    100: _WRONG,
    131008: _WRONG,
    131009: _WRONG,
    131021: Rule(Meaning.NEVER, words="the recipient is the shop's own number"),
    131026: Rule(Meaning.NEVER, words="this number is not on WhatsApp, or cannot be written to"),
    131047: Rule(
        Meaning.NEVER, Then.TEMPLATE, "the customer has not written within the last 24 hours"
    ),
    131049: _UNWANTED,
    130472: _UNWANTED,
    131050: Rule(Meaning.NEVER, Then.OPT_OUT, "the customer has stopped marketing messages"),
    131051: Rule(Meaning.NEVER, words="WhatsApp does not know this kind of message"),
    131053: Rule(Meaning.NEVER, words="WhatsApp could not fetch the picture or document"),
    132000: _TEMPLATE,
    132001: _TEMPLATE,
    132005: _TEMPLATE,
    132007: _TEMPLATE,
    132012: _TEMPLATE,
    132015: Rule(Meaning.NEVER, Then.PAUSED, "Meta has paused this template"),
    132016: Rule(Meaning.NEVER, Then.DISABLED, "Meta has disabled this template"),
}
"""The contract's table of errors."""

SPAM_WAIT_S = 3600.0
PAIR_WAIT_S = 4.0


def rule_of(code: int | None) -> Rule | None:
    """The rule of a code; None for one that the contract does not name."""
    if code is None:
        return None
    if 200 <= code <= 299:
        return _RIGHTS
    return RULES.get(code)


def meaning_of(code: int | None, status: int) -> Meaning:
    """What an answer with this code and HTTP status means; without a known code, HTTP's."""
    rule = rule_of(code)
    if rule is None:
        return Meaning.UNKNOWN if status >= 500 else Meaning.NEVER
    if status >= 500 and not rule.refusing:
        return Meaning.UNKNOWN
    return rule.meaning


def code_in(reason: str) -> int | None:
    """The code that a reason of ours begins with (`131047: Re-engagement message`)."""
    number = reason.partition(":")[0].strip()
    return int(number) if number.isdecimal() else None


def words_of(reason: str) -> str:
    """The same for people: our words where the code is known, with the code behind them."""
    code = code_in(reason)
    rule = rule_of(code)
    return f"{rule.words} ({code})" if rule is not None and rule.words else reason


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
