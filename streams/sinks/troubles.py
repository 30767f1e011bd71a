"""Connections that a sink does not call now, kept for people: `ss_troubles`.

    {_id: "org/replica", organizationId, sinceMs, untilMs, reason, person}

`person`: nothing helps but somebody (a key was revoked); else it is tried again by itself. Written
when a breaker's word changes, not at each call.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from pymongo.errors import PyMongoError

from schemas.clock import unix_ms
from streams.database import Database, Document
from streams.sinks.lines import Line

log = structlog.get_logger(__name__)

COLLECTION = "ss_troubles"
WELL = (0, "")


class Troubles:
    """One a process. Without MongoDB nobody is told, and nothing else happens."""

    def __init__(self, database: Database, clock_ms: Callable[[], int] = unix_ms) -> None:
        self._rows = database[COLLECTION]
        self._clock_ms = clock_ms
        self._told: dict[str, tuple[int, str]] = {}

    async def keep(self, line: Line) -> None:
        """After a call: as the line's breaker has it now."""
        breaker, connection = line.breaker, line.connection
        place, now_ms = connection.place, self._clock_ms()
        is_open = breaker.open_until_ms > now_ms
        if breaker.failures and not is_open:
            return  # between two tries it is neither well nor known to be away
        word = (breaker.open_until_ms, breaker.reason) if is_open else WELL
        if self._told.get(place) == word:
            return
        try:
            if is_open:
                await self._rows.update_one({"_id": place}, _update(line, now_ms), upsert=True)
            else:
                await self._rows.delete_one({"_id": place})
        except PyMongoError as error:
            log.debug("a trouble is not told", reason=repr(error)[:200])
            return
        self._told[place] = word


def _update(line: Line, now_ms: int) -> Document:
    breaker = line.breaker
    values = {
        "organizationId": line.connection.organization_id,
        "untilMs": breaker.open_until_ms,
        "reason": breaker.reason[:500],
        "person": breaker.person,
    }
    return {"$set": values, "$setOnInsert": {"sinceMs": now_ms}}
