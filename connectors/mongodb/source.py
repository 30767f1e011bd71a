"""The change stream and the pages of a snapshot, batch by batch.

The stream's cursor is driven by commands rather than by PyMongo's ChangeStream, which hands out one
event at a time and hides when a batch ends; what a batch covers is what one save of a token covers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bson.int64 import Int64
from bson.timestamp import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

Document = dict[str, Any]
Token = Mapping[str, Any]

BATCH = 1000
AWAIT_MS = 1000
"""How long the server waits for news before it answers with an empty batch."""
LOST = {280, 286, 260, 136}
"""ChangeStreamFatalError, ChangeStreamHistoryLost, InvalidResumeToken, CappedPositionLost: the
place is gone, and only a snapshot tells what happened since."""
PASSING = {6, 7, 13, 18, 50, 63, 89, 91, 133, 150, 189, 202, 234, 262, 8000, 9001}
PASSING |= {10107, 11600, 11602, 13388, 13435, 13436}
"""Failovers, time limits, missing rights: the place itself is still good. Any other refusal of a
token means that it cannot be used (a broken one answers 9, 15, 50811, ... depending on where)."""
TOO_LARGE = 10334
"""BSONObjectTooLarge: one event over 16 MB ends the stream (before 6.0.9 it cannot be split)."""


class PositionLost(Exception):
    """The token is of no use any more: take a new snapshot, never resume from now."""


class EventTooLarge(Exception):
    """The next event is over 16 MB."""


@dataclass(frozen=True)
class Batch:
    """Events and the token behind them."""

    events: Sequence[Document]
    token: Token | None


class ChangeSource:
    """One stream on a database, filtered to some collections. Raises PositionLost, EventTooLarge,
    and PyMongo's own."""

    def __init__(self, database: AsyncDatabase[Document], collections: Sequence[str]) -> None:
        self._database = database
        self._collections = list(collections)
        self._session: AsyncClientSession | None = None
        self._cursor = 0
        self._resuming = False

    async def open(self, token: Token | None, *, keys_only: bool = False) -> Batch:
        """From behind the token, or from now. `keys_only`: events without documents."""
        await self.close()
        stage: Document = {} if keys_only else {"fullDocument": "updateLookup"}
        if not keys_only:
            stage["fullDocumentBeforeChange"] = "whenAvailable"
        self._resuming = token is not None
        if token is not None:
            stage["resumeAfter"] = dict(token)
        wanted = {
            "$or": [
                {"ns.coll": {"$in": self._collections}},
                {"operationType": {"$in": ["dropDatabase", "invalidate"]}},
            ]
        }
        pipeline: list[Document] = [{"$changeStream": stage}, {"$match": wanted}]
        if keys_only:
            pipeline.append(
                {"$project": {"operationType": 1, "ns": 1, "documentKey": 1, "clusterTime": 1}}
            )
        else:
            pipeline.append({"$project": {"updateDescription": 0}})
        self._session = self._database.client.start_session(causal_consistency=False)
        return await self._ask(
            {
                "aggregate": 1,
                "pipeline": pipeline,
                "cursor": {"batchSize": 1 if keys_only else 0},
                "readConcern": {"level": "majority"},
            },
            "firstBatch",
        )

    async def next(self) -> Batch:
        """The next batch, empty when nothing happens for AWAIT_MS."""
        return await self._ask(
            {
                "getMore": self._cursor,
                "collection": "$cmd.aggregate",
                "batchSize": BATCH,
                "maxTimeMS": AWAIT_MS,
            },
            "nextBatch",
        )

    async def close(self) -> None:
        """Let the server's cursor and session go."""
        session, self._session = self._session, None
        if session is not None:
            await session.end_session()

    async def _ask(self, command: Document, batch: str) -> Batch:
        if "getMore" in command:
            command["getMore"] = Int64(command["getMore"])
        try:
            reply = await self._database.command(command, session=self._session)
        except OperationFailure as error:
            unusable = "aggregate" in command and error.code not in PASSING | {TOO_LARGE}
            if error.code in LOST or (unusable and self._resuming):
                raise PositionLost(f"{error.code}: {str(error)[:200]}") from error
            if error.code == TOO_LARGE:
                raise EventTooLarge(str(error)[:200]) from error
            raise
        cursor = reply["cursor"]
        self._cursor = int(cursor["id"])
        events = cursor[batch]
        if not self._cursor and not any(e["operationType"] == "invalidate" for e in events):
            raise PositionLost("the server closed the stream")
        return Batch(events, cursor.get("postBatchResumeToken"))


class PageReader:
    """A collection in the order of `_id`, whatever types its ids have."""

    def __init__(self, database: AsyncDatabase[Document], page: int = BATCH) -> None:
        self._database = database
        self._page = page

    async def page(
        self, collection: str, after: Any, session: AsyncClientSession
    ) -> tuple[list[Document], Timestamp]:
        """Documents behind `after` (None: from the start) and a moment that they are not older
        than. Bounds of the index are used, because `$gt` compares within one type only."""
        await self._database.command("ping", session=session)
        at = session.operation_time or Timestamp(0, 0)
        cursor = (
            self._database[collection]
            .find(session=session)
            .hint([("_id", 1)])
            .limit(self._page + 1)
        )
        if after is not None:
            cursor = cursor.min([("_id", after)])
        found = await cursor.to_list()
        if after is not None and found and found[0]["_id"] == after:
            found = found[1:]
        return found[: self._page], at

    async def one(
        self, collection: str, document_id: Any, session: AsyncClientSession
    ) -> tuple[Document | None, Timestamp]:
        """One document, likewise."""
        await self._database.command("ping", session=session)
        at = session.operation_time or Timestamp(0, 0)
        return await self._database[collection].find_one({"_id": document_id}, session=session), at
