"""Who is told, of what, and how: an organisation's own choice, and the operator's from the
environment."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.phone import NotANumber, e164_of
from streams.alerts.conditions import SHOP
from streams.alerts.words import Language

MOST = 10
"""Addresses of one kind."""
_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]+")
_URL = re.compile(r"https?://[^\s/?#@]+(?:[/?#]\S*)?")

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254)]


class AlertSettings(BaseModel):
    """What an organisation chose; nobody is told where no address is given."""

    model_config = ConfigDict(
        extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True
    )

    emails: Annotated[tuple[Text, ...], Field(max_length=MOST)] = ()
    webhook_url: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1_000)] = ""
    whatsapp: Annotated[tuple[Text, ...], Field(max_length=MOST)] = ()
    """Staff's own numbers, E.164."""
    off: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    """Conditions that nobody wants to hear of."""
    language: Language = "en"

    @field_validator("emails")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if not _EMAIL.fullmatch(one):
                raise ValueError(f"{one!r} is no e-mail address; give one such as nimal@example.lk")
        return tuple(dict.fromkeys(value))

    @field_validator("webhook_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not _URL.fullmatch(value):
            raise ValueError("give an address such as https://example.lk/alerts")
        return value

    @field_validator("whatsapp")
    @classmethod
    def _numbers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(dict.fromkeys(e164_of(one) for one in value))
        except NotANumber as error:
            raise ValueError(str(error)) from error

    @field_validator("off")
    @classmethod
    def _conditions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if one not in SHOP:
                raise ValueError(f"there is no condition {one!r}; use {', '.join(SHOP)}")
        return tuple(dict.fromkeys(value))


class AlertEnvironment(BaseSettings):
    """How e-mail leaves, and who is told of the servers. Loaded only by entry points."""

    model_config = SettingsConfigDict(
        extra="ignore",
        populate_by_name=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,  # a refused set of settings holds the mail server's password
    )

    smtp_host: str = Field("", validation_alias="SMARTSTORE_SMTP_HOST")
    """Empty: no e-mail."""
    smtp_port: int = Field(587, ge=1, le=65_535, validation_alias="SMARTSTORE_SMTP_PORT")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", validation_alias="SMARTSTORE_SMTP_SECURITY"
    )
    smtp_username: str = Field("", validation_alias="SMARTSTORE_SMTP_USERNAME")
    smtp_password: SecretStr = Field(SecretStr(""), validation_alias="SMARTSTORE_SMTP_PASSWORD")
    smtp_from: str = Field("", validation_alias="SMARTSTORE_SMTP_FROM")
    """Empty: the user name, where that is an address."""
    emails: str = Field("", validation_alias="SMARTSTORE_ALERT_EMAILS")
    """Of the operator, comma separated; so are the numbers."""
    webhook_url: str = Field("", validation_alias="SMARTSTORE_ALERT_WEBHOOK_URL")
    webhook_secret: SecretStr = Field(
        SecretStr(""), validation_alias="SMARTSTORE_ALERT_WEBHOOK_SECRET"
    )
    whatsapp: str = Field("", validation_alias="SMARTSTORE_ALERT_WHATSAPP")
    public_url: str = Field("", validation_alias="SMARTSTORE_PUBLIC_URL")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """A typing error is told at the start, not when something is wrong."""
        try:
            _ = self.operator
        except ValidationError as error:
            told = "; ".join(str(one["msg"]) for one in error.errors(include_url=False))
            raise ValueError(f"SMARTSTORE_ALERT_…: {told}") from None
        return self

    @property
    def sender(self) -> str:
        """What e-mails are from."""
        return self.smtp_from or (self.smtp_username if "@" in self.smtp_username else "")

    @property
    def operator(self) -> AlertSettings:
        """The operator's own choice. Raises ValidationError."""
        return AlertSettings(
            emails=_listed(self.emails),
            webhook_url=self.webhook_url,
            whatsapp=_listed(self.whatsapp),
        )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
