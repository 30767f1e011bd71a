"""What happened to a conflict, in words a shop owner understands. Pure."""

from __future__ import annotations

from typing import Any

from api.pages.words import field_word, replica_word, value_word
from schemas.feed import ConflictLine
from schemas.fields import EXISTENCE
from streams.conflicts.words import AGREED, UNDO, kept_side
from streams.suggest import Suggestion

_WHO = {
    "session": "Somebody on this page",
    "key": "A program with your API key",
    "cli": "Somebody at the command line",
    "rule": "Your rule",
    "suggestion": "A suggestion",
}
_FATE = {"kept": "kept the item", "deleted": "deleted the item"}


def who(by: str) -> str:
    """`key:Nimal` to `Nimal`."""
    how, _, name = by.partition(":")
    return name or _WHO.get(how, "Somebody")


def ago(at_ms: int, now_ms: int) -> str:
    """`2 s ago`."""
    seconds = max(0, (now_ms - at_ms) // 1000)
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return _many(seconds // size, unit) + " ago"
    return f"{seconds} s ago"


def outcome(line: ConflictLine) -> str:
    """What a settled conflict came to: `kept WooCommerce's 1,950.00`."""
    if line.field == EXISTENCE:
        return _FATE.get(str(line.value), "decided")
    value = value_word(line.value, line.field)
    side = kept_side(line)
    if line.resolution == "merge" and not side:
        return f"merged both into {value}"
    if side == AGREED:
        return f"kept {value} as it stood"
    if side:
        return f"kept {_whose(side)} {value}"
    return f"set it to {value}"


def decided_sentence(line: ConflictLine) -> str:
    """`Nimal kept WooCommerce's 1,950.00`."""
    if line.resolution == "agreed":
        return f"Both sides came to {value_word(line.value, line.field)} by themselves"
    if line.resolution == UNDO:
        return f"{who(line.by)} took it back: {value_word(line.value, line.field)} stands again"
    how = " (the newer change)" if line.resolution == "newest" else ""
    return f"{who(line.by)} {outcome(line)}{how}"


def lost_sentence(line: ConflictLine, now_ms: int) -> str:
    """To the second of two people who decide at once."""
    when = ago(line.at_ms, now_ms)
    if line.resolution == "agreed":
        return f"{decided_sentence(line)} {when}."
    return f"{who(line.by)} decided this {when}: {outcome(line)}."


def foreseen_sentence(how: str, value: Any, line: ConflictLine) -> str:
    """What other rules would have made of it."""
    shown = value_word(value, line.field)
    match how:
        case "ask":
            return "You would be asked."
        case "merge":
            return f"Both would be merged into {shown}."
        case "newest":
            return f"The newer value, {shown}, would stand."
        case _:
            return f"{shown} would stand: the rule prefers that side."


def reason(suggestion: Suggestion, line: ConflictLine) -> str:
    """Why this is suggested."""
    what = {
        "field": f"the {field_word(line.field)}",
        "type": f"something of a {line.type}",
        "pair": "something",
    }[suggestion.level]
    did = {
        "keep": f"kept {_in_sentence(suggestion.side)}",
        "newest": "kept the newer value",
        "merge": "merged both",
        "manual": "typed a value of your own",
    }[suggestion.resolution]
    return (
        f"In {suggestion.times} of the last {suggestion.of} times {what} differed "
        f"{_between(line)}, you {did}."
    )


def always_about(line: ConflictLine) -> str:
    """`price, between your app and WooCommerce`."""
    return f"{field_word(line.field)}, {_between(line)}"


def _between(line: ConflictLine) -> str:
    return f"between {' and '.join(_in_sentence(side) for side in line.candidates)}"


def _in_sentence(side: str) -> str:
    """`Your app` becomes `your app` inside a sentence; names stay as they are."""
    if side == AGREED:
        return "what stood"
    word = replica_word(side)
    return f"your{word[4:]}" if word.startswith("Your ") else word


def _whose(side: str) -> str:
    return f"{_in_sentence(side)}'s"


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
