"""The ring: newest lines in memory, found by organisation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from api.ring import Ring
from api.shapes import Cursor, read_cursor
from schemas.feed import FeedLine

Make = Callable[..., FeedLine]


def filled(make: Make, size: int, names: str) -> Ring:
    """A ring with one line for each letter: `k`andy or `g`alle."""
    ring = Ring(0, size)
    ring.restart(0)
    for offset, letter in enumerate(names):
        ring.append(offset, make({"k": "kandy", "g": "galle"}[letter], offset))
    return ring


def offsets(entries: object) -> list[int]:
    return [entry.cursor.offset for entry in entries]  # type: ignore[attr-defined]


def test_an_organisation_sees_its_own_lines_only(feed_line: Make) -> None:
    ring = filled(feed_line, 10, "kgkgk")
    assert offsets(ring.newest("kandy", 10)) == [0, 2, 4]
    assert offsets(ring.newest("kandy", 2)) == [2, 4]
    assert offsets(ring.since("galle", 2)) == [3]
    assert offsets(ring.before("kandy", 4)) == [2, 0]
    assert offsets(ring.newest("jaffna", 5)) == []


def test_the_oldest_lines_leave_and_the_start_says_so(feed_line: Make) -> None:
    ring = filled(feed_line, 3, "gkkkk")
    assert (ring.start, ring.stop) == (2, 5)
    assert offsets(ring.since("kandy", 0)) == [2, 3, 4]
    assert offsets(ring.newest("galle", 5)) == []


def test_repeats_are_dropped_and_gaps_are_borne(feed_line: Make) -> None:
    ring = filled(feed_line, 10, "kk")
    ring.append(1, feed_line("kandy", 1))
    ring.append(7, feed_line("kandy", 7))
    ring.append(8, None)
    assert offsets(ring.since("kandy", 0)) == [0, 1, 7]
    assert ring.stop == 9


@pytest.mark.parametrize("text", ["0-0", "3-120", "1-start"])
def test_cursors_survive_being_text(text: str) -> None:
    cursor = read_cursor(text)
    assert cursor is not None
    assert str(cursor) == text


@pytest.mark.parametrize("text", ["", "1", "a-b", "1-2-3", "-1-2", "1-" + "9" * 30, "1-2\n"])
def test_what_is_no_cursor_is_none(text: str) -> None:
    assert read_cursor(text) is None


def test_before_the_first_comes_before_everything() -> None:
    assert Cursor(0, -1) < Cursor(0, 0)
