"""What a delivery of WhatsApp says, before it goes to the engine: carts get the prices of today,
and news of the account is kept and applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs

from connectors.protocol import Sighting
from streams.database import Database
from streams.inbound.ports import Delivery, Park
from streams.whatsapp.carts import Carts
from streams.whatsapp.updates import Updates


class Arriving:
    """Errors: PyMongoError."""

    def __init__(self, database: Database) -> None:
        self._carts = Carts(database)
        self._updates = Updates(database)

    async def prepare(self, arrivals: Sequence[Delivery], park: Park) -> None:
        """The same again changes nothing that was kept. What is wrong with an update is parked,
        once a reason: its neighbours go on."""
        for arrival in arrivals:
            parsed, org = arrival.parsed, arrival.organization_id
            for notice in parsed.notices:
                await self._updates.hear(org, arrival.replica, notice, arrival.record.timestamp_ms)
            for reason in dict.fromkeys(one.trouble for one in parsed.notices if one.trouble):
                await park(arrival, f"Kept, and nothing done: {reason}")
            if parsed.stock_taken:
                sightings = [await self._priced(org, one) for one in parsed.sightings]
                arrival.parsed = replace(parsed, sightings=tuple(sightings))

    async def _priced(self, organization_id: str, sighting: Sighting) -> Sighting:
        if sighting.type != "order" or sighting.seen is None:
            return sighting
        fields = await self._carts.priced(organization_id, sighting.seen.fields)
        return replace(sighting, seen=structs.replace(sighting.seen, fields=fields))
