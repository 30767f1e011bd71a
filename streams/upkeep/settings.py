"""How often upkeep does what. Loaded only by its role."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class UpkeepSettings(BaseSettings):
    """Minutes; 0 switches off."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True, env_ignore_empty=True)

    drift_sweep_minutes: float = Field(60.0, ge=0, validation_alias="DRIFT_SWEEP_MINUTES")
    """Every platform is compared with what we believe it to hold."""
    public_url: str = Field("", validation_alias="SMARTSTORE_PUBLIC_URL")
    """How platforms reach us; without it they cannot tell us anything, and are asked instead."""
    poll_minutes: float | None = Field(None, ge=0, validation_alias="POLL_MINUTES")
    """Between questions for what changed. Unset: 5, and 1 where platforms cannot reach us."""

    media_mb: int = Field(16, ge=1, le=100, validation_alias="WHATSAPP_MEDIA_MB")
    """Pictures, voice and videos of customers above this stay at WhatsApp; documents up to 100."""

    @property
    def polling_minutes(self) -> float:
        """What counts."""
        if self.poll_minutes is not None:
            return self.poll_minutes
        return 5.0 if self.public_url else 1.0
