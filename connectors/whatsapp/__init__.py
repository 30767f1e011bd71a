"""WhatsApp: its webhooks, order messages, and the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from connectors.network import way_out
from connectors.protocol import Client, Connection, Parsed, Profile
from connectors.whatsapp import signature
from connectors.whatsapp.client import Shelf, WhatsAppClient
from connectors.whatsapp.graph import CONNECTIONS
from connectors.whatsapp.mapping import parse_delivery
from connectors.whatsapp.profile import PROFILE, PROFILE_WITHOUT_CATALOGUE
from connectors.whatsapp.settings import account_of


@dataclass
class WhatsApp:
    """The connector. `transport` replaces the network in tests."""

    transport: httpx.AsyncBaseTransport | None = None
    platform: str = "whatsapp"
    _shelf: Shelf | None = None

    def bind(self, shelf: Shelf) -> None:
        """Who knows what is for sale; without it the newest word of stock or product stands."""
        self._shelf = shelf

    def profile(self, connection: Connection, capabilities: Mapping[str, str]) -> Profile:
        """A catalogue that is written only, and messages and orders that are read only."""
        return PROFILE if connection.settings.get("catalog_id") else PROFILE_WITHOUT_CATALOGUE

    def verify(
        self, connection: Connection, headers: Mapping[str, str], body: bytes, now_ms: int
    ) -> None:
        """Meta's signature, with the app secret. Raises Forged."""
        signature.verify(connection.secrets.get("app_secret", ""), headers, body)

    def parse(
        self,
        connection: Connection,
        topic: str,
        headers: Mapping[str, str],
        body: bytes,
        now_ms: int,
    ) -> Parsed:
        """What the document says about this connection's number. Raises Malformed."""
        settings = connection.settings
        return parse_delivery(
            settings.get("phone_number_id", ""), settings.get("waba_id", ""), body
        )

    def client(self, connection: Connection) -> Client:
        """Raises Paused where the number or the token is missing."""
        way = self.transport or way_out(connection.networks, CONNECTIONS)
        return WhatsAppClient(account_of(connection), way, shelf=self._shelf)

    async def capabilities(self, connection: Connection) -> Mapping[str, str]:
        """Nothing to find out."""
        return {}


CONNECTOR = WhatsApp()
