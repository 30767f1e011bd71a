"""Which currency an organisation's amounts are in, where what is shown does not name its own."""

from __future__ import annotations

import time
from collections.abc import Callable

from schemas.codec import decode
from streams.database import Database
from streams.directory import Directory
from streams.entities import COLLECTION
from streams.fresh import Fresh
from streams.sync.record import Record

FRESH_S = 60.0
TYPES = ("product", "order")
SAMPLE = 20
"""Of each type: shops sell in one currency or name it with every item."""


class Currencies:
    """What was found is used for a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept: Fresh[str] = Fresh(FRESH_S, clock)

    async def of(self, database: Database, directory: Directory, organization_id: str) -> str:
        """ISO 4217: what its products and orders name, else its connections; empty where that is
        more than one, for then only the item itself can tell. Raises PyMongoError."""

        async def read() -> str:
            found = await _named(database, organization_id) or {
                connection.settings["currency"]
                for connection in await directory.connections(organization_id)
                if connection.settings.get("currency")
            }
            return found.pop() if len(found) == 1 else ""

        return await self._kept.get(organization_id, read)


async def _named(database: Database, organization_id: str) -> set[str]:
    found = set()
    for kind in TYPES:
        match = {"organizationId": organization_id, "type": kind}
        async for row in database[COLLECTION].find(match, {"record": 1}).limit(SAMPLE):
            held = decode(row["record"], Record).fields.get("currency")
            if held is not None and isinstance(held.value, str) and held.value:
                found.add(held.value)
    return found
