"""Sends resolutions and waits until the view shows what the engine made of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from schemas.codec import decode
from schemas.feed import ConflictLine, FeedLine
from streams.conflicts.rows import ConflictRows
from streams.conflicts.words import UNDO, Answer, Asked, Word, asked, judge
from streams.database import Database
from streams.kafka.records import Publishes
from streams.replies import reply_record

PATIENCE_S = 3.0
FIRST_LOOK_S, LONGEST_LOOK_S = 0.02, 0.2
SKEW_MS = 60_000
"""The engine's clock may be so far from ours when its refusals are looked up."""


class Resolver:
    """Errors: PublishFailed (nothing was decided), PyMongo's own."""

    def __init__(
        self,
        database: Database,
        publisher: Publishes,
        clock_ms: Callable[[], int],
        *,
        source: str = "api",
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.rows = ConflictRows(database)
        self._history = database["ss_history"]
        self._publisher = publisher
        self._clock_ms = clock_ms
        self._source = source
        self._patience_s = patience_s

    async def send(
        self, words: Sequence[tuple[ConflictLine, Word]], *, by: str, action_id: str = ""
    ) -> list[Asked]:
        """Returns once all are in Kafka."""
        now_ms = self._clock_ms()
        sent = [asked(line, word, by=by, at_ms=now_ms, action_id=action_id) for line, word in words]
        if sent:
            records = [reply_record(one.resolution, self._source) for one in sent]
            await self._publisher.publish(*records)
        return sent

    async def wait(self, sent: Sequence[Asked]) -> dict[str, Answer]:
        """By conflict id, what became of each; `pending` where the engine did not answer in
        time. All are of one organisation."""
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + self._patience_s, FIRST_LOOK_S
        answers: dict[str, Answer] = {}
        waiting = {one.line.id: one for one in sent}
        while waiting:
            answers |= await self._look(waiting)
            waiting = {name: one for name, one in waiting.items() if name not in answers}
            if not waiting or loop.time() >= deadline:
                break
            await asyncio.sleep(pause)
            pause = min(LONGEST_LOOK_S, pause * 1.5)
        return answers | {name: Answer("pending", one.line) for name, one in waiting.items()}

    async def _look(self, waiting: Mapping[str, Asked]) -> dict[str, Answer]:
        """Those that are answered now."""
        first = next(iter(waiting.values())).resolution
        lines = await self.rows.some(first.organization_id, waiting)
        answers = {}
        for name, one in waiting.items():
            line = lines.get(name, one.line)
            state = judge(one, line)
            if state != "pending":
                answers[name] = Answer(state, line)
        undone = {
            one.resolution.id: one
            for name, one in waiting.items()
            if name not in answers and one.resolution.resolution == UNDO
        }
        for cause, reason in (await self._refused(undone)).items():
            line = undone[cause].line
            answers[line.id] = Answer("refused", lines.get(line.id, line), reason)
        return answers

    async def _refused(self, sent: Mapping[str, Asked]) -> dict[str, str]:
        """Resolution id to why the engine would not take it. Only what is taken back needs this:
        every other refusal shows in the conflict itself."""
        if not sent:
            return {}
        first = next(iter(sent.values())).resolution
        rows = self._history.find(
            {
                "organizationId": first.organization_id,
                "atMs": {"$gte": first.at_ms - SKEW_MS},
                "kind": "refused",
                "cause": {"$in": list(sent)},
            },
            {"cause": 1, "line": 1},
        )
        return {row["cause"]: decode(row["line"], FeedLine).reason async for row in rows}
