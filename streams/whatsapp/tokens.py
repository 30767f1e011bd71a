"""Job `tokens`: when WhatsApp's access token ends is asked once a day, and of a new one within
minutes. What Meta does not say is asked again after an hour, and raises no alert."""

from __future__ import annotations

from dataclasses import replace

import structlog

from connectors.errors import ConnectorError
from connectors.protocol import Connection
from connectors.whatsapp.client import WhatsAppClient
from schemas.clock import unix_ms
from streams.tokens import DAY_MS, TokenEnd, Tokens
from streams.upkeep.runner import JobContext, Runner
from streams.upkeep.schedule import Every, usable

log = structlog.get_logger(__name__)

KIND = "tokens"
SECONDS = 300.0
"""A look for a new token; mostly Meta is not asked."""
AGAIN_MS = 3_600_000


def register(runner: Runner) -> None:
    """The kind and when it is due."""
    runner.register(KIND, look, at_once=2, brief=True)
    runner.every(Every(KIND, seconds=SECONDS, wanted=is_wanted))


def is_wanted(connection: Connection) -> bool:
    """Whether it has a token that may end."""
    return connection.platform == "whatsapp" and usable(connection)


async def look(job: JobContext) -> None:
    """Ask, where it is time to. What was known stays where nothing is told. Raises PyMongoError."""
    connection, now_ms = await job.connection(), unix_ms()
    tokens = Tokens(job.tools.database)
    held = (await tokens.known([connection])).get(connection.replica, TokenEnd(None, 0))
    if now_ms - held.asked_ms < (AGAIN_MS if held.reason else DAY_MS):
        return
    try:
        async with job.client(connection) as client:
            if not isinstance(client, WhatsAppClient):
                return
            end = TokenEnd(await client.token_ends_ms(), now_ms)
    except ConnectorError as error:
        log.info("the end of a token is not told", organization=job.organization_id)
        end = replace(held, asked_ms=now_ms, reason=str(error))
    await tokens.keep(connection, end)
