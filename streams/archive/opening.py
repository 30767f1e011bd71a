"""Opens what history is read from, for commands and the api."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from schemas.settings import Endpoints
from streams.archive.joined import Sources
from streams.archive.location import locate
from streams.archive.settings import ArchiveSettings
from streams.database import Database, open_database
from streams.keyring import open_keyring


@contextlib.asynccontextmanager
async def open_sources(
    endpoints: Endpoints, environment: Mapping[str, str], home: Path, *, kafka: bool = True
) -> AsyncIterator[Sources]:
    """Closed at its end. `home` is the folder of the system that is looked into. Raises
    LocationInvalid, KeyringError."""
    database = open_database(endpoints)
    try:
        yield sources_of(endpoints, environment, home, database, kafka=kafka)
    finally:
        await database.client.close()


def sources_of(
    endpoints: Endpoints,
    environment: Mapping[str, str],
    home: Path,
    database: Database,
    *,
    kafka: bool = True,
) -> Sources:
    """The same on a database that is open. Raises LocationInvalid, KeyringError."""
    given = {n: v for n, v in environment.items() if n.startswith("SMARTSTORE_ARCHIVE_") and v}
    settings = ArchiveSettings.model_validate({**given, "SMARTSTORE_HOME": home})
    location = locate(settings.url.get_secret_value(), settings.home)
    return Sources(endpoints, database, location, open_keyring(environment, home), kafka, home)
