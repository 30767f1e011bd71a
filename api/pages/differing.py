"""Pure: where two texts differ, word by word, with long equal stretches left out."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
LONG = 24
"""Texts shorter than this are seen at a glance."""
MOST_WORDS = 2_000
AROUND = 6
"""Words that stay around a difference."""

Parts = list[tuple[str, bool]]
"""(text, whether the other side has it differently)."""


def parts_of(text: object, other: object) -> Parts:
    """One side's text against the other's; empty where a diff would not help."""
    if not (isinstance(text, str) and isinstance(other, str)):
        return []
    if max(len(text), len(other)) < LONG:
        return []
    mine, theirs = _WORDS.findall(text), _WORDS.findall(other)
    if max(len(mine), len(theirs)) > MOST_WORDS:
        return []
    found: Parts = []
    matcher = SequenceMatcher(None, mine, theirs, autojunk=False)
    codes = matcher.get_opcodes()
    for place, (tag, start, stop, _theirs, _end) in enumerate(codes):
        words = mine[start:stop]
        if tag != "equal":
            if words:
                found.append(("".join(words), True))
            continue
        first, last = place == 0, place == len(codes) - 1
        found.append((_shortened(words, first, last), False))
    return found


def _shortened(words: list[str], first: bool, last: bool) -> str:
    if len(words) <= 2 * AROUND:
        return "".join(words)
    if first and last:
        return "".join(words)
    if first:
        return "…" + "".join(words[-AROUND:])
    if last:
        return "".join(words[:AROUND]) + "…"
    return "".join(words[:AROUND]) + " … " + "".join(words[-AROUND:])
