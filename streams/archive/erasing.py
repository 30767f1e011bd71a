"""Pure: one person's data out of archived events.

An event is theirs when it is about an entity of theirs (the customer, their orders, messages and
parcels), or when a phone number or e-mail address of theirs stands anywhere in it. From what is
theirs go the personal fields (schemas.fields.PERSONAL, and what platforms call them in raw
deliveries); numbers, addresses and names go wherever else they stand in it. Amounts stay.
"""

from __future__ import annotations

import base64
import contextlib
import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import phonenumbers
from phonenumbers import NumberParseException

from schemas.archive import SYSTEM, ArchivedEvent
from schemas.codec import Undecodable, decode, encode
from schemas.deadletter import DeadLetter
from schemas.fields import PERSONAL
from schemas.topics import DEADLETTER, ENTITIES, INBOUND
from streams.deadletter.store import body_of
from streams.sync.erase import MARK, blank, erased_record, sealed
from streams.sync.record import Record

_VENDOR = frozenset(
    ("billing", "shipping", "billing_address", "shipping_address", "addresses", "address",
     "first_name", "last_name", "email", "phone", "username", "display_name", "avatar_url",
     "customer_note", "customer_ip_address", "customer_user_agent", "note", "text", "body",
     "caption", "profile", "contacts", "from", "wa_id", "recipient_id", "user_id", "from_user_id",
     "recipient_user_id", "senderName", "whatsapp",
     "media", "image", "document", "audio", "video", "location", "interactive", "button")
)  # fmt: skip
"""What raw deliveries call the same. `name` counts only in a customer's own: an order's lines have
one too."""
_CONFLICT = ("candidates", "base", "previous", "value")
_DIGITS = re.compile(r"\D+")
_BASE64 = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
_GAP = r"[\s().-]{0,2}"
"""What may stand between two digits of a number."""
_SHORTEST = 6
"""Digits of a number that is looked for at all."""


@dataclass(frozen=True)
class Person:
    """Who is to be erased."""

    erasure: str
    """Id of the erasure."""
    organization: str
    entities: frozenset[tuple[str, str]] = frozenset()
    """(type, entity id)"""
    needles: tuple[str, ...] = ()
    """E-mail addresses, and phone numbers without country code (`771234567`)."""
    names: tuple[str, ...] = ()
    """Taken out of events that are theirs; others may bear the same."""
    places: frozenset[str] = frozenset()
    """`replica/type/external id` of their items: how raw deliveries name them."""
    until_ms: int = 2**62
    """What came later was not asked to be erased: somebody may come back as a new customer."""

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """Finds an address or number of theirs, however it is written."""
        parts = []
        for needle in sorted(self.needles, key=len, reverse=True):
            if "@" in needle:
                parts.append(rf"(?<![\w.+-]){re.escape(needle)}(?![\w-])")
            elif len(needle) >= _SHORTEST:
                digits = _GAP.join(needle)
                parts.append(rf"(?<!\d)(?:\+|00)?\d{{0,3}}[\s().-]{{0,2}}{digits}(?!\d)")
        return re.compile("|".join(parts), re.IGNORECASE) if parts else None

    @cached_property
    def _digits(self) -> list[re.Pattern[str]]:
        return [re.compile(_GAP.join(one)) for one in self.needles if "@" not in one]

    def _may_be_in(self, text: str) -> bool:
        """Rules out nearly all texts, sixty times as fast as the pattern."""
        if any(digits.search(text) for digits in self._digits):
            return True
        mails = [needle for needle in self.needles if "@" in needle]
        folded = text.casefold() if mails else ""
        return any(mail in folded for mail in mails)

    @cached_property
    def _names(self) -> re.Pattern[str] | None:
        longest = sorted({name for name in self.names if len(name) > 2}, key=len, reverse=True)
        found = "|".join(map(re.escape, longest))
        return re.compile(rf"(?<!\w)(?:{found})(?!\w)", re.IGNORECASE) if found else None

    @cached_property
    def coded(self) -> tuple[str, ...]:
        """What their numbers look like within base64, but for the last digit: WhatsApp's ids of
        messages hold them so."""
        return tuple(stem for stem, _ in self._coded)

    @cached_property
    def _coded(self) -> list[tuple[str, str]]:
        numbers = [needle for needle in self.needles if needle.isdigit()]
        return [shape for number in numbers for shape in _coded(number)]

    @cached_property
    def _ids(self) -> re.Pattern[str]:
        found = "|".join(f"{re.escape(stem)}{last}" for stem, last in self._coded)
        return re.compile(rf"(?:\w+\.)?[\w+-]*(?:{found})[\w+/-]*=*")

    def coded_in(self, text: str) -> bool:
        """Whether there is an id in it that holds a number of theirs."""
        return any(stem in text for stem in self.coded) and self._ids.search(text) is not None

    def counts(self) -> dict[str, int]:
        """Entities by type."""
        return dict(sorted(Counter(kind for kind, _ in self.entities).items()))

    def within(self, text: str) -> bool:
        """Whether a number or address of theirs is in it."""
        if self.pattern is not None and self._may_be_in(text) and self.pattern.search(text):
            return True
        return self.coded_in(text)

    def without(self, text: str) -> str:
        """The text with the mark in place of their numbers, addresses and names, and a digest in
        place of ids that hold a number."""
        if self.coded_in(text):
            text = self._ids.sub(lambda found: sealed(found[0]), text)
        if self.pattern is not None and self._may_be_in(text):
            text = self.pattern.sub(MARK, text)
        return text if self._names is None else self._names.sub(MARK, text)


def erased_all(
    events: Sequence[ArchivedEvent], persons: Sequence[Person]
) -> Sequence[ArchivedEvent]:
    """The events without these persons' data."""
    if not persons:
        return events
    found = list(events)
    for person in persons:
        found = [erased(event, person) or event for event in found]
    return found


def erased(event: ArchivedEvent, person: Person) -> ArchivedEvent | None:
    """The event without this person's data; None where there is none in it."""
    if not _theirs(event, person):
        return None
    value = event.value
    raw = None if event.raw is None else MARK.encode()  # no text: nobody can tell what is whose
    if value is not None:
        value = _value(event, person)
    key = person.without(event.key.decode("utf-8", "surrogateescape"))
    new = event._replace(
        key=key.encode("utf-8", "surrogateescape"),
        entity_id=person.without(event.entity_id),
        headers=tuple(
            (name, person.without(told.decode("utf-8", "surrogateescape")).encode(
                "utf-8", "surrogateescape"))
            for name, told in event.headers
        ),
        value=value,
        raw=raw,
    )  # fmt: skip
    return None if new == event else new._replace(erasure=person.erasure)


def _theirs(event: ArchivedEvent, person: Person) -> bool:
    if event.organization not in (person.organization, SYSTEM) or event.at_ms > person.until_ms:
        return False
    if event.organization == person.organization:
        if (event.type, event.entity_id) in person.entities:
            return True
        if event.topic == INBOUND.name:
            place = event.key.decode("utf-8", "replace").partition("/")[2]
            if place in person.places:
                return True
    told = " ".join(value.decode("utf-8", "replace") for _, value in event.headers)
    text = f"{event.key.decode('utf-8', 'replace')}\n{told}"
    if event.raw is not None:
        text += event.raw.decode("latin-1")
    if person.within(text) or (event.value is not None and person.within(_unescaped(event.value))):
        return True
    return event.topic == DEADLETTER.name and _letter_theirs(event, person)


def _unescaped(text: str) -> str:
    r"""JSON may write any character as \uXXXX."""
    if "\\u" not in text:
        return text
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)


def _letter_theirs(event: ArchivedEvent, person: Person) -> bool:
    """A dead letter holds its record in base64."""
    try:
        letter = decode(event.value or "", DeadLetter)
        body = body_of(letter).decode("utf-8", "replace")
    except (Undecodable, ValueError):
        return False
    if person.within(_unescaped(body)):
        return True
    return any(f"{kind}/{name}" in letter.key for kind, name in person.entities)


def _value(event: ArchivedEvent, person: Person) -> str:
    text = event.value or ""
    try:
        if event.topic == ENTITIES.name:
            text = encode(erased_record(decode(text, Record))).decode()
        document = msgspec.json.decode(text)
    except (Undecodable, msgspec.MsgspecError):
        return person.without(text)
    if event.topic == DEADLETTER.name and isinstance(document, dict):
        document["value"] = ""
    elif event.topic != ENTITIES.name:
        document = _blanked(document, _names_of(event))
    return encode(_texts(document, person.without)).decode()


def _names_of(event: ArchivedEvent) -> frozenset[str]:
    if event.topic != INBOUND.name:
        return PERSONAL.get(event.type, frozenset())
    if event.type in ("customer", "conversation"):
        return _VENDOR | {"name"}
    return _VENDOR if event.type not in ("product", "variation", "inventory") else frozenset()


def _blanked(node: Any, names: frozenset[str]) -> Any:
    """Values under these names blanked, wherever they stand; and what is told of a conflict on
    one."""
    if isinstance(node, list):
        return [_blanked(part, names) for part in node]
    if not isinstance(node, dict):
        return node
    contested = node.get("field") in names
    return {
        name: blank(value)
        if name in names or (contested and name in _CONFLICT)
        else _blanked(value, names)
        for name, value in node.items()
    }


def _texts(node: Any, change: Callable[[str], str]) -> Any:
    """Every text changed, names of members too (a map may be keyed by number); a number in digits
    that turns out to be a phone's as well."""
    if isinstance(node, str):
        return change(node)
    if isinstance(node, list):
        return [_texts(part, change) for part in node]
    if isinstance(node, dict):
        return {change(name): _texts(value, change) for name, value in node.items()}
    if isinstance(node, int) and not isinstance(node, bool) and node > 10**_SHORTEST:
        return node if change(str(node)) == str(node) else MARK
    return node


def _coded(text: str) -> list[tuple[str, str]]:
    """The text as base64 shows it wherever it begins, and a pattern of the character behind that,
    which hangs on what follows. (Of the first character a digit determines enough.)"""
    found = []
    for before in range(3):
        shown = base64.b64encode(b"\0" * before + text.encode() + b"\0\0").decode()
        end, rest = divmod((before + len(text)) * 8, 6)
        known = _BASE64.index(shown[end]) >> (6 - rest)
        last = "".join(one for at, one in enumerate(_BASE64) if at >> (6 - rest) == known)
        found.append((shown[-(-before * 8 // 6) : end], f"[{re.escape(last)}]" if rest else ""))
    return found


def needles_of(values: Iterable[str]) -> tuple[str, ...]:
    """What to look for, of e-mail addresses and phone numbers in any form. A number counts without
    its country code or leading zero, which every way of writing it shares."""
    found = set()
    for value in values:
        text = value.strip().casefold()
        if "@" in text:
            found.add(text)
        elif (digits := _national(text)) and len(digits) >= _SHORTEST:
            found.add(digits)
    return tuple(sorted(found))


def _national(text: str) -> str:
    if text.startswith("+"):
        with contextlib.suppress(NumberParseException):
            return str(phonenumbers.parse(text).national_number)
    return _DIGITS.sub("", text).lstrip("0")[-9:]
