"""DHL's words of unified tracking, and the type codes of MyDHL."""

from __future__ import annotations

import re

from connectors.couriers.status import Codes, Status, by_words, codes

UNIFIED = codes(
    {
        "created": "pre-transit",
        "in_transit": "transit",
        "delivered": "delivered",
        "exception": "failure",
    },
    info="unknown",
)
MYDHL: Codes = codes(
    {
        "picked_up": "PU SA",
        "in_transit": "AF AR DF PL CR BR FD IC TR TP SM SC AD",
        "out_for_delivery": "WC",
        # PD: a part of it.
        "delivered": "OK DD PD",
        "exception": "BA CA CC CD CM DS HP MC MD MS ND NH OH RD SS UD",
        "returned": "RT",
    },
    info="RR BN PY CS",
)

_BACK = re.compile(r"\breturned\b|_shipper\b", re.IGNORECASE)
_FINER: tuple[tuple[Status, re.Pattern[str]], ...] = (
    ("exception", re.compile(r"\bnot home\b|\bunsuccessful (?:delivery )?attempt\b", re.I)),
    (
        "out_for_delivery",
        re.compile(
            r"\bout for delivery\b|\bwith (?:the |delivery )?courier\b"
            r"|\bloaded onto the delivery vehicle\b",
            re.IGNORECASE,
        ),
    ),
    ("picked_up", re.compile(r"(?<!be )\bpicked up\b", re.IGNORECASE)),
)


def unified(code: str, words: str) -> tuple[Status | None, bool]:
    """(status, info) of a `statusCode`, made finer by the text: `transit` covers all from the
    pick-up to the last mile. Text never makes a `pre-transit` delivered."""
    if code in UNIFIED.info:
        return None, True
    base = UNIFIED.statuses.get(code)
    if base is None:
        return by_words(words), False
    if base == "created":
        return base, False
    if _BACK.search(words):
        return "returned", False
    if base == "in_transit":
        return next((one for one, pattern in _FINER if pattern.search(words)), base), False
    return base, False
