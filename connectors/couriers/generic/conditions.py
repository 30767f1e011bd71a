"""Dotted paths into an answer, and the conditions on it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.couriers.generic.profile import Condition
from connectors.couriers.reading import text


def dig(document: Any, path: str) -> Any:
    """The value at `data.items.0.number`; None where there is none."""
    for step in path.split(".") if path else ():
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document


def hold(conditions: Sequence[Condition], status: int, document: Any) -> bool:
    """All of them."""
    return all(_holds(one, status, document) for one in conditions)


def _holds(condition: Condition, status: int, document: Any) -> bool:
    if condition.http is not None:
        return status in condition.http
    value = dig(document, condition.path or "")
    if condition.present is not None:
        return (value not in (None, "", [], {})) is condition.present
    if condition.contains is not None:
        return condition.contains.casefold() in text(value).casefold()
    wanted = condition.one_of if condition.one_of is not None else [condition.equals]
    return any(_same(value, one) for one in wanted)


def _same(value: Any, wanted: Any) -> bool:
    """`200` and `"200"` are the same; `true` is only itself."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return text(value) == text(wanted) and value is not None


def words(document: Any, paths: str | Sequence[str]) -> list[str]:
    """Every text at or below these paths."""
    listed = [paths] if isinstance(paths, str) else paths
    return [found for path in listed if path for found in _below(dig(document, path))]


def _below(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from _below(one)
    elif isinstance(value, list):
        for one in value:
            yield from _below(one)
    elif text(value):
        yield text(value)
