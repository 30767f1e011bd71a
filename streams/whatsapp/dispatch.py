"""Messages whose time has come go to the sink: once they are asked for, and again for as long as
they wait. Any number of processes may run this."""

from __future__ import annotations

import asyncio

import structlog
from pymongo.errors import PyMongoError

from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.command import Perform
from schemas.envelope import Envelope, new_traceparent
from schemas.topics import COMMANDS_WHATSAPP
from streams.database import Database
from streams.kafka.publisher import PublishFailed
from streams.kafka.records import Outgoing as Record
from streams.kafka.records import Publishes
from streams.whatsapp.sends import Outgoing, Sends

log = structlog.get_logger(__name__)

NOBODYS = 2**62
"""The epoch of a command that no owner of an entity sent: a fence never drops it, since the
ledger's key, not the owner, keeps it from being done twice."""
LOOK_S = 0.25
GRACE_MS = 2_500
"""What the engine owes it sends again by itself, first."""
MOST = 100


def command_of(row: Outgoing, now_ms: int) -> Perform:
    """What the sink is asked to do."""
    return Perform(
        organization_id=row.organization_id,
        type=row.about_type,
        entity_id=row.about_id,
        replica=row.replica,
        effect_key=row.effect_key,
        effect="message",
        arguments={"to": row.to},
        epoch=NOBODYS,
        issued_at_ms=now_ms,
    )


def command_record(row: Outgoing, now_ms: int) -> Record:
    """For `commands.whatsapp`, keyed by the conversation, so that messages to one person keep their
    order."""
    command = command_of(row, now_ms)
    envelope = Envelope(
        id=f"{row.effect_key}:{now_ms}",
        type="command.perform",
        source="streams/whatsapp",
        organization_id=row.organization_id,
        subject=f"{row.about_type}/{row.about_id}",
        time_ms=now_ms,
        traceparent=new_traceparent(),
    )
    key = f"{row.organization_id}/conversation/{row.to}".encode()
    return Record(COMMANDS_WHATSAPP, key, encode(command), envelope.headers())


async def keep_dispatching(database: Database, publisher: Publishes) -> None:
    """Until cancelled."""
    sends = Sends(database)
    while True:
        try:
            found = await dispatch_due(sends, publisher, unix_ms())
        except (PyMongoError, PublishFailed) as error:
            log.warning("messages wait for a store", reason=type(error).__name__)
            found = 0
        if found < MOST:
            await asyncio.sleep(LOOK_S)


async def dispatch_due(sends: Sends, publisher: Publishes, now_ms: int) -> int:
    """Everything that is due, once; how many. A crash before they are published leaves them due
    again within a minute."""
    rows = [row async for row in sends.due(GRACE_MS, MOST)]
    await publisher.publish(*(command_record(row, now_ms) for row in rows))
    return len(rows)
