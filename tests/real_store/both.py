"""The whole product beside a real shop: our processes on real servers, an organisation that has the
shop, and what its app does in MongoDB."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
from bson.decimal128 import Decimal128
from pymongo import AsyncMongoClient, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from runtime.demo.system import System
from streams.database import ensure_indexes, open_database
from streams.directory import Directory
from streams.keyring import open_keyring
from streams.upkeep.jobs import Jobs
from support.waiting import until
from tests.real_store.calls import Calls, Record
from tests.real_store.shop import RealShop

LIMIT_S = 90.0
"""PHP takes a second for what our own parts do in milliseconds."""


@dataclass
class Both:
    """The shop, and the merchant's app and account beside it."""

    calls: Calls
    organization_id: str
    api_key: str
    database: AsyncDatabase[Record]
    web: httpx.AsyncClient

    @property
    def shop(self) -> RealShop:
        return self.calls.shop

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.web.request(
            method, path, json=body, headers={"X-API-Key": self.api_key}
        )
        answer.raise_for_status()
        return answer.json()

    def collection(self, name: str) -> AsyncCollection[Record]:
        return self.database.get_collection(name, write_concern=WriteConcern("majority"))

    async def document(self, collection: str, **wanted: Any) -> Record:
        """The app's one; empty for none."""
        mine = {"organizationId": self.organization_id, **wanted}
        return await self.collection(collection).find_one(mine) or {}

    async def change(self, collection: str, wanted: Mapping[str, Any], **fields: Any) -> None:
        mine = {"organizationId": self.organization_id, **wanted}
        done = await self.collection(collection).update_one(mine, {"$set": fields})
        assert done.matched_count == 1

    async def add_product(self, sku: str, quantity: int, **fields: Any) -> str:
        """In the app; its id."""
        number = f"app-{sku}"
        common = {"_id": number, "organizationId": self.organization_id, "sku": sku}
        product = {"name": sku, "price": Decimal128("100"), "status": "active", "variants": []}
        await self.collection("products").insert_one({**common, **product, **fields})
        stock = {**common, "productId": number, "quantity": quantity}
        await self.collection("inventory").insert_one(stock)
        return number

    async def has(self, collection: str, wanted: Mapping[str, Any], **fields: Any) -> Record:
        """The app's document once it holds these."""

        async def look() -> Record:
            return await self.document(collection, **wanted)

        def holds(found: Record) -> bool:
            return bool(found) and all(_plain(found.get(k)) == v for k, v in fields.items())

        return await until(look, holds, limit_s=LIMIT_S, every_s=0.2)

    async def lacks(self, collection: str, **wanted: Any) -> None:
        """Once the app has none such."""

        async def look() -> Record:
            return await self.document(collection, **wanted)

        await until(look, lambda found: not found, limit_s=LIMIT_S, every_s=0.2)

    async def shows(self, path: str, **fields: Any) -> Record:
        """The shop's resource once it holds these."""

        async def look() -> Record:
            found: Record = await self.calls.rest.get(path, {"context": "edit"})
            return found

        def holds(found: Record) -> bool:
            return all(found.get(k) == v for k, v in fields.items())

        return await until(look, holds, limit_s=LIMIT_S, every_s=0.5)

    async def sold_as(self, sku: str) -> Record:
        """The shop's product with this SKU, once there is one."""

        async def look() -> list[Record]:
            found: list[Record] = await self.calls.rest.get(
                "/products", {"sku": sku, "context": "edit"}
            )
            return found

        return (await until(look, bool, limit_s=LIMIT_S, every_s=0.5))[0]

    async def quantities(self, sku: str) -> tuple[Any, Any]:
        """(the app's, the shop's)."""
        held = await self.document("inventory", sku=sku)
        return held.get("quantity"), (await self.sold_as(sku))["stock_quantity"]

    async def both_hold(self, sku: str, quantity: int) -> None:
        async def look() -> tuple[Any, Any]:
            return await self.quantities(sku)

        await until(look, lambda found: found == (quantity, quantity), limit_s=LIMIT_S, every_s=0.5)

    async def connection(self) -> Record:
        found: Record = (await self.ask("GET", "/api/integrations"))["integrations"][0]
        return found

    async def imported(self) -> Record:
        """The preview is shown and confirmed, and the shop was read."""
        path = f"/api/integrations/{(await self.connection())['id']}"
        await self.ask("POST", f"{path}/preview")

        async def previewed() -> Record:
            found: Record = await self.ask("GET", f"{path}/preview?limit=200")
            return found

        shown = await until(previewed, lambda one: one["job"]["state"] == "done", limit_s=LIMIT_S)
        made = await self.ask("POST", f"{path}/confirm", {"winner": "newest"})

        async def job() -> Record:
            found: Record = await self.ask("GET", f"/api/jobs/{made['import']['id']}")
            return found

        await until(job, lambda one: one["state"] == "done", limit_s=LIMIT_S, every_s=0.3)
        return shown

    async def look_at_webhooks(self) -> Record:
        """As upkeep does every few minutes; how they stand."""
        queued = await Jobs(self.database).queue(self.organization_id, "webhooks", "woocommerce")

        async def job() -> Record:
            found: Record = await self.ask("GET", f"/api/jobs/{queued.id}")
            return found

        await until(job, lambda one: one["state"] == "done", limit_s=LIMIT_S, every_s=0.3)
        return (await self.connection())["webhooks"] or {}


def _plain(value: Any) -> Any:
    return str(value.to_decimal()) if isinstance(value, Decimal128) else value


@asynccontextmanager
async def beside(system: System, shop: RealShop) -> AsyncIterator[Both]:
    """A new organisation without a connection. The shop's jobs run as they fall due, as its host's
    cron has them."""
    organization_id = f"t{secrets.token_hex(4)}"
    database = open_database(system.endpoints())
    await ensure_indexes(database)
    directory = Directory(database, open_keyring(system.environment(), system.home))
    _, api_key = await directory.create_organization(organization_id, "Dumbara Looms")
    await database.client.close()
    client: AsyncMongoClient[Record] = AsyncMongoClient(
        system.servers()["DATABASE_URL"], tz_aware=True
    )
    calls = Calls(shop)
    cron = asyncio.create_task(_cron(shop))
    web = httpx.AsyncClient(base_url=system.url, timeout=30, trust_env=False)
    try:
        yield Both(calls, organization_id, api_key, client.get_default_database(), web)
    finally:
        cron.cancel()
        with suppress(asyncio.CancelledError):
            await cron
        await asyncio.gather(web.aclose(), calls.rest.close(), client.close())


async def _cron(shop: RealShop) -> None:
    while True:
        await asyncio.to_thread(shop.run_due)
        await asyncio.sleep(0.5)
