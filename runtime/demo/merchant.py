"""An organisation with its platforms in the sandbox, and hands to act on every side of it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from bson.decimal128 import Decimal128
from pymongo import AsyncMongoClient, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from runtime.convergence import Places
from runtime.demo.system import System
from sandbox import data
from sandbox.client import SandboxClient, ShopAccess
from schemas.policy import Rule
from streams.database import ensure_indexes, open_database
from streams.directory import Directory, Taken
from streams.keyring import open_keyring

Document = dict[str, Any]

ORDER_STATUSES = "processing,shipped,out-for-delivery,delivered,cancelled"
_MONEY = ("price", "salePrice")


@dataclass(frozen=True)
class Platforms:
    """What to make for a new merchant."""

    plugin: bool = True
    shop_settings: Mapping[str, Any] | None = None
    number: bool = True
    rules: tuple[Rule, ...] = ()
    load: bool = True
    """The small Sri Lankan shop, in MongoDB and in the shop; else both are empty."""
    first_sync: str | None = "newest"
    """Who wins at first sight; None: the connections wait to be confirmed."""
    webhooks: bool = True
    """The shop has them already; else nobody tells us anything."""


@dataclass
class Merchant:
    """Acts as the merchant's own app (MongoDB), the shopkeeper, customers, and the API's client."""

    organization_id: str
    api_key: str
    shop: ShopAccess
    number: str
    places: Places
    sandbox: SandboxClient
    database: AsyncDatabase[Document]
    web: httpx.AsyncClient

    # The merchant's own app

    def collection(self, name: str) -> AsyncCollection[Document]:
        """One of the app's collections; writes are acknowledged by a majority."""
        return self.database.get_collection(name, write_concern=WriteConcern("majority"))

    async def set_product(self, product_id: str, **fields: Any) -> None:
        """Change a product in MongoDB."""
        await self._set("products", product_id, fields)

    async def set_order(self, order_id: Any, **fields: Any) -> None:
        """Change an order in MongoDB."""
        await self._set("orders", order_id, fields)

    async def take_stock(self, item_id: str, quantity: int) -> None:
        """The app sells some: one atomic step, as an app should."""
        await self.collection("inventory").update_one(
            {"_id": item_id, "organizationId": self.organization_id},
            {"$inc": {"quantity": -quantity}},
        )

    async def add_product(self, product_id: str, sku: str, quantity: int, **fields: Any) -> None:
        """A new product in MongoDB with its stock."""
        document = {
            "_id": product_id, "organizationId": self.organization_id, "sku": sku,
            "description": "", "shortDescription": "", "currency": data.CURRENCY,
            "status": "active", "categories": [], "tags": [], "images": [], "attributes": {},
            "variants": [], **fields,
        }  # fmt: skip
        stock = {
            "_id": product_id, "organizationId": self.organization_id, "productId": product_id,
            "sku": sku, "quantity": quantity,
        }  # fmt: skip
        await self.collection("products").insert_one(_stored(document))
        await self.collection("inventory").insert_one(stock)

    async def _set(self, collection: str, document_id: Any, fields: Mapping[str, Any]) -> None:
        done = await self.collection(collection).update_one(
            {"_id": document_id, "organizationId": self.organization_id}, {"$set": _stored(fields)}
        )
        if not done.matched_count:
            raise LookupError(f"no {document_id} in {collection}")

    async def load_mongodb(self) -> None:
        """The small Sri Lankan shop, if it is not there yet."""
        for name, documents in data.mongodb(self.organization_id).items():
            if documents:
                rows = [self._own(document) for document in documents]
                await self.collection(name).insert_many(rows)

    def _own(self, document: Mapping[str, Any]) -> Document:
        return _stored({**document, "variants": [_stored(v) for v in document["variants"]]}
                       if "variants" in document else document)  # fmt: skip

    # The API

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request with the API key; its JSON. Raises httpx.HTTPStatusError."""
        answer = await self.web.request(
            method, path, json=body, headers={"X-API-Key": self.api_key}
        )
        answer.raise_for_status()
        return answer.json()

    async def queue_event(self, **event: Any) -> Any:
        """`queueEvent` over HTTP, missing parts filled in."""
        filled = {
            "id": f"evt-{secrets.token_hex(8)}", "type": "product", "action": "update",
            "source": "web", "timestamp": datetime.now(UTC).isoformat(),
            "organizationId": self.organization_id, **event,
        }  # fmt: skip
        return await self.ask("POST", "/api/events", filled)

    async def open_conflicts(self) -> list[dict[str, Any]]:
        """What waits for a person."""
        found: list[dict[str, Any]] = (await self.ask("GET", "/api/conflicts"))["conflicts"]
        return found

    async def resolve(self, conflict: Mapping[str, Any], resolution: str) -> None:
        """Decide one, as seen."""
        body = {"resolution": resolution}
        await self.ask("POST", f"/api/conflicts/{conflict['id']}/resolve", body)


def _stored(fields: Mapping[str, Any]) -> Document:
    """As an app stores it: money as Decimal128."""
    return {
        name: Decimal128(str(value)) if name in _MONEY and value is not None else value
        for name, value in fields.items()
    }


@asynccontextmanager
async def open_merchant(
    system: System, organization_id: str, platforms: Platforms | None = None
) -> AsyncIterator[Merchant]:
    """Make the organisation, its shop and number, connect them, load both sides and announce what
    the shop has. Everything must be running."""
    wanted = platforms or Platforms()
    async with AsyncExitStack() as opened:
        sandbox = await opened.enter_async_context(SandboxClient.open(system.sandbox_url))
        web = await opened.enter_async_context(
            httpx.AsyncClient(base_url=system.url, timeout=30, trust_env=False)
        )
        client: AsyncMongoClient[Document] = AsyncMongoClient(
            system.servers()["DATABASE_URL"], tz_aware=True
        )
        opened.push_async_callback(client.close)
        shop = await _make_shop(system, sandbox, organization_id, wanted)
        number = await _make_number(system, sandbox, organization_id) if wanted.number else {}
        api_key = await _connect(system, organization_id, wanted, shop, number)
        merchant = Merchant(
            organization_id=organization_id,
            api_key=api_key,
            shop=shop,
            number=number.get("id", ""),
            places=system.places(organization_id, shop.name, number.get("id", "")),
            sandbox=sandbox,
            database=client.get_default_database(),
            web=web,
        )
        if wanted.load:
            await merchant.load_mongodb()
            await sandbox.announce(shop.name)
        yield merchant


async def _make_shop(
    system: System, sandbox: SandboxClient, organization_id: str, wanted: Platforms
) -> ShopAccess:
    return await sandbox.create_shop(
        organization_id,
        plugin=wanted.plugin,
        **(
            {"webhook_url": f"{system.url}/api/webhooks/woocommerce/{organization_id}"}
            if wanted.webhooks
            else {}
        ),
        webhook_secret=secrets.token_hex(20),
        **({"load": "sri-lanka"} if wanted.load else {}),
        **(wanted.shop_settings or {}),
    )


async def _make_number(
    system: System, sandbox: SandboxClient, organization_id: str
) -> dict[str, Any]:
    number = str(100_000_000_000_000 + secrets.randbelow(10**14))
    return await sandbox.create_number(
        number,
        account_id=str(secrets.randbelow(10**15)),
        templates=data.TEMPLATES,
        webhook_url=f"{system.url}/api/webhooks/whatsapp",
        app_secret=secrets.token_hex(16),
        access_token=secrets.token_hex(32),
        verify_token=secrets.token_hex(8),
        catalog_id=str(secrets.randbelow(10**16)),
    )


async def _connect(
    system: System,
    organization_id: str,
    wanted: Platforms,
    shop: ShopAccess,
    number: Mapping[str, Any],
) -> str:
    """The organisation's new API key."""
    database = open_database(system.endpoints())
    try:
        await ensure_indexes(database)
        directory = Directory(database, open_keyring(system.environment(), system.home))
        try:
            _, api_key = await directory.create_organization(organization_id, "Colombo Stores")
        except Taken:
            api_key, _ = await directory.keys.add(organization_id, "demo")
        if wanted.rules:
            await directory.save_policies(organization_id, wanted.rules)
        await directory.connect(
            organization_id,
            "woocommerce",
            {"site_url": shop.url, "currency": data.CURRENCY},
            {
                "consumer_key": shop.consumer_key,
                "consumer_secret": shop.consumer_secret,
                "webhook_secret": shop.webhook_secret,
            },
            first_sync=wanted.first_sync,
        )
        if number:
            await _connect_number(system, directory, organization_id, shop, number, wanted)
    finally:
        await database.client.close()
    return api_key


async def _connect_number(
    system: System,
    directory: Directory,
    organization_id: str,
    shop: ShopAccess,
    number: Mapping[str, Any],
    wanted: Platforms,
) -> None:
    await directory.connect(
        organization_id,
        "whatsapp",
        {
            "base_url": f"{system.sandbox_url}/v25.0",
            "phone_number_id": number["id"],
            "waba_id": number["account_id"],
            "catalog_id": number["catalog_id"],
            "catalog_gap_s": "0",  # a demo and tests look at each change as it comes
            "currency": data.CURRENCY,
            "site_url": shop.url,
            "brand": "Colombo Stores",
            "image_link": "https://cdn.example.com/p/shop.jpg",
            "order_status_template": "order_status",
            "order_statuses": ORDER_STATUSES,
            # A demo and tests look for each message as it comes.
            "notification_wait_s": "0",
            "language": "en",
        },
        {
            "access_token": number["access_token"],
            "app_secret": number["app_secret"],
            "verify_token": number["verify_token"],
        },
        first_sync=wanted.first_sync,
    )
