"""A window of history as decisions to be made again: each record of the changelog with the one
before it and what arrived."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from schemas.archive import ArchivedEvent
from schemas.codec import Undecodable, decode
from schemas.context import ContextWire, Decided, decided_of
from schemas.topics import CONTEXTS, ENTITIES, OBSERVATIONS, OUTCOMES, RESOLUTIONS
from streams.archive.reading import Query
from streams.timetravel import Fold, Read, Version
from streams.whatif.remake import Arrived, Kept

ARRIVALS = frozenset({OBSERVATIONS.name, OUTCOMES.name, RESOLUTIONS.name})
MOST_HELD = 200_000
"""Arrivals that wait for the record they led to; the oldest are given up first."""
BEHIND_MS = 10_000
"""A record may bear an earlier time than what led to it, by clocks of different machines."""
EARLIER_MS = 3_600_000
"""Arrivals from so long before the window are looked at: they may have waited."""


@dataclass(frozen=True)
class Found:
    """One record to be judged."""

    at_ms: int
    kept: Kept
    context: ContextWire


@dataclass
class Window:
    """One organisation's decisions in a span of time, as `decide` made them. After `found` has
    ended, `left_out` tells why others could not be judged."""

    read: Read
    organization_id: str
    since_ms: int
    until_ms: int
    left_out: Counter[str] = field(default_factory=Counter)
    in_stock: int = 0
    """Items in stock when the window begins; known once something is found."""
    _arrivals: dict[bytes, list[Arrived]] = field(default_factory=dict)
    _order: OrderedDict[tuple[bytes, str, int], None] = field(default_factory=OrderedDict)
    _erased: set[tuple[bytes, str, int]] = field(default_factory=set)

    async def found(self) -> AsyncIterator[Found]:
        """In the order of time. Raises what `read` raises."""
        contexts = await self._contexts()
        fold = await self._before()
        self.in_stock = sum(map(_in_stock, fold.held.values()))
        waiting: deque[tuple[ArchivedEvent, bytes | None, bool]] = deque()
        query = Query(
            organization=self.organization_id,
            topics=ARRIVALS | {ENTITIES.name},
            since_ms=self.since_ms - EARLIER_MS,
            until_ms=self.until_ms + BEHIND_MS,
            system=True,
        )
        async for event in self.read(query):
            if event.topic in ARRIVALS:
                self._hold(event)
                continue
            if not self.since_ms <= event.at_ms < self.until_ms:
                continue
            held = fold.held.get(event.key)
            before = held.event if held is not None and held.event.log == event.log else None
            if fold.take(event) is not None:
                clean = event.erasure is None and (before is None or before.erasure is None)
                waiting.append((event, before.body if before else None, clean))
            while waiting and waiting[0][0].at_ms < event.at_ms - BEHIND_MS:
                found = self._judged(*waiting.popleft(), contexts)
                if found is not None:
                    yield found
        while waiting:
            found = self._judged(*waiting.popleft(), contexts)
            if found is not None:
                yield found

    async def _contexts(self) -> dict[str, ContextWire]:
        query = Query(organization=self.organization_id, topics=frozenset({CONTEXTS.name}))
        found = {}
        async for event in self.read(query):
            try:
                context = decode(event.body or b"", ContextWire)
            except Undecodable:
                self.left_out["a context cannot be read"] += 1
                continue
            found[event.key.decode().rpartition("/")[2]] = context
        return found

    async def _before(self) -> Fold:
        """Every record as it stood when the window begins."""
        fold = Fold()
        query = Query(
            organization=self.organization_id,
            topics=frozenset({ENTITIES.name}),
            until_ms=self.since_ms,
            system=True,
        )
        async for event in self.read(query):
            fold.take(event)
        return fold

    def _hold(self, event: ArchivedEvent) -> None:
        place = event.key, event.topic, event.offset
        if event.erasure is not None:
            self._erased.add(place)
        arrived = Arrived(event.topic, event.offset, event.body or b"")
        self._arrivals.setdefault(event.key, []).append(arrived)
        self._order[place] = None
        while len(self._order) > MOST_HELD:
            (key, topic, offset), _ = self._order.popitem(last=False)
            self._drop(key, topic, offset)

    def _drop(self, key: bytes, topic: str, upto: int) -> None:
        """What a record has covered is not needed again."""
        kept = []
        for one in self._arrivals.get(key, ()):
            if one.topic == topic and one.offset <= upto:
                self._order.pop((key, topic, one.offset), None)
                self._erased.discard((key, topic, one.offset))
            else:
                kept.append(one)
        if kept:
            self._arrivals[key] = kept
        else:
            self._arrivals.pop(key, None)

    def _judged(
        self, event: ArchivedEvent, before: bytes | None, clean: bool,
        contexts: dict[str, ContextWire],
    ) -> Found | None:  # fmt: skip
        """None, and why: it cannot be made again."""
        try:
            decided = decided_of(event.headers)
        except Undecodable:
            decided = None
        if decided is None:
            self.left_out["made before decisions were kept"] += 1
            return None
        arrivals = tuple(self._arrivals.get(event.key, ()))
        erased = not clean or any(place[0] == event.key for place in self._erased)
        missing = _missing(decided, arrivals)
        for step in decided.steps:
            if step.topic:
                self._drop(event.key, step.topic, step.last)
        if erased:
            self.left_out["personal data was erased"] += 1
        elif missing:
            self.left_out["what led to it is not kept any more"] += 1
        elif decided.context not in contexts:
            self.left_out["its connections and rules were not kept"] += 1
        else:
            kept = Kept(event.key, before, event.body or b"", decided, arrivals)
            return Found(event.at_ms, kept, contexts[decided.context])
        return None


def _in_stock(version: Version) -> bool:
    if version.event.type != "inventory":
        return False
    try:
        agreed = version.record().fields.get("quantity")
    except Undecodable:
        return False
    return agreed is not None and isinstance(agreed.value, int) and agreed.value > 0


def _missing(decided: Decided, arrivals: tuple[Arrived, ...]) -> bool:
    """Whether a step's first or last arrival is not there (others may lie between)."""
    there = {(one.topic, one.offset) for one in arrivals}
    return any(
        (step.topic, step.first) not in there or (step.topic, step.last) not in there
        for step in decided.steps
        if step.topic
    )
