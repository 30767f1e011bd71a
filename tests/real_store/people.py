"""What the sandbox's control does, by people in a real shop: for tests made for the sandbox."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from connectors.woocommerce.rest import API
from sandbox.client import ShopAccess
from tests.connectors.woocommerce.conftest import sample
from tests.real_store.calls import Calls, Record
from tests.real_store.shop import RealShop


def fill(shop: RealShop, *, plugin: bool) -> None:
    """The records that the sandbox's tests begin with, under the same ids."""
    red = sample("product_updated_variation_body")
    others = [{**red, "id": number, "sku": f"X-{number}"} for number in (432, 433)]
    given = {
        "active": plugin,
        "products": [sample("product_simple"), sample("product_variable")],
        "variations": [red, *others],
        "orders": [sample("order_created_cod")],
        "customers": [sample("customer_created")],
        "next": 2000,
    }
    shop.script("samples.php", str(shop.wordpress), given=json.dumps(given))


class Network(httpx.MockTransport):
    """To the real shop; with the faults that a test asks for, and a note of each request."""

    def __init__(self, requests: list[str]) -> None:
        super().__init__(lambda _: httpx.Response(500))
        self._way = httpx.AsyncHTTPTransport()
        self._requests = requests
        self.faults: list[Record] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.partition("/wp-json")[2]
        self._requests.append(f"{request.method} {path}")
        fault = next(
            (one for one in self.faults if one.get("method") in (None, request.method)), None
        )
        if fault is None:
            return await self._way.handle_async_request(request)
        if fault.get("times", 1) is not None:
            self.faults.remove(fault)
        if fault.get("drop"):
            await (await self._way.handle_async_request(request)).aread()
            raise httpx.ReadError("dropped", request=request)
        return httpx.Response(
            fault["status"], html="<h1>Away</h1>", headers={"retry-after": "7"}, request=request
        )


class People:
    """The part of `SandboxClient` that connector tests use."""

    def __init__(self, calls: Calls, network: Network) -> None:
        self._calls = calls
        self._network = network

    async def product(self, shop: str, reference: str | int) -> Record:
        if isinstance(reference, int):
            found: Record = await self._calls.rest.get(
                f"/products/{reference}", {"context": "edit"}
            )
            return found
        listed = await self._calls.rest.get("/products", {"sku": reference, "context": "edit"})
        one: Record = listed[0]
        return one

    async def create_product(self, shop: str, **fields: Any) -> Record:
        made: Record = await self._calls.rest.send("POST", f"{API}/products", body=fields)
        return made

    async def edit_product(self, shop: str, reference: int, **fields: Any) -> Record:
        return await self._calls.edit({"id": reference}, **fields)

    async def set_stock(self, shop: str, reference: int, quantity: int) -> Record:
        return await self.edit_product(shop, reference, manage_stock=True, stock_quantity=quantity)

    async def trash_product(self, shop: str, reference: int) -> Record:
        gone: Record = await self._calls.rest.send("DELETE", f"{API}/products/{reference}")
        return gone

    async def edit_customer(self, shop: str, number: int, **fields: Any) -> Record:
        path = f"{API}/customers/{number}"
        made: Record = await self._calls.rest.send("PUT", path, body=fields)
        return made

    async def order(self, shop: str, number: int) -> Record:
        return await self._calls.order(number)

    async def write_note(self, shop: str, number: int, note: str, **more: Any) -> Record:
        """As the box beside an order does, by the shop's administrator."""
        kind = int(bool(more.get("customer_note")))
        code = f"return wc_get_order({number})->add_order_note({json.dumps(note)}, {kind}, true);"
        return {"id": self._calls.shop.php(code)}

    async def dump_shop(self, shop: str) -> Record:
        kinds = ("products", "orders", "customers")
        shown = {k: await self._calls.rest.get(f"/{k}", {"per_page": "100"}) for k in kinds}
        for order in shown["orders"]:
            order["notes"] = await self._calls.rest.get(f"/orders/{order['id']}/notes")
        return shown

    async def lost_edits(self, shop: str) -> list[Record]:
        return []

    async def faults(self, shop: str, *, requests: list[Record]) -> None:
        self._network.faults += requests

    def __getattr__(self, name: str) -> Any:
        pytest.skip(f"only the sandbox can do {name}")


def access_of(shop: RealShop, *, plugin: bool) -> ShopAccess:
    key, secret = shop.keys["write"]
    return ShopAccess("shop", shop.url, key, secret, "s3cr3tDumbaraLooms2026", plugin)
