"""What is wrong now, looked up where it is known already: nothing here asks a platform."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from redis.asyncio import Redis

from connectors.protocol import Connection
from streams.alerts.conditions import LAG, OWED_MS
from streams.alerts.evaluate import HOUR_MS, MINUTE_MS, Fact
from streams.alerts.words import platform_name
from streams.cache import CACHE_ERRORS
from streams.couriers.paces import COLLECTION as PACES
from streams.couriers.paces import account_of
from streams.database import Database, Document
from streams.directory import Directory
from streams.effects.ledger import Ledger
from streams.kafka.lag import LagUnknown
from streams.sinks.breaker import THRESHOLD
from streams.sinks.troubles import COLLECTION as TROUBLES
from streams.tokens import LAST_MS, TokenEnd, Tokens

MOST = 200
"""Items of low stock that are told of one by one."""
TRIED_MS = 15 * MINUTE_MS
"""A breaker that nobody has tried for so long after its time has nothing to send: it is no news."""
SILENT = ("silent", "unreached")
ITEMS = ("product", "variation")
GOODS = (*ITEMS, "inventory")
REDIS_S = 2.0
NO_END = TokenEnd(0, 0)


class Waiting(Protocol):
    """`streams.kafka.lag.Lag`."""

    async def by_topic(self) -> Mapping[str, int]:
        """Raises LagUnknown."""
        ...


async def shop_facts(
    database: Database, directory: Directory, organization_id: str, now_ms: int
) -> list[Fact]:
    """Of one organisation. Raises PyMongoError."""
    found = await asyncio.gather(
        _connections(database, directory, organization_id, now_ms),
        _owed(database, organization_id, now_ms),
        _counted(database, organization_id, now_ms),
        _stock(database, organization_id),
    )
    return [fact for part in found for fact in part]


async def _connections(
    database: Database, directory: Directory, organization_id: str, now_ms: int
) -> list[Fact]:
    mine = {"_id": {"$gte": f"{organization_id}/", "$lt": f"{organization_id}0"}}
    heard = {row["_id"]: row async for row in database["ss_webhooks"].find(mine)}
    breakers = {row["_id"]: row async for row in database[TROUBLES].find(mine)}
    connections = await directory.connections(organization_id)
    breakers |= await _couriers(database, organization_id, connections, now_ms)
    ends = await Tokens(database).known(connections)
    facts = []
    for one in await directory.integrations(organization_id):
        name, place = platform_name(one.replica), f"{organization_id}/{one.replica}"
        if one.confirmed and not one.active and not one.trouble:
            facts.append(Fact("paused", one.replica, {"name": name}))
            continue
        breaker, end = breakers.get(place, {}), ends.get(one.replica, NO_END)
        if end.ends_ms and end.is_soon(now_ms):
            values = {"name": name, "date": _day(end.ends_ms)}
            facts.append(Fact("token_ends", one.replica, values, end.ends_ms - LAST_MS))
        is_open = _stands(breaker, now_ms)
        reason = str(breaker.get("reason", "")) if is_open else ""
        trouble = one.trouble or (reason if breaker.get("person") else "")
        if not trouble and end.ends_ms and end.ends_ms <= now_ms:
            trouble = f"its token ended on {_day(end.ends_ms)}"
        if trouble:
            values = {"name": name, "reason": _words(trouble)}
            facts.append(Fact("token", one.replica, values))
        elif is_open:
            facts.append(Fact("breaker", one.replica, {"name": name, "reason": _words(reason)}))
        elif heard.get(place, {}).get("state") in SILENT:
            facts.append(Fact("silent", one.replica, {"name": name}))
    return facts


async def _couriers(
    database: Database, organization_id: str, connections: Sequence[Connection], now_ms: int
) -> dict[str, Document]:
    """The worst that is known of each courier's account, as a breaker's row. One that is asked too
    fast waits by itself, and one question without an answer says nothing yet."""
    accounts = {one.replica: account_of(one) for one in connections if one.platform == "courier"}
    asked = database[PACES].find({"_id": {"$in": list(accounts.values())}}, {"troubles": 1})
    held = {row["_id"]: row.get("troubles", {}).values() async for row in asked}
    found: dict[str, Document] = {}
    for replica, account in accounts.items():
        bad = [
            one
            for one in held.get(account, ())
            if _stands(one, now_ms)
            and (one["person"] or (one["failures"] >= THRESHOLD and not one["fast"]))
        ]
        if bad:
            worst = max(bad, key=lambda one: (one["person"], one["untilMs"]))
            found[f"{organization_id}/{replica}"] = worst
    return found


def _stands(trouble: Document, now_ms: int) -> bool:
    return now_ms < int(trouble.get("untilMs", 0)) + TRIED_MS


async def _owed(database: Database, organization_id: str, now_ms: int) -> list[Fact]:
    match = {"organizationId": organization_id, "owedSinceMs": {"$lte": now_ms - OWED_MS}}
    row = await database["ss_entities"].find_one(match, {"record": 0}, sort=[("owedSinceMs", 1)])
    if row is None:
        return []
    minutes = (now_ms - row["owedSinceMs"]) // MINUTE_MS
    # A customer's or a conversation's label is personal: alerts are kept and sent elsewhere.
    name = row.get("label") or row["entityId"] if row["type"] in GOODS else ""
    return [Fact("owed", "", {"minutes": str(minutes), "label": f"{row['type']} {name}".strip()})]


async def _counted(database: Database, organization_id: str, now_ms: int) -> list[Fact]:
    mine = {"organizationId": organization_id}
    conflicts, letters = database["ss_conflicts"], database["ss_deadletter"]
    counts: Mapping[str, int] = {
        "letters": await letters.count_documents({**mine, "state": "parked"}, limit=10_000),
        "brake": await conflicts.count_documents(
            {**mine, "status": "open", "brake": {"$gt": ""}}, limit=10_000
        ),
        "conflicts": await conflicts.count_documents(
            {
                **mine,
                "status": "open",
                "brake": {"$in": ["", None]},
                "openedAtMs": {"$lte": now_ms - HOUR_MS},
            },
            limit=10_000,
        ),
        "unknown": sum(
            one.listed for one in await Ledger(database).unsettled(organization_id, now_ms)
        ),
    }
    return [Fact(name, "", {"count": str(count)}) for name, count in counts.items() if count]


async def _stock(database: Database, organization_id: str) -> list[Fact]:
    match = {"organizationId": organization_id, "low": {"$exists": True}}
    entities = database["ss_entities"]
    rows = await entities.find(match, {"record": 0}).sort("low", 1).limit(MOST).to_list()
    ids = [f"{organization_id}/{kind}/{row['entityId']}" for row in rows for kind in ITEMS]
    named = entities.find({"_id": {"$in": ids}}, {"entityId": 1, "label": 1})
    labels = {row["entityId"]: row["label"] async for row in named}
    facts = []
    for row in rows:
        number = row["entityId"]
        label = labels.get(number) or row.get("sku") or number
        facts.append(Fact("stock", number, {"label": label, "left": str(row["low"])}))
    return facts


@dataclass
class Servers:
    """Of whoever runs the servers: one a process, since growth is seen from look to look."""

    database: Database
    lag: Waiting
    redis: Redis
    _before: dict[str, int] = field(default_factory=dict)

    async def facts(self) -> tuple[list[Fact], Sequence[str]]:
        """(what is wrong, conditions that could not be looked at). Raises PyMongoError."""
        facts, blind = await self._archive(), []
        try:
            facts += self._growing(await self.lag.by_topic())
        except LagUnknown:
            facts.append(Fact("server", "kafka", {"name": "Kafka"}))
            blind.append("lag")
        try:
            async with asyncio.timeout(REDIS_S):
                await self.redis.ping()
        except (TimeoutError, *CACHE_ERRORS):
            facts.append(Fact("server", "redis", {"name": "Redis"}))
        return facts, blind

    def _growing(self, waiting: Mapping[str, int]) -> Iterable[Fact]:
        before, self._before = self._before, dict(waiting)
        for topic, count in waiting.items():
            if count > LAG and count >= before.get(topic, count + 1):
                yield Fact("lag", topic, {"topic": topic, "count": str(count)})

    async def _archive(self) -> list[Fact]:
        row = await self.database["ss_archive"].find_one({"kind": "status"}, sort=[("atMs", -1)])
        alarm = str((row or {}).get("alarm") or "")
        return [Fact("archive", "", {"reason": _words(alarm)})] if alarm else []


def _day(at_ms: int) -> str:
    """Its words write it in their language. UTC's: in the shop it may be the next day already, and
    never the day before."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()


def _words(reason: str) -> str:
    return " ".join(reason.split())[:200].rstrip(".") or "–"  # noqa: RUF001 - a dash
