"""The runtime's own settings: the environment, with .env at the project's root below it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field

from schemas.settings import read_secret_files

ROOT = Path(__file__).resolve().parent.parent
ENDPOINTS = ("KAFKA_URL", "DATABASE_URL", "REDIS_URL")


def load_environment(root: Path = ROOT) -> dict[str, str]:
    """The process environment over `.env`; this is also what the children receive."""
    from_file = {k: v for k, v in dotenv_values(root / ".env").items() if v}
    found = {**from_file, **os.environ}
    read_secret_files(found)
    return found


def default_home() -> Path:
    """`.smartstore/data` in a checkout; a folder of the user's where installed as a wheel."""
    if (ROOT / "smartstore").exists():
        return ROOT / ".smartstore" / "data"
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "smartstore-sync"


def default_cache() -> Path:
    """Downloads are shared by all checkouts of a user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "smartstore-sync"


class RuntimeSettings(BaseModel):
    """Where things live and listen."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    home: Path = Field(default_factory=default_home, alias="SMARTSTORE_HOME")
    cache: Path = Field(default_factory=default_cache)
    maven_url: str = Field(default="", alias="SMARTSTORE_MAVEN_URL")
    host: str = Field(default="127.0.0.1", alias="HOST")
    port: int = Field(default=3000, alias="PORT", ge=1, le=65535)
    websocket_port: int = Field(default=3001, alias="WEBSOCKET_PORT", ge=1, le=65535)
    workers: int = Field(default=1, alias="SMARTSTORE_WORKERS", ge=1, le=64)
    """Processes of each role that shares partitions, where `up` starts them."""
    kafka_url: str = Field(default="", alias="KAFKA_URL")
    database_url: str = Field(default="", alias="DATABASE_URL")
    redis_url: str = Field(default="", alias="REDIS_URL")

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> RuntimeSettings:
        """An empty variable counts as not set."""
        source = load_environment() if environment is None else environment
        settings = cls.model_validate({k: v for k, v in source.items() if v and k.isupper()})
        return settings.model_copy(update={"home": settings.home.expanduser().resolve()})

    def configured_endpoints(self) -> dict[str, str]:
        """Endpoints the user named: they win over local servers."""
        urls = (self.kafka_url, self.database_url, self.redis_url)
        return {name: url for name, url in zip(ENDPOINTS, urls, strict=True) if url}
