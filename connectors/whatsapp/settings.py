"""What a WhatsApp connection needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from connectors.errors import Paused
from connectors.protocol import Connection
from connectors.whatsapp.pace import GAP_S

BASE_URL = "https://graph.facebook.com/v25.0"


@dataclass(frozen=True, slots=True)
class Account:
    """One number and its catalogue."""

    base_url: str
    phone_number_id: str
    access_token: str = field(repr=False)
    app_secret: str = field(default="", repr=False)
    catalog_id: str = ""
    currency: str = ""
    """ISO 4217, of the catalogue's prices."""
    site_url: str = ""
    brand: str = ""
    image_link: str = ""
    """The picture of items that have none; Meta takes no item without."""
    link_template: str = ""
    """`https://shop.example/p/{sku}`; without it the shop's search finds the item."""
    waba_id: str = ""
    """The account that templates belong to."""
    catalog_gap_s: float = GAP_S
    """Between batches to the catalogue while many items change; 0 sends each change at once."""

    def link(self, sku: str) -> str:
        """Where the item can be seen; empty when no address is set."""
        if self.link_template:
            return self.link_template.replace("{sku}", quote(sku, safe=""))
        return (
            f"{self.site_url}/?s={quote(sku, safe='')}&post_type=product" if self.site_url else ""
        )

    def brand_name(self) -> str:
        """The brand, or the shop's host: Meta wants one."""
        return self.brand or urlsplit(self.site_url).hostname or ""


def account_of(connection: Connection) -> Account:
    """The settings, checked. Raises Paused where one is missing: only a person can give it."""
    settings, token = connection.settings, connection.secrets.get("access_token", "")
    number = settings.get("phone_number_id", "")
    if not number or not token:
        raise Paused("the number's phone_number_id or access_token is missing")
    return Account(
        base_url=(settings.get("base_url") or BASE_URL).rstrip("/"),
        phone_number_id=number,
        access_token=token,
        app_secret=connection.secrets.get("app_secret", ""),
        catalog_id=settings.get("catalog_id", ""),
        currency=settings.get("currency", "").upper(),
        site_url=settings.get("site_url", "").rstrip("/"),
        brand=settings.get("brand", ""),
        image_link=settings.get("image_link", ""),
        link_template=settings.get("link_template", ""),
        waba_id=settings.get("waba_id", ""),
        catalog_gap_s=_seconds(settings.get("catalog_gap_s", "")),
    )


def _seconds(text: str) -> float:
    """A setting in seconds, at most an hour; GAP_S where it is none."""
    try:
        return min(max(float(text), 0.0), 3600.0)
    except ValueError:
        return GAP_S
