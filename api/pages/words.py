"""What machines call things, in a shopkeeper's words. Pure; live.js has the same tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.fields import ENTITY_TYPES, EXISTENCE, Kind

REPLICAS = {
    "mongodb": "Your app",
    "web": "Your app",
    "woocommerce": "WooCommerce",
    "whatsapp": "WhatsApp",
    "agreed": "As it stands",
    "merge": "Merged",
}
KINDS = {
    "changed": ("pencil", "info"),
    "sent": ("send", "quiet"),
    "arrived": ("check", "good"),
    "refused": ("again", "quiet"),
    "conflict": ("choice", "ask"),
    "resolved": ("check", "good"),
    "deleted": ("bin", "quiet"),
    "failed": ("cross", "bad"),
    "effect": ("bubble", "info"),
}
"""Kind of feed line to (icon, tone)."""
STATES = {
    "synced": ("check", "good"),
    "syncing": ("again", "info"),
    "conflict": ("choice", "ask"),
    "waiting": ("clock", "bad"),
    "unknown": ("clock", "ask"),
}
FIELDS = {
    "sku": "SKU",
    "name": "name",
    "shortDescription": "short description",
    "salePrice": "sale price",
    "existence": "keep or delete",
    "quantity": "stock",
    "lowStockThreshold": "low-stock alert",
    "placedOn": "placed on",
    "createdAt": "placed at",
}
MONEY = sorted(
    {
        name
        for fields in ENTITY_TYPES.values()
        for name, kind in fields.items()
        if kind is Kind.MONEY
    }
)
FATES = {"kept": "Keep it", "deleted": "Delete it"}
_SHORT = 80


def replica_word(replica: str) -> str:
    """`woocommerce:2` to `WooCommerce 2`."""
    if replica.startswith("person:"):
        return "You"
    name, _, number = replica.partition(":")
    word = REPLICAS.get(name, name.replace("-", " ").capitalize())
    return f"{word} {number}".strip()


def field_word(field: str) -> str:
    """`lowStockThreshold` to `low-stock alert`."""
    known = FIELDS.get(field)
    if known:
        return known
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in field)
    return spaced.strip()


def heading_word(field: str, kind: str) -> str:
    """What a conflict is about: `Price of product`, `Stock`."""
    if field == EXISTENCE:
        return f"Keep or delete this {kind}?"
    word = field_word(field)
    word = word[:1].upper() + word[1:]
    return word if kind == "inventory" else f"{word} of {kind}"


def money_word(value: str) -> str:
    """`1899.5` to `1,899.50`; what is no plain decimal stays as it is."""
    sign, digits = ("-", value[1:]) if value.startswith("-") else ("", value)
    whole, _, rest = digits.partition(".")
    if not whole.isdecimal() or (rest and not rest.isdecimal()):
        return value
    return f"{sign}{int(whole):,}.{rest.ljust(2, '0')}"


def value_word(value: Any, field: str = "") -> str:
    """A value, short. Empty and zero stay different."""
    if value is None or value == "":
        return "(empty)"
    if field == EXISTENCE:
        return FATES.get(value, str(value))
    if isinstance(value, str) and field in MONEY:
        return money_word(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        text = ", ".join(value_word(item) for item in value) or "(none)"
    elif isinstance(value, dict):
        named = value.get("name") or value.get("sku")
        text = (
            str(named)
            if named
            else ", ".join(f"{field_word(key)}: {value_word(item)}" for key, item in value.items())
        )
    else:
        text = str(value)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


def latency_word(latency_ms: int | None) -> str:
    """`84 ms`, `1.3 s`, `2 min`; empty where it is not known."""
    if latency_ms is None:
        return ""
    if latency_ms < 1_000:
        return f"{max(0, latency_ms)} ms"
    if latency_ms < 60_000:
        return f"{latency_ms / 1_000:.1f} s"
    return f"{latency_ms // 60_000} min"


def event_title(kind: str, source: str, replica: str, fields: list[str], latency: str) -> str:
    """One line of the feed as a sentence."""
    named = ", ".join(field_word(name) for name in fields[:4])
    if len(fields) > 4:
        named += f" and {len(fields) - 4} more"
    where = replica_word(replica or source)
    match kind:
        case "changed":
            return f"{replica_word(source)} changed {named or 'something'}"
        case "sent":
            return f"On its way to {where}" + (f": {named}" if named else "")
        case "arrived":
            return f"{where} is up to date" + (f" after {latency}" if latency else "")
        case "refused":
            return f"{where} had changed meanwhile and was read again"
        case "conflict":
            return f"Needs your decision: {named or 'a value'}"
        case "resolved":
            return f"Decided: {named or 'a value'}"
        case "deleted":
            return f"Removed by {replica_word(source)}" if source else "Removed"
        case "failed":
            return f"{where} did not accept {named or 'a change'}"
        case _:
            return f"Message by {where}"


WORDS: dict[str, Callable[..., Any]] = {
    "replica": replica_word,
    "field": field_word,
    "heading": heading_word,
    "shown": value_word,
    "latency": latency_word,
}
