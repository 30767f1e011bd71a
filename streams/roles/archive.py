"""Role `archive`: lands every topic in Parquet, and keeps the files in order. It gives way on a
busy machine: what it has not read yet, Kafka keeps."""

from __future__ import annotations

import os

from schemas.settings import Endpoints
from streams.archive.archiver import Archiver
from streams.archive.erasures import Erasures
from streams.archive.keeping import Keeper
from streams.archive.location import locate
from streams.archive.retention import retention_of
from streams.archive.settings import ArchiveSettings
from streams.backup.schedule import BackupSettings, scheduled
from streams.backup.taking import Source
from streams.database import ensure_indexes, open_database
from streams.keyring import open_keyring
from streams.roles import Role, home
from streams.topics import ensure_topics

NICE = 10


async def build(endpoints: Endpoints, instance: str) -> Role:
    """Plain tasks; no Faust app, and no table: its offsets are part of its manifest."""
    os.nice(NICE)
    settings = ArchiveSettings()
    location = locate(settings.url.get_secret_value(), settings.home)
    retention = retention_of(settings.retention)
    await ensure_topics(endpoints)
    database = open_database(endpoints, application="smartstore-archive")
    await ensure_indexes(database)
    erasures = Erasures(database, open_keyring(os.environ, home()))
    archiver = Archiver(
        endpoints,
        database,
        location,
        erasures,
        every_s=settings.every_s,
        spare_mb=settings.spare_mb,
    )
    keeper = Keeper(database, location, retention)

    async def close() -> None:
        await database.client.close()

    parts = [archiver.run(), keeper.run()]
    backups = BackupSettings()
    if backups.hours:
        source = Source(database, endpoints, location if location.local else None)
        parts.append(scheduled(source, backups))
    return Role(parts=parts, close=close)
