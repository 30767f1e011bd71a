"""WooCommerce's JSON, read leniently: plugins change types, blank is null or "", keys are many.

Its resources are plain dictionaries inside this package only; what leaves it is `Seen`.
"""

from __future__ import annotations

import html
from typing import Any

import msgspec

from connectors.errors import Malformed
from schemas.envelope import epoch_ms
from schemas.money import money

Resource = dict[str, Any]

_decoder = msgspec.json.Decoder()


def decode_object(body: bytes) -> Resource:
    """The body's JSON object. Raises Malformed."""
    try:
        value = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the body is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Malformed(f"the body is no JSON object but a {type(value).__name__}")
    return value


def error_code(value: Any) -> str:
    """The code of a REST error document; empty for anything else (a coupon has a `code` too)."""
    if not isinstance(value, dict) or "message" not in value or "id" in value:
        return ""
    code = value.get("code")
    return code if isinstance(code, str) else ""


def text_of(value: Any) -> str | None:
    """Text, None for blank; numbers where text belongs (a numeric SKU) become text."""
    if isinstance(value, str):
        return value or None
    if value is None or isinstance(value, bool | dict | list):
        return None
    return str(value)


def whole(value: Any) -> int | None:
    """A whole number written as 16, 16.0 or "16"; None for everything else, 16.5 too: a fraction
    cannot be counted in and must not be cut off."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if number.is_integer() else None


def identifier(value: Any) -> str:
    """An id as text ("455" is sent for 455 by some cores); empty for none, 0 included."""
    number = whole(value)
    return str(number) if number is not None and number > 0 else ""


def amount(value: Any) -> tuple[bool, str | None]:
    """(readable, canonical money): not readable is neither no price nor a price."""
    try:
        return True, money(value)
    except ValueError:
        return False, None


def gmt_ms(resource: Resource) -> int | None:
    """When it last changed by WooCommerce's clock of whole seconds; None if it does not say."""
    for name in ("date_modified_gmt", "date_created_gmt"):
        value = resource.get(name)
        if isinstance(value, str) and value:
            return epoch_ms(value) or None
    return None


def meta_value(resource: Resource, key: str) -> Any:
    """The value of the first meta entry with this key; None without one."""
    entries = resource.get("meta_data")
    if not isinstance(entries, list):
        return None
    for entry in entries:
        if isinstance(entry, dict) and entry.get("key") == key:
            return entry.get("value")
    return None


def records(value: Any) -> list[Resource]:
    """The objects of a list; anything else in it is passed over."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def term_names(value: Any) -> list[str]:
    """Categories or tags as the shop shows them: by name, each once, in order of the alphabet
    (their order says nothing there)."""
    found: dict[str, str] = {}
    for entry in value if isinstance(value, list) else ():
        name = entry.get("name") if isinstance(entry, dict) else entry
        text = html.unescape(str(name)).strip() if name else ""
        if text:
            found.setdefault(text.lower(), text)
    return [found[key] for key in sorted(found)]


def option_texts(value: Any) -> list[str]:
    """The options of an attribute: one or several, as texts."""
    several = value if isinstance(value, list) else [value]
    return [text for one in several if (text := text_of(one))]


def image_entry(value: Any) -> dict[str, str] | None:
    """`{"src", "alt"}` of a picture by its address or its `{"url", "alt"}`; None for neither."""
    url = value.get("url") if isinstance(value, dict) else value
    if not isinstance(url, str) or not url:
        return None
    alt = value.get("alt") if isinstance(value, dict) else ""
    return {"src": url, **({"alt": str(alt)} if alt else {})}
