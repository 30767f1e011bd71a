"""How each platform tells us of changes, for people; and taking that away at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from connectors.errors import ConnectorError
from connectors.protocol import Connection, Subscribes
from connectors.registry import connector
from schemas.envelope import rfc3339
from streams.database import Database
from streams.upkeep.webhooks import COLLECTION

log = structlog.get_logger(__name__)

BADGES = {
    "active": "Live",
    "plugin": "Plugin",
    "verifying": "Setting up",
    "unreached": "Polling",
    "polling": "Polling",
    "silent": "Polling",
}
"""State of the webhooks to what stands beside the platform's name."""
UNSUBSCRIBE_S = 8.0


async def channels(database: Database, organization_id: str) -> dict[str, dict[str, Any]]:
    """Replica to how it tells us. Raises PyMongoError."""
    mine = {"_id": {"$gte": f"{organization_id}/", "$lt": f"{organization_id}0"}}
    pulses = {row["_id"]: row async for row in database["ss_pulses"].find(mine)}
    polls = {row["_id"]: row async for row in database["ss_polls"].find(mine)}
    found = {}
    async for row in database[COLLECTION].find(mine):
        place = row["_id"]
        found[place.partition("/")[2]] = {
            "state": row["state"],
            "badge": BADGES.get(row["state"], row["state"]),
            "reason": row.get("reason", ""),
            "since": _time(row.get("sinceMs")),
            "lastDelivery": _time(pulses.get(place, {}).get("lastMs")),
            "lastPoll": _time(polls.get(place, {}).get("atMs")),
            "topics": sorted(topic.replace("|", ".") for topic in row.get("hooks", {})),
            "mended": row.get("mended", []),
            "mendedAt": _time(row.get("mendedMs")),
        }
    return found


async def hang_up(database: Database, connection: Connection) -> None:
    """Take our webhooks out of a platform that is being disconnected. What cannot be reached keeps
    them, and is answered 404 from then on; that hinders nobody."""
    place = f"{connection.organization_id}/{connection.replica}"
    row = await database[COLLECTION].find_one_and_delete({"_id": place})
    for collection in ("ss_pulses", "ss_polls"):
        await database[collection].delete_one({"_id": place})
    if row is None or not row.get("url"):
        return
    client = None
    try:
        client = connector(connection.platform).client(connection)
        if isinstance(client, Subscribes):
            async with asyncio.timeout(UNSUBSCRIBE_S):
                await client.unsubscribe(row["url"], _known(row))
    except (ConnectorError, TimeoutError) as error:
        log.info("webhooks stay behind", connection=place, reason=str(error) or "no answer")
    finally:
        if client is not None:
            await client.close()


def _known(row: Mapping[str, Any]) -> dict[str, str]:
    return {topic.replace("|", "."): text for topic, text in row.get("hooks", {}).items()}


def _time(at_ms: int | None) -> str | None:
    return rfc3339(at_ms) if at_ms else None
