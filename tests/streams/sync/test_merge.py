"""Three-way merges keep what both sides did."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.fields import Kind
from streams.sync.merge import merge

FRONT = {"src": "a.jpg", "alt": "front"}
BACK = {"src": "b.jpg", "alt": "back"}


@pytest.mark.parametrize(
    ("base", "left", "right", "merged", "clean"),
    [
        (["a", "b"], ["a", "b", "c"], ["b"], ["b", "c"], True),
        (["a", "b"], ["b", "a"], ["a", "b", "c"], ["b", "c", "a"], True),
        (["a"], ["a", "x"], ["a", "y"], ["a", "x", "y"], True),
        ([], ["a"], ["a"], ["a"], True),
        ([FRONT, BACK], [BACK], [{**FRONT, "alt": "new"}, BACK], [BACK], True),
        (
            [FRONT, BACK],
            [FRONT, {**BACK, "alt": "rear"}],
            [{**FRONT, "alt": "face"}, BACK],
            [{**FRONT, "alt": "face"}, {**BACK, "alt": "rear"}],
            True,
        ),
        (
            [FRONT],
            [{**FRONT, "alt": "one"}],
            [{**FRONT, "alt": "two"}],
            [{**FRONT, "alt": "two"}],
            False,
        ),
    ],
)
def test_lists(base: Any, left: Any, right: Any, merged: Any, clean: bool) -> None:
    assert merge(Kind.LIST, base, left, right) == (merged, clean)


@pytest.mark.parametrize(
    ("base", "left", "right", "merged", "clean"),
    [
        ({"a": 1}, {"a": 2}, {"a": 1, "b": 3}, {"a": 2, "b": 3}, True),
        ({"a": 1, "b": 1}, {"a": 1}, {"a": 2, "b": 1}, {"a": 2}, True),
        ({"a": 1}, {"a": 2}, {"a": 3}, {"a": 3}, False),
        ({"a": 1}, {}, {"a": 3}, {"a": 3}, False),
        (
            {"Colour": ["Red"]},
            {"Colour": ["Red", "Blue"]},
            {"Colour": ["Red", "Green"]},
            {"Colour": ["Red", "Blue", "Green"]},
            True,
        ),
    ],
)
def test_maps(base: Any, left: Any, right: Any, merged: Any, clean: bool) -> None:
    assert merge(Kind.MAP, base, left, right) == (merged, clean)


@pytest.mark.parametrize(
    ("base", "left", "right", "merged", "clean"),
    [
        ("a\nb\nc", "A\nb\nc", "a\nb\nC", "A\nb\nC", True),
        ("a\nb\nc", "a\nb\nnew\nc", "a\nc", "a\nnew\nc", True),
        ("a\nb", "a\nb", "a\nb\nc", "a\nb\nc", True),
        ("a\nb", "x\nb", "y\nb", "y\nb", False),
        ("a", "a\nleft", "a\nright", "a\nright", False),
        ("a", "a\nsame", "a\nsame", "a\nsame", True),
    ],
)
def test_texts(base: Any, left: Any, right: Any, merged: Any, clean: bool) -> None:
    assert merge(Kind.TEXT, base, left, right) == (merged, clean)
