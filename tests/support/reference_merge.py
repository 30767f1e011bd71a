"""What a merge must hold, element by element: the part of the reference about lists, maps and texts
under `merge`. Like all of it, it knows nothing of the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.fields import Kind
from support.reference import BEGIN, Update


@dataclass(frozen=True)
class Merged:
    """What a merged list, map or text may hold: for each element the values it may have; a list's
    elements are there (True) or not (False)."""

    elements: dict[Any, frozenset[Any]]
    why: str


ABSENT = "(absent)"


def merged(
    kind: Kind,
    start: Any,
    updates: Sequence[Update],
    plain: Callable[[Any], Any],
    *,
    spelt: bool = False,
) -> Merged:
    """Under `merge` changes of different elements all hold. `plain` takes a platform's spelling off
    a text; `spelt`: platforms have spellings of their own, so that every line of theirs differs."""
    if kind is Kind.LIST:
        return _merged_list(start, updates)
    split = _lines if kind is Kind.TEXT else dict
    changes: dict[Any, list[tuple[Update, Any, Any]]] = {}
    for update in updates:
        if update.place == BEGIN:
            continue
        before, after = split(plain(update.base)), split(plain(update.value))
        for key in {*before, *after}:
            old, new = before.get(key, ABSENT), after.get(key, ABSENT)
            if old != new:
                changes.setdefault(key, []).append((update, old, new))
    first = split(plain(start))
    elements = {key: frozenset([value]) for key, value in first.items()}
    for key, made in changes.items():
        elements[key] = frozenset(_contested(made))
    if kind is Kind.TEXT and (spelt or _meet(changes)):
        every = [split(plain(update.value)) for update in updates]
        elements = {
            key: frozenset([value, *(text.get(key, ABSENT) for text in every)])
            for key, value in first.items()
        }
        return Merged(elements, "where two changed one place of a text the newer text holds whole")
    return Merged(elements, "changes of different elements all hold")


def _merged_list(start: Any, updates: Sequence[Update]) -> Merged:
    added, removed = set(start), set()
    for update in updates:
        if update.place != BEGIN:
            added |= set(update.value) - set(update.base)
            removed |= set(update.base) - set(update.value)
    elements = {item: frozenset([item not in removed]) for item in added | removed}
    return Merged(elements, "what anybody added is there, what anybody removed is not")


def _contested(made: Sequence[tuple[Update, Any, Any]]) -> list[Any]:
    """Of several changes of one element those that no author of another has seen. Which of them
    holds is a matter of the whole field's age, so any may."""
    last = {update.place: number for number, (update, _, _) in enumerate(made)}
    return [
        new
        for number, (update, _, new) in enumerate(made)
        if last[update.place] == number
        and (new in (ABSENT, None) or all(old != new for other, old, _ in made if other != update))
    ]


def _lines(text: str) -> dict[int, str]:
    return dict(enumerate(text.split("\n")))


def _meet(changes: dict[Any, list[tuple[Update, Any, Any]]]) -> bool:
    """Whether two people changed the same line, or neighbouring ones, neither having seen the
    other's."""
    for line, made in changes.items():
        near = [*made, *changes.get(line + 1, [])]
        for number, (one, old, new) in enumerate(near):
            for other, old2, new2 in near[number + 1 :]:
                if one.place != other.place and new != old2 and old != new2:
                    return True
    return False
