"""Environment variables that fill the default organisation's connections, by the user's names."""

from __future__ import annotations

import os

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.network import read_networks
from connectors.protocol import Network
from streams.couriers import environment as couriers

WHATSAPP_BASE_URL = "https://graph.facebook.com/v25.0"


class PlatformEnvironment(BaseSettings):
    """What one shop sets to be connected without a form. Empty means not connected."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True, env_ignore_empty=True)

    woocommerce_url: str = Field("", validation_alias="WOOCOMMERCE_URL")
    woocommerce_consumer_key: SecretStr = Field(
        SecretStr(""), validation_alias="WOOCOMMERCE_CONSUMER_KEY"
    )
    woocommerce_consumer_secret: SecretStr = Field(
        SecretStr(""), validation_alias="WOOCOMMERCE_CONSUMER_SECRET"
    )
    woocommerce_webhook_secret: SecretStr = Field(
        SecretStr(""), validation_alias="WOOCOMMERCE_WEBHOOK_SECRET"
    )
    whatsapp_base_url: str = Field(WHATSAPP_BASE_URL, validation_alias="WHATSAPP_BASE_URL")
    whatsapp_phone_number_id: str = Field("", validation_alias="WHATSAPP_PHONE_NUMBER_ID")
    whatsapp_waba_id: str = Field("", validation_alias="WHATSAPP_WABA_ID")
    whatsapp_catalog_id: str = Field("", validation_alias="WHATSAPP_CATALOG_ID")
    whatsapp_access_token: SecretStr = Field(
        SecretStr(""), validation_alias="WHATSAPP_ACCESS_TOKEN"
    )
    whatsapp_webhook_secret: SecretStr = Field(
        SecretStr(""), validation_alias="WHATSAPP_WEBHOOK_SECRET"
    )
    """Meta's app secret."""
    whatsapp_verify_token: SecretStr = Field(
        SecretStr(""), validation_alias="WHATSAPP_VERIFY_TOKEN"
    )
    whatsapp_order_statuses: str = Field("", validation_alias="WHATSAPP_ORDER_STATUSES")
    """Comma separated: the statuses that customers are told of; empty tells none."""
    whatsapp_order_template: str = Field("", validation_alias="WHATSAPP_ORDER_TEMPLATE")
    """Name of the approved template for it."""
    whatsapp_answers: str = Field("", validation_alias="WHATSAPP_ANSWERS")
    """`off`: customers' questions are answered by people alone."""
    currency: str = Field("LKR", validation_alias="SMARTSTORE_CURRENCY")
    """ISO 4217; of connections that name none."""

    first_sync: str = Field("ask", validation_alias="SMARTSTORE_FIRST_SYNC")
    """Who wins where an item differs at first sight: `newest`, `mongodb`, or the platform's name.
    `ask`: nothing moves before a person has seen the preview."""

    environment: str = Field("development", validation_alias="SMARTSTORE_ENVIRONMENT")
    public_url: str = Field("", validation_alias="SMARTSTORE_PUBLIC_URL")
    private_networks: str = Field("", validation_alias="SMARTSTORE_PRIVATE_NETWORKS")
    """Comma separated (10.0.0.0/8): private networks that shops and couriers may be in."""

    @field_validator("private_networks")
    @classmethod
    def _known_networks(cls, value: str) -> str:
        read_networks(value)
        return value

    @property
    def networks(self) -> tuple[Network, ...] | None:
        """Where connections may lead besides public addresses; None, anywhere, on trial only: in
        production, and where strangers reach us, an address typed by a person is checked."""
        if self.environment == "production" or self.public_url.startswith("https://"):
            return read_networks(self.private_networks)
        return None

    def given(self) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
        """Replica to (settings, secrets), for those that are set up."""
        found = couriers.given(os.environ)
        if self.woocommerce_url:
            found["woocommerce"] = (
                {"site_url": self.woocommerce_url.rstrip("/"), "currency": self.currency},
                _filled(
                    consumer_key=self.woocommerce_consumer_key,
                    consumer_secret=self.woocommerce_consumer_secret,
                    webhook_secret=self.woocommerce_webhook_secret,
                ),
            )
        if self.whatsapp_phone_number_id:
            settings = {
                "base_url": self.whatsapp_base_url.rstrip("/"),
                "phone_number_id": self.whatsapp_phone_number_id,
                "waba_id": self.whatsapp_waba_id,
                "catalog_id": self.whatsapp_catalog_id,
                "site_url": self.woocommerce_url.rstrip("/"),
                "currency": self.currency,
                "order_statuses": self.whatsapp_order_statuses,
                "order_status_template": self.whatsapp_order_template,
                "answers": self.whatsapp_answers,
            }
            found["whatsapp"] = (
                {name: value for name, value in settings.items() if value},
                _filled(
                    access_token=self.whatsapp_access_token,
                    app_secret=self.whatsapp_webhook_secret,
                    verify_token=self.whatsapp_verify_token,
                ),
            )
        return found


def _filled(**secrets: SecretStr) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in secrets.items() if value}
