"""Upkeep without its process: does the jobs that wait."""

from __future__ import annotations

from typing import Any

from streams.links import Links
from streams.upkeep.kinds import register_all
from streams.upkeep.runner import Runner, Tools
from streams.upkeep.settings import UpkeepSettings


def runner_of(services: Any) -> Runner:
    """A runner with every kind of job; `services` are the api's, or anything with `database`,
    `directory` and `publisher`."""
    runner = Runner(
        Tools(
            database=services.database,
            directory=services.directory,
            publisher=services.publisher,
            links=Links(services.database),
        )
    )
    register_all(runner, UpkeepSettings.model_validate({}))
    return runner


async def do_jobs(runner: Runner) -> None:
    """Returns when nothing waits and nothing is under way."""
    while await runner.start_waiting():
        await runner.settled()
