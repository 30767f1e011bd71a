"""Pure merges of one field's values: three-way for lists, maps and texts, ranks for lattices."""

from __future__ import annotations

from typing import Any

from schemas.fields import LATTICES, Kind


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
        return _lists(base, left, right), True
    if kind is Kind.MAP:
        return _maps(base, left, right)
    merged = _texts(base, left, right)
    return (right, False) if merged is None else (merged, True)


def _lists(base: list[Any], left: list[Any], right: list[Any]) -> list[Any]:
    """Element-wise: what either side added is added, what either side removed is removed."""
    removed = [item for item in base if item not in left or item not in right]
    merged = [item for item in left if item not in removed]
    merged.extend(item for item in right if item not in merged and item not in removed)
    return merged


def _maps(
    base: dict[str, Any], left: dict[str, Any], right: dict[str, Any]
) -> tuple[dict[str, Any], bool]:
    merged: dict[str, Any] = {}
    clean = True
    for key in [*left, *(key for key in right if key not in left)]:
        before, ours, theirs = base.get(key), left.get(key), right.get(key)
        if ours == theirs or theirs == before:
            value, kept = ours, key in left
        elif ours == before:
            value, kept = theirs, key in right
        else:
            value, kept, clean = theirs, key in right, False
        if kept:
            merged[key] = value
    return merged, clean


def _texts(base: str, left: str, right: str) -> str | None:
    """By paragraphs, where the two sides changed different ones; None where they overlap."""
    parts = [text.split("\n") for text in (base, left, right)]
    if not len(parts[0]) == len(parts[1]) == len(parts[2]):
        return None
    merged = []
    for before, ours, theirs in zip(*parts, strict=True):
        if ours != theirs and before not in (ours, theirs):
            return None
        merged.append(theirs if ours == before else ours)
    return "\n".join(merged)


def rank(entity_type: str, status: Any) -> int | None:
    """The place of a status in its lattice; None for a word it does not list."""
    return LATTICES.get(entity_type, {}).get(status) if isinstance(status, str) else None
