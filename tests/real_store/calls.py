"""Calls to a real shop, and operations of the route."""

from __future__ import annotations

import secrets
from typing import Any

import httpx

from connectors.woocommerce.rest import API, ROUTE, Rest
from tests.real_store.shop import RealShop

Record = dict[str, Any]


class Calls:
    """A shop as someone with a key, and as its customers."""

    def __init__(self, shop: RealShop) -> None:
        self.shop = shop
        self.rest: Rest = shop.rest()
        # PHP's own server lets a request wait behind others of its worker.
        self.rest._http.timeout = httpx.Timeout(120)  # noqa: SLF001

    async def sync(self, *operations: Record) -> list[Record]:
        answer = await self.rest.send("POST", ROUTE, body={"operations": list(operations)})
        results: list[Record] = answer["results"]
        return results

    def new_sku(self) -> str:
        return f"SKU-{secrets.token_hex(5)}"

    async def new_product(self, **fields: Any) -> Record:
        body = {"name": "Ceylon BOPF tea 400 g", "sku": self.new_sku(), **fields}
        made: Record = await self.rest.send("POST", f"{API}/products", body=body)
        return made

    async def product(self, product: Record) -> Record:
        found: Record = await self.rest.get(f"/products/{product['id']}", {"context": "edit"})
        return found

    async def edit(self, product: Record, **fields: Any) -> Record:
        made: Record = await self.rest.send("PUT", f"{API}/products/{product['id']}", body=fields)
        return made

    async def order(self, number: int) -> Record:
        found: Record = await self.rest.get(f"/orders/{number}")
        return found

    async def sell(self, product: Record, quantity: int, **fields: Any) -> Record:
        body = {
            "status": "processing", "payment_method": "cod",
            "billing": {"first_name": "Nadeesha", "email": "nadeesha@example.com"},
            "line_items": [{"product_id": product["id"], "quantity": quantity}], **fields,
        }  # fmt: skip
        made: Record = await self.rest.send("POST", f"{API}/orders", body=body)
        return made


def write(item: Record, **more: Any) -> Record:
    return {
        "do": "write", "resource": "product", "entity": f"product/{item['id']}",
        "id": item["id"], "parent_id": 0, "op": [812, 1], "after": None, "expected": {},
        "want": {"regular_price": "1950"}, "totals": {}, **more,
    }  # fmt: skip


def create(**more: Any) -> Record:
    return {
        "do": "create", "resource": "product", "entity": f"product/{secrets.token_hex(6)}",
        "op": [812, 1], "after": None, "expected": {}, "want": {}, "totals": {}, **more,
    }  # fmt: skip


def meta(resource: Record, key: str) -> Any:
    found = (entry["value"] for entry in resource["meta_data"] if entry["key"] == key)
    return next(found, None)


def outcome(result: Record) -> tuple[str, str]:
    return result["result"], result["reason"]
