"""Pure: Sri Lanka's districts and provinces, as couriers ask for them.

Source: the 25 districts and 9 provinces of the Department of Census and Statistics; postal codes of
five digits from the Department of Posts.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

DISTRICTS = (
    "Ampara", "Anuradhapura", "Badulla", "Batticaloa", "Colombo", "Galle", "Gampaha", "Hambantota",
    "Jaffna", "Kalutara", "Kandy", "Kegalle", "Kilinochchi", "Kurunegala", "Mannar", "Matale",
    "Matara", "Monaragala", "Mullaitivu", "Nuwara Eliya", "Polonnaruwa", "Puttalam", "Ratnapura",
    "Trincomalee", "Vavuniya",
)  # fmt: skip
PROVINCES = (
    "Central", "Eastern", "North Central", "Northern", "North Western", "Sabaragamuwa", "Southern",
    "Uva", "Western",
)  # fmt: skip
_POSTCODE = re.compile(r"\d{5}", re.ASCII)


class WrongPlace(ValueError):
    """An address that no Sri Lankan courier can deliver to as it is written."""


def check_place(country: str, district: str, postal_code: str) -> None:
    """Raises WrongPlace; says what may have been meant."""
    if country != "LK":
        return
    if postal_code and not _POSTCODE.fullmatch(postal_code):
        raise WrongPlace(
            f"{postal_code!r} is no Sri Lankan postal code: five digits, as in 00300 or 20000."
        )
    if district and _plain(district) not in _KNOWN:
        near = get_close_matches(_plain(district), _KNOWN, n=1, cutoff=0.6)
        hint = f" Did you mean {_KNOWN[near[0]]}?" if near else ""
        raise WrongPlace(
            f"{district!r} is no district or province of Sri Lanka.{hint} The districts are "
            f"{', '.join(DISTRICTS)}."
        )


def _plain(text: str) -> str:
    words = text.casefold().replace("-", " ").split()
    return " ".join(word for word in words if word not in ("district", "province"))


_KNOWN = {_plain(name): name for name in (*DISTRICTS, *PROVINCES)}
