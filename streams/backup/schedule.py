"""Backups by the clock: in the archive's process, which gives way to the others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog
from aiokafka.errors import KafkaError
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from pymongo.errors import DuplicateKeyError, PyMongoError

from schemas.clock import unix_ms
from streams.archive.location import Location, locate
from streams.backup.taking import Source, keep, take
from streams.database import Database

log = structlog.get_logger(__name__)

LOOK_S = 60.0
ROW = "backup"
FOLDER = "backups"


class BackupSettings(BaseSettings):
    """From the environment."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True, env_ignore_empty=True)

    home: Path = Field(Path(".smartstore/data"), validation_alias="SMARTSTORE_HOME")
    url: SecretStr = Field(SecretStr(""), validation_alias="SMARTSTORE_BACKUP_URL")
    """Empty: the folder `backups` in SMARTSTORE_HOME. Better: another machine, or a bucket."""
    hours: float = Field(0.0, ge=0, validation_alias="SMARTSTORE_BACKUP_HOURS")
    """Between two backups; 0: only when asked for."""
    keep: int = Field(7, ge=0, validation_alias="SMARTSTORE_BACKUP_KEEP")

    def location(self) -> Location:
        """Raises LocationInvalid."""
        return locate(self.url.get_secret_value() or str(self.home / FOLDER), self.home)


async def scheduled(source: Source, settings: BackupSettings) -> None:
    """Until cancelled. A backup that fails is told in the log and tried again at its next turn."""
    location = settings.location()
    while True:
        try:
            if await turn(source.database, settings.hours, unix_ms()):
                manifest = await take(source, location)
                removed = await keep(location, settings.keep)
                log.info(
                    "backup taken", stamp=manifest.stamp, bytes=manifest.bytes, removed=len(removed)
                )
        except (OSError, PyMongoError, KafkaError) as error:
            log.error("no backup could be taken", error=repr(error))
        await asyncio.sleep(LOOK_S)


async def turn(database: Database, hours: float, now_ms: int) -> bool:
    """Whether a backup is due and this process takes it. Raises PyMongoError."""
    next_ms = now_ms + int(hours * 3_600_000)
    try:
        done = await database["ss_schedules"].update_one(
            {"_id": ROW, "nextAtMs": {"$lte": now_ms}}, {"$set": {"nextAtMs": next_ms}}, upsert=True
        )
    except DuplicateKeyError:  # it is there, and not due
        return False
    return bool(done.modified_count or done.upserted_id)
