"""Role `sinks`: one Faust app a platform, so that a shop that hangs stalls no other platform; and
the views that people look at."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

import structlog

from connectors.mongodb import CONNECTOR as MONGODB
from connectors.registry import connector
from connectors.whatsapp import CONNECTOR as WHATSAPP
from schemas.settings import Endpoints
from schemas.topics import CONFLICTS, DEADLETTER, ENTITIES, FEED, OBSERVATIONS
from streams.analytics import agent as analytics
from streams.app import SyncApp, bind, create_app
from streams.deadletter import DeadLetterViews
from streams.effects.calls import open_calls
from streams.effects.ledger import Ledger
from streams.entities import EntityViews
from streams.history import HistoryViews
from streams.kafka import Incoming
from streams.roles import Role, home
from streams.roles.common import Common
from streams.sinks.agent import Performer, Sink
from streams.sinks.claims import Claims
from streams.sinks.troubles import Troubles
from streams.topics import history_of
from streams.views import ConflictViews
from streams.whatsapp.dispatch import keep_dispatching
from streams.whatsapp.rates import Rates
from streams.whatsapp.sending import Sending
from streams.whatsapp.shelf import Shelf
from streams.whatsapp.talks import Talks

log = structlog.get_logger(__name__)

LINGER_S = 0.3
"""An edit writes its record four times within a tenth of a second: only the last is kept, so that
the view costs little beside what it shows."""

SINKS = ("mongodb", "woocommerce", "whatsapp")


async def build(endpoints: Endpoints, instance: str) -> Role:
    """The sinks and the views, each with its consumer group."""
    common = await Common.open(endpoints)
    MONGODB.bind(common.database)
    WHATSAPP.bind(Shelf(common.database))
    log_name = await history_of(endpoints)
    claims = Claims(common.database, log_name)
    calls = open_calls(home())
    ledger = Ledger(common.database, calls)
    sending = Sending(
        common.database,
        publisher=common.publisher,
        links=common.links,
        directory=common.directory,
        rates=Rates(common.redis),
        calls=calls,
    )
    performers: dict[str, Performer] = {"whatsapp": sending}
    apps, sinks, troubles = [], [], Troubles(common.database)
    for platform in SINKS:
        sink = Sink(
            connector(platform),
            publisher=common.publisher,
            connections=common.directory,
            links=common.links,
            claims=claims,
            ledger=ledger,
            dead=common.dead,
            performer=performers.get(platform),
            troubles=troubles,
        )
        app = create_app(f"sink-{platform}", endpoints, instance=instance)
        bind(app, f"sink-{platform}", [sink.topic], sink.handle)
        apps.append(app)
        sinks.append(sink)

    apps += _views(common, endpoints, instance, log_name)
    # So that answers wait for no view: its own app, and its own group.
    talking = create_app("talks", endpoints, instance=instance)
    park = _parking(common, "talks")
    talks = Talks(common.database, common.directory, common.publisher, park)
    bind(talking, "talks", [OBSERVATIONS], talks.handle)
    apps.append(talking)

    async def close() -> None:
        for sink in sinks:
            await sink.close()
        await common.close()
        if calls is not None:
            calls.close()

    parts = [keep_dispatching(common.database, common.publisher)]
    return Role(apps=apps, parts=parts, close=close)


def _parking(common: Common, stage: str) -> Callable[[Incoming, str], Awaitable[None]]:
    async def park(incoming: Incoming, reason: str) -> None:
        await common.dead.park(incoming, organization_id="", stage=stage, reason=reason)

    return park


def _views(common: Common, endpoints: Endpoints, instance: str, log_name: str) -> list[SyncApp]:
    """What people look at, kept in MongoDB."""
    park = _parking(common, "views")
    views = create_app("views", endpoints, instance=instance)
    bind(views, "conflicts", [CONFLICTS], ConflictViews(common.database, park).handle)
    bind(views, "deadletters", [DEADLETTER], DeadLetterViews(common.database).handle)

    # An app of its own: these linger, and a queue that is full holds up its whole app.
    records = create_app("records", endpoints, instance=instance)
    entities = EntityViews(common.database, log_name, park)
    bind(records, "entities", [ENTITIES], entities.handle, linger_s=LINGER_S)
    history = HistoryViews(common.database, park)
    bind(records, "history", [FEED], history.handle, linger_s=LINGER_S)

    zone = ZoneInfo(os.environ.get("SMARTSTORE_TIME_ZONE") or "Asia/Colombo")
    aggregates = analytics.assemble(
        endpoints, instance, common.publisher, common.database, log_name, zone, park
    )
    return [views, records, aggregates]
