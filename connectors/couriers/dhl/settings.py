"""What a DHL account needs: a key for unified tracking, or MyDHL's user, password and account, or
both."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.couriers.hosts import (
    BASE_URL,
    ENVIRONMENT,
    PER_DAY,
    PER_S,
    TIMEZONE,
    base_url,
    timezone,
)
from connectors.couriers.protocol import Field
from connectors.couriers.pushes import KEY
from connectors.couriers.times import DEFAULT_ZONE
from connectors.errors import Paused
from connectors.protocol import Connection

TRACKING = "https://api-eu.dhl.com"
"""Unified tracking has no test system: its sandbox is this with a key of its own."""
EXPRESS = "https://express.api.dhl.com/mydhlapi"
FIELDS = (
    Field("api_key", "API key", secret=True, required=False, help="of Unified Tracking"),
    Field("username", "MyDHL user name", required=False, help="needed to create shipments"),
    Field("password", "MyDHL password", secret=True, required=False),
    Field("account_number", "DHL account number", required=False),
    Field(
        "tracking",
        "Tracking by",
        required=False,
        help="unified (250 calls a day) or mydhl; unified where there is a key",
    ),
    Field("service", "Service of unified tracking", required=False, default="express"),
    Field("country_code", "Your country", required=False, default="LK"),
    Field("product_code", "Product", required=False, help="P goods, D documents, N domestic"),
    ENVIRONMENT,
    BASE_URL,
    Field("mydhl_base_url", "MyDHL address", required=False),
    TIMEZONE,
    PER_S,
    PER_DAY,
    KEY,
)


@dataclass(frozen=True, slots=True)
class Account:
    """One account. `api_key` or `username` may be empty."""

    base_url: str
    mydhl_base_url: str
    api_key: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    account_number: str = ""
    unified: bool = True
    """Tracks by the unified API."""
    service: str = "express"
    country_code: str = "LK"
    product_code: str = ""
    timezone: str = DEFAULT_ZONE
    push_key: str = field(default="", repr=False)

    @property
    def ships(self) -> bool:
        """It can create shipments."""
        return bool(self.username and self.password and self.account_number)


def account_of(connection: Connection) -> Account:
    """The settings, checked. Raises Paused."""
    settings, secrets = connection.settings, connection.secrets
    api_key, password = secrets.get("api_key", ""), secrets.get("password", "")
    username = settings.get("username", "")
    express = bool(username and password)
    tracking = settings.get("tracking") or ("unified" if api_key else "mydhl")
    if tracking not in ("unified", "mydhl"):
        raise Paused("DHL's tracking is by unified or by mydhl")
    if (tracking == "unified" and not api_key) or (tracking == "mydhl" and not express):
        raise Paused("DHL needs more: API key, or MyDHL user name and MyDHL password")
    return Account(
        base_url=base_url(connection, TRACKING, TRACKING),
        mydhl_base_url=base_url(connection, EXPRESS, f"{EXPRESS}/test", "mydhl_base_url"),
        api_key=api_key,
        username=username,
        password=password,
        account_number=settings.get("account_number", ""),
        unified=tracking == "unified",
        service=settings.get("service") or "express",
        country_code=settings.get("country_code") or "LK",
        product_code=settings.get("product_code", "").upper(),
        timezone=timezone(connection),
        push_key=secrets.get(KEY.name, ""),
    )
