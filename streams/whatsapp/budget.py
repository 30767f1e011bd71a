"""What messages cost, by organisation and month: `ss_spend` `{_id: "org/2026-11", spent, counts}`,
in millionths of the currency.

An estimate is reserved before the call, in one atomic step, so that any number of processes keep
the cap together; what Meta says it charged (`pricing` in a status) takes the estimate's place.
"""

from __future__ import annotations

from dataclasses import dataclass

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from streams.database import Database

COLLECTION = "ss_spend"


@dataclass(frozen=True, slots=True)
class Spent:
    """One month, in millionths; `messages` that cost something."""

    spent: int = 0
    messages: int = 0


class Spending:
    """Errors: PyMongo's own."""

    def __init__(self, database: Database) -> None:
        self._rows = database[COLLECTION]

    async def of(self, organization_id: str, month: str) -> Spent:
        """A month's."""
        row = await self._rows.find_one({"_id": f"{organization_id}/{month}"}) or {}
        return Spent(row.get("spent", 0), row.get("messages", 0))

    async def reserve(self, organization_id: str, month: str, cost: int, cap: int | None) -> bool:
        """Count a message that is about to be sent; False where the cap does not allow it."""
        place = f"{organization_id}/{month}"
        room = {} if cap is None else {"spent": {"$lte": cap - cost}}
        if cap is not None and cost > cap:
            return False
        for _ in range(2):
            try:
                await self._rows.find_one_and_update(
                    {"_id": place, **room},
                    {"$inc": {"spent": cost, "messages": 1}},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
                return True
            except DuplicateKeyError:
                # It is there and has no room; or it was made at this moment, so look again.
                continue
        return False

    async def correct(self, organization_id: str, month: str, change: int, messages: int) -> None:
        """Give back what was not charged, or add what was more."""
        if change or messages:
            await self._rows.update_one(
                {"_id": f"{organization_id}/{month}"},
                {"$inc": {"spent": change, "messages": messages}},
                upsert=True,
            )
