"""A platform of the tests' own: lists what it is given, and fails when told. Its name goes into the
registry as any other's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from connectors.errors import Malformed
from connectors.protocol import (
    Connection,
    Listed,
    Page,
    Parsed,
    Profile,
    Sighting,
    Subscription,
    TypeProfile,
)
from schemas.observation import Seen

PRODUCT = frozenset(("sku", "name", "price"))
STOCK = frozenset(("quantity",))
TYPES = {
    "product": TypeProfile(
        readable=PRODUCT, writable=PRODUCT, creates=True, required=frozenset(("name",))
    ),
    "inventory": TypeProfile(readable=STOCK, writable=STOCK, creates=True),
    "customer": TypeProfile(readable=frozenset(("name", "phone"))),
}


@dataclass
class Pretend:
    """The connector, its only client, and what the platform holds."""

    platform: str = "pretend"
    items: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    before: Callable[[str, str], None] | None = None
    """Called before each page; may raise."""
    window_ms: int = 0
    """How much wider than asked for its listings are."""
    hooks: dict[str, str] = field(default_factory=dict)
    found: Subscription | Exception | None = None
    subscribed: list[tuple[str, str, bool]] = field(default_factory=list)
    capable: dict[str, str] = field(default_factory=dict)

    async def capabilities(self, connection: Connection) -> Mapping[str, str]:
        return self.capable

    def profile(self, connection: Connection, capabilities: Mapping[str, str]) -> Profile:
        return Profile("pretend", TYPES)

    def parse(
        self,
        connection: Connection,
        topic: str,
        headers: Mapping[str, str],
        body: bytes,
        now_ms: int,
    ) -> Parsed:
        kind, item = topic.partition(".")[0], orjson.loads(body)
        if "broken" in item:
            raise Malformed("broken")
        external_id = str(item["id"])
        keys = tuple(f"{name}:{item[name]}" for name in ("sku", "phone") if item.get(name))
        fields = {name: item[name] for name in TYPES[kind].readable if name in item}
        seen = Seen(external_id=external_id, fields=fields, changed_at_ms=item.get("changed"))
        found = [Sighting(kind, external_id, seen, keys)]
        if "quantity" in item:
            stock = Seen(external_id=external_id, fields={"quantity": item["quantity"]})
            found.append(Sighting("inventory", external_id, stock, keys, item_of=external_id))
        return Parsed(tuple(found))

    def client(self, connection: Connection) -> Pretend:
        return self

    async def page(
        self, entity_type: str, cursor: str = "", *, since_ms: int | None = None, limit: int = 100
    ) -> Page:
        self.calls.append((entity_type, cursor))
        if self.before is not None:
            self.before(entity_type, cursor)
        held = [
            item
            for item in self.items.get(entity_type, [])
            if since_ms is None or item.get("changed", 0) > since_ms - self.window_ms
        ]
        start = int(cursor or 0)
        part = held[start : start + limit]
        following = str(start + limit) if start + limit < len(held) else ""
        listed = [
            Listed(str(item["id"]), f"{entity_type}.updated", orjson.dumps(item)) for item in part
        ]
        return Page(tuple(listed), following, len(held))

    async def digest(self, *_: Any, **__: Any) -> None:
        return None

    async def subscribe(
        self, url: str, secret: str, known: Mapping[str, str], *, quiet: bool = False
    ) -> Subscription:
        self.subscribed.append((url, secret, quiet))
        if isinstance(self.found, Exception):
            raise self.found
        return self.found or Subscription(hooks={"product.updated": "1:x"})

    async def unsubscribe(self, url: str, known: Mapping[str, str]) -> int:
        return len(known)

    async def close(self) -> None:
        return None


CONNECTOR = Pretend()
"""What the registry finds; tests put their own in its place."""
