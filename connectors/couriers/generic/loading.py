"""Profiles from their files, and what is wrong with one: each mistake with its line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from connectors.couriers.generic.positions import Path, Repeated, line_of, lines_of
from connectors.couriers.generic.profile import Profile
from connectors.couriers.generic.templates import placeholders

MAX_PROFILE_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong."""

    line: int
    where: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.where}: {self.reason}"


class BadProfile(ValueError):
    """A profile that cannot be used. Its text lists every mistake."""

    def __init__(self, source: str, mistakes: list[Mistake]) -> None:
        super().__init__(f"{source}: " + "; ".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)


def load_profile(text: str, source: str = "profile") -> Profile:
    """Raises BadProfile."""
    if len(text.encode()) > MAX_PROFILE_BYTES:
        raise BadProfile(source, [Mistake(1, "the profile", "it is over 200 kB")])
    try:
        document: Any = json.loads(text)
        lines = lines_of(text)
    except json.JSONDecodeError as error:
        reason = f"this is no JSON: {error.msg}"
        raise BadProfile(source, [Mistake(error.lineno, "the profile", reason)]) from None
    except RecursionError:
        raise BadProfile(source, [Mistake(1, "the profile", "it is nested too deep")]) from None
    except Repeated as error:
        where = ".".join(map(str, error.path))
        raise BadProfile(source, [Mistake(error.line, where, "it is there twice")]) from None
    try:
        return Profile.model_validate(document)
    except ValidationError as error:
        found = []
        for one in error.errors(include_url=False, include_input=False):
            location = _within(document, tuple(one["loc"]), lines)
            line, where = line_of(lines, location)
            found.append(Mistake(line, where, _reason(one["type"], one["loc"], one["msg"])))
        raise BadProfile(source, sorted(found, key=lambda one: one.line)) from None


def _within(document: Any, location: Path, lines: dict[Path, int]) -> Path:
    """The text in a body that holds the bad placeholder: a body is checked as one."""
    path: Path = ()
    value = document
    for step in location:
        if (*path, step) in lines:
            path, value = (*path, step), value[step]
    for below, text in _texts(value, path):
        try:
            list(placeholders(text))
        except ValueError:
            return below
    return path


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _texts(one, (*path, name))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from _texts(one, (*path, place))


def _reason(kind: str, location: tuple[str | int, ...], message: str) -> str:
    if kind == "extra_forbidden":
        return "no such key is known here"
    if kind == "missing":
        return f"{location[-1]} is missing"
    return message.removeprefix("Value error, ")
