"""Dead letters as people see them: `ss_deadletter`, one row a letter, sent again on request.

{_id, organizationId, topic, key, reason, stage, atMs, state: "parked" | "retried",
 retriedAtMs?, retries, letter: {...the exact DeadLetter}}
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import stamina
from pymongo import DESCENDING, UpdateOne
from pymongo.errors import PyMongoError

from schemas.clock import unix_ms
from schemas.codec import Undecodable, decode
from schemas.deadletter import DeadLetter
from schemas.topics import TOPICS
from streams.database import Database, Document
from streams.deadletter.parking import ENCODING
from streams.kafka.records import Incoming, Outgoing, Publishes

PATIENCE_S = 25.0
_TOPICS = {topic.name: topic for topic in TOPICS}

Skip = Callable[[Incoming, str], Awaitable[None]]
"""Told of a record of the topic that is no letter."""


@dataclass(frozen=True)
class Parked:
    """A letter and what became of it."""

    letter: DeadLetter
    state: str
    retries: int


@dataclass(frozen=True)
class Retried:
    """What a retry did: ids sent again, and those that cannot be, with the reason."""

    sent: tuple[str, ...]
    impossible: tuple[tuple[str, str], ...]


class DeadLetterViews:
    """The handler of topic `deadletter`: upsert by id."""

    def __init__(self, database: Database, skip: Skip | None = None) -> None:
        self._rows = database["ss_deadletter"]
        self._skip = skip

    async def handle(self, chunk: Sequence[Incoming]) -> None:
        """Returns when all are in the view. Raises PyMongoError after PATIENCE_S without it."""
        writes: list[UpdateOne] = []
        for record in chunk:
            try:
                letter = decode(record.value, DeadLetter)
            except Undecodable as error:
                if self._skip is not None:
                    await self._skip(record, f"Not a dead letter: {error}")
                continue
            writes.append(_upsert(letter))
        if not writes:
            return
        async for attempt in stamina.retry_context(
            on=PyMongoError, attempts=None, timeout=PATIENCE_S, wait_max=2.0
        ):
            with attempt:
                await self._rows.bulk_write(writes, ordered=False)


def _upsert(letter: DeadLetter) -> UpdateOne:
    row: Document = {
        "organizationId": letter.organization_id,
        "topic": letter.topic,
        "key": letter.key,
        "reason": letter.reason,
        "stage": letter.stage,
        "atMs": letter.at_ms,
        "state": "parked",
        "letter": {
            "id": letter.id,
            "organizationId": letter.organization_id,
            "topic": letter.topic,
            "key": letter.key,
            "value": letter.value,
            "headers": [[name, value] for name, value in letter.headers.items()],
            "reason": letter.reason,
            "stage": letter.stage,
            "atMs": letter.at_ms,
        },
    }
    # A letter read again must not undo a retry made since.
    return UpdateOne({"_id": letter.id}, {"$setOnInsert": {**row, "retries": 0}}, upsert=True)


def _parked(row: Document) -> Parked:
    held: dict[str, Any] = row["letter"]
    letter = DeadLetter(
        id=row["_id"],
        organization_id=held["organizationId"],
        topic=held["topic"],
        key=held["key"],
        value=held["value"],
        headers={name: value for name, value in held["headers"]},
        reason=held["reason"],
        stage=held["stage"],
        at_ms=held["atMs"],
    )
    return Parked(letter, row["state"], int(row.get("retries", 0)))


async def list_letters(
    database: Database,
    organization_id: str | None = None,
    *,
    since_ms: int = 0,
    before_ms: int | None = None,
    stage: str = "",
    retried: bool = False,
    limit: int = 100,
) -> list[Parked]:
    """Newest first; `organization_id` None is every organisation's (for operators only)."""
    where: Document = {"atMs": {"$gte": since_ms}}
    if before_ms is not None:
        where["atMs"]["$lt"] = before_ms
    if organization_id is not None:
        where["organizationId"] = organization_id
    if stage:
        where["stage"] = stage
    if not retried:
        where["state"] = "parked"
    rows = database["ss_deadletter"].find(where).sort("atMs", DESCENDING).limit(limit)
    return [_parked(row) async for row in rows]


async def show_letter(
    database: Database, letter_id: str, organization_id: str | None = None
) -> Parked | None:
    """One letter, or None; another organisation's is None too."""
    where: Document = {"_id": letter_id}
    if organization_id is not None:
        where["organizationId"] = organization_id
    row = await database["ss_deadletter"].find_one(where)
    return _parked(row) if row else None


def body_of(letter: DeadLetter) -> bytes:
    """The record's bytes. Raises ValueError when they were too large to keep."""
    encoding = letter.headers.get(ENCODING, "")
    if encoding == "none":
        raise ValueError("the record was too large to keep")
    body = base64.b64decode(letter.value)
    return zlib.decompress(body) if encoding == "zlib" else body


def record_of(letter: DeadLetter) -> Outgoing:
    """The record to publish again. Raises ValueError, which says why it cannot be."""
    topic = _TOPICS.get(letter.topic)
    if topic is None:
        raise ValueError(f"it came from no topic of ours ({letter.topic or 'none'})")
    headers = [(n, v.encode()) for n, v in letter.headers.items() if n != ENCODING]
    return Outgoing(topic, letter.key.encode(), body_of(letter), headers)


async def retry_letter(
    database: Database,
    publisher: Publishes,
    letter_id: str,
    organization_id: str | None = None,
) -> Retried | None:
    """Send one again; None when there is no such letter."""
    parked = await show_letter(database, letter_id, organization_id)
    return None if parked is None else await _retry(database, publisher, [parked])


async def retry_letters(
    database: Database,
    publisher: Publishes,
    organization_id: str | None = None,
    *,
    since_ms: int = 0,
    stage: str = "",
    only: str = "",
    dry_run: bool = False,
    limit: int = 10_000,
) -> Retried:
    """Send every parked letter that matches again, oldest first (a dry run sends nothing). `only`
    is a letter's id."""
    if only:
        one = await show_letter(database, only, organization_id)
        return await _retry(database, publisher, [one] if one else [], dry_run=dry_run)
    parked = await list_letters(
        database, organization_id, since_ms=since_ms, stage=stage, limit=limit
    )
    parked.reverse()
    return await _retry(database, publisher, parked, dry_run=dry_run)


async def _retry(
    database: Database, publisher: Publishes, parked: Sequence[Parked], *, dry_run: bool = False
) -> Retried:
    records, sent, impossible = [], [], []
    for one in parked:
        try:
            records.append(record_of(one.letter))
            sent.append(one.letter.id)
        except ValueError as error:
            impossible.append((one.letter.id, str(error)))
    if sent and not dry_run:
        await publisher.publish(*records)
        now_ms = unix_ms()
        await database["ss_deadletter"].update_many(
            {"_id": {"$in": sent}},
            {"$set": {"state": "retried", "retriedAtMs": now_ms}, "$inc": {"retries": 1}},
        )
    return Retried(tuple(sent), tuple(impossible))
