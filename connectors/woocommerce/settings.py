"""What a WooCommerce connection needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.errors import Paused
from connectors.protocol import Connection


@dataclass(frozen=True, slots=True)
class Shop:
    """One shop's address and key."""

    site_url: str
    """Without a trailing slash; its scheme decides between Basic (https) and OAuth 1.0a (http)."""
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    currency: str = ""
    country: str = "LK"
    """Of phone numbers typed without a country code."""
    requests_per_second: float = 0.0
    """What the shop's host allows; 0: as fast as it answers."""

    @property
    def secure(self) -> bool:
        """Whether the key may travel as it is."""
        return self.site_url.startswith("https://")


def shop_of(connection: Connection) -> Shop:
    """The settings, checked. Raises Paused where one is missing: only a person can give it."""
    site_url = connection.settings.get("site_url", "").strip().rstrip("/")
    if not site_url.startswith(("https://", "http://")):
        raise Paused("the shop's address (site_url) is missing or has no http(s) scheme")
    for name in ("consumer_key", "consumer_secret"):
        if not connection.secrets.get(name):
            raise Paused(f"the shop's {name} is missing")
    return Shop(
        site_url=site_url,
        consumer_key=connection.secrets["consumer_key"],
        consumer_secret=connection.secrets["consumer_secret"],
        currency=connection.settings.get("currency", ""),
        country=country_of(connection),
        requests_per_second=_rate(connection.settings.get("requests_per_second", "")),
    )


def _rate(text: str) -> float:
    try:
        return max(0.0, float(text or 0))
    except ValueError:
        raise Paused("requests_per_second is no number") from None


def country_of(connection: Connection) -> str:
    """ISO 3166 code for phone numbers without one; Sri Lanka unless set."""
    return connection.settings.get("country", "").upper() or "LK"
