"""UPS's status codes. Type `D` also covers "loaded" and "out for delivery", so the number decides
first."""

from __future__ import annotations

from connectors.couriers.status import Status, by_words, codes

CODES = codes(
    {
        "created": "3",
        "picked_up": "38",
        "in_transit": "5 10 12 14 25 39 44 45 47 57 71 73 74 84 87 92",
        "out_for_delivery": "6 21 37 72 78 89 91",
        "delivered": "11 26",
        "exception": "13 17 22 23 24 29 30 32 40 46 48 49 50 51 52 53 58 59 60 61 62 64 66 68 69"
        " 70 76 83 85 86 90 93",
        "returned": "34 35 36 67 81",
        "cancelled": "7",
    }
)
TYPES = codes(
    {
        "delivered": "D",
        "in_transit": "I W",
        "created": "M",
        "cancelled": "MV",
        "picked_up": "P",
        "out_for_delivery": "O",
        "returned": "RS",
        "exception": "X",
    },
    info="U",
)


def ups_meaning(kind: str, status_code: str, words: str) -> tuple[Status | None, bool]:
    """(status, info) of `type` and `statusCode` (`021`)."""
    number = status_code.lstrip("0")
    if number in CODES.statuses:
        return CODES.statuses[number], False
    if kind in TYPES.info:
        return None, True
    return TYPES.statuses.get(kind) or by_words(words), False
