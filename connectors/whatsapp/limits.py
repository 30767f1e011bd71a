"""Checks of a message's parts. Pure; errors name the field and what it may hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.whatsapp.wire import Record


class BadMessage(ValueError):
    """The message breaks one of Meta's rules. Correct it; sending it again does not help."""


def a_map(value: Any, where: str) -> Mapping[str, Any]:
    """An object. Raises BadMessage."""
    if not isinstance(value, Mapping):
        raise BadMessage(f"{where}: an object with fields")
    return value


def a_text(value: Any, where: str, limit: int) -> str:
    """Text of 1 to `limit` characters. Raises BadMessage."""
    if not isinstance(value, str) or not value.strip():
        raise BadMessage(f"{where}: a text is missing")
    if len(value) > limit:
        raise BadMessage(f"{where}: at most {limit} characters, this has {len(value)}")
    return value


def texts(value: Any, where: str) -> list[str]:
    """A list of texts and numbers, as texts. Raises BadMessage."""
    if not isinstance(value, list) or not all(isinstance(one, str | int) for one in value):
        raise BadMessage(f"{where}: a list of texts")
    return [str(one) for one in value]


def known(given: Mapping[str, Any], where: str, *names: str) -> None:
    """No field but these. Raises BadMessage."""
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise BadMessage(f"{where}: there is no field {unknown[0]!r}; known: {', '.join(names)}")


def some(**values: Any) -> Record:
    """Those that say something."""
    return {name: value for name, value in values.items() if value not in (None, "")}


def link_or_id(given: Mapping[str, Any], where: str) -> Record:
    """Exactly one of an https address and a media id. Raises BadMessage."""
    link, media = given.get("link"), given.get("id")
    if bool(link) == bool(media):
        raise BadMessage(f"{where}: give link (https) or id (of uploaded media), one of the two")
    if media:
        return {"id": a_text(media, f"{where}.id", 200)}
    address = a_text(link, f"{where}.link", 2000)
    if not address.startswith("https://"):
        raise BadMessage(f"{where}.link: an address that begins with https://")
    return {"link": address}
