"""Where the archive is and how much of it is kept. Loaded only by entry points."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ArchiveSettings(BaseSettings):
    """From the environment."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True, env_ignore_empty=True)

    home: Path = Field(Path(".smartstore/data"), validation_alias="SMARTSTORE_HOME")
    url: SecretStr = Field(SecretStr(""), validation_alias="SMARTSTORE_ARCHIVE_URL")
    """Empty: the folder `archive` in SMARTSTORE_HOME. Else a folder, or
    `s3://[key:secret@]bucket/prefix?endpoint=https://host&region=name`."""
    every_s: float = Field(60.0, gt=0, validation_alias="SMARTSTORE_ARCHIVE_SECONDS")
    """At the latest so long after it was read, an event is in a file."""
    retention: str = Field("", validation_alias="SMARTSTORE_ARCHIVE_DAYS")
    """Days that are kept, `400` or by topic and organisation: `400,inbound=90,kandy/feed=30`.
    Empty or 0: for ever."""
    spare_mb: int = Field(2_000, ge=0, validation_alias="SMARTSTORE_ARCHIVE_SPARE_MB")
    """With less room than this on the disk the archiver pauses, and health says so."""
