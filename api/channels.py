"""How each platform tells us of changes, for people; and taking that away at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from api.services import Services
from connectors.errors import ConnectorError
from connectors.protocol import Connection, Examines, Finding, Subscribes
from connectors.registry import connector
from schemas.envelope import rfc3339
from streams.database import Database, Document
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
"""So long a person waits; a slow shop is gone on with behind their back."""
LONGEST_S = 120.0
EXAMINE_S = 30.0


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
    place = connection.place
    row = await database[COLLECTION].find_one_and_delete({"_id": place})
    for collection in ("ss_pulses", "ss_polls"):
        await database[collection].delete_one({"_id": place})
    if row is None or not row.get("url"):
        return
    task = asyncio.create_task(_take_away(connection, row))
    _leaving.add(task)
    task.add_done_callback(_leaving.discard)
    await asyncio.wait({task}, timeout=UNSUBSCRIBE_S)


_leaving: set[asyncio.Task[None]] = set()
"""A task that nobody holds may vanish."""


async def _take_away(connection: Connection, row: Document) -> None:
    client = None
    try:
        client = connector(connection.platform).client(connection)
        if isinstance(client, Subscribes):
            async with asyncio.timeout(LONGEST_S):
                await client.unsubscribe(row["url"], _known(row))
    except (ConnectorError, TimeoutError) as error:
        reason = str(error) or "no answer"
        log.info("webhooks stay behind", connection=row["_id"], reason=reason)
    finally:
        if client is not None:
            await client.close()


async def examined(use: Services, connection: Connection) -> list[Finding]:
    """What works and what does not, and whether the platform's own news reach us."""
    client = None
    try:
        client = connector(connection.platform).client(connection)
        if isinstance(client, Examines):
            async with asyncio.timeout(EXAMINE_S):
                found = await client.examine()
        else:
            found = [await _probed(use, connection)]
    except TimeoutError:
        found = [Finding("The platform answers", False, "no answer in time", "Try again later.")]
    except ConnectorError as error:
        found = [Finding("Settings", False, str(error), "Complete the connection's settings.")]
    finally:
        if client is not None:
            await client.close()
    told = (await channels(use.database, connection.organization_id)).get(connection.replica)
    if told is not None:
        heard = f"last {told['lastDelivery']}" if told["lastDelivery"] else "none yet"
        ok = told["state"] in ("active", "plugin", "verifying")
        found.append(
            Finding("Webhooks", ok, f"{told['badge']}; deliveries: {heard}", told["reason"])
            if not ok
            else Finding("Webhooks", ok, f"{told['badge']}; deliveries: {heard}")
        )
    return found


async def _probed(use: Services, connection: Connection) -> Finding:
    found = await use.checks.probe(connection, fresh=True)
    ok = found.word == "healthy"
    fix = "" if ok else "Check the connection's address and keys."
    return Finding("The platform answers", ok, found.detail, fix, found.latency_ms)


def _known(row: Mapping[str, Any]) -> dict[str, str]:
    return {topic.replace("|", "."): text for topic, text in row.get("hooks", {}).items()}


def _time(at_ms: int | None) -> str | None:
    return rfc3339(at_ms) if at_ms else None
