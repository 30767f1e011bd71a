"""Many conflicts decided at once: a job of kind `decide`, gone on with after a crash.

Its id is the action's: every resolution it sends carries it, so that the whole can be taken back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from schemas.clock import unix_ms
from schemas.codec import decode, encode
from schemas.feed import ConflictLine
from streams.conflicts.resolver import Resolver
from streams.conflicts.rows import ConflictRows, Filter
from streams.conflicts.words import UNDO, Answer, Word, is_said
from streams.upkeep.jobs import Job, Jobs
from streams.upkeep.runner import JobContext, Runner

KIND = "decide"
CHUNK = 200
TOLD = 100
"""So many of those that could not be decided are named."""
MOST_IDS = 10_000

APPLY, REJECT = "apply", "reject"
"""Of what a brake holds: take the platform's value, or keep what stands."""


@dataclass(frozen=True)
class Task:
    """What is to be done to which conflicts: those of `ids`, else those of `undoes`, else those
    that `filter` finds."""

    resolution: str
    side: str = ""
    value: Any = None
    ids: tuple[str, ...] = ()
    undoes: str = ""
    """An action whose decisions are taken back."""
    filter: Filter | None = None
    by: str = ""
    batch: str = ""
    """The batch it decides, for people."""

    def arguments(self) -> dict[str, Any]:
        """As a job keeps them."""
        return {
            **asdict(self),
            "ids": list(self.ids),
            "value": encode(self.value).decode(),  # of any shape, as it is in the view
        }


def task_of(arguments: Mapping[str, Any]) -> Task:
    """The inverse of `Task.arguments`."""
    wanted = arguments["filter"]
    return Task(
        **{
            **arguments,
            "ids": tuple(arguments["ids"]),
            "value": decode(arguments["value"], object),
            "filter": Filter(**wanted) if wanted else None,
        }
    )


def word_for(line: ConflictLine, task: Task) -> Word | str:
    """What this task says about this conflict, or why it says nothing."""
    if task.resolution == UNDO:
        return Word(UNDO) if line.status == "resolved" else "It is open already."
    if line.status != "open":
        return "It is decided already."
    if task.resolution in (APPLY, REJECT):
        standing = [side for side in line.candidates if side != line.challenger]
        if not line.brake or not standing:
            return "No safety brake holds it."
        return Word("keep", line.challenger if task.resolution == APPLY else standing[0])
    if task.resolution == "keep" and task.side not in line.candidates:
        return f"{task.side} is not one of its sides."
    return Word(task.resolution, task.side, task.value)


@dataclass
class Tally:
    """What became of them."""

    counts: Counter[str]
    told: list[dict[str, str]]

    def add(self, conflict_id: str, state: str, reason: str) -> None:
        """One more."""
        self.counts[state] += 1
        if state != "settled" and len(self.told) < TOLD:
            self.told.append({"id": conflict_id, "state": state, "reason": reason})

    def details(self) -> dict[str, Any]:
        """For the job's row."""
        return {"counts": dict(self.counts), "told": self.told}


async def decide_some(
    resolver: Resolver, lines: Sequence[ConflictLine], task: Task, action_id: str
) -> dict[str, Answer]:
    """By conflict id. Raises PublishFailed, PyMongoError."""
    answers: dict[str, Answer] = {}
    words: list[tuple[ConflictLine, Word]] = []
    for line in lines:
        word = word_for(line, task)
        if isinstance(word, str):
            said = is_said(line, Word(task.resolution, task.side, task.value))
            answers[line.id] = Answer("settled", line) if said else Answer("refused", line, word)
        else:
            words.append((line, word))
    sent = await resolver.send(words, by=task.by, action_id=action_id)
    return answers | await resolver.wait(sent)


REASONS = {
    "lost": "Somebody else decided it first.",
    "changed": "The values have changed meanwhile.",
    "pending": "The engine has not answered yet.",
}

NOT_THERE = "There is no such conflict."


def reason_of(answer: Answer) -> str:
    """In words; empty for what was settled."""
    return answer.reason or REASONS.get(answer.state, "")


async def queue(jobs: Jobs, organization_id: str, task: Task, total: int) -> Job:
    """A job for whatever process does jobs."""
    return await jobs.queue(
        organization_id, KIND, arguments=task.arguments(), total=total, alone=False
    )


async def work(job: JobContext, *, clock_ms: Callable[[], int] = unix_ms) -> None:
    """Do it, a chunk at a time. What was settled before a crash is not asked for again: it is not
    open any more."""
    task = task_of(job.arguments)
    resolver = Resolver(job.tools.database, job.tools.publisher, clock_ms, source="upkeep")
    tally = Tally(Counter(job.job.details.get("counts", {})), list(job.job.details.get("told", [])))
    done = job.job.done
    chunks = _found if not (task.ids or task.undoes) else _named
    async for names, lines, place in chunks(resolver.rows, job, task):
        held = {line.id for line in lines}
        for name in names:
            if name not in held:
                tally.add(name, "refused", NOT_THERE)
        answers = await decide_some(resolver, lines, task, job.job.id)
        for name, answer in answers.items():
            tally.add(name, answer.state, reason_of(answer))
        done += len(names)
        await job.save(cursor={"place": place}, done=done, details=tally.details())


Chunk = tuple[list[str], list[ConflictLine], str]
"""(ids, those that are there, the place behind them)"""


async def _named(rows: ConflictRows, job: JobContext, task: Task) -> AsyncIterator[Chunk]:
    """By id, in order: the place is an id, because an action's list shrinks while it is undone."""
    found = task.ids or await rows.of_action(job.organization_id, task.undoes)
    left = sorted(name for name in found if name > job.cursor.get("place", ""))
    for start in range(0, len(left), CHUNK):
        names = left[start : start + CHUNK]
        lines = await rows.some(job.organization_id, names)
        yield names, list(lines.values()), names[-1]


async def _found(rows: ConflictRows, job: JobContext, task: Task) -> AsyncIterator[Chunk]:
    """By filter, newest first."""
    place = job.cursor.get("place", "")
    while True:
        lines, place = await rows.page(job.organization_id, task.filter or Filter(), place, CHUNK)
        yield [line.id for line in lines], lines, place
        if not place:
            return


def register(runner: Runner) -> None:
    """Conflicts are few beside products: two jobs at once are enough."""
    runner.register(KIND, work, at_once=2)
