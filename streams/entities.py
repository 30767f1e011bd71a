"""What the engine believes of every entity, to be looked at: the projector of topic
`entities-changelog` into `ss_entities`, and the sweep's way through it.

{_id: "org/type/id", organizationId, type, entityId, label, sku, log, epoch, version, atMs,
 replicas: [{name, externalId, exists, etag}], places: ["replica/external id"], words: ["earl", ..],
 record: <the exact JSON of the Record>}
 while a write is out, owedSinceMs; of stock that is low, low: what is left
 of a message, thread: its conversation, sentMs; of an order, people: ["771234567", ...]

`places`, `words` and `people` are there to be found by. `log` names the Kafka log that epochs are
offsets of.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import stamina
from bson.binary import Binary
from pymongo import DeleteOne, ReplaceOne, UpdateOne
from pymongo.errors import PyMongoError

from schemas.codec import Undecodable, decode
from schemas.envelope import epoch_ms
from schemas.topics import ENTITIES
from streams.database import Database, Document
from streams.kafka.records import Incoming
from streams.projecting import PATIENCE_S, Write, project
from streams.sync.decision import LABELS
from streams.sync.record import CLAIM_KEY_PREFIX, Record

COLLECTION = "ss_entities"
PAGE = 500
FRESH_S = 2.0
"""A partition that was elsewhere for a while may have met a newer claim there."""
CLAIMS_KEPT = 200
"""Of each partition. Older ones fence nothing that a consumer could still go back to."""
LOW = 2
"""Stock that is low where the item names no limit of its own: WooCommerce's default."""
WORDS_MOST = 32
WORD_LENGTH = 64

_WORD = re.compile(r"\w+")

Park = Callable[[Incoming, str], Awaitable[None]]
"""Put a record into the dead letter with its reason; returns once that is acknowledged."""


class Known(NamedTuple):
    """One item of a platform as our record has it."""

    entity_id: str
    external_id: str
    etag: str
    """The platform's digest when it was last seen; empty where it makes none."""
    record: Record


async def known(
    database: Database, organization_id: str, replica: str, entity_type: str, *, after: str = ""
) -> AsyncIterator[Known]:
    """Every item that `replica` has or had (the record tells whether it still exists), in order of
    external id as text, read a page at a time. `after`: only behind this external id, which is how
    a sweep goes on where it stopped. Errors: PyMongoError.

    The order is the index's own: a sort on an array would be done in memory, by another element.
    """
    last = after
    told: set[str] = set()  # with this external id: two may have one for a while
    while True:
        low = "$gte" if told else "$gt"
        bounds = {low: place_of(replica, last), "$lt": f"{replica}0"}  # "0" follows "/"
        match = {
            "organizationId": organization_id,
            "type": entity_type,
            "places": {"$elemMatch": bounds},
        }
        rows = database[COLLECTION].find(match, {"record": 1}).hint("places").limit(PAGE)
        page = [decode(row["record"], Record) async for row in rows]
        fresh = [record for record in page if record.entity_id not in told]
        if not fresh:
            return
        for record in fresh:
            held = record.replicas[replica]
            external_id = held.external_id or ""
            if external_id != last:
                last, told = external_id, set()
            told.add(record.entity_id)
            yield Known(record.entity_id, external_id, held.etag, record)


def place_of(replica: str, external_id: str) -> str:
    """An element of `places`."""
    return f"{replica}/{external_id}"


async def find_record(
    database: Database, organization_id: str, entity_type: str, entity_id: str
) -> Record | None:
    """The record as it was last projected, or None. Errors: PyMongoError."""
    place = {"_id": f"{organization_id}/{entity_type}/{entity_id}"}
    row = await database[COLLECTION].find_one(place, {"record": 1})
    return None if row is None else decode(row["record"], Record)


async def id_of(database: Database, organization_id: str, entity_type: str, name: str) -> str:
    """Our id of what people call so: by its SKU, or an order's number; the name itself where there
    is none, or more than one. Errors: PyMongoError."""
    rows = database[COLLECTION]
    place = {"organizationId": organization_id, "type": entity_type}
    if await rows.find_one({**place, "entityId": name}, {"_id": 1}) is not None:
        return name
    called = {**place, "words": word_of(name), "$or": [{"sku": name}, {"label": name}]}
    found = await rows.find(called, {"entityId": 1}).limit(2).to_list()
    return str(found[0]["entityId"]) if len(found) == 1 else name


def search_of(text: str) -> Document:
    """The match for rows with every word of a search, each from its beginning, in any case."""
    return {"$and": [_begins(word) for word in text.casefold().split()[:WORDS_MOST]]}


def word_of(text: str) -> str:
    """A SKU or an id as it is among `words`."""
    return text.casefold()[:WORD_LENGTH]


def _begins(word: str) -> Document:
    whole = {"words": {"$regex": f"^{re.escape(word[:WORD_LENGTH])}"}}
    parts = [part for part in _WORD.findall(word) if part != word]
    if not parts:
        return whole
    within = [{"words": {"$regex": f"^{re.escape(part[:WORD_LENGTH])}"}} for part in parts]
    return {"$or": [whole, {"$and": within}]}


# The projector. It decodes no more of a record than it needs: most of one is skipped.

_NAMES = sorted({"sku", *(name for names in LABELS.values() for name in names)})
_PEOPLE = ("billing", "shipping")
_STOCK = ("quantity", "lowStockThreshold")
_TOLD = sorted({*_NAMES, "conversationId", "sentAt", *_PEOPLE, *_STOCK})
_Names: Any = msgspec.defstruct("_Names", [(name, Any, None) for name in _TOLD], frozen=True)


class _Out(msgspec.Struct):
    issued_at_ms: int = 0


class _Copy(msgspec.Struct):
    external_id: str | None = None
    exists: bool | None = None
    etag: str = ""
    flight: _Out | None = None


class _Outline(msgspec.Struct):
    organization_id: str
    type: str
    entity_id: str
    epoch: int = 0
    version: int = 0
    fields: _Names = _Names()
    replicas: dict[str, _Copy] = {}

    def text(self, field: str) -> str:
        """The agreed value of one of _TOLD, where it is text."""
        value = self.value(field)
        return value if isinstance(value, str) else ""

    def value(self, field: str) -> Any:
        """The agreed value of one of _TOLD."""
        agreed = getattr(self.fields, field)
        return agreed[0] if agreed else None


class EntityViews:
    """The handler of topic `entities-changelog`: the newest record of each entity."""

    def __init__(self, database: Database, log: str, park: Park) -> None:
        """`log` names what epochs are offsets of: in a new one they begin anew, and rows of the old
        one give way."""
        self._rows = database[COLLECTION]
        self._log = log
        self._park = park
        self._fences = Fences(database, log)

    async def handle(self, chunk: Sequence[Incoming]) -> None:
        """Returns when the newest record of every entity in it is in the view. Raises PyMongoError
        after PATIENCE_S without MongoDB.

        Read from its end: what a present owner wrote last is its newest, and the rest is not even
        decoded. A woken former owner's record behind a claim counts only where there is nothing
        else, as in the table's own recovery (streams/sync/table.py)."""
        claims = [r.offset + 1 for r in chunk if r.key.startswith(CLAIM_KEY_PREFIX)]
        epochs = await self._fences.of(chunk[0].partition, claims)
        writes: dict[bytes, Write] = {}
        fenced: dict[bytes, tuple[_Outline, Incoming]] = {}
        for record in reversed(chunk):
            if record.key in writes or record.key.startswith(CLAIM_KEY_PREFIX):
                continue
            if not record.value:
                writes[record.key] = DeleteOne({"_id": record.key.decode()})
                continue
            try:
                outline = decode(record.value, _Outline)
            except Undecodable as error:
                await self._park(record, f"Not an entity's record: {error}")
                continue
            if outline.epoch >= fence(epochs, record.offset):
                writes[record.key] = self._newer(outline, record)
            else:
                known_ = fenced.get(record.key)
                if known_ is None or _stand(outline) > _stand(known_[0]):
                    fenced[record.key] = outline, record
        for key, found in fenced.items():
            if key not in writes:
                row = self._row(*found)
                writes[key] = UpdateOne({"_id": key.decode()}, {"$setOnInsert": row}, upsert=True)
        await project(self._rows, list(writes.values()))

    def _newer(self, outline: _Outline, record: Incoming) -> Write:
        older = [
            {"epoch": {"$lt": outline.epoch}},
            {"epoch": outline.epoch, "version": {"$lte": outline.version}},
            {"log": {"$ne": self._log}},
        ]
        match = {"_id": record.key.decode(), "$or": older}
        return ReplaceOne(match, self._row(outline, record), upsert=True)

    def _row(self, outline: _Outline, record: Incoming) -> Document:
        label = next((t for name in LABELS.get(outline.type, ()) if (t := outline.text(name))), "")
        replicas = [
            {"name": name, "externalId": c.external_id, "exists": c.exists, "etag": c.etag}
            for name, c in outline.replicas.items()
        ]
        placed = [(name, c.external_id) for name, c in outline.replicas.items() if c.external_id]
        return {
            "organizationId": outline.organization_id,
            "type": outline.type,
            "entityId": outline.entity_id,
            "label": label or outline.text("sku"),
            "sku": outline.text("sku"),
            "log": self._log,
            "epoch": outline.epoch,
            "version": outline.version,
            "atMs": record.timestamp_ms,
            "replicas": replicas,
            "places": [place_of(*found) for found in placed],
            "words": _words(outline, [external_id for _, external_id in placed]),
            **_more(outline, record.timestamp_ms),
            **_owing(outline),
            "record": Binary(record.value),
        }


def _words(outline: _Outline, external_ids: Sequence[str]) -> list[str]:
    """What the entity is found by: its names word by word, its SKU and its ids as a whole too."""
    found = dict.fromkeys(map(word_of, (outline.text("sku"), outline.entity_id, *external_ids)))
    for name in _NAMES:
        found.update(dict.fromkeys(map(word_of, _WORD.findall(outline.text(name)))))
    found.pop("", None)
    return list(found)[:WORDS_MOST]


def _more(outline: _Outline, at_ms: int) -> Document:
    """What a message's conversation, an order's customer and scarce stock are found by."""
    if outline.type == "inventory":
        quantity, limit = (outline.value(name) for name in _STOCK)
        if isinstance(quantity, int) and quantity <= (limit if isinstance(limit, int) else LOW):
            return {"low": quantity}
    if outline.type == "message" and (thread := outline.text("conversationId")):
        return {"thread": thread, "sentMs": epoch_ms(outline.text("sentAt")) or at_ms}
    if outline.type == "order":
        held = [value for name in _PEOPLE if isinstance(value := outline.value(name), dict)]
        named = (person.get(name) for person in held for name in ("phone", "whatsapp"))
        return {"people": sorted({person_key(one) for one in named if one and str(one).strip()})}
    return {}


def _owing(outline: _Outline) -> Document:
    """Since when a platform has not answered to a write; nothing where none is out."""
    out = [copy.flight.issued_at_ms for copy in outline.replicas.values() if copy.flight]
    return {"owedSinceMs": min(out)} if out else {}


def person_key(named: object) -> str:
    """The end of a phone number, which stays the same however it is written (`077 123 4567`,
    `+94771234567`); any other name as it is."""
    text = str(named).strip()
    digits = "".join(filter(str.isdecimal, text))
    return digits[-9:] if len(digits) >= 9 and not any(map(str.isalpha, text)) else text


def _stand(outline: _Outline) -> tuple[int, int]:
    return outline.epoch, outline.version


def fence(epochs: Sequence[int], offset: int) -> int:
    """The epoch below which a record at this offset is a former owner's: that of the newest claim
    before it. An epoch is one above its claim's own offset."""
    place = bisect_right(epochs, offset)
    return epochs[place - 1] if place else 0


class Fences:
    """The claims of the changelog's partitions, in `ss_checkpoints`: a consumer begins in the
    middle of the log, behind the claims that rule there. Errors: PyMongoError."""

    def __init__(
        self, database: Database, log: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rows = database["ss_checkpoints"]
        self._log = log
        self._clock = clock
        self._known: dict[int, tuple[float, list[int]]] = {}

    async def of(self, partition: int, claims: Sequence[int]) -> list[int]:
        """The epochs claimed so far, these included, which are durable once this returns."""
        async for attempt in stamina.retry_context(
            on=PyMongoError, attempts=None, timeout=PATIENCE_S, wait_max=2.0
        ):
            with attempt:
                return await self._of(partition, claims)
        raise AssertionError("stamina returns or raises")

    async def _of(self, partition: int, claims: Sequence[int]) -> list[int]:
        place = {"_id": f"claims:{self._log}{ENTITIES.name}:{partition}"}
        if claims:
            told = {"$addToSet": {"epochs": {"$each": list(claims)}}}
            await self._rows.update_one(place, told, upsert=True)
        held_at, epochs = self._known.get(partition, (None, []))
        if claims or held_at is None or self._clock() - held_at > FRESH_S:
            row = await self._rows.find_one(place)
            epochs = sorted(row["epochs"]) if row else []
            if len(epochs) > 2 * CLAIMS_KEPT:
                epochs = epochs[-CLAIMS_KEPT:]
                await self._rows.update_one(place, {"$pull": {"epochs": {"$lt": epochs[0]}}})
            self._known[partition] = self._clock(), epochs
        return epochs
