"""Settings that every courier has: its address, and the zone of times sent without one. Pure."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from connectors.couriers.protocol import Field, Pace, Traits
from connectors.couriers.times import DEFAULT_ZONE, zone
from connectors.errors import Paused
from connectors.protocol import Connection

MOST_PER_S = 1_000.0
ENVIRONMENT = Field(
    "environment",
    "Environment",
    required=False,
    default="production",
    help="production, or sandbox for the courier's own test system",
)
BASE_URL = Field(
    "base_url",
    "Address",
    required=False,
    help="only where the courier gave another address than its usual one",
)
TIMEZONE = Field(
    "timezone",
    "Time zone",
    required=False,
    default=DEFAULT_ZONE,
    help="of times that the courier sends without one",
)

PER_S = Field(
    "calls_per_second",
    "Calls a second",
    required=False,
    help="only where the courier allows you another number than its usual one",
)
PER_DAY = Field(
    "calls_per_day",
    "Calls a day",
    required=False,
    help="only where the courier allows you another number than its usual one",
)


def base_url(
    connection: Connection,
    production: str | None,
    sandbox: str | None,
    setting: str = "base_url",
) -> str:
    """Without a slash at its end. Raises Paused: only a person can give it."""
    typed = connection.settings.get(setting, "").strip().rstrip("/")
    if typed:
        parts = urlsplit(typed)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise Paused(f"{setting} is no web address; it looks like https://api.example.com")
        return typed
    environment = connection.settings.get("environment") or "production"
    if environment not in ("production", "sandbox"):
        raise Paused("environment is either production or sandbox")
    found = sandbox if environment == "sandbox" else production
    if not found:
        raise Paused(f"this courier has no known {environment} address: give {setting}")
    return found.rstrip("/")


def timezone(connection: Connection, default: str = DEFAULT_ZONE) -> str:
    """Raises Paused for a zone nobody knows."""
    name = connection.settings.get("timezone") or default
    try:
        zone(name)
    except ValueError as error:
        raise Paused(str(error)) from error
    return name


def paced(connection: Connection, traits: Traits) -> Traits:
    """With the pace that this account is allowed. Raises Paused for what is no number."""
    given = {one.name: connection.settings.get(one.name, "").strip() for one in (PER_S, PER_DAY)}
    if not any(given.values()):
        return traits
    try:
        per_s = float(given[PER_S.name] or traits.pace.per_s)
        per_day = int(given[PER_DAY.name]) if given[PER_DAY.name] else traits.pace.per_day
    except ValueError:
        raise Paused(
            "the courier's calls a second and a day are numbers, as in 5 and 250"
        ) from None
    if not 0 < per_s <= MOST_PER_S or (per_day is not None and per_day < 1):
        raise Paused("the courier's calls a second and a day are above zero, as in 5 and 250")
    return replace(traits, pace=Pace(per_s, per_day))
