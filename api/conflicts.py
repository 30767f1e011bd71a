"""Conflicts as the api shows and decides them: one at a time, many at a time, and taken back."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from api.errors import conflict, invalid, malformed, not_found
from api.sentences import lost_sentence, reason
from api.shapes import LiveConflict, LiveSuggestion, live_conflict
from schemas.codec import decode, encode
from schemas.feed import ConflictLine
from streams.conflicts.bulk import NOT_THERE, Task, decide_some, queue, reason_of
from streams.conflicts.resolver import PATIENCE_S, Resolver
from streams.conflicts.rows import BadCursor, Filter
from streams.conflicts.words import CHOICES, UNDO, Answer, Word, is_said
from streams.database import Database
from streams.kafka.records import Publishes
from streams.suggest import Learner, Suggestion, suggest
from streams.suggestions import Suggestions
from streams.upkeep.jobs import Jobs

AT_ONCE = 100
"""So many are decided while the caller waits; more become a job."""
LOOK_AGAIN = "Look at the values in `conflict` and decide again."


@dataclass(frozen=True)
class Settled:
    """One decision. `settled` False: it is on its way, the engine has not answered yet."""

    conflict: LiveConflict
    settled: bool


@dataclass(frozen=True)
class Many:
    """A bulk action: its results, or the job that does it."""

    action_id: str
    total: int
    job: str = ""
    answers: Sequence[Answer] = ()
    missing: Sequence[str] = ()
    """Ids that are no conflicts."""

    def shape(self) -> dict[str, Any]:
        """For the answer."""
        counts: dict[str, int] = {}
        for answer in self.answers:
            counts[answer.state] = counts.get(answer.state, 0) + 1
        if self.missing:
            counts["refused"] = counts.get("refused", 0) + len(self.missing)
        return {
            "actionId": self.action_id,
            "job": self.job or None,
            "state": "queued" if self.job else "done",
            "total": self.total,
            "counts": counts,
            "results": [
                {
                    "id": answer.line.id,
                    "state": answer.state,
                    "reason": reason_of(answer),
                    "conflict": live_conflict(answer.line),
                }
                for answer in self.answers
            ]
            + [
                {"id": name, "state": "refused", "reason": NOT_THERE, "conflict": None}
                for name in self.missing
            ],
        }


class Conflicts:
    """One organisation's at a time. Errors: problems, PublishFailed, PyMongo's own."""

    def __init__(
        self,
        database: Database,
        publisher: Publishes,
        clock_ms: Callable[[], int],
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._resolver = Resolver(database, publisher, clock_ms, patience_s=patience_s)
        self.rows = self._resolver.rows
        self._suggestions = Suggestions(database)
        self._jobs = Jobs(database)
        self._clock_ms = clock_ms

    async def page(
        self, organization_id: str, wanted: Filter, after: str, limit: int
    ) -> tuple[list[ConflictLine], str]:
        """Newest first, and the cursor behind the page (empty at the end). Raises 400."""
        try:
            return await self.rows.page(organization_id, wanted, after, limit)
        except BadCursor as error:
            raise malformed(
                f"{after!r} is not a cursor.", "Take `next` as it was given."
            ) from error

    async def get(self, organization_id: str, conflict_id: str) -> ConflictLine:
        """Raises 404."""
        line = await self.rows.get(organization_id, conflict_id)
        if line is None:
            raise not_found(f"There is no conflict {conflict_id}.")
        return line

    async def shown(
        self, organization_id: str, lines: Sequence[ConflictLine]
    ) -> list[LiveConflict]:
        """As clients see them, the open ones with what people usually decided."""
        if not any(line.status == "open" for line in lines):
            return [live_conflict(line) for line in lines]
        learner = await self._suggestions.learner(organization_id)
        return [live_conflict(line, suggestion_of(learner, line)) for line in lines]

    async def resolve(
        self,
        organization_id: str,
        conflict_id: str,
        word: Word,
        *,
        by: str,
        candidates: dict[str, Any] | None = None,
        version: int | None = None,
    ) -> Settled:
        """Decide, and wait until the engine has taken it; the same decision twice is one. What was
        seen is given by `candidates`, or by `version` (the view's), or is the view as it stands.
        Raises 404, 409 (the values have changed, or somebody was first), 422."""
        if word.resolution not in CHOICES:
            raise invalid(
                f"{word.resolution!r} is not a resolution.", f"Use one of {', '.join(CHOICES)}."
            )
        line = await self.get(organization_id, conflict_id)
        if line.status == "resolved":
            if is_said(line, word):
                return Settled(live_conflict(line), True)
            raise self._lost(line)
        changed = candidates is not None and candidates != line.candidates
        if changed or (version is not None and version != line.version):
            raise _changed(line)
        self._check(line, word)
        return await self._settle(line, word, by)

    async def undo(self, organization_id: str, conflict_id: str, *, by: str) -> Settled:
        """Take a decision back: a person's opens again, a rule's gives way to the other value.
        Raises 404, 409 (the value has changed since)."""
        line = await self.get(organization_id, conflict_id)
        if line.status == "open":
            return Settled(live_conflict(line), True)
        return await self._settle(line, Word(UNDO), by)

    async def decide_many(self, organization_id: str, task: Task, *, job: bool = False) -> Many:
        """All that the task names: at once where they are few, else (or with `job`) by a job."""
        ids = task.ids
        if task.undoes:
            ids = tuple(await self.rows.of_action(organization_id, task.undoes))
        if ids or task.undoes:
            total = len(ids)
        else:
            total = await self.rows.count(organization_id, task.filter or Filter())
        if job or total > AT_ONCE:
            queued = await queue(self._jobs, organization_id, task, total)
            return Many(queued.id, total, job=queued.id)
        if ids or task.undoes:
            found = await self.rows.some(organization_id, ids)
            lines = list(found.values())
        else:
            lines, _ = await self.page(organization_id, task.filter or Filter(), "", AT_ONCE)
        action_id = uuid.uuid4().hex
        answers = await decide_some(self._resolver, lines, task, action_id)
        held = {line.id for line in lines}
        return Many(
            action_id,
            total,
            answers=[answers[line.id] for line in lines],
            missing=[name for name in ids if name not in held],
        )

    async def _settle(self, line: ConflictLine, word: Word, by: str) -> Settled:
        sent = await self._resolver.send([(line, word)], by=by)
        answer = (await self._resolver.wait(sent))[line.id]
        if answer.state == "lost":
            raise self._lost(answer.line)
        if answer.state == "changed":
            raise _changed(answer.line)
        if answer.state == "refused":
            raise conflict(
                f"It cannot be taken back: {answer.reason}.",
                "Change the value itself where you want it different.",
                conflict=_plain(live_conflict(answer.line)),
            )
        return Settled(live_conflict(answer.line), answer.state == "settled")

    def _check(self, line: ConflictLine, word: Word) -> None:
        """Raises 422 for a word that says nothing about this conflict."""
        empty = word.value is None and None not in line.candidates.values()
        if word.resolution == "manual" and empty:
            raise invalid("A manual resolution needs a value.", 'Send "value".')
        if word.resolution == "keep" and word.side not in line.candidates:
            raise invalid(
                f"{word.side or 'Nothing'} is not one of the sides.",
                f'Send "side": one of {", ".join(line.candidates)}.',
            )

    def _lost(self, line: ConflictLine) -> Exception:
        return conflict(
            lost_sentence(line, self._clock_ms()),
            "Undo that decision, or change the value itself where you want it different.",
            conflict=_plain(live_conflict(line)),
        )


def suggestion_of(learner: Learner, line: ConflictLine) -> LiveSuggestion | None:
    """What people usually decided, with the reason in words."""
    found: Suggestion | None = suggest(learner, line)
    if found is None:
        return None
    return LiveSuggestion(
        resolution=found.resolution,
        side=found.side,
        confidence=found.confidence,
        accuracy=found.accuracy,
        based_on=found.based_on,
        reason=reason(found, line),
    )


def _changed(line: ConflictLine) -> Exception:
    return conflict(
        "The values have changed since you looked.",
        LOOK_AGAIN,
        conflict=_plain(live_conflict(line)),
    )


def _plain(shown: LiveConflict) -> dict[str, Any]:
    plain: dict[str, Any] = decode(encode(shown), dict)
    return plain
