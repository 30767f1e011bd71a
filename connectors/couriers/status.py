"""One status language for every courier. Pure.

A carrier's codes are a table (its `statuses.py`). A code that is in no table is tried by the words
of its description; where those say nothing either, the status is None and nothing changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from schemas.fields import LATTICES

Status = Literal[
    "created",
    "picked_up",
    "in_transit",
    "out_for_delivery",
    "delivered",
    "exception",
    "returned",
    "cancelled",
]
STATUSES: tuple[Status, ...] = get_args(Status)
RANKS = LATTICES["shipment"]
FINAL: frozenset[Status] = frozenset(("delivered", "returned", "cancelled"))
"""Nothing more is expected after these."""

STATUS_TEXT: dict[Status | None, str] = {
    "created": "Created",
    "picked_up": "Picked Up",
    "in_transit": "In Transit",
    "out_for_delivery": "Out for Delivery",
    "delivered": "Delivered",
    "exception": "Exception",
    "returned": "Returned",
    "cancelled": "Cancelled",
    None: "Unknown",
}


@dataclass(frozen=True, slots=True)
class Codes:
    """A carrier's codes: what each means, and those that never change the status."""

    statuses: Mapping[str, Status]
    info: frozenset[str] = frozenset()


def codes(table: Mapping[Status, str], info: str = "") -> Codes:
    """From the contract's form: a status and its codes, separated by blanks."""
    return Codes(
        {code: status for status, listed in table.items() for code in listed.split()},
        frozenset(info.split()),
    )


def _word(status: Status, pattern: str) -> tuple[Status, re.Pattern[str]]:
    return status, re.compile(pattern, re.IGNORECASE)


_WORDS: tuple[tuple[Status, re.Pattern[str]], ...] = (
    # The most specific first: "not delivered" and "out for delivery" before "delivered".
    _word("exception", r"\bnot (?:yet )?(?:been )?delivered\b|\bundelivered\b"),
    _word("exception", r"\bunable to deliver\b|\battempt(?:ed)?\b|\bunsuccessful\b|\bnot home\b"),
    _word("exception", r"\bfailed\b|\bdelivery exception\b|\bon hold\b|\bheld\b|\bdamaged?\b"),
    _word("out_for_delivery", r"\bout for delivery\b|\bwith (?:the |delivery )?courier\b"),
    _word("out_for_delivery", r"\bloaded on(?:to)? the delivery vehicle\b"),
    _word("returned", r"\breturned\b"),
    # On its way back is not yet back: an exception keeps being followed, `returned` does not.
    _word("exception", r"\breturn(?:ing)?\b|\brefused\b"),
    # "To be delivered", "will be delivered": a promise.
    _word("delivered", r"(?<!\bbe )\bdelivered\b"),
    _word("cancelled", r"\bcancell?ed\b|\bvoided\b"),
    _word("picked_up", r"(?<!\bbe )\bpicked[ -]up\b|\bpick-?up scan\b|(?<!\bbe )\bcollected\b"),
    _word("in_transit", r"\bin transit\b|\bdeparted\b|\barrived\b|\bprocessed at\b"),
    _word("created", r"\b(?:information|data) received\b|\b(?:label|record) created\b"),
)


def by_words(text: str) -> Status | None:
    """What a description says for sure; None where it says nothing known."""
    return next((status for status, pattern in _WORDS if pattern.search(text)), None)


def meaning(table: Codes, code: str, text: str) -> tuple[Status | None, bool]:
    """(status, whether it is a listed code that never changes the status)."""
    if code in table.info:
        return None, True
    return table.statuses.get(code) or by_words(text), False


def slowest(statuses: Iterable[Status | None]) -> Status | None:
    """Of a shipment in several parcels: delivered when all are, and trouble with one is trouble."""
    known = [status for status in statuses if status is not None]
    if "exception" in known:
        return "exception"
    return min(known, key=lambda status: RANKS[status], default=None)
