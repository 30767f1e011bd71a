"""How often upkeep does what. Loaded only by its role."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class UpkeepSettings(BaseSettings):
    """Minutes; 0 switches off."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True, env_ignore_empty=True)

    drift_sweep_minutes: float = Field(60.0, ge=0, validation_alias="DRIFT_SWEEP_MINUTES")
    """Every platform is compared with what we believe it to hold."""
