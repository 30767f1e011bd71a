"""Role `upkeep`: jobs that are queued or scheduled. The first thing to give way on a busy
machine."""

from __future__ import annotations

import os

from connectors.mongodb import CONNECTOR
from schemas.settings import Endpoints
from streams.roles import Role
from streams.roles.common import Common
from streams.upkeep.kinds import register_all
from streams.upkeep.runner import Runner, Tools
from streams.upkeep.settings import UpkeepSettings

NICE = 10


async def build(endpoints: Endpoints, instance: str) -> Role:
    """The runner with every kind of job; no Faust app."""
    os.nice(NICE)
    common = await Common.open(endpoints)
    CONNECTOR.bind(common.database)
    runner = Runner(
        Tools(
            database=common.database,
            directory=common.directory,
            publisher=common.publisher,
            links=common.links,
        )
    )
    register_all(runner, UpkeepSettings())
    return Role(parts=[runner.run()], close=common.close)
