"""What a UPS account needs: client id, client secret, account number."""

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
from connectors.couriers.protocol import Field, missing
from connectors.couriers.pushes import KEY
from connectors.couriers.times import DEFAULT_ZONE
from connectors.errors import Paused
from connectors.protocol import Connection

PRODUCTION = "https://onlinetools.ups.com"
SANDBOX = "https://wwwcie.ups.com"
FIELDS = (
    Field("client_id", "Client ID", secret=True),
    Field("client_secret", "Client secret", secret=True),
    Field("account_number", "Account number", required=False, help="needed to create shipments"),
    Field("service_code", "Service", required=False, default="65", help="07, 08 or 65"),
    Field("label_format", "Label format", required=False, default="GIF", help="GIF, PNG or ZPL"),
    ENVIRONMENT,
    BASE_URL,
    TIMEZONE,
    PER_S,
    PER_DAY,
    KEY,
)


@dataclass(frozen=True, slots=True)
class Account:
    """One account."""

    base_url: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    account_number: str = ""
    service_code: str = "65"
    label_format: str = "GIF"
    timezone: str = DEFAULT_ZONE
    push_key: str = field(default="", repr=False)


def account_of(connection: Connection) -> Account:
    """The settings, checked. Raises Paused."""
    absent = missing(connection, FIELDS)
    if absent:
        raise Paused(f"UPS needs more: {', '.join(absent)}")
    settings, secrets = connection.settings, connection.secrets
    label_format = (settings.get("label_format") or "GIF").upper()
    if label_format not in ("GIF", "PNG", "ZPL"):
        raise Paused("UPS's label format is GIF, PNG or ZPL")
    return Account(
        base_url=base_url(connection, PRODUCTION, SANDBOX),
        client_id=secrets["client_id"],
        client_secret=secrets["client_secret"],
        account_number=settings.get("account_number", ""),
        service_code=settings.get("service_code") or "65",
        label_format=label_format,
        timezone=timezone(connection),
        push_key=secrets.get(KEY.name, ""),
    )
