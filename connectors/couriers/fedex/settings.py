"""What a FedEx account needs: keys of two projects (tracking, shipping), and the account."""

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
from connectors.couriers.times import DEFAULT_ZONE
from connectors.errors import Paused
from connectors.protocol import Connection

PRODUCTION = "https://apis.fedex.com"
SANDBOX = "https://apis-sandbox.fedex.com"
FIELDS = (
    Field("track_client_id", "Tracking API key", secret=True, required=False),
    Field("track_client_secret", "Tracking secret key", secret=True, required=False),
    Field(
        "ship_client_id",
        "Shipping API key",
        secret=True,
        required=False,
        help="of the shipping project; without it no shipments are created",
    ),
    Field("ship_client_secret", "Shipping secret key", secret=True, required=False),
    Field("account_number", "Account number", required=False),
    Field("service_type", "Service", required=False, default="FEDEX_INTERNATIONAL_PRIORITY"),
    ENVIRONMENT,
    BASE_URL,
    TIMEZONE,
    PER_S,
    PER_DAY,
    Field(
        "push_secret",
        "Security token of its webhooks",
        secret=True,
        required=False,
        help="of the webhook project; FedEx pushes to accounts billed in the United States",
    ),
)


@dataclass(frozen=True, slots=True)
class Account:
    """One account. Either pair may be empty, not both."""

    base_url: str
    track: tuple[str, str] = field(default=("", ""), repr=False)
    """(client id, client secret)"""
    ship: tuple[str, str] = field(default=("", ""), repr=False)
    account_number: str = ""
    service_type: str = "FEDEX_INTERNATIONAL_PRIORITY"
    timezone: str = DEFAULT_ZONE
    push_secret: str = field(default="", repr=False)

    @property
    def ships(self) -> bool:
        """It can create shipments."""
        return all(self.ship) and bool(self.account_number)


def account_of(connection: Connection) -> Account:
    """The settings, checked. Raises Paused."""
    settings, secrets = connection.settings, connection.secrets
    track = (secrets.get("track_client_id", ""), secrets.get("track_client_secret", ""))
    ship = (secrets.get("ship_client_id", ""), secrets.get("ship_client_secret", ""))
    if not all(track) and not all(ship):
        raise Paused("FedEx needs more: Tracking API key, Tracking secret key")
    return Account(
        base_url=base_url(connection, PRODUCTION, SANDBOX),
        # One project may serve both.
        track=track if all(track) else ship,
        ship=ship,
        account_number=settings.get("account_number", ""),
        service_type=settings.get("service_type") or "FEDEX_INTERNATIONAL_PRIORITY",
        timezone=timezone(connection),
        push_secret=secrets.get("push_secret", ""),
    )
