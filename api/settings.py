"""Where the api listens and what it trusts. Loaded only by `api.main`."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from limits import RateLimitItem, parse
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MAX_BODY_BYTES = 5_000_000
"""Of any request (WhatsApp's batches reach 3 MB)."""


class ApiSettings(BaseSettings):
    """From the environment; the names are the user's."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True, env_ignore_empty=True)

    host: str = Field("127.0.0.1", validation_alias="HOST")
    port: int = Field(3000, ge=1, le=65535, validation_alias="PORT")
    websocket_port: int = Field(3001, ge=1, le=65535, validation_alias="WEBSOCKET_PORT")
    home: Path = Field(Path(".smartstore/data"), validation_alias="SMARTSTORE_HOME")
    environment: str = Field("development", validation_alias="SMARTSTORE_ENVIRONMENT")
    """`production` refuses shops at private addresses and marks cookies Secure."""
    public_url: str = Field("", validation_alias="SMARTSTORE_PUBLIC_URL")
    """How browsers and platforms reach us, where that differs from http://HOST:PORT."""
    allowed_origins: str = Field("", validation_alias="SMARTSTORE_ALLOWED_ORIGINS")
    """Comma separated; besides our own address. For pages of yours that open the WebSocket."""
    feed_ring: int = Field(5_000, ge=10, validation_alias="SMARTSTORE_FEED_RING")
    """Feed lines kept in memory per partition."""
    time_zone: str = Field("Asia/Colombo", validation_alias="SMARTSTORE_TIME_ZONE")
    """The shop's: by which pages tell the time."""

    rate_limit: str = Field("6000/minute", validation_alias="SMARTSTORE_RATE_LIMIT")
    """How often one API key or session may ask."""
    trusted_proxies: str = Field("127.0.0.1", validation_alias="SMARTSTORE_TRUSTED_PROXIES")
    """Comma separated; whose X-Forwarded-For and X-Forwarded-Proto count."""

    @field_validator("rate_limit")
    @classmethod
    def _known_rate(cls, value: str) -> str:
        try:
            parse(value)
        except ValueError as error:
            raise ValueError(f"{value!r} is no rate; use one such as 6000/minute") from error
        return value

    @property
    def rate_limit_item(self) -> RateLimitItem:
        """The same, as the limiter takes it."""
        return parse(self.rate_limit)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is no time zone; use one such as Asia/Colombo") from error

    @property
    def production(self) -> bool:
        """Whether strangers may reach us."""
        return self.environment == "production"

    @property
    def base_url(self) -> str:
        """Our address for people, without a slash at the end."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        return self.public_url.rstrip("/") or f"http://{host}:{self.port}"

    @property
    def origins(self) -> frozenset[str]:
        """Origins that may act with a person's session besides the address that was called."""
        listed = [part.strip().rstrip("/") for part in self.allowed_origins.split(",")]
        return frozenset(origin for origin in (*listed, self.base_url) if origin)
