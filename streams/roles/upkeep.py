"""Role `upkeep`: jobs that are queued or scheduled. The first thing to give way on a busy
machine."""

from __future__ import annotations

import os

from connectors.errors import Retry
from connectors.mongodb import CONNECTOR
from schemas.settings import Endpoints
from schemas.topics import COMMANDS, INBOUND, OBSERVATIONS
from streams.alerts import job as alerts
from streams.alerts.channels import Channels
from streams.alerts.desk import AlertDesk
from streams.alerts.facts import Servers
from streams.alerts.job import Watching
from streams.alerts.settings import AlertEnvironment
from streams.archive import erasure_job
from streams.archive.opening import sources_of
from streams.couriers.adopting import Adopter
from streams.couriers.jobs import keep_settling
from streams.couriers.parts import CourierParts
from streams.couriers.tracker import Tracker
from streams.effects.calls import open_calls
from streams.identity import HOME
from streams.kafka.lag import Lag, LagUnknown
from streams.roles import Role, home
from streams.roles.common import Common
from streams.suggestions import Acting, keep_acting
from streams.upkeep.kinds import register_all
from streams.upkeep.runner import Runner, Tools
from streams.upkeep.settings import UpkeepSettings
from streams.whatif import job as whatif
from streams.whatsapp.media import Fetching, Limits, Media

NICE = 10
LAG_FRESH_S = 0.3
"""So old an answer of Kafka may be by which an import goes on."""


async def build(endpoints: Endpoints, instance: str) -> Role:
    """The runner with every kind of job; no Faust app."""
    os.nice(NICE)
    common = await Common.open(endpoints)
    CONNECTOR.bind(common.database)
    lag = Lag(endpoints, fresh_s=LAG_FRESH_S)

    async def waiting() -> int:
        try:
            told = await lag.by_topic()
        except LagUnknown as error:
            raise Retry(str(error)) from error
        return told[INBOUND.name] + told[OBSERVATIONS.name] + told[COMMANDS[HOME].name]

    calls = open_calls(home())
    runner = Runner(
        Tools(
            database=common.database,
            directory=common.directory,
            publisher=common.publisher,
            links=common.links,
            waiting=waiting,
            calls=calls,
        )
    )
    settings = UpkeepSettings()
    register_all(runner, settings)
    sources = sources_of(endpoints, os.environ, home(), common.database)
    erasure_job.register(runner, sources)
    whatif.register(runner, sources)
    alerts.register(runner, _watching(common, lag))

    couriers = CourierParts.of(
        common.database, common.directory, common.publisher, common.links, calls=calls
    )
    tracker = Tracker(
        common.database, common.directory, couriers.following, couriers.lines, couriers.paces
    )

    async def close() -> None:
        await couriers.lines.close()
        await lag.close()
        await common.close()
        if calls is not None:
            calls.close()

    acting = Acting(common.database, common.publisher, common.directory.policies)
    media = Media(common.database, home())
    fetching = Fetching(media, common.directory, Limits(most=settings.media_mb * 1024 * 1024))
    parts = [
        runner.run(),
        fetching.run(),
        keep_acting(acting, common.directory),
        tracker.run(),
        Adopter(common.database, common.directory, couriers.following, couriers.shipments).run(),
        keep_settling(couriers.shipper),
    ]
    return Role(parts=parts, close=close)


def _watching(common: Common, lag: Lag) -> Watching:
    return Watching(
        AlertDesk(common.database, common.directory.keyring),
        Channels(common.database, common.directory, common.publisher, AlertEnvironment()),
        Servers(common.database, lag, common.redis),
    )
