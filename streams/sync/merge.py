"""Pure merges of one field's values: three-way for lists, maps and texts, ranks for lattices."""

from __future__ import annotations

from collections.abc import Hashable
from difflib import SequenceMatcher
from typing import Any

from schemas.fields import LATTICES, Kind

_IDENTITY = ("id", "src", "sku", "name")
"""What tells elements that are maps apart (pictures, addresses), first found first."""


def mergeable(kind: Kind, *values: Any) -> bool:
    """Whether a three-way merge means something for these values."""
    if kind is Kind.LIST:
        return all(isinstance(value, list) for value in values)
    if kind is Kind.MAP:
        return all(isinstance(value, dict) for value in values)
    return kind is Kind.TEXT and all(isinstance(value, str) for value in values)


def merge(kind: Kind, base: Any, left: Any, right: Any) -> tuple[Any, bool]:
    """(merged value, whether it is clean). `base` is what both started from.

    Where both sides changed one element differently, `right` is taken and it is not clean.
    """
    if kind is Kind.LIST:
        return _lists(base, left, right)
    if kind is Kind.MAP:
        return _maps(base, left, right)
    merged = _texts(base, left, right)
    return (right, False) if merged is None else (merged, True)


def _identity(element: Any) -> Hashable:
    """What an element is, apart from what it says: a picture by its address, a name by itself."""
    if isinstance(element, dict):
        for name in _IDENTITY:
            if isinstance(element.get(name), str | int):
                return name, element[name]
        return repr(sorted(element.items(), key=lambda pair: str(pair[0])))
    return repr(element) if isinstance(element, list) else (type(element).__name__, element)


def _lists(base: list[Any], left: list[Any], right: list[Any]) -> tuple[list[Any], bool]:
    """Element-wise: what either side added is added, what either side removed is removed, an
    element both changed is merged itself. The order is that of the side that changed it (`right`
    where both did)."""
    old, ours, theirs = ({_identity(one): one for one in each} for each in (base, left, right))
    merged: dict[Hashable, Any] = {}
    clean = True
    for key in [*ours, *(key for key in theirs if key not in ours)]:
        if key in old and (key not in ours or key not in theirs):
            continue  # removed by one side
        if key not in theirs:
            merged[key] = ours[key]
        elif key not in ours or ours[key] == theirs[key]:
            merged[key] = theirs[key]
        else:
            merged[key], fine = _element(old.get(key), ours[key], theirs[key])
            clean = clean and fine
    common = [key for key in old if key in merged]
    moved = [key for key in theirs if key in common] != common
    first, second = (theirs, ours) if moved else (ours, theirs)
    order = [key for key in first if key in merged]
    for place, key in enumerate(second):
        if key in merged and key not in first:
            at = _after(order, list(second)[:place])
            while at < len(order) and order[at] not in old and order[at] in first:
                at += 1  # behind what the other side added there
            order.insert(at, key)
    return [merged[key] for key in order], clean


def _after(order: list[Hashable], before: list[Hashable]) -> int:
    """Where an added element goes: behind the nearest of those that stood before it."""
    for key in reversed(before):
        if key in order:
            return order.index(key) + 1
    return 0


def _element(before: Any, ours: Any, theirs: Any) -> tuple[Any, bool]:
    """Two versions of one element, or of one value in a map."""
    if ours == theirs or theirs == before:
        return ours, True
    if ours == before:
        return theirs, True
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return _maps(before if isinstance(before, dict) else {}, ours, theirs)
    if isinstance(ours, list) and isinstance(theirs, list):
        return _lists(before if isinstance(before, list) else [], ours, theirs)
    return theirs, False


def _maps(
    base: dict[str, Any], left: dict[str, Any], right: dict[str, Any]
) -> tuple[dict[str, Any], bool]:
    """Key by key, maps within maps too. A key removed by one side and changed by the other stays as
    changed, and that is not clean."""
    merged: dict[str, Any] = {}
    clean = True
    for key in [*left, *(key for key in right if key not in left)]:
        if key in left and key in right:
            merged[key], fine = _element(base.get(key), left[key], right[key])
            clean = clean and fine
            continue
        side = left if key in left else right
        if key not in base:
            merged[key] = side[key]
        elif side[key] != base[key]:
            merged[key], clean = side[key], False
    return merged, clean


def _texts(base: str, left: str, right: str) -> str | None:
    """By lines, as `diff3` does: changes of different lines both hold; None where they overlap."""
    old, ours, theirs = (text.split("\n") for text in (base, left, right))
    changes = sorted(
        [(*span, 0) for span in _changes(old, ours)]
        + [(*span, 1) for span in _changes(old, theirs)],
        key=lambda change: (change[0], change[1], change[3]),
    )
    merged: list[str] = []
    at = 0
    last: tuple[int, int, list[str]] | None = None
    for start, end, lines, _side in changes:
        if last is not None and (start, end, lines) == last:
            continue  # both made the same change
        if start < at or (last is not None and start == at == last[1] and start == last[0]):
            return None
        merged += old[at:start] + lines
        at, last = end, (start, end, lines)
    return "\n".join(merged + old[at:])


def _changes(old: list[str], new: list[str]) -> list[tuple[int, int, list[str]]]:
    """(first line, line behind, replacement) of everything that differs."""
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [
        (start, end, new[first:last])
        for tag, start, end, first, last in matcher.get_opcodes()
        if tag != "equal"
    ]


def rank(entity_type: str, status: Any) -> int | None:
    """The place of a status in its lattice; None for a word it does not list."""
    return LATTICES.get(entity_type, {}).get(status) if isinstance(status, str) else None
