"""Phone numbers as people type them, to E.164. Pure."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers

DEFAULT_COUNTRY = "LK"
"""ISO 3166, of numbers typed without a country."""


class NotANumber(ValueError):
    """Its text says what to send instead; it does not repeat the number."""


@lru_cache(maxsize=20_000)
def e164_of(typed: str, country: str = DEFAULT_COUNTRY) -> str:
    """`077 123 4567`, `94771234567`, `0094…`, `+94 77…` to `+94771234567`. Raises NotANumber."""
    text = typed.strip()
    code = phonenumbers.country_code_for_region(country)
    candidates = [text]
    if text.startswith("00"):
        candidates = [f"+{text[2:]}"]
    elif text.isdecimal() and code and text.startswith(str(code)):
        candidates = [f"+{text}", text]  # WhatsApp's own spelling has no plus
    for candidate in candidates:
        try:
            number = phonenumbers.parse(candidate, country)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    raise NotANumber(
        f"This is no phone number. Send it with its country, +94771234567, "
        f"or as it is dialled in {country}."
    )
