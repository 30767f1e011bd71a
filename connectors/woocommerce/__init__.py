"""WooCommerce: its webhooks, its REST API, and the plugin's compare-and-set route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from connectors.network import way_out
from connectors.protocol import Client, Connection, Connector, Parsed, Profile
from connectors.woocommerce import signature
from connectors.woocommerce.client import WooCommerceClient
from connectors.woocommerce.parsing import parse_delivery
from connectors.woocommerce.profile import profile_of
from connectors.woocommerce.rest import CONNECTIONS
from connectors.woocommerce.settings import country_of, shop_of


@dataclass
class WooCommerce:
    """The connector. `transport` replaces the network in tests."""

    transport: httpx.AsyncBaseTransport | None = None
    platform: str = "woocommerce"

    def profile(self, connection: Connection, capabilities: Mapping[str, str]) -> Profile:
        """What the shop can hold; with the plugin writes are compared under a lock."""
        return profile_of(connection.settings, capabilities)

    def verify(
        self, connection: Connection, headers: Mapping[str, str], body: bytes, now_ms: int
    ) -> None:
        """WooCommerce's signature or Standard Webhooks. Raises Forged. (A ping bears neither: the
        receiver answers it 200 and publishes nothing.)"""
        signature.verify(connection.secrets.get("webhook_secret", ""), headers, body, now_ms)

    def parse(
        self,
        connection: Connection,
        topic: str,
        headers: Mapping[str, str],
        body: bytes,
        now_ms: int,
    ) -> Parsed:
        """A native delivery or the plugin's `{"topic", "data"}`. Raises Malformed."""
        return parse_delivery(topic, headers, body, country_of(connection))

    def client(self, connection: Connection) -> Client:
        """Raises Paused where the address or the key is missing."""
        return WooCommerceClient(
            shop_of(connection), self.transport or way_out(connection.networks, CONNECTIONS)
        )

    async def capabilities(self, connection: Connection) -> Mapping[str, str]:
        """`plugin`, `protocol` and `max_operations`, or nothing. Raises ConnectorError."""
        client = WooCommerceClient(
            shop_of(connection), self.transport or way_out(connection.networks, CONNECTIONS)
        )
        try:
            return await client.capabilities()
        finally:
            await client.close()


CONNECTOR: Connector = WooCommerce()
