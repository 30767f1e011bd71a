"""How often an account may be asked, whoever asks: `ss_paces`, one row an account.

    {_id: account, day, used, nextMs, owner, leaseUntilMs, rhythm,
     troubles: {tracking | shipping: {failures, untilMs, reason, person, fast}}}

An account is the credentials themselves: two organisations with the same key share one allowance.
Reserving is one atomic update, so any number of processes keep the limit together. A deed's trouble
stands until the deed works again; a replaced key is another account, of which nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from connectors.couriers.errors import RateLimited
from connectors.couriers.protocol import Pace
from connectors.errors import Paused
from connectors.protocol import Connection
from schemas.clock import unix_ms
from streams.couriers.rhythm import DAY_MS, Rhythm
from streams.database import Database, Document

COLLECTION = "ss_paces"
APART = 1.05
"""Calls are spaced a little wider than allowed, as networks bunch them."""
PEOPLE_A_DAY = 0.05
"""Of a day's calls, the share that tracking leaves to people."""
LEASE_MS = 30_000

Deed = Literal["tracking", "shipping"]
"""They may have keys of their own (DHL), so one may be refused while the other goes on."""


class NotNow(Exception):
    """The account's calls are used up, or too many wait. `retry_after_s` says until when."""

    def __init__(self, reason: str, retry_after_s: float) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Slot:
    """Leave to make one call."""

    at_ms: int
    used: int
    """Calls of this day, this one included."""


def account_of(connection: Connection) -> str:
    """What the courier counts calls by. One-way: it may stand in a database and a log."""
    names = ("username", "account_number", "base_url", "environment")
    parts = [connection.settings.get("courier", "")]
    parts += [f"{name}={connection.settings.get(name, '')}" for name in names]
    parts += [f"{name}={value}" for name, value in sorted(connection.secrets.items())]
    return sha256("\0".join(parts).encode()).hexdigest()[:24]


class Paces:
    """The rows. Errors: PyMongo's own, NotNow."""

    def __init__(self, database: Database, clock_ms: Callable[[], int] = unix_ms) -> None:
        self._rows = database[COLLECTION]
        self._clock_ms = clock_ms

    async def reserve(
        self,
        account: str,
        pace: Pace,
        *,
        patience_ms: int = 5_000,
        tracking: bool = False,
        counted: bool = True,
    ) -> Slot:
        """Leave for one call within `patience_ms`. `tracking`: the share of people is kept.
        `counted` False: for calls that the daily figure does not mean. Raises NotNow."""
        now_ms = self._clock_ms()
        day = now_ms // DAY_MS
        most = pace.per_day if counted else None
        if most is not None and tracking:
            most = max(1, int(most * (1 - PEOPLE_A_DAY)))
        row = await self._grant(account, _granting(day, most, pace, now_ms, patience_ms, counted))
        if row["granted"]:
            return Slot(int(row["slotMs"]), int(row["used"]))
        if most is not None and row["used"] >= most:
            wait_s = ((day + 1) * DAY_MS - now_ms) / 1000
            raise NotNow(f"its {most} calls of today are used up", wait_s)
        raise NotNow("too many calls wait", max(1.0, (row["nextMs"] - now_ms) / 1000))

    async def _grant(self, account: str, update: list[Document]) -> Document:
        for _ in range(3):
            try:
                row = await self._rows.find_one_and_update(
                    {"_id": account}, update, upsert=True, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError:
                continue  # two made the row at once
            if row is not None:
                return row
        raise NotNow("its row is contended", 1.0)

    async def lease(self, account: str, owner: str) -> bool:
        """Whether this process follows the account's parcels from now on."""
        now_ms = self._clock_ms()
        free = [{"owner": owner}, {"leaseUntilMs": {"$lt": now_ms}}, {"owner": {"$exists": False}}]
        try:
            row = await self._rows.find_one_and_update(
                {"_id": account, "$or": free},
                {"$set": {"owner": owner, "leaseUntilMs": now_ms + LEASE_MS}},
                upsert=True,
            )
        except DuplicateKeyError:
            return False  # another's
        del row
        return True

    async def release(self, account: str, owner: str) -> None:
        """Another process may follow it at once."""
        await self._rows.update_one({"_id": account, "owner": owner}, {"$set": {"leaseUntilMs": 0}})

    async def failed(self, account: str, deed: Deed, until_ms: int, error: Exception) -> None:
        """The courier did not answer, or refuses our key; it is not tried again before then."""
        place = f"troubles.{deed}"
        told = {
            "untilMs": until_ms,
            "reason": str(error)[:500] or "no answer in time",
            "person": isinstance(error, Paused),
            "fast": isinstance(error, RateLimited),
        }
        await self._rows.update_one(
            {"_id": account},
            {
                "$set": {f"{place}.{name}": value for name, value in told.items()},
                "$inc": {f"{place}.failures": 1},
            },
        )

    async def worked(self, account: str, deed: Deed) -> None:
        """All is well again, where it was not."""
        place = f"troubles.{deed}"
        await self._rows.update_one(
            {"_id": account, place: {"$exists": True}}, {"$unset": {place: ""}}
        )

    async def found(self, account: str) -> Document:
        """The row, `{}` before there is one."""
        return await self._rows.find_one({"_id": account}) or {}

    async def keep(self, account: str, rhythm: Rhythm) -> None:
        """What was learned."""
        told = {
            "scans": dict(rhythm.scans),
            "hours": dict(rhythm.hours),
            "byHour": list(rhythm.by_hour),
        }
        await self._rows.update_one({"_id": account}, {"$set": {"rhythm": told}})


def rhythm_of(row: Document) -> Rhythm:
    """What was learned; nothing yet where it is not there."""
    told: dict[str, Any] = row.get("rhythm") or {}
    return Rhythm(
        told.get("scans", {}), told.get("hours", {}), tuple(told.get("byHour", (0.0,) * 24))
    )


def _granting(
    day: int, most: int | None, pace: Pace, now_ms: int, patience_ms: int, counted: bool
) -> list[Document]:
    """One update that counts a call where it is allowed, and says whether it was."""
    step_ms = 1000 / pace.per_s * APART
    slot = {"$max": [now_ms, {"$ifNull": ["$nextMs", 0]}]}
    allowed: list[Document] = [{"$lte": ["$slotMs", now_ms + patience_ms]}]
    if most is not None:
        allowed.append({"$lt": ["$used", most]})
    one = {"$cond": ["$granted", 1 if counted else 0, 0]}
    return [
        {
            "$set": {
                "used": {"$cond": [{"$eq": ["$day", day]}, {"$ifNull": ["$used", 0]}, 0]},
                "day": day,
                "slotMs": slot,
            }
        },
        {"$set": {"granted": {"$and": allowed}}},
        {
            "$set": {
                "used": {"$add": ["$used", one]},
                "nextMs": {"$cond": ["$granted", {"$add": ["$slotMs", step_ms]}, "$nextMs"]},
            }
        },
    ]
