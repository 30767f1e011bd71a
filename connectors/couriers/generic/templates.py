"""Placeholders in a profile: `{receiver.name}`, `{receiver.phone|lk_local?}`. Data, never code.

Alone in a text a placeholder keeps its value's type; `?` drops the key where the value is empty.
Values are put into JSON, forms and addresses by an encoder, never pasted. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.couriers.errors import InvalidRequest

_PLACEHOLDER = re.compile(r"\{([a-z_]\w*(?:\.\w+)*)((?:\|\w+)*)(\??)\}", re.ASCII)
PARTY = frozenset(
    ("name", "company", "line1", "line2", "address", "city", "state", "postcode", "country",
     "phone", "phone2", "email")
)  # fmt: skip
KNOWN: Mapping[str, frozenset[str] | None] = {
    "reference": frozenset(),
    "number": frozenset(),
    "courier_order_id": frozenset(),
    "preallocated_number": frozenset(),
    "token": frozenset(),
    "sender": PARTY,
    "receiver": PARTY,
    "parcel": frozenset(
        ("weight_kg", "weight_g", "pieces", "description", "note", "length_cm", "width_cm",
         "height_cm")
    ),
    "cod": frozenset(("amount", "currency")),
    "customs": frozenset(("value", "currency")),
    "service": frozenset(),
    "secret": None,
    "setting": None,
    "lookup": None,
}  # fmt: skip
"""Root to the names below it; None: the profile's own names."""
ZERO = {"cod.amount": Decimal(0)}
"""What nothing is, where the key may not be left out: no cash to collect is none."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One, taken apart."""

    path: str
    filters: tuple[str, ...]
    optional: bool


def placeholders(text: str) -> Iterator[Placeholder]:
    """All of a text. Raises ValueError for one that nobody can fill, and for a stray brace."""
    for found in _PLACEHOLDER.finditer(text):
        placeholder = _taken(found)
        _check(placeholder)
        yield placeholder
    if "{" in (rest := _PLACEHOLDER.sub("", text)) or "}" in rest:
        raise ValueError(f"{text!r} has a brace that belongs to no placeholder")


def named_in(text: str) -> Iterator[Placeholder]:
    """Those of any text, unchecked."""
    return map(_taken, _PLACEHOLDER.finditer(text))


def _taken(found: re.Match[str]) -> Placeholder:
    filters = tuple(one for one in found[2].split("|") if one)
    return Placeholder(found[1], filters, bool(found[3]))


def _check(placeholder: Placeholder) -> None:
    root, _, below = placeholder.path.partition(".")
    if root not in KNOWN:
        raise ValueError(f"nothing is called {{{placeholder.path}}}; known: {', '.join(KNOWN)}")
    names = KNOWN[root]
    if names is None:
        if not below or "." in below:
            raise ValueError(f"{{{placeholder.path}}} needs one name, as in {{{root}.api_key}}")
    elif below not in names and (below or names):
        known = ", ".join(sorted(f"{root}.{one}" for one in names)) or root
        raise ValueError(f"nothing is called {{{placeholder.path}}}; known: {known}")
    for name in placeholder.filters:
        if name not in FILTERS:
            raise ValueError(f"no filter is called {name!r}; known: {', '.join(FILTERS)}")


def texts_in(template: Any) -> Iterator[str]:
    """Every text of a JSON value, the names of its keys not."""
    if isinstance(template, str):
        yield template
    elif isinstance(template, Mapping):
        for value in template.values():
            yield from texts_in(value)
    elif isinstance(template, list):
        for value in template:
            yield from texts_in(value)


class _Dropped:
    """The key is to be left out."""


DROPPED = _Dropped()


def filled(template: Any, values: Mapping[str, Any]) -> Any:
    """The template with its values. Raises InvalidRequest for a value that is needed and unknown,
    or does not fit."""
    if isinstance(template, Mapping):
        pairs = ((name, filled(value, values)) for name, value in template.items())
        return {name: value for name, value in pairs if value is not DROPPED}
    if isinstance(template, list):
        return [value for one in template if (value := filled(one, values)) is not DROPPED]
    if not isinstance(template, str):
        return template
    alone = _PLACEHOLDER.fullmatch(template)
    if alone is not None:
        return _value(_taken(alone), values)

    def put(found: re.Match[str]) -> str:
        value = _value(_taken(found), values)
        return "" if value is DROPPED else as_text(value)

    return _PLACEHOLDER.sub(put, template)


def _value(placeholder: Placeholder, values: Mapping[str, Any]) -> Any:
    value: Any = values
    for name in placeholder.path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    if value in (None, "") and placeholder.optional:
        return DROPPED
    if value is None:
        value = ZERO.get(placeholder.path)
    if value is None:
        raise InvalidRequest(
            f"This courier needs {placeholder.path.replace('.', ' ').replace('_', ' ')}",
            untouched=True,
        )
    for name in placeholder.filters:
        value = FILTERS[name](value)
    return value


def _lk_local(value: Any) -> Any:
    """+94771234567 -> 0771234567; a foreign number stays."""
    text = as_text(value)
    return f"0{text[3:]}" if text.startswith("+94") else text


def _int(value: Any) -> Any:
    number = Decimal(as_text(value) or 0)
    if number != number.to_integral_value():
        raise InvalidRequest(
            f"This courier takes whole amounts only, not {as_text(value)}", untouched=True
        )
    return int(number)


FILTERS: Mapping[str, Callable[[Any], Any]] = {"lk_local": _lk_local, "int": _int}


def as_text(value: Any) -> str:
    """As forms, queries and addresses carry it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        plain = f"{value:f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "" if value is None else str(value)


def ascii_only(value: Any) -> Any:
    """Accents taken off. Raises InvalidRequest for letters that have no Latin form: dropping them
    would leave a label without a name."""
    if isinstance(value, Mapping):
        return {name: ascii_only(one) for name, one in value.items()}
    if isinstance(value, list):
        return [ascii_only(one) for one in value]
    if not isinstance(value, str) or value.isascii():
        return value
    bare = "".join(
        one for one in unicodedata.normalize("NFKD", value) if not unicodedata.combining(one)
    )
    if not bare.isascii():
        raise InvalidRequest(
            f"This courier reads Latin letters only: write {value!r} in English", untouched=True
        )
    return bare
