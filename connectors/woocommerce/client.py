"""The I/O of one shop: through the plugin's route where it is, else by core's own REST API."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import httpx

from connectors.errors import Malformed, Retry, Unknown
from connectors.protocol import (
    Answer,
    Finding,
    Ids,
    Links,
    Listed,
    Page,
    StateCommand,
    Subscription,
)
from connectors.woocommerce.examining import examine
from connectors.woocommerce.listing import Listing
from connectors.woocommerce.plain import PlainWriter
from connectors.woocommerce.rest import NoRoute, Rest
from connectors.woocommerce.route import RouteWriter, describe
from connectors.woocommerce.settings import Shop
from connectors.woocommerce.shipments import TYPE as SHIPMENT
from connectors.woocommerce.shipments import Shipments
from connectors.woocommerce.webhooks import Webhooks
from schemas.command import Perform

LOOK_AGAIN_S = 300.0
"""How long a shop is taken to be without the plugin: it may be installed at any time."""


class WooCommerceClient:
    """One per connection, kept open."""

    def __init__(self, shop: Shop, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._rest = Rest(shop, transport)
        self._plain = PlainWriter(self._rest)
        self._shipments = Shipments(self._rest)
        self._route: RouteWriter | None = None
        self._looked_at: float | None = None

    @property
    def raced(self) -> int:
        """Writes without the plugin around which the item changed (edits that may be lost)."""
        return self._plain.raced

    async def apply(self, commands: Sequence[StateCommand], links: Links) -> list[Answer]:
        """Answers in the order of the commands.

        Raises Retry when the shop is out of reach and Paused when the key is not good (any more).
        """
        if not commands:
            return []
        items = [one for one in commands if one.type != SHIPMENT]
        answered = iter(await self._apply(items, links) if items else [])
        return [
            await self._shipment(one, links) if one.type == SHIPMENT else next(answered)
            for one in commands
        ]

    async def _shipment(self, command: StateCommand, links: Links) -> Answer:
        try:
            return await self._shipments.apply(command, links)
        except Unknown as error:
            raise Retry(str(error)) from None  # what may have happened is looked for first

    async def _apply(self, commands: Sequence[StateCommand], links: Links) -> list[Answer]:
        try:
            route = await self._find_route()
            if route is not None:
                try:
                    return await route.apply(commands, links)
                except NoRoute:
                    # The plugin was taken away: the rest is done without it.
                    self._route = None
            return await self._plain.apply(commands, links)
        except (Unknown, Malformed) as error:
            # Repeats are harmless to state: the route knows each operation, the plain way reads.
            raise Retry(str(error)) from None

    async def _find_route(self) -> RouteWriter | None:
        now = time.monotonic()
        if self._route is None and (
            self._looked_at is None or now - self._looked_at > LOOK_AGAIN_S
        ):
            found = await self.capabilities()
            self._looked_at = now
            if found.get("plugin"):
                self._route = RouteWriter(self._rest, int(found.get("max_operations") or 100))
        return self._route

    async def perform(self, command: Perform) -> Answer:
        """A shop has no effects yet."""
        return Answer(result="failed", reason=f"a shop cannot do {command.effect}")

    async def page(
        self, entity_type: str, cursor: str = "", *, since_ms: int | None = None, limit: int = 100
    ) -> Page:
        """See `connectors.protocol.Lists`."""
        return await (await self._listing()).page(entity_type, cursor, since_ms, limit)

    async def digest(
        self, entity_type: str, external_ids: Sequence[str], *, each: bool = False
    ) -> Mapping[str, str] | None:
        """See `connectors.protocol.Lists`. None without the plugin."""
        return await (await self._listing()).digest(entity_type, external_ids, each)

    async def ids(self, entity_type: str, cursor: str = "", *, limit: int = 500) -> Ids | None:
        """See `connectors.protocol.Sweeps`. None without the plugin."""
        return await (await self._listing()).ids(entity_type, cursor, limit)

    async def read(self, entity_type: str, external_ids: Sequence[str]) -> tuple[Listed, ...]:
        """See `connectors.protocol.Sweeps`."""
        return await (await self._listing()).read(entity_type, external_ids)

    async def examine(self) -> list[Finding]:
        """See `connectors.protocol.Examines`."""
        return await examine(self._rest)

    async def subscribe(
        self, url: str, secret: str, known: Mapping[str, str], *, quiet: bool = False
    ) -> Subscription:
        """See `connectors.protocol.Subscribes`."""
        return await Webhooks(self._rest).subscribe(url, secret, known, quiet=quiet)

    async def unsubscribe(self, url: str, known: Mapping[str, str]) -> int:
        """See `connectors.protocol.Subscribes`."""
        return await Webhooks(self._rest).unsubscribe(url, known)

    async def _listing(self) -> Listing:
        return Listing(self._rest, plugin=await self._find_route() is not None)

    async def capabilities(self) -> dict[str, str]:
        """The plugin's version, protocol and batch size; empty without it."""
        try:
            return await describe(self._rest)
        except NoRoute:
            return {}

    async def probe(self) -> str:
        """Reads one order, which a key without rights may not. Raises ConnectorError."""
        await self._rest.get("/orders", {"per_page": "1", "_fields": "id"})
        plugin = (await self.capabilities()).get("plugin")
        return f"the shop answers; {f'plugin {plugin}' if plugin else 'no plugin'}"

    async def close(self) -> None:
        """Let go of connections."""
        await self._rest.close()
