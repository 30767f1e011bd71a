"""The way in, shown at a terminal: the first API key and a one-time link to the pages."""

from __future__ import annotations

import asyncio
import os

from pymongo.errors import PyMongoError

from api.login import welcome
from runtime.settings import RuntimeSettings
from runtime.state import RunState
from schemas.settings import Endpoints
from streams.database import open_database
from streams.directory import Directory
from streams.keyring import open_keyring


def welcome_lines(running: RunState) -> list[str]:
    """For a person at this terminal, who may see secrets of this machine. Without the database the
    plain address."""
    try:
        return asyncio.run(_lines(running))
    except PyMongoError as error:
        return [f"Open {running.url}/sync", f"(no login link: the database says {error})"]


async def _lines(running: RunState) -> list[str]:
    endpoints = Endpoints.model_validate(
        {
            name: running.environment[name]
            for name in ("KAFKA_URL", "DATABASE_URL", "REDIS_URL")
            if name in running.environment
        }
    )
    database = open_database(endpoints, application="smartstore-cli")
    try:
        keyring = open_keyring(os.environ, RuntimeSettings.load().home)
        found = await welcome(Directory(database, keyring), database, running.url)
        return found.lines()
    finally:
        await database.client.close()
