"""What machines call things, in a shopkeeper's words. In the reader's language; sync.js has
the same tables from its page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from api.pages.i18n import N_, _, clock_word, currency_word
from api.pages.i18n import currency as usual
from api.pages.naming import CHOICES, FIELDS, IDS, MOMENTS, PLACES, STATUSES
from schemas.feed import FeedLine
from schemas.fields import ENTITY_TYPES, EXISTENCE, Kind
from schemas.live import LiveEvent

REPLICAS = {
    "mongodb": N_("Your app"),
    "web": N_("Your app"),
    "woocommerce": "WooCommerce",
    "whatsapp": "WhatsApp",
    "agreed": N_("As it stands"),
    "merge": N_("Merged"),
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
    "relinked": ("again", "quiet"),
    "unlinked": ("cross", "quiet"),
}
"""Kind of feed line to (icon, tone)."""
STATES = {
    "synced": ("check", "good"),
    "syncing": ("again", "info"),
    "conflict": ("choice", "ask"),
    "waiting": ("clock", "bad"),
    "unknown": ("clock", "ask"),
    "away": ("cross", "bad"),
}
TYPES = {
    "product": N_("product"),
    "variation": N_("variation"),
    "inventory": N_("stock"),
    "order": N_("order"),
    "customer": N_("customer"),
    "message": N_("message"),
    "shipment": N_("shipment"),
}
MANY = {
    "product": N_("products"),
    "inventory": N_("products"),
    "variation": N_("variations"),
    "order": N_("orders"),
    "customer": N_("customers"),
    "message": N_("messages"),
    "shipment": N_("shipments"),
}
TITLES = {
    "new": N_("%(who)s: new %(item)s"),
    "changed": N_("%(who)s changed %(what)s"),
    "sent": N_("On its way to %(where)s: %(what)s"),
    "going": N_("On its way to %(where)s"),
    "arrived": N_("%(where)s is up to date"),
    "after": N_("%(where)s is up to date after %(latency)s"),
    "refused": N_("%(where)s had changed meanwhile and was read again"),
    "conflict": N_("Needs your decision: %(what)s"),
    "resolved": N_("Decided: %(what)s"),
    "deleted": N_("Removed by %(who)s"),
    "gone": N_("Removed"),
    "failed": N_("%(where)s did not accept %(what)s"),
    "effect": N_("Message by %(where)s"),
    "relinked": N_("Joined with an item of %(where)s"),
    "unlinked": N_("Parted from an item of %(where)s"),
    "more": N_("%(names)s and %(number)s more"),
    "something": N_("something"),
}
"""Kind of feed line to its sentence; live.js has them from the page, in the reader's language."""
OUTCOME_WORDS = {
    "changed": N_("Changes"),
    "arrived": N_("Arrived"),
    "way": N_("On their way"),
    "failed": N_("Failed or refused"),
    "decision": N_("Decisions"),
    "message": N_("Messages"),
}
"""Names of `api.events.OUTCOMES`."""
MONEY = sorted(
    {
        name
        for fields in ENTITY_TYPES.values()
        for name, kind in fields.items()
        if kind is Kind.MONEY
    }
)
FATES = {"kept": N_("Keep it"), "deleted": N_("Delete it")}
MOST_NAMES = 4
_SHORT = 80
_ID_SHORT = 16


def replica_word(replica: str) -> str:
    """`woocommerce:2` to `WooCommerce 2`, `courier:dhl` to `DHL`."""
    if replica.startswith("person:"):
        return _("You")
    name, _colon, number = replica.partition(":")
    if name == "courier" and number:
        return number.upper() if len(number) < 4 else number.replace("_", " ").capitalize()
    word = REPLICAS.get(name)
    told = _(word) if word else name.replace("-", " ").capitalize()
    return f"{told} {number}".strip()


def side_word(replica: str) -> str:
    """The same within a sentence: `your app`, `what stood`."""
    if replica in ("mongodb", "web"):
        return _("your app")
    if replica == "agreed":
        return _("what stood")
    if replica.startswith("person:"):
        return _("you")
    return replica_word(replica)


def field_word(field: str) -> str:
    """`lowStockThreshold` to `low-stock alert`."""
    known = FIELDS.get(field)
    if known:
        return _(known)
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in field)
    return spaced.strip()


def type_word(kind: str) -> str:
    """`inventory` to `stock`."""
    return _(TYPES[kind]) if kind in TYPES else kind


def items_word(kind: str) -> str:
    """Many of it: `products` of `inventory` too."""
    return _(MANY.get(kind, kind))


def first_big(text: str) -> str:
    """With a capital at its beginning."""
    return text[:1].upper() + text[1:]


def heading_word(field: str, kind: str) -> str:
    """What a conflict is about: `Price of product`, `Stock`."""
    if field == EXISTENCE:
        return _("Keep or delete this %(item)s?", item=type_word(kind))
    if kind == "inventory":
        return first_big(field_word(field))
    return _("%(field)s of %(item)s", field=first_big(field_word(field)), item=type_word(kind))


def money_word(value: str, currency: str = "") -> str:
    """`1899.5` to `1,899.50`, with a currency to `Rs 1,899.50`; what is no plain decimal stays as
    it is."""
    sign, digits = ("-", value[1:]) if value.startswith("-") else ("", value)
    whole, _, rest = digits.partition(".")
    if not whole.isdecimal() or (rest and not rest.isdecimal()):
        return value
    if currency:
        return currency_word(value, currency)
    return f"{sign}{int(whole):,}.{rest.ljust(2, '0')}"


def value_word(value: Any, field: str = "", currency: object = "") -> str:
    """A value, short. Empty and zero stay different. `currency`: the item's own, where it is known;
    else the organisation's."""
    if value is None or value == "":
        return _("(empty)")
    if field == EXISTENCE:
        return _(FATES[value]) if value in FATES else str(value)
    if isinstance(value, str) and field in MONEY:
        return money_word(value, currency if currency and isinstance(currency, str) else usual())
    if field == "status" and value in STATUSES:
        return _(STATUSES[value])
    if isinstance(value, str) and (told := _special(value, field)):
        return told
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        text = ", ".join(value_word(item) for item in value) or _("(none)")
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


def _special(value: str, field: str) -> str:
    """What the field makes of a text; empty where it is as any other."""
    if field in MOMENTS:
        return _moment_or_text(value)
    if field in PLACES:
        return replica_word(value)
    if field in IDS:
        return value if len(value) <= _ID_SHORT else f"{value[: _ID_SHORT - 1]}…"
    return _(CHOICES.get(field, {}).get(value, ""))


def _moment_or_text(value: str) -> str:
    try:
        return clock_word(value)
    except ValueError:
        return value


def latency_word(latency_ms: int | None) -> str:
    """`84 ms`, `1.3 s`, `2 min`; empty where it is not known."""
    if latency_ms is None:
        return ""
    if latency_ms < 1_000:
        return _("%(number)s ms", number=max(0, latency_ms))
    if latency_ms < 60_000:
        return _("%(number)s s", number=f"{latency_ms / 1_000:.1f}")
    return _("%(number)s min", number=latency_ms // 60_000)


def fields_word(fields: Sequence[str]) -> str:
    """`price, stock and 3 more`."""
    named = ", ".join(field_word(name) for name in fields[:MOST_NAMES])
    if len(fields) > MOST_NAMES:
        return _(TITLES["more"], names=named, number=len(fields) - MOST_NAMES)
    return named or _(TITLES["something"])


NEWCOMERS = ("product", "variation", "order", "customer", "message", "shipment")


def event_title(
    kind: str, source: str, replica: str, fields: Sequence[str], latency: str = "", made: str = ""
) -> str:
    """One line of the feed as a sentence. `made`: the type of what it tells of for the first
    time."""
    name = kind if kind in TITLES else "effect"
    if kind == "changed" and made in NEWCOMERS:
        name = "new"
    if kind == "arrived" and latency:
        name = "after"
    if kind == "sent" and not fields:
        name = "going"
    if kind == "deleted" and not source:
        name = "gone"
    return _(
        TITLES[name],
        who=replica_word(source),
        where=replica_word(replica or source),
        what=fields_word(fields),
        latency=latency,
        item=type_word(made),
    )


def line_title(line: FeedLine) -> str:
    """The same of a line of the history."""
    latency = latency_word(line.latency_ms)
    made = line.type if line.version == 1 else ""
    return event_title(line.kind, line.source, line.replica, list(line.fields), latency, made)


def look_of(kind: str) -> tuple[str, str]:
    """(icon, tone) of a kind of line."""
    return KINDS.get(kind, ("bubble", "quiet"))


def event_address(event: LiveEvent) -> str:
    """Of the page about one event."""
    offset = event.cursor.rpartition("-")[2]
    at_ms = round(datetime.fromisoformat(event.timestamp).timestamp() * 1000)
    return f"/events/{at_ms}-{offset}"


WORDS: dict[str, Callable[..., Any]] = {
    "replica": replica_word,
    "field": field_word,
    "heading": heading_word,
    "shown": value_word,
    "latency": latency_word,
    "typed": type_word,
    "fields": fields_word,
    "big": first_big,
    "titled": line_title,
    "event_address": event_address,
}
