"""Phone numbers as WhatsApp's own digits. Pure."""

from __future__ import annotations

from schemas.phone import NotANumber


def wa_digits(number: str) -> str:
    """What `to` takes: digits without a plus. Raises NotANumber for what is no number."""
    digits = number.strip().lstrip("+")
    if not digits.isascii() or not digits.isdecimal() or not 7 <= len(digits) <= 15:
        raise NotANumber("the customer has no phone number")
    return digits
