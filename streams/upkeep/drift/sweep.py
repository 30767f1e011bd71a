"""One sweep of one platform: what it holds against what our records say, and what became of the
differences once the engine was told.

Where the platform makes etags, 500 items cost one call that tells whether any of them differs, and
its answer, equal, proves all of them. Then their number alone shows that there are no others.
Elsewhere every item is read. What differs is looked at twice, a moment apart: most differences are
only changes that are just on their way.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.protocol import Listed, Profile, Sighting, Sweeps, digest_of
from streams.entities import Known
from streams.sync.record import Record
from streams.upkeep.drift.books import Books, Place
from streams.upkeep.drift.judge import DRIFTED, Judged, gone, judge, lacking, unknown
from streams.upkeep.drift.pace import Pace
from streams.upkeep.drift.tally import Tally

ORDER = ("customer", "product", "variation", "inventory", "order", "message")
ITEMS = ("product", "variation")
"""Their stock may be part of them."""
STOCK = "inventory"
CHUNK = 500
READ = 100
PAGE = 500
SETTLE_S = 3.0
HEAL_S = 45.0
HEAL_LOOK_S = 1.0
UNQUIET = DRIFTED | {"moving", "owed"}

Tell = Callable[[str, Sequence[Listed]], Awaitable[None]]
"""(type, items): they are delivered as if the platform had sent them."""
Ask = Callable[[Sequence[tuple[str, str]]], Awaitable[None]]
"""(type, entity id): have every replica of these read."""
Report = Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class Looked:
    """Items looked at: what was judged of each, and its delivery where it is there."""

    judged: dict[str, list[Judged]]
    items: dict[str, Listed]
    told: dict[str, list[Sighting]]
    stale: frozenset[str]
    """Ids of items whose etag we did not know."""
    late: frozenset[str]
    """Ids of items of which we have learnt something newer than this look."""
    missing: frozenset[str]
    """Ids asked for that are not there."""


class Sweep:
    """See the module. Raises ConnectorError, PyMongoError, PublishFailed."""

    def __init__(
        self,
        client: Sweeps,
        books: Books,
        profile: Profile,
        pace: Pace,
        *,
        tell: Tell,
        ask: Ask,
        report: Report,
        writable: bool,
        settle_s: float = SETTLE_S,
        heal_s: float = HEAL_S,
    ) -> None:
        self._client = client
        self._books = books
        self._profile = profile
        self._pace = pace
        self._tell = tell
        self._ask = ask
        self._report = report
        self._writable = writable
        self._settle_s = settle_s
        self._heal_s = heal_s
        self._types = [kind for kind in ORDER if kind in profile.types and self._reads(kind)]
        self.tallies = {kind: Tally(kind) for kind in self._types}
        self._pending: dict[str, dict[str, list[Sighting]]] = defaultdict(dict)
        """Type of the item to id, to what was told of those that were not quiet then."""
        self.by_etags = False

    def _reads(self, entity_type: str) -> bool:
        return bool(self._profile.types[entity_type].readable)

    async def run(self) -> dict[str, Tally]:
        """Compare everything, tell the engine, and look what became of it."""
        for entity_type in self._types:
            total = await self._pace.call(self._client.ids(entity_type, limit=1))
            if total is not None:
                self.by_etags = True
                await self._by_digest(entity_type, total.total)
            else:
                await self._by_pages(entity_type)
        for entity_type in self._types:
            await self._vanished(entity_type)
        await self._healed()
        for entity_type in self._types:
            await self._missing_there(entity_type)
        return self.tallies

    # With etags

    async def _by_digest(self, entity_type: str, total: int) -> None:
        chunk: list[Known] = []
        async for item in self._books.known(entity_type):
            if item.record.replicas[self._books.replica].exists:
                chunk.append(item)
            if len(chunk) == CHUNK:
                await self._digested(entity_type, chunk)
                chunk = []
        if chunk:
            await self._digested(entity_type, chunk)
        if total != sum(1 for leaf in self.tallies[entity_type].theirs.values() if leaf):
            await self._others(entity_type)

    async def _digested(self, entity_type: str, chunk: Sequence[Known]) -> None:
        """A chunk that is as we believe costs one call."""
        await self._pace.way_free()
        ids = [item.external_id for item in chunk]
        etags = {item.external_id: item.etag for item in chunk}
        records: dict[Place, Record] = {(entity_type, i.external_id): i.record for i in chunk}
        if entity_type in ITEMS and STOCK in self._types:
            records |= await self._books.records((STOCK, external_id) for external_id in ids)
        told = await self._pace.call(self._client.digest(entity_type, ids)) or {}
        differing = {
            external_id
            for (kind, external_id), record in records.items()
            if kind == STOCK and self._etag(record) != etags[external_id]
        }
        if told.get("") != digest_of(etags):
            there = await self._pace.call(self._client.digest(entity_type, ids, each=True)) or {}
            differing |= {one for one in ids if there.get(one, "") != etags[one]}
        for place, record in records.items():
            if place[1] not in differing:
                self._note([self._judge(record, None)])
        await self._look_twice(entity_type, sorted(differing))
        await self._report(self._compared())

    async def _others(self, entity_type: str) -> None:
        """Items that no record of ours has: where the platform has other than as many as we know
        to be there."""
        tally, cursor = self.tallies[entity_type], ""
        while True:
            told = await self._pace.call(self._client.ids(entity_type, cursor, limit=CHUNK))
            if told is None:
                return
            await self._look_twice(entity_type, [one for one in told.ids if one not in tally.ours])
            cursor = told.next
            if not cursor:
                return

    # Without

    async def _by_pages(self, entity_type: str) -> None:
        cursor = ""
        while True:
            await self._pace.way_free()
            page = await self._pace.call(self._client.page(entity_type, cursor, limit=PAGE))
            looked = await self._judged(entity_type, page.items, [])
            doubtful = []
            for external_id, judged in looked.judged.items():
                if any(one.state in UNQUIET for one in judged):
                    doubtful.append(external_id)
                else:
                    self._note(judged)
            await self._look_twice(entity_type, doubtful)
            await self._report(self._compared())
            cursor = page.next
            if not cursor:
                return

    # What differs

    async def _look_twice(self, entity_type: str, ids: Sequence[str]) -> None:
        """Look again after a moment, and tell the engine what still differs."""
        if not ids:
            return
        await asyncio.sleep(self._settle_s)
        for part in _parts(ids, READ):
            await self._pace.way_free()  # what we told is traffic too
            looked = await self._look(entity_type, part)
            await self._pass_on(entity_type, looked)

    async def _look(self, entity_type: str, ids: Sequence[str]) -> Looked:
        items = await self._pace.call(self._client.read(entity_type, ids))
        return await self._judged(entity_type, items, ids)

    async def _pass_on(self, entity_type: str, looked: Looked) -> None:
        delivered: list[Listed] = []
        lost: list[tuple[str, str]] = []
        for external_id, judged in looked.judged.items():
            self._note(judged, found=True)
            drifted = [one for one in judged if one.state in DRIFTED]
            if any(one.state in UNQUIET for one in judged):
                told = [] if external_id in looked.missing else looked.told[external_id]
                self._pending[entity_type][external_id] = told
            lost += [(one.type, one.entity_id) for one in drifted if one.state == "gone"]
            item = looked.items.get(external_id)
            if item is not None and any(one.state != "gone" for one in drifted):
                delivered.append(item)
            elif item is not None and external_id in looked.stale:
                if any(one.state == "moving" for one in judged):
                    continue  # the answer to the write brings the etag
                self.tallies[entity_type].refreshed += 1
                delivered.append(item)
        if delivered:
            await self._tell(entity_type, delivered)
        if lost:
            await self._ask(lost)

    async def _judged(
        self, entity_type: str, items: Sequence[Listed], asked: Iterable[str]
    ) -> Looked:
        """What is told of these items; of those asked for that are not there, what we believe."""
        told = await self._books.told(items)
        missing = [one for one in asked if _lacks(entity_type, one, told)]
        looked = await self._compared_with(entity_type, told, missing)
        return replace(looked, items={item.external_id: item for item in items})

    async def _compared_with(
        self, entity_type: str, told: dict[str, list[Sighting]], missing: Sequence[str]
    ) -> Looked:
        places = [(s.type, s.external_id) for found in told.values() for s in found]
        kinds = (entity_type, STOCK) if entity_type in ITEMS else (entity_type,)
        places += [(kind, one) for one in missing for kind in kinds if kind in self.tallies]
        records = await self._books.records(places)
        strangers = await self._books.strangers([p for p in places if p not in records])
        judged: dict[str, list[Judged]] = {}
        for external_id, sightings in told.items():
            judged[external_id] = [
                self._of_sighting(sighting, records, strangers)
                for sighting in sightings
                if sighting.type in self.tallies
            ]
        for one in missing:
            found = judged.setdefault(one, [])
            for kind in kinds:
                record = records.get((kind, one))
                if record is not None and record.replicas[self._books.replica].exists:
                    profile = self._profile.types[kind]
                    found.append(gone(record, self._books.replica, profile))
                elif kind in self.tallies:
                    self.tallies[kind].forget(one)
        stale = {one for one, found in told.items() if any(self._stale(s, records) for s in found)}
        late = {one for one, found in told.items() if any(self._late(s, records) for s in found)}
        return Looked(
            judged, {}, told, frozenset(stale), frozenset(late), missing=frozenset(missing)
        )

    def _of_sighting(
        self,
        sighting: Sighting,
        records: Mapping[Place, Record],
        strangers: Mapping[Place, tuple[str, bool]],
    ) -> Judged:
        place = (sighting.type, sighting.external_id)
        record = records.get(place)
        if record is not None:
            return self._judge(record, sighting)
        entity_id, double = strangers.get(place, ("", False))
        profile = self._profile.types[sighting.type]
        return unknown(*place, sighting.seen, profile, entity_id=entity_id, double=double)

    def _judge(self, record: Record, sighting: Sighting | None) -> Judged:
        return judge(
            record,
            self._books.replica,
            self._profile.types[record.type],
            None if sighting is None else sighting.seen,
            writable=self._writable,
        )

    def _stale(self, sighting: Sighting, records: Mapping[Place, Record]) -> bool:
        record = records.get((sighting.type, sighting.external_id))
        if record is None or sighting.seen is None or not sighting.seen.etag:
            return False
        return self._etag(record) != sighting.seen.etag

    def _late(self, sighting: Sighting, records: Mapping[Place, Record]) -> bool:
        record = records.get((sighting.type, sighting.external_id))
        if record is None or sighting.seen is None:
            return False
        return sighting.seen.as_of < record.replicas[self._books.replica].as_of

    def _etag(self, record: Record) -> str:
        return record.replicas[self._books.replica].etag

    def _note(self, judged: Iterable[Judged], *, found: bool = False) -> None:
        for one in judged:
            self.tallies[one.type].note(one, found=found)

    def _compared(self) -> int:
        return sum(tally.compared for tally in self.tallies.values())

    # In the end

    async def _vanished(self, entity_type: str) -> None:
        """Items of ours that no page showed: read by id, for pages can miss one."""
        tally = self.tallies[entity_type]
        lost: list[str] = []
        async for item in self._books.known(entity_type):
            if item.record.replicas[self._books.replica].exists:
                if item.external_id not in tally.ours:
                    lost.append(item.external_id)
        await self._look_twice(entity_type, lost)

    async def _missing_there(self, entity_type: str) -> None:
        """Entities that the platform should have and has not."""
        profile, name = self._profile.types[entity_type], self._books.replica
        async for record in self._books.lacking(entity_type):
            found = lacking(record, name, profile, writable=self._writable)
            if found is not None:
                self.tallies[entity_type].note(found)

    async def _healed(self) -> None:
        """What became of all that was not quiet, within `heal_s`. What was told is compared with
        our newest records; the platform is asked again only where those know something newer."""
        end_s = time.monotonic() + self._heal_s
        while any(self._pending.values()) and time.monotonic() < end_s:
            waiting = sum(len(kept) for kept in self._pending.values())
            await asyncio.sleep(HEAL_LOOK_S * max(1.0, waiting / CHUNK))
            for entity_type, kept in self._pending.items():
                late: list[str] = []
                for part in _parts(list(kept), CHUNK):
                    told = {one: kept[one] for one in part if kept[one]}
                    missing = [one for one in part if not kept[one]]
                    looked = await self._compared_with(entity_type, told, missing)
                    late += looked.late
                    self._settled(kept, looked)
                for part in _parts([one for one in late if one in kept], READ)[:1]:
                    looked = await self._look(entity_type, part)
                    for one in part:
                        kept[one] = [] if one in looked.missing else looked.told.get(one, [])
                    self._settled(kept, looked)

    def _settled(self, kept: dict[str, list[Sighting]], looked: Looked) -> None:
        for external_id, judged in looked.judged.items():
            self._note(judged)
            if not any(one.state in UNQUIET for one in judged):
                kept.pop(external_id, None)


def _lacks(entity_type: str, external_id: str, told: Mapping[str, Sequence[Sighting]]) -> bool:
    """Whether an item is not there: nothing was told of it, or, of a variation, its product alone.
    (What cannot be understood is there; stock that is not told is still its item's.)"""
    if external_id not in told:
        return True
    own = {(one.type, one.external_id) for one in told[external_id]}
    return entity_type != STOCK and bool(own) and (entity_type, external_id) not in own


def _parts(ids: Sequence[str], size: int) -> list[Sequence[str]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]
