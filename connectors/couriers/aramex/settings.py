"""What an Aramex account needs: six fields, never one key."""

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
from connectors.couriers.times import DEFAULT_ZONE
from connectors.errors import Paused
from connectors.protocol import Connection

PRODUCTION = "https://ws.aramex.net"
SANDBOX = "https://ws.sbx.aramex.net"
FIELDS = (
    Field("username", "User name"),
    Field("password", "Password", secret=True),
    Field("account_number", "Account number"),
    Field("account_pin", "Account PIN", secret=True),
    Field("account_entity", "Account entity", default="CMB", required=False),
    Field("account_country_code", "Account country", default="LK", required=False),
    Field("product_type", "Service", required=False, help="OND, ONP, PPX, PDX, EPX or GPX"),
    Field("payment_type", "Who pays the freight", default="P", required=False, help="P, C or 3"),
    Field(
        "label_report",
        "How labels come",
        default="URL",
        required=False,
        help="URL, or RPT to have the label in the answer itself",
    ),
    ENVIRONMENT,
    BASE_URL,
    TIMEZONE,
    PER_S,
    PER_DAY,
)


@dataclass(frozen=True, slots=True)
class Account:
    """One account."""

    base_url: str
    username: str
    password: str = field(repr=False)
    account_number: str
    account_pin: str = field(repr=False)
    account_entity: str = "CMB"
    account_country_code: str = "LK"
    product_type: str = ""
    payment_type: str = "P"
    label_report: str = "URL"
    timezone: str = DEFAULT_ZONE


def account_of(connection: Connection) -> Account:
    """The settings, checked. Raises Paused."""
    absent = missing(connection, FIELDS)
    if absent:
        raise Paused(f"Aramex needs more: {', '.join(absent)}")
    settings, secrets = connection.settings, connection.secrets
    return Account(
        base_url=base_url(connection, PRODUCTION, SANDBOX),
        username=settings["username"],
        password=secrets["password"],
        account_number=settings["account_number"],
        account_pin=secrets["account_pin"],
        account_entity=settings.get("account_entity") or "CMB",
        account_country_code=settings.get("account_country_code") or "LK",
        product_type=settings.get("product_type", "").upper(),
        payment_type=settings.get("payment_type") or "P",
        label_report=(settings.get("label_report") or "URL").upper(),
        timezone=timezone(connection),
    )
