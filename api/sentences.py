"""What happened to a conflict, in words a shop owner understands."""

from __future__ import annotations

from typing import Any

from api.pages.i18n import N_, _, passed_word
from api.pages.words import field_word, side_word, type_word, value_word
from schemas.feed import ConflictLine
from schemas.fields import EXISTENCE
from streams.conflicts.words import AGREED, UNDO, kept_side
from streams.suggest import Suggestion

_WHO = {
    "session": N_("Somebody on this page"),
    "key": N_("A program with your API key"),
    "cli": N_("Somebody at the command line"),
    "rule": N_("Your rule"),
    "suggestion": N_("A suggestion"),
}
_FATE = {"kept": N_("kept the item"), "deleted": N_("deleted the item")}


def who(by: str) -> str:
    """`key:Nimal` to `Nimal`."""
    how, _colon, name = by.partition(":")
    return name or _(_WHO.get(how, N_("Somebody")))


def ago(at_ms: int, now_ms: int) -> str:
    """`2 seconds ago`."""
    return passed_word(now_ms - at_ms)


def outcome(line: ConflictLine) -> str:
    """What a settled conflict came to: `kept WooCommerce's 1,950.00`."""
    if line.field == EXISTENCE:
        return _(_FATE.get(str(line.value), N_("decided")))
    value = value_word(line.value, line.field)
    side = kept_side(line)
    if line.resolution == "merge" and not side:
        return _("merged both into %(value)s", value=value)
    if side == AGREED:
        return _("kept %(value)s as it stood", value=value)
    if side:
        return _("kept %(side)s's %(value)s", side=side_word(side), value=value)
    return _("set it to %(value)s", value=value)


def decided_sentence(line: ConflictLine) -> str:
    """`Nimal kept WooCommerce's 1,950.00`."""
    value = value_word(line.value, line.field)
    if line.resolution == "agreed":
        return _("Both sides came to %(value)s by themselves", value=value)
    if line.resolution == UNDO:
        return _("%(who)s took it back: %(value)s stands again", who=who(line.by), value=value)
    if line.resolution == "newest":
        return _("%(who)s %(did)s (the newer change)", who=who(line.by), did=outcome(line))
    return _("%(who)s %(did)s", who=who(line.by), did=outcome(line))


def lost_sentence(line: ConflictLine, now_ms: int) -> str:
    """To the second of two people who decide at once."""
    when = ago(line.at_ms, now_ms)
    if line.resolution == "agreed":
        return _("%(decided)s %(when)s.", decided=decided_sentence(line), when=when)
    return _(
        "%(who)s decided this %(when)s: %(did)s.", who=who(line.by), when=when, did=outcome(line)
    )


def foreseen_sentence(how: str, value: Any, line: ConflictLine) -> str:
    """What other rules would have made of it."""
    shown = value_word(value, line.field)
    match how:
        case "ask":
            return _("You would be asked.")
        case "merge":
            return _("Both would be merged into %(value)s.", value=shown)
        case "newest":
            return _("The newer value, %(value)s, would stand.", value=shown)
        case _:
            return _("%(value)s would stand: the rule prefers that side.", value=shown)


def reason(suggestion: Suggestion, line: ConflictLine) -> str:
    """Why this is suggested."""
    what = {
        "field": _("the %(field)s", field=field_word(line.field)),
        "type": _("something of this kind (%(item)s)", item=type_word(line.type)),
        "pair": _("something"),
    }[suggestion.level]
    did = {
        "keep": _("kept %(side)s", side=side_word(suggestion.side)),
        "newest": _("kept the newer value"),
        "merge": _("merged both"),
        "manual": _("typed a value of your own"),
    }[suggestion.resolution]
    return _(
        "In %(times)s of the last %(of)s times %(what)s differed %(between)s, you %(did)s.",
        times=suggestion.times,
        of=suggestion.of,
        what=what,
        between=_between(line),
        did=did,
    )


def always_about(line: ConflictLine) -> str:
    """`price, between your app and WooCommerce`."""
    return f"{field_word(line.field)}, {_between(line)}"


def _between(line: ConflictLine) -> str:
    sides = [side_word(side) for side in line.candidates]
    if len(sides) != 2:
        return _("between %(sides)s", sides=", ".join(sides))
    return _("between %(one)s and %(other)s", one=sides[0], other=sides[1])
