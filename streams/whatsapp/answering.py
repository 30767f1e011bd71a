"""Pure: what is answered, given what is wanted and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streams.whatsapp.conversations import Conversation, Language
from streams.whatsapp.phrases import amount_words, say
from streams.whatsapp.understanding import OURS
from streams.whatsapp.wording import status_in

WINDOW_MS = 24 * 3_600_000
UNCLEAR_EVERY_MS = 3_600_000
"""So often at most is one told that nothing was understood: then it is for a person."""
FEW = 5
MOST_ITEMS = 10
MOST_ORDERS = 3
ROW_TITLE, HEADER, SECTION = 24, 60, 24
LANGUAGE_NAMES: Mapping[Language, str] = {"en": "English", "si": "සිංහල", "ta": "தமிழ்"}


@dataclass(frozen=True, slots=True)
class Reply:
    """A message to be sent; `content` as `connectors.whatsapp.messages.message_of` takes it."""

    kind: str
    content: Any


@dataclass(frozen=True, slots=True)
class OrderFact:
    """An order as its customer may know it."""

    number: str
    status: str
    total: str | None = None
    currency: str = ""
    parcels: tuple[tuple[str, str], ...] = ()
    """(tracking number, courier)"""


@dataclass(frozen=True, slots=True)
class ItemFact:
    """A product as it is sold now."""

    sku: str
    name: str
    price: str | None = None
    currency: str = ""
    quantity: int | None = None
    """None: its stock is not counted."""
    in_catalogue: bool = False


@dataclass(frozen=True, slots=True)
class CartFact:
    """What became of an order from the catalogue."""

    number: str
    total: str | None
    currency: str
    lines: tuple[str, ...] = ()
    """One for each item, in words."""
    repriced: tuple[tuple[str, str, str], ...] = ()
    """(name, price that was seen, price now)"""
    unknown: tuple[str, ...] = ()
    short: tuple[tuple[str, int], ...] = ()
    """(name, pieces that are missing)"""


def silent(conversation: Conversation, sent_ms: int, now_ms: int) -> str:
    """Why a machine says nothing here, or nothing."""
    if conversation.handed_over is not None:
        return "a person answers here"
    if now_ms - sent_ms >= WINDOW_MS:
        return "the message is too old to be answered"
    if conversation.phone is None:
        return "the customer shows no phone number to write to"
    return ""


def menu(language: Language, opening: str = "menu") -> Reply:
    """What can be asked, as a list."""
    rows = [
        _row("order", say("my order", language)),
        _row("products", say("our products", language)),
        _row("person", say("a person", language)),
        *(_row(f"language:{code}", name) for code, name in LANGUAGE_NAMES.items()),
    ]
    return Reply(
        "list",
        {
            "body": say(opening, language),
            "button": say("button", language),
            "sections": [{"rows": rows}],
        },
    )


def spoken(text: str, language: Language, /, **values: object) -> Reply:
    """One text."""
    return Reply("text", say(text, language, **values))


def orders(language: Language, found: Sequence[OrderFact], number: str) -> Reply:
    """How they stand; for none: what to do."""
    if not found:
        if number:
            return spoken("not this order", language, number=number)
        return spoken("no orders", language)
    return Reply("text", "\n\n".join(_order(one, language) for one in found[:MOST_ORDERS]))


def products(language: Language, found: Sequence[ItemFact], *, asked: bool) -> Reply:
    """As product messages where all of them are in the catalogue, else as text."""
    shown = found[:MOST_ITEMS]
    if not shown:
        return spoken("no products" if asked else "which product", language)
    lines = "\n".join(_item(one, language) for one in shown)
    if not all(one.in_catalogue for one in shown):
        return Reply("text", f"{say('products', language)}\n{lines}")
    if len(shown) == 1:
        return Reply("product", {"sku": shown[0].sku, "body": lines})
    return Reply(
        "products",
        {
            "header": say("our products", language)[:HEADER],
            "body": lines[:1024],
            "sections": [
                {
                    "title": say("our products", language)[:SECTION],
                    "skus": [one.sku for one in shown],
                }
            ],
        },
    )


def cart(language: Language, fact: CartFact) -> Reply:
    """The order is here; what is different from what was seen is said."""
    said = [say("thanks for order", language, number=fact.number), *fact.lines]
    for name, seen, now in fact.repriced:
        prices = {
            key: amount_words(value, fact.currency, language)
            for key, value in (("seen", seen), ("now", now))
        }
        said.append(say("repriced", language, name=name, **prices))
    said += [say("unknown item", language, name=name) for name in fact.unknown]
    said += [say("short", language, name=name, count=count) for name, count in fact.short]
    if fact.total is not None:
        amount = amount_words(fact.total, fact.currency, language)
        said.append(say("total", language, amount=amount))
    return Reply("text", "\n".join(said)[:4096])


def _row(what: str, title: str) -> dict[str, str]:
    return {"id": f"{OURS}{what}", "title": title[:ROW_TITLE]}


def _order(order: OrderFact, language: Language) -> str:
    status = status_in("order", order.status, language)
    said = [say("order", language, number=order.number, status=status)]
    if order.total is not None:
        amount = amount_words(order.total, order.currency, language)
        said.append(say("total", language, amount=amount))
    said += [
        say("parcel", language, number=number, courier=courier) for number, courier in order.parcels
    ]
    return "\n".join(said)


def _item(item: ItemFact, language: Language) -> str:
    parts = [item.name]
    if item.price is not None:
        parts.append(amount_words(item.price, item.currency, language))
    if item.quantity is not None:
        parts.append(_stock(item.quantity, language))
    return "• " + ", ".join(parts)


def _stock(quantity: int, language: Language) -> str:
    if quantity <= 0:
        return say("out of stock", language)
    return say("few", language, count=quantity) if quantity <= FEW else say("in stock", language)
