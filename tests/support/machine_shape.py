"""What the model platforms hold: entity types with every kind of field, how each platform writes
values down, and the changes people make. Every change brings a number of its own into the value, so
that any value found later tells whose it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.protocol import Profile, TypeProfile, unchanged
from schemas.fields import LATTICES, Kind, kind_of

MONGO, SHOP, THIRD = PLATFORMS = ("mongodb", "woocommerce", "woocommerce:2")
"""The merchant's database; a shop that compares under a lock; a shop without that."""

START: dict[str, dict[str, Any]] = {
    "product": {
        "sku": "v1",
        "price": "101",
        "description": "d1\nd2\nd3",
        "tags": ["t1", "t2"],
        "attributes": {"k1": "m1", "k2": "m2"},
    },
    "inventory": {"quantity": 1000, "location": "v1", "backorders": "v2"},
    "order": {"status": "pending", "total": "101", "note": "d1", "shipping": {"k1": "m1"}},
}
NUMBERED = 10
"""Numbers below are those of START."""

LACKED = {"product": {"tags"}, "inventory": {"backorders"}, "order": {"shipping"}}
"""What the third platform knows nothing of."""
FIXED = {"product": {"sku"}, "inventory": {"location"}, "order": {"total"}}
"""What the third platform tells and does not take."""
MASKABLE = {"product": "price", "inventory": "quantity", "order": "note"}
"""What an item of the shop may lose and get back (stock that is not managed)."""

_TAG = re.compile(r"<[^>]*>")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Habits:
    """How the platforms of one run differ from a plain store."""

    rewrites: bool = False
    """The shop wraps texts and rounds to cents; the third rounds to whole amounts and sorts."""
    lacks: bool = False
    """The third lacks one field and takes another from nobody."""
    compares: bool = False
    """Whether the third compares and writes at once too."""


def normal(platform: str, entity_type: str, field: str, value: Any) -> Any:
    """What a platform that rewrites makes of a value."""
    kind = kind_of(entity_type, field)
    if platform == MONGO or value is None:
        return value
    if kind is Kind.TEXT and platform == SHOP:
        return f"<p>{_TAG.sub('', value)}</p>"
    if kind is Kind.TEXT:
        return _TAG.sub("", value)
    if kind is Kind.MONEY:
        step = Decimal("0.01") if platform == SHOP else Decimal(1)
        return f"{Decimal(value).quantize(step, ROUND_HALF_UP).normalize():f}"
    if kind is Kind.LIST and platform == THIRD:
        return sorted(value)
    return value


def profiles(entity_type: str, habits: Habits) -> dict[str, Profile]:
    """The platforms as the engine knows them."""
    found = {}
    everything = frozenset(START[entity_type])
    for name in PLATFORMS:
        lacks = habits.lacks and name == THIRD
        readable = everything - LACKED[entity_type] if lacks else everything
        writable = readable - FIXED[entity_type] if lacks else everything
        form = _form(name, entity_type) if habits.rewrites else unchanged
        found[name] = Profile(
            name,
            {
                entity_type: TypeProfile(
                    readable=readable,
                    writable=writable,
                    creates=True,
                    deletes=True,
                    normal=form,
                )
            },
            compares=name != THIRD or habits.compares,
        )
    return found


def _form(name: str, entity_type: str) -> Any:
    return lambda field, value: normal(name, entity_type, field, value)


def identity(entity_type: str, field: str, value: Any) -> Any:
    """The same for one value however a platform writes it, different for different changes."""
    kind = kind_of(entity_type, field)
    if value is None:
        return None
    if kind is Kind.TEXT:
        return _TAG.sub("", value)
    if kind is Kind.MONEY:
        return _NUMBER.search(value)[0]  # type: ignore[index]
    if kind is Kind.LIST:
        return tuple(sorted(value))
    if kind is Kind.MAP:
        return tuple(sorted((key, repr(found)) for key, found in value.items()))
    return value


def changed(
    entity_type: str, field: str, held: Any, number: int, choice: int, *, bare: bool
) -> Any:
    """What a person makes of the value held there. Counters are sold, not set. `bare`: a list or a
    map may also just lose an element, or get an empty one, which does not tell whose change it
    is."""
    kind = kind_of(entity_type, field)
    if kind is Kind.MONEY:
        return f"{100 + number}.{('255', '25', '5')[choice % 3]}"
    if kind is Kind.TEXT:
        parts = held.split("\n")
        place = choice % len(parts)
        inner = _TAG.sub("", parts[place])
        parts[place] = parts[place].replace(inner, f"d{number}") if inner else f"d{number}"
        return "\n".join(parts)
    if kind is Kind.LIST:
        if bare and choice % 3 == 0 and held:
            return [item for item in held if item != held[choice // 3 % len(held)]]
        return [*held, f"t{number}"]
    if kind is Kind.MAP:
        key = f"k{choice // 4 % 3 + 1}"
        if bare and choice % 4 == 0 and key in held:
            return {name: found for name, found in held.items() if name != key}
        return {**held, key: None if bare and choice % 4 == 1 else f"m{number}"}
    if kind is Kind.LATTICE:
        words = [*LATTICES[entity_type], "unheard-of"]
        return words[choice % len(words)]
    return f"v{number}"
