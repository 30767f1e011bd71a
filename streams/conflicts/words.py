"""Pure: a person's word on a conflict as the engine takes it, and whether the engine has."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, get_args

from schemas.codec import encode
from schemas.feed import ConflictLine
from schemas.outcome import Resolution
from schemas.policy import PolicyName, Rule
from streams.sync.policy import LOCAL

Choice = Literal["local", "remote", "merge", "manual", "newest", "keep"]
CHOICES: tuple[str, ...] = get_args(Choice)
UNDO = "undo"
AGREED = "agreed"
"""The side of a value that stands though the other side itself had set it."""

State = Literal["settled", "lost", "changed", "refused", "pending"]
"""settled: as asked · lost: somebody else was first · changed: the values moved meanwhile ·
refused: the engine would not (see the reason) · pending: no answer yet."""


@dataclass(frozen=True)
class Word:
    """What is decided."""

    resolution: str
    side: str = ""
    """For `keep`."""
    value: Any = None
    """For `manual`."""


@dataclass(frozen=True)
class Asked:
    """A resolution that was sent, and the line that its person saw."""

    line: ConflictLine
    resolution: Resolution


@dataclass(frozen=True)
class Answer:
    """What became of it. `line` is the conflict as it now is."""

    state: State
    line: ConflictLine
    reason: str = ""


def asked(line: ConflictLine, word: Word, *, by: str, at_ms: int, action_id: str = "") -> Asked:
    """The resolution for this word. The same word on the same values has the same id, so that the
    engine takes it once; a bulk action's id comes first in it, so that its conflicts are found."""
    undo = word.resolution == UNDO
    told = encode([line.id, line.version, line.candidates, word.resolution, word.side, word.value])
    digest = sha256(told).hexdigest()[:32]
    return Asked(
        line,
        Resolution(
            organization_id=line.organization_id,
            type=line.type,
            entity_id=line.entity_id,
            id=f"{action_id}.{digest}" if action_id else digest,
            conflict_id=line.id,
            field=line.field,
            resolution=word.resolution,  # type: ignore[arg-type]
            side=word.side,
            value=line.value if undo else word.value,
            previous=line.previous if undo else None,
            base=line.base if undo else None,
            challenger=line.challenger if undo else "",
            brake=line.brake if undo else "",
            reopen=undo and not line.automatic,
            candidates=line.candidates,
            stamps=line.stamps if undo else {},
            by=by,
            at_ms=at_ms,
        ),
    )


def judge(sent: Asked, now: ConflictLine) -> State:
    """What the view says about a resolution that was sent."""
    ours = sent.resolution
    if now.resolution_id == ours.id:
        return "settled"
    if ours.resolution == UNDO:
        if now.status == "open":
            return "settled" if ours.reopen else "changed"
        return "pending" if now.resolution_id == sent.line.resolution_id else "lost"
    if now.status == "resolved":
        return "lost"
    return "pending" if now.candidates == ours.candidates else "changed"


def is_said(line: ConflictLine, word: Word) -> bool:
    """Whether a settled conflict was settled with this very word: asking again is no quarrel."""
    if line.status != "resolved" or line.resolution != word.resolution:
        return False
    if word.resolution == "manual":
        return bool(line.value == word.value)
    if word.resolution == "keep":
        return word.side in line.candidates and line.value == line.candidates[word.side]
    return True


def kept_side(line: ConflictLine) -> str:
    """The side whose value a settled conflict kept; empty where it is nobody's (merged, typed)."""
    for side, value in line.candidates.items():
        if value == line.value:
            return side
    return ""


def always(line: ConflictLine, word: Word) -> Rule | None:
    """The rule that decides such conflicts like this from now on, between these two platforms. None
    for a typed value and for what merely stands: they say nothing about the next time."""
    platforms = [side for side in line.candidates if side not in (LOCAL, AGREED)]
    other = next((side for side in platforms if side != word.side), *platforms[:1] or ("*",))
    if word.resolution == "keep" and word.side != AGREED:
        return Rule(type=line.type, field=line.field, platform=other, winner=word.side)
    if word.resolution in _ALWAYS:
        policy: PolicyName = word.resolution  # type: ignore[assignment]
        return Rule(type=line.type, field=line.field, platform=other, policy=policy)
    return None


_ALWAYS = ("local", "remote", "newest", "merge")
