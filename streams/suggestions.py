"""What people decided, read from the view and learnt from; and suggestions that act by themselves,
where an organisation has set from what confidence on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from pymongo.errors import PyMongoError

from schemas.clock import unix_ms
from schemas.feed import ConflictLine
from schemas.fields import EXISTENCE
from schemas.policy import Policies
from streams.conflicts.resolver import Resolver
from streams.conflicts.rows import NO_BRAKE, ConflictRows, Filter
from streams.conflicts.words import Word
from streams.database import Database
from streams.directory import Directory
from streams.fresh import Fresh
from streams.kafka import PublishFailed
from streams.kafka.records import Publishes
from streams.suggest import Learner, Suggestion, past_of, suggest
from streams.views import SUGGESTION

log = structlog.get_logger(__name__)

EVERY_S = 10.0
HISTORY = 1_000
"""The newest decisions of people that are learnt from."""
FRESH_S = 30.0
AT_ONCE = 200

PoliciesOf = Callable[[str], Awaitable[Policies]]


class Suggestions:
    """What was learnt, by organisation; at most FRESH_S old. Errors: PyMongo's own."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._rows = ConflictRows(database)
        self._kept: Fresh[Learner] = Fresh(FRESH_S, clock, most=1_000)

    async def learner(self, organization_id: str) -> Learner:
        """Counts over the organisation's own past."""

        async def read() -> Learner:
            found = await self._rows.newest(organization_id, Filter(status="resolved"), HISTORY)
            past = [one for one in map(past_of, sorted(found, key=_order)) if one is not None]
            return Learner(past)

        return await self._kept.get(organization_id, read)


def _order(line: ConflictLine) -> tuple[int, str]:
    return line.at_ms, line.id


class Acting:
    """Decides what an organisation lets suggestions decide."""

    def __init__(
        self,
        database: Database,
        publisher: Publishes,
        policies: PoliciesOf,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._resolver = Resolver(database, publisher, clock_ms, source="suggestions")
        self._suggestions = Suggestions(database)
        self._policies = policies

    async def run_once(self, organization_id: str) -> int:
        """How many it decided. Never what a brake holds, whether an item is to be deleted, or what
        a person took back. Raises PublishFailed, PyMongoError."""
        threshold = (await self._policies(organization_id)).automatic_at
        if not threshold:
            return 0
        learner = await self._suggestions.learner(organization_id)
        wanted = Filter(status="open", brake=NO_BRAKE)
        words: list[tuple[ConflictLine, Word]] = []
        place = ""
        while len(words) < AT_ONCE:
            lines, place = await self._resolver.rows.page(organization_id, wanted, place, AT_ONCE)
            for line in lines:
                found = suggest(learner, line)
                if found is not None and may_act(line, found, threshold):
                    words.append((line, Word(found.resolution, found.side)))
            if not place:
                break
        for line, word in words:
            log.info("a suggestion acts", conflict=line.id, resolution=word.resolution)
        await self._resolver.send(words, by=SUGGESTION)
        return len(words)


def may_act(line: ConflictLine, suggestion: Suggestion, threshold: float) -> bool:
    """Pure: whether this conflict may be decided without a person."""
    return (
        line.field != EXISTENCE
        and line.policy != "undone"
        and not line.brake
        and suggestion.may_act(threshold)
    )


async def keep_acting(acting: Acting, directory: Directory) -> None:
    """For every organisation, every EVERY_S seconds. Two processes that do this at once send the
    same resolutions, and the engine takes each once."""
    while True:
        try:
            for organization_id in await directory.organizations():
                await acting.run_once(organization_id)
        except (PyMongoError, PublishFailed) as error:
            log.warning("suggestions wait", reason=repr(error)[:200])
        await asyncio.sleep(EVERY_S)
