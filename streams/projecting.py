"""Rows of a view in MongoDB, a bulk write a chunk: what is there already and newer stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import stamina
from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, PyMongoError

from streams.database import Document

DUPLICATE_KEY = 11000
PATIENCE_S = 25.0
"""How long a chunk waits for MongoDB before the process gives up and is started again."""

Write = InsertOne[Document] | UpdateOne | ReplaceOne[Document] | DeleteOne


async def project(rows: AsyncCollection[Document], writes: Sequence[Write]) -> None:
    """Returns when all are in. An insert that meets a row is no error: either the row is this very
    one, or it is newer and the upsert's filter passed it by. Raises PyMongoError after
    PATIENCE_S."""
    if not writes:
        return
    async for attempt in stamina.retry_context(
        on=PyMongoError, attempts=None, timeout=PATIENCE_S, wait_max=2.0
    ):
        with attempt:
            try:
                await rows.bulk_write(writes, ordered=False)
            except BulkWriteError as error:
                if only_met(error.details or {}):
                    return
                raise


def only_met(details: Mapping[str, Any]) -> bool:
    """Whether all that went wrong is that rows were there already."""
    return not details.get("writeConcernErrors") and all(
        found["code"] == DUPLICATE_KEY for found in details.get("writeErrors", ())
    )
