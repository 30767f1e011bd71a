"""How the sync of one organisation stands: figures from Redis, Kafka, MongoDB and the feed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec import structs
from redis.asyncio import Redis

from api.feed import Feed
from api.pages.i18n import N_, _, clock_word, ngettext
from api.servers import Servers
from api.shapes import ReplicaStatus, SyncStatus
from schemas.clock import unix_ms
from schemas.envelope import rfc3339
from streams.cache import CACHE_ERRORS
from streams.database import Database
from streams.directory import Directory
from streams.fresh import Fresh
from streams.kafka.lag import Lag, LagUnknown

RECONCILE = "ss:status:reconcile"
"""Hash written by the reconcile worker every second: partition to JSON."""
WEBSOCKET = "ss:status:websocket"
"""Hash written by every api process: process to JSON of its clients."""
SILENT_MS = 10_000
"""A reporter that is older does not count."""
WAITING_S = 30.0
"""Owed for longer than this: something is in the way."""
FRESH_S = 1.0
REMEMBERED = 1_000
"""Organisations whose last figures are shown while MongoDB is away."""
NOTHING = SyncStatus(
    state="away",
    sentence="",
    last_sync=None,
    pending_events=0,
    owed=0,
    in_flight=0,
    queued=0,
    oldest_pending_s=0.0,
    open_conflicts=0,
    active_connections=0,
    replicas=(),
    timestamp="",
)


@dataclass(frozen=True)
class Owed:
    """What the reconcile workers say of one organisation."""

    known: bool = False
    owed: int = 0
    in_flight: int = 0
    oldest_ms: int = 0
    last_arrived_ms: int = 0


class StatusBoard:
    """Answers are kept for a second: a thousand watchers cost no more than one."""

    def __init__(
        self,
        database: Database,
        cache: Redis,
        directory: Directory,
        feed: Feed,
        lag: Lag,
        process: str,
        servers: Servers | None = None,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._conflicts = database["ss_conflicts"]
        self._cache = cache
        self._directory = directory
        self._feed = feed
        self._lag = lag
        self._process = process
        self._servers = servers or Servers()
        self._clock_ms = clock_ms
        self._last: dict[str, SyncStatus] = {}
        self._kept: Fresh[SyncStatus] = Fresh(FRESH_S, time.monotonic)

    async def of(self, organization_id: str) -> SyncStatus:
        """The organisation's status, its sentence in the reader's language. With MongoDB away its
        figures are those of before. Raises PyMongoError."""
        away = self._servers.away
        if "mongodb" in away:
            found = self._last.get(organization_id) or NOTHING
        else:
            found = await self._kept.get(organization_id, lambda: self._read(organization_id))
            if len(self._last) >= REMEMBERED:
                self._last.clear()
            self._last[organization_id] = found
        if away:
            found = structs.replace(found, state="away", away=tuple(sorted(away)))
            found = structs.replace(found, timestamp=rfc3339(self._clock_ms()))
        return self.said(found)

    def said(self, status: SyncStatus) -> SyncStatus:
        """The same with its sentence in the reader's language."""
        return structs.replace(status, sentence=self._sentence(status))

    def _sentence(self, status: SyncStatus) -> str:
        if status.away:
            return " ".join(
                away_sentence(name, self._servers.away.get(name, 0)) for name in status.away
            )
        return sentence_of(
            status.state, status.pending_events, status.oldest_pending_s, status.open_conflicts
        )

    async def announce_watchers(self) -> None:
        """Tell the other processes how many clients this one has."""
        told = {"at": self._clock_ms(), "orgs": self._feed.watching()}
        try:
            await self._cache.hset(WEBSOCKET, self._process, json.dumps(told))
            await self._cache.expire(WEBSOCKET, 60)
        except CACHE_ERRORS:
            return  # others then count their own only

    async def withdraw(self) -> None:
        """This process has no clients any more."""
        try:
            await self._cache.hdel(WEBSOCKET, self._process)
        except CACHE_ERRORS:
            return  # it expires by its age

    async def _read(self, organization_id: str) -> SyncStatus:
        owed, active, queued, conflicts, replicas = await asyncio.gather(
            self._owed(organization_id),
            self._watchers(organization_id),
            self._queued(),
            self._conflicts.count_documents(
                {"organizationId": organization_id, "status": "open"}, limit=1_000
            ),
            self._replicas(organization_id),
        )
        now_ms = self._clock_ms()
        last_ms = max(self._feed.heard(organization_id).last_sync_ms, owed.last_arrived_ms)
        age_s = max(0.0, (now_ms - owed.oldest_ms) / 1000) if owed.oldest_ms and owed.owed else 0.0
        pending = owed.owed + queued
        state = state_of(owed.known, pending, age_s, conflicts)
        return SyncStatus(
            state=state,
            sentence="",
            last_sync=rfc3339(last_ms) if last_ms else None,
            pending_events=pending,
            owed=owed.owed,
            in_flight=owed.in_flight,
            queued=queued,
            oldest_pending_s=round(age_s, 1),
            open_conflicts=conflicts,
            active_connections=active,
            replicas=replicas,
            timestamp=rfc3339(now_ms),
        )

    async def _owed(self, organization_id: str) -> Owed:
        found = Owed()
        for told in await self._fresh_fields(RECONCILE):
            mine = told.get("orgs", {}).get(organization_id, {})
            oldest = [ms for ms in (found.oldest_ms, mine.get("oldestOwedMs") or 0) if ms]
            found = Owed(
                known=True,
                owed=found.owed + int(mine.get("owed") or 0),
                in_flight=found.in_flight + int(mine.get("inFlight") or 0),
                oldest_ms=min(oldest, default=0),
                last_arrived_ms=max(found.last_arrived_ms, int(mine.get("lastArrivedMs") or 0)),
            )
        return found

    async def _watchers(self, organization_id: str) -> int:
        own = self._feed.watching().get(organization_id, 0)
        others = await self._fresh_fields(WEBSOCKET, but=self._process)
        return own + sum(int(told.get("orgs", {}).get(organization_id, 0)) for told in others)

    async def _fresh_fields(self, name: str, but: str = "") -> list[dict[str, Any]]:
        try:
            fields = await self._cache.hgetall(name)
        except CACHE_ERRORS:
            return []
        told = [json.loads(text) for field, text in fields.items() if field != but]
        return [found for found in told if self._clock_ms() - found.get("at", 0) < SILENT_MS]

    async def _queued(self) -> int:
        if "kafka" in self._servers.away:
            return 0  # asking would take seconds
        try:
            return sum((await self._lag.by_topic()).values())
        except LagUnknown:
            return 0

    async def _replicas(self, organization_id: str) -> tuple[ReplicaStatus, ...]:
        arrived = self._feed.heard(organization_id).arrived_ms
        return tuple(
            ReplicaStatus(
                replica=connection.replica,
                platform=connection.platform,
                active=connection.active,
                last_sync=(
                    rfc3339(arrived[connection.replica]) if connection.replica in arrived else None
                ),
            )
            for connection in await self._directory.connections(organization_id)
        )


def state_of(known: bool, pending: int, age_s: float, conflicts: int) -> str:
    """One word; the worst of what is true."""
    if not known:
        return "unknown"
    if age_s > WAITING_S:
        return "waiting"
    if conflicts:
        return "conflict"
    return "syncing" if pending else "synced"


def sentence_of(state: str, pending: int, age_s: float, conflicts: int) -> str:
    """One sentence for the top of the page."""
    match state:
        case "unknown":
            return _("Sync is not reporting. Changes are kept and will be sent when it is back.")
        case "waiting":
            minutes = max(1, round(age_s / 60))
            return ngettext(
                "%(num)s change waiting, the oldest for %(minutes)s.",
                "%(num)s changes waiting, the oldest for %(minutes)s.",
                pending,
                minutes=ngettext("%(num)s minute", "%(num)s minutes", minutes),
            )
        case "conflict":
            return ngettext(
                "%(num)s conflict needs your decision.",
                "%(num)s conflicts need your decision.",
                conflicts,
            )
        case "syncing":
            return ngettext(
                "%(num)s change is on the way.", "%(num)s changes are on the way.", pending
            )
        case _:
            return _("Everything is in sync.")


AWAY = {
    "kafka": N_(
        "Kafka does not answer since %(at)s. New changes are kept and go on when it is back."
    ),
    "mongodb": N_("MongoDB does not answer since %(at)s. What is shown here is as of then."),
    "redis": N_("Redis does not answer since %(at)s. Everything goes on, only slower."),
}


def away_sentence(name: str, since_ms: int) -> str:
    """What it means that a server of ours is away."""
    return _(AWAY[name], at=clock_word(rfc3339(since_ms)))
