"""Hands that do not let go: each update is repeated until its platform has accepted it, in a way
that a repeat counts once. So what the journal holds was accepted, whatever broke meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import stamina
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError, PyMongoError

from runtime.demo.merchant import Merchant

PATIENCE_S = 60.0
_TAKEN = "chaos_taken"
"""Collection: ids of stock changes, written with the change."""

Document = dict[str, Any]


class Absent(Exception):
    """There is nothing to act on."""


def _away(error: Exception) -> bool:
    """Whether trying again helps: a store or the API is not there at the moment."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code >= 500
    return isinstance(error, PyMongoError | httpx.TransportError)


def _stubborn() -> AsyncIterator[stamina.Attempt]:
    return stamina.retry_context(
        on=_away, attempts=None, timeout=PATIENCE_S, wait_initial=0.1, wait_max=1.0
    )


class Hands:
    """Of one merchant. Methods raise what stood in the way after PATIENCE_S."""

    def __init__(self, merchant: Merchant) -> None:
        self._merchant = merchant
        self._mine = {"organizationId": merchant.organization_id}

    async def find(self, collection: str, **where: Any) -> Document | None:
        """A document of the merchant's."""
        async for attempt in _stubborn():
            with attempt:
                return await self._merchant.collection(collection).find_one(where | self._mine)
        return None

    async def change(self, collection: str, document_id: Any, how: Mapping[str, Any]) -> None:
        """An update that may be repeated ($set, $addToSet). Raises Absent for no document."""
        async for attempt in _stubborn():
            with attempt:
                done = await self._merchant.collection(collection).update_one(
                    {"_id": document_id, **self._mine}, how
                )
                if not done.matched_count:
                    raise Absent(f"no {document_id} in {collection}")

    async def add(self, collection: str, *documents: Document) -> None:
        """New documents; those that are there already were added by the attempt before."""
        for document in documents:
            async for attempt in _stubborn():
                with attempt, contextlib.suppress(DuplicateKeyError):
                    await self._merchant.collection(collection).insert_one(document)

    async def remove(self, collection: str, document_id: Any) -> None:
        """Delete one."""
        async for attempt in _stubborn():
            with attempt:
                await self._merchant.collection(collection).delete_one(
                    {"_id": document_id, **self._mine}
                )

    async def move_stock(self, item_id: str, delta: int, unique: str) -> None:
        """Add to a quantity, once for each `unique`. Raises Absent for no document."""
        database = self._merchant.database

        async def both(session: AsyncClientSession) -> None:
            await database[_TAKEN].insert_one({"_id": unique}, session=session)
            done = await database["inventory"].update_one(
                {"_id": item_id, **self._mine}, {"$inc": {"quantity": delta}}, session=session
            )
            if not done.matched_count:
                raise Absent(f"no {item_id} in inventory")

        async for attempt in _stubborn():
            with attempt, contextlib.suppress(DuplicateKeyError):
                async with database.client.start_session() as session:
                    await session.with_transaction(both)

    async def event(self, **event: Any) -> None:
        """`queueEvent`; with its own `id` a repeat counts once."""
        async for attempt in _stubborn():
            with attempt:
                await self._merchant.queue_event(**event)
