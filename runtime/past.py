"""The history of what runs here: archive and Kafka, opened for a command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runtime.errors import SmartStoreError
from runtime.here import Here
from streams.archive.joined import Sources
from streams.archive.location import LocationInvalid, locate
from streams.archive.settings import ArchiveSettings
from streams.database import open_database
from streams.keyring import KeyringError, open_keyring


@asynccontextmanager
async def open_sources(found: Here) -> AsyncIterator[Sources]:
    """Raises SmartStoreError."""
    given = {**found.environment, "SMARTSTORE_HOME": str(found.home)}
    url = ArchiveSettings.model_validate(given).url.get_secret_value()
    try:
        location = locate(url, found.home)
        keyring = open_keyring(found.environment, found.home)
    except LocationInvalid as error:
        raise SmartStoreError(str(error), fix="SMARTSTORE_ARCHIVE_URL in .env") from error
    except KeyringError as error:
        raise SmartStoreError(str(error), fix="smartstore doctor") from error
    endpoints = found.endpoints()
    database = open_database(endpoints, timeout_ms=5_000)
    try:
        yield Sources(endpoints, database, location, keyring)
    finally:
        await database.client.close()
