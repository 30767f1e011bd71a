"""Role `cdc`: MongoDB's change stream into topic `inbound`."""

from __future__ import annotations

from schemas.settings import Endpoints
from streams.cdc import ChangeCapture
from streams.database import ensure_indexes, open_database
from streams.kafka import Publisher
from streams.roles import Role
from streams.topics import ensure_topics


async def build(endpoints: Endpoints, instance: str) -> Role:
    """A plain task; no Faust app."""
    await ensure_topics(endpoints)
    database = open_database(endpoints, application="smartstore-cdc", timeout_ms=None)
    await ensure_indexes(database)
    publisher = Publisher(endpoints)

    async def close() -> None:
        await publisher.stop()
        await database.client.close()

    return Role(parts=[ChangeCapture(database, publisher).run()], close=close)
