"""One look at everything a seed has touched: each store read afresh, the engine's topics on."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from runtime.convergence import CHANGELOG, Judgement, compare
from runtime.demo.merchant import Merchant
from runtime.demo.system import System
from runtime.holdings import (
    Changelog,
    Records,
    Tape,
    catalogue_holding,
    read_mongodb,
    records_of,
    shop_holding,
)
from runtime.processes import PROCESSES
from runtime.progress import ProgressReader

_TOLD = ("observations", "outcomes")
_READY = "ready"
_PARKED_MS = 12_000
"""A claimed effect without a result for so long: its call is over, and only evidence can settle
it. Calls end after ten seconds."""

Document = dict[str, Any]


def spelled(value: Any) -> str:
    """A value as one text, however a store writes it: 1950 and "1950.00" are the same."""
    if value is None:
        return ""
    try:
        return f"{Decimal(str(value)).normalize():f}"
    except InvalidOperation:
        return str(value)


@dataclass
class Sight:
    """What was seen of one organisation."""

    records: Records
    entities: list[Document]
    """The engine's records as they are in the changelog."""
    judgement: Judgement
    documents: dict[str, list[Document]]
    """MongoDB's collections."""
    shop: Document
    edits: list[Document]
    """What people and orders did in the shop, by the shop's own log."""
    overwritten: list[Document]
    """Edits in the shop that a write of ours replaced unseen."""
    catalogue: Document
    messages: list[Document]
    """Sent to customers, by WhatsApp's own log."""
    effects: list[Document]
    """The product's ledger."""
    letters: list[Document]
    heard: set[str]
    """Values that reached the engine."""
    away: list[str] = field(default_factory=list)
    """Processes that are not ready."""
    behind: dict[str, int] = field(default_factory=dict)
    """Consumer group and topic to the messages it has not committed."""
    at_ms: float = 0

    def parked(self, effect_key: str) -> bool:
        """Whether nobody can know if this effect happened: it is never tried again blindly."""
        return effect_key in self.all_parked()

    def all_parked(self) -> set[str]:
        """Their keys."""
        return {
            row["effectKey"]
            for row in self.effects
            if row["state"] == "unknown"
            or (row["state"] == "claimed" and self.at_ms - row["claimedAtMs"] > _PARKED_MS)
        }


class Eyes:
    """Open for a whole run; see `open_eyes`."""

    def __init__(
        self, system: System, changelog: Tape, told: Tape, progress: ProgressReader
    ) -> None:
        self._system = system
        self._changelog_tape = changelog
        self._told_tape = told
        self._progress = progress
        self._changelog = Changelog()
        self._heard: dict[str, set[str]] = defaultdict(set)

    async def look(self, merchant: Merchant, since_ms: float) -> Sight:
        """`since_ms`: when the seed began; a dead letter of nobody's counts from then on. Raises
        KafkaError, PyMongoError or TimeoutError where a store does not answer."""
        # Who is owed nothing now may be told of something that waits: the queues first.
        behind, away = await self._behind(), self._away()
        await self._changelog_tape.read(self._changelog.take)
        await self._told_tape.read(self._hear)
        org, sandbox, shop = merchant.organization_id, merchant.sandbox, merchant.shop.name
        entities = [
            record for record in self._changelog.found.values() if record["organization_id"] == org
        ]
        records = records_of(entities, org)
        database_url = merchant.places.database_url
        mongodb = await read_mongodb(database_url, org, records.order_at("mongodb"))
        dump = await sandbox.dump_shop(shop)
        catalogue = await sandbox.catalogue(merchant.number)
        judgement = compare(
            records,
            mongodb,
            shop_holding(dump, records.order_at("woocommerce")),
            catalogue_holding(catalogue),
        )
        names = ("products", "orders", "customers", "messages")
        return Sight(
            records=records,
            entities=entities,
            judgement=judgement,
            documents={name: await _rows(merchant, name) for name in names},
            shop=dump,
            edits=await sandbox.edits(shop),
            overwritten=await sandbox.lost_edits(shop),
            catalogue=catalogue,
            messages=await sandbox.messages(merchant.number),
            effects=await _rows(merchant, "ss_effects"),
            letters=await _letters(merchant, since_ms),
            heard=self._heard[org],
            away=away,
            behind=behind,
            at_ms=time.time() * 1000,
        )

    def _away(self) -> list[str]:
        return [status.name for status in self._system.statuses() if status.state != _READY]

    async def _behind(self) -> dict[str, int]:
        prefix = self._system.prefix
        groups = {
            f"{prefix}{group}": [f"{prefix}{topic}" for topic in topics]
            for entry in PROCESSES
            for group, topics in entry.groups.items()
        }
        found = await self._progress.read(groups)
        if found is None or len(found) < len(groups):
            raise TimeoutError("Kafka does not tell how far its consumers are")
        waiting: Counter[str] = Counter()
        for group, progress in found.items():
            for topic, number in progress.behind():
                place = (topic, number)
                behind = progress.end[place] - progress.committed.get(place, 0)
                waiting[f"{topic} for {group}"] += behind
        return dict(waiting)

    def _hear(self, message: Any) -> None:
        try:
            told = json.loads(message.value or b"")
        except (ValueError, RecursionError):
            return  # poison, put there on purpose
        if not isinstance(told, dict) or "organizationId" not in told:
            return
        seen = (told.get("seen") or {}).get("fields", {})
        values = [*seen.values(), *told.get("fields", {}).values()]
        self._heard[told["organizationId"]] |= {
            spelled(value) for value in values if isinstance(value, str)
        }


async def _rows(merchant: Merchant, collection: str) -> list[Document]:
    mine = {"organizationId": merchant.organization_id}
    return [row async for row in merchant.database[collection].find(mine)]


async def _letters(merchant: Merchant, since_ms: float) -> list[Document]:
    """The organisation's, and those whose record did not even tell whose it is."""
    found = {"organizationId": {"$in": [merchant.organization_id, ""]}, "atMs": {"$gte": since_ms}}
    return [row async for row in merchant.database["ss_deadletter"].find(found)]


@asynccontextmanager
async def open_eyes(system: System) -> AsyncIterator[Eyes]:
    """Follow the engine's topics from their beginning."""
    kafka = system.kafka()
    told: Sequence[str] = [f"{system.prefix}{name}" for name in _TOLD]
    async with AsyncExitStack() as opened:
        changelog = await opened.enter_async_context(Tape(kafka, f"{system.prefix}{CHANGELOG}"))
        other = await opened.enter_async_context(Tape(kafka, *told))
        progress = await opened.enter_async_context(ProgressReader(system.endpoints()))
        yield Eyes(system, changelog, other, progress)
