"""Pure: what a customer wants, from what they wrote or tapped, in English, Sinhala or Tamil.

Rules, no model: a short message that is exactly a known word, then words that tell of an order, a
person or a product. What is left over is looked for among the products; nothing found is `Unclear`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streams.whatsapp.conversations import Language
from streams.whatsapp.lexicon import (
    BUYING,
    FILLER,
    GREETINGS,
    ITEM_WORDS,
    LANGUAGES,
    MENU,
    ORDER_WORDS,
    PERSON,
    PERSON_ALONE,
    START,
    STATUS_WORDS,
    STOP,
    THANKS,
)

OURS = "ss:"
"""Ids of buttons and rows that we made begin so; others are the merchant's own."""
CHOICES: Mapping[str, Language] = {"en": "en", "si": "si", "ta": "ta"}
QUERY_WORDS = 6
LONGEST = 500
_NUMBER = re.compile(r"#?\s*((?:WA-)?[A-Za-z]{0,4}-?\d{3,8})", re.IGNORECASE)
_ONLY_NUMBER = re.compile(r"#?\s*(?:no\.?\s*)?((?:WA-[\w-]+)|\d{2,8})", re.IGNORECASE)
_CART_NUMBER = re.compile(r"\bWA-[A-Za-z0-9+/_-]{4,12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stop:
    """No more messages that were not asked for."""


@dataclass(frozen=True, slots=True)
class Start:
    """They are welcome again."""


@dataclass(frozen=True, slots=True)
class Menu:
    """A greeting, or asks what there is."""


@dataclass(frozen=True, slots=True)
class Person:
    """Wants to talk to a person."""


@dataclass(frozen=True, slots=True)
class OrderState:
    """Where is my order. Without a number: those of this phone."""

    number: str = ""


@dataclass(frozen=True, slots=True)
class Products:
    """Looks for products. `sure`: said so; else the words may be about anything."""

    words: tuple[str, ...] = ()
    sure: bool = False
    sku: str = ""
    """Asked from this very item in the catalogue."""


@dataclass(frozen=True, slots=True)
class Choose:
    """Another language, by choice."""

    language: Language


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing to be answered by a machine. `why` is for people."""

    why: str


Intent = Stop | Start | Menu | Person | OrderState | Products | Choose | Silence


def language_of(text: str) -> Language | None:
    """By script; None where it is neither Sinhala nor Tamil: English words are written in every
    language here."""
    sinhala = sum("\u0d80" <= one <= "\u0dff" for one in text)
    tamil = sum("\u0b80" <= one <= "\u0bff" for one in text)
    if not sinhala and not tamil:
        return None
    return "si" if sinhala >= tamil else "ta"


def intent_of(fields: Mapping[str, Any]) -> Intent:
    """What an inbound message, as its entity has it, asks for."""
    kind = fields.get("type")
    media = fields.get("media") or {}
    text = str(fields.get("body") or "")[:LONGEST]
    context = fields.get("context") or {}
    if kind == "interactive":
        return _tapped(str(media.get("id") or ""))
    if kind == "button":
        payload = str(media.get("payload") or "")
        if payload.upper().startswith("STOP") or plain(text) in STOP:
            return Stop()
        return _tapped(payload)
    if kind != "text" or not text.strip():
        return Silence(f"a message of type {kind} is for a person")
    if isinstance(context, Mapping) and context.get("product"):
        return Products(sure=True, sku=str(context["product"]))
    return _written(text)


def plain(text: str) -> str:
    """For comparison: composed, lower case, without marks, one blank between words."""
    composed = unicodedata.normalize("NFC", text).casefold()
    return " ".join("".join(one if _in_word(one) else " " for one in composed).split())


def _in_word(character: str) -> bool:
    """Letters, digits and vowel signs (which `\\w` leaves out: Sinhala and Tamil fall apart)."""
    return character in "-\u200d\u200c" or unicodedata.category(character)[0] in "LMN"


def _tapped(identity: str) -> Intent:
    if not identity.startswith(OURS):
        return Silence("an answer to a question that somebody else asked")
    what, _, more = identity.removeprefix(OURS).partition(":")
    match what:
        case "order":
            return OrderState(more)
        case "products":
            return Products(sure=True)
        case "person":
            return Person()
        case "menu":
            return Menu()
        case "language" if more in CHOICES:
            return Choose(CHOICES[more])
    return Silence("a button that is not known any more")


def _written(text: str) -> Intent:
    said = plain(text)
    if said in STOP:
        return Stop()
    if said in START:
        return Start()
    if said in LANGUAGES:
        return Choose(LANGUAGES[said])
    if said in MENU or said in GREETINGS:
        return Menu()
    if said in THANKS or not said:
        return Silence("thanks")
    only = _ONLY_NUMBER.fullmatch(text.strip())
    if only:
        return OrderState(only[1])
    words = said.split()
    if _CART_NUMBER.search(text):
        return OrderState(_number_in(text))
    if said in PERSON_ALONE or _any(PERSON, said, words):
        return Person()
    if _any(ORDER_WORDS, said, words) and not _buys(said, words):
        return OrderState(_number_in(text))
    sure = _any(ITEM_WORDS, said, words) or _buys(said, words)
    wanted = tuple(word for word in words if _tells(word))[:QUERY_WORDS]
    if sure or wanted:
        return Products(wanted, sure=sure)
    return Menu() if _any(GREETINGS, said, words) else Products(sure=False)


def _buys(said: str, words: list[str]) -> bool:
    """`I want to order tea` is about tea, `where is my order` is not."""
    return _any(BUYING, said, words) and not _any(STATUS_WORDS, said, words)


def _any(known: frozenset[str], said: str, words: list[str]) -> bool:
    """A single word as a word, with its endings in Sinhala and Tamil; a phrase as it is."""
    for one in known:
        if " " in one:
            if f" {one} " in f" {said} ":
                return True
        elif any(word == one or (not one.isascii() and word.startswith(one)) for word in words):
            return True
    return False


def _tells(word: str) -> bool:
    """Whether a product could be called so."""
    return len(word) > 1 and word not in FILLER and not word.isdecimal()


def _number_in(text: str) -> str:
    cart = _CART_NUMBER.search(text)
    if cart:
        return cart[0]
    found = _NUMBER.search(text)
    return found[1] if found else ""
