"""A small client of the sandbox's control API, for the demo, tests and benchmarks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

Record = dict[str, Any]


class SandboxError(Exception):
    """The sandbox refused a control request."""


@dataclass(frozen=True)
class ShopAccess:
    """What a connector needs to know of a shop."""

    name: str
    url: str
    consumer_key: str
    consumer_secret: str
    webhook_secret: str
    plugin: bool


class SandboxClient:
    """Every method is one request; errors raise SandboxError with the sandbox's words."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @classmethod
    @asynccontextmanager
    async def open(cls, base_url: str) -> AsyncIterator["SandboxClient"]:
        async with httpx.AsyncClient(base_url=base_url, timeout=60, trust_env=False) as client:
            yield cls(client)

    async def _ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        answer = await self._client.request(
            method, f"/sandbox/{path}", json=body, params={k: v for k, v in query.items() if v}
        )
        if answer.is_error:
            raise SandboxError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    # The sandbox

    async def reset(self) -> None:
        await self._ask("POST", "reset")

    async def drain(self) -> None:
        """Return when every webhook was sent (or given up)."""
        await self._ask("POST", "drain")

    async def dump(self) -> Record:
        found: Record = await self._ask("GET", "dump")
        return found

    async def deliveries(self) -> list[Record]:
        found: list[Record] = await self._ask("GET", "deliveries")
        return found

    async def set_clock(
        self, *, freeze: float | str | None = None, advance_s: float = 0.0, reset: bool = False
    ) -> float:
        body: Record = {"advance_s": advance_s, "reset": reset}
        if freeze is not None:
            body["freeze"] = freeze
        answer = await self._ask("POST", "clock", body)
        return float(answer["now"])

    # Shops

    async def create_shop(self, name: str, **settings: Any) -> ShopAccess:
        """`webhook_url`, `webhook_secret`, `topics`, `keys`, `load` and every shop setting."""
        made = await self._ask("POST", "shops", {"name": name, **settings})
        return ShopAccess(
            made["name"],
            made["url"],
            made["consumer_key"],
            made["consumer_secret"],
            made["webhook_secret"],
            made["plugin"],
        )

    async def change_shop(self, shop: str, **settings: Any) -> None:
        await self._ask("PATCH", f"shops/{shop}", settings)

    async def load(self, shop: str, records: Record) -> None:
        await self._ask("POST", f"shops/{shop}/load", records)

    async def announce(self, shop: str) -> int:
        """Every product, variation and customer sends its webhook, as after a bulk edit."""
        answer = await self._ask("POST", f"shops/{shop}/announce", {})
        return int(answer["announced"])

    async def dump_shop(self, shop: str) -> Record:
        found: Record = await self._ask("GET", f"shops/{shop}/dump")
        return found

    async def writes(self, shop: str, **narrowed: Any) -> list[Record]:
        found: list[Record] = await self._ask("GET", f"shops/{shop}/writes", **narrowed)
        return found

    async def edits(self, shop: str, **narrowed: Any) -> list[Record]:
        found: list[Record] = await self._ask("GET", f"shops/{shop}/edits", **narrowed)
        return found

    async def lost_edits(self, shop: str) -> list[Record]:
        found: Record = await self._ask("GET", f"shops/{shop}/losses")
        edits: list[Record] = found["edits"]
        return edits

    async def faults(
        self,
        shop: str,
        *,
        requests: list[Record] | None = None,
        webhooks: Record | None = None,
        seed: int | None = None,
    ) -> None:
        await self._ask("POST", f"shops/{shop}/faults", _faults(requests, webhooks, seed))

    async def clear_faults(self, shop: str) -> None:
        await self._ask("DELETE", f"shops/{shop}/faults")

    # People in a shop

    async def product(self, shop: str, reference: str | int) -> Record:
        return await self._record("GET", f"shops/{shop}/products/{reference}")

    async def create_product(self, shop: str, **fields: Any) -> Record:
        return await self._record("POST", f"shops/{shop}/products", fields)

    async def edit_product(self, shop: str, reference: str | int, **fields: Any) -> Record:
        return await self._record("PATCH", f"shops/{shop}/products/{reference}", fields)

    async def write_database(self, shop: str, reference: str | int, **fields: Any) -> Record:
        """Past the shop's own code: no webhook, no new date, no new revision."""
        path = f"shops/{shop}/products/{reference}"
        found: Record = await self._ask("PATCH", path, fields, silent="true")
        return found

    async def set_stock(self, shop: str, reference: str | int, quantity: int) -> Record:
        return await self.edit_product(shop, reference, manage_stock=True, stock_quantity=quantity)

    async def trash_product(
        self, shop: str, reference: str | int, *, force: bool = False
    ) -> Record:
        path = f"shops/{shop}/products/{reference}"
        found: Record = await self._ask("DELETE", path, force="true" if force else "")
        return found

    async def restore_product(self, shop: str, reference: str | int) -> Record:
        return await self._record("POST", f"shops/{shop}/products/{reference}/restore")

    async def sell(
        self, shop: str, sku: str, quantity: int = 1, *, customer: str = "", **more: Any
    ) -> Record:
        """A customer buys; the order is answered. `lines=[{"sku","quantity"}]` for several."""
        body: Record = {"lines": [{"sku": sku, "quantity": quantity}], **more}
        if customer:
            body["customer"] = customer
        return await self._record("POST", f"shops/{shop}/orders", body)

    async def order(self, shop: str, number: int) -> Record:
        return await self._record("GET", f"shops/{shop}/orders/{number}")

    async def edit_order(self, shop: str, number: int, **fields: Any) -> Record:
        return await self._record("PATCH", f"shops/{shop}/orders/{number}", fields)

    async def write_note(self, shop: str, number: int, note: str, **more: Any) -> Record:
        """Somebody types a note in the shop's admin; `customer_note`, `author`."""
        path = f"shops/{shop}/orders/{number}/notes"
        return await self._record("POST", path, {"note": note, "author": "Kamala", **more})

    async def cancel_order(self, shop: str, number: int) -> Record:
        return await self._record("POST", f"shops/{shop}/orders/{number}/cancel")

    async def trash_order(self, shop: str, number: int, *, force: bool = False) -> Record:
        path = f"shops/{shop}/orders/{number}"
        found: Record = await self._ask("DELETE", path, force="true" if force else "")
        return found

    async def create_customer(self, shop: str, **fields: Any) -> Record:
        return await self._record("POST", f"shops/{shop}/customers", fields)

    async def edit_customer(self, shop: str, reference: str | int, **fields: Any) -> Record:
        return await self._record("PATCH", f"shops/{shop}/customers/{reference}", fields)

    async def _record(self, method: str, path: str, body: Any = None) -> Record:
        found: Record = await self._ask(method, path, body)
        return found

    # WhatsApp

    async def create_number(self, number_id: str, **settings: Any) -> Record:
        """`templates`, `webhook_url`, `app_secret`, `access_token` and every number setting."""
        return await self._record("POST", "whatsapp", {"id": number_id, **settings})

    async def change_number(self, number_id: str, **settings: Any) -> Record:
        return await self._record("PATCH", f"whatsapp/{number_id}", settings)

    async def add_template(self, number_id: str, **template: Any) -> None:
        """A new template; of a known one with `status` alone, Meta's new word on it."""
        await self._ask("POST", f"whatsapp/{number_id}/templates", template)

    async def messages(self, number_id: str) -> list[Record]:
        """Everything sent through the number, in order; a repeated send is there twice."""
        found: list[Record] = await self._ask("GET", f"whatsapp/{number_id}/messages")
        return found

    async def catalogue(self, number_id: str) -> dict[str, Record]:
        found: dict[str, Record] = await self._ask("GET", f"whatsapp/{number_id}/catalogue")
        return found

    async def refuse_items(self, number_id: str, **reasons: str) -> None:
        """SKU to why a finished batch does not take it."""
        await self._ask("POST", f"whatsapp/{number_id}/catalogue", {"refuse": reasons})

    async def catalogue_writes(self, number_id: str) -> list[Record]:
        found: list[Record] = await self._ask("GET", f"whatsapp/{number_id}/writes")
        return found

    async def customer_writes(
        self, number_id: str, sender: str, text: str = "", **more: Any
    ) -> Record:
        """A text, or `button_reply={id,title}`, `button={payload,text}`, `message={...}`,
        `media={kind,content,mime_type}`, `edit={id,text}`, `revoke={id}`."""
        body = {"from": sender, "text": text, **more}
        return await self._record("POST", f"whatsapp/{number_id}/inbound", body)

    async def customer_orders(
        self, number_id: str, sender: str, items: list[Record], text: str = "", **more: Any
    ) -> Record:
        """A catalogue order; items are `{"sku","quantity"}` with `item_price` if you like."""
        body = {"from": sender, "order": {"items": items, "text": text}, **more}
        return await self._record("POST", f"whatsapp/{number_id}/inbound", body)

    async def account_news(self, number_id: str, field: str, **value: Any) -> Record:
        """News of the account: `field` as Meta names it."""
        body = {"field": field, "value": value}
        return await self._record("POST", f"whatsapp/{number_id}/news", body)

    async def verify_webhook(self, number_id: str) -> bool:
        answer = await self._ask("POST", f"whatsapp/{number_id}/verify")
        return bool(answer["verified"])

    async def finish_batches(self, number_id: str) -> int:
        answer = await self._ask("POST", f"whatsapp/{number_id}/finish-batches", {})
        return int(answer["finished"])

    async def number_faults(
        self,
        number_id: str,
        *,
        requests: list[Record] | None = None,
        webhooks: Record | None = None,
        seed: int | None = None,
    ) -> None:
        await self._ask("POST", f"whatsapp/{number_id}/faults", _faults(requests, webhooks, seed))

    async def clear_number_faults(self, number_id: str) -> None:
        await self._ask("DELETE", f"whatsapp/{number_id}/faults")

    async def prepare_next(self, number_id: str, **lists: Any) -> None:
        """`message_ids`, `handles`, `failures` (codes) for what is sent next."""
        await self._ask("POST", f"whatsapp/{number_id}/next", lists)

    # Couriers

    async def create_courier(self, kind: str, name: str = "", **settings: Any) -> Record:
        """An account at `/couriers/{name}`; `settings` are its credentials, limits and habits."""
        body = {"kind": kind, "name": name or kind, **settings}
        return await self._record("POST", "couriers", body)

    async def change_courier(self, name: str, **settings: Any) -> Record:
        return await self._record("PATCH", f"couriers/{name}", settings)

    async def shipments(self, name: str, reference: str = "") -> list[Record]:
        """What the account carries; a repeated creation is there twice."""
        found: list[Record] = await self._ask(
            "GET", f"couriers/{name}/shipments", reference=reference
        )
        return found

    async def load_shipment(self, name: str, number: str, **more: Any) -> Record:
        """`reference`, `pieces`, `scans` (`[{stage, at, place, ...}]`)."""
        body = {"number": number, **more}
        return await self._record("POST", f"couriers/{name}/shipments", body)

    async def scan(self, name: str, number: str, stage: str, **more: Any) -> Record:
        """One event, at once or `at`."""
        path = f"couriers/{name}/shipments/{number}/scans"
        return await self._record("POST", path, {"stage": stage, **more})

    async def advance(self, name: str, numbers: list[str] | None = None, place: str = "") -> int:
        """All shipments, or these, one stage further; how many moved."""
        body: Record = {"place": place}
        if numbers is not None:
            body["numbers"] = numbers
        answer = await self._ask("POST", f"couriers/{name}/advance", body)
        return int(answer["moved"])

    async def courier_calls(self, name: str) -> list[Record]:
        found: list[Record] = await self._ask("GET", f"couriers/{name}/calls")
        return found

    async def expire_tokens(self, name: str) -> None:
        await self._ask("POST", f"couriers/{name}/expire-tokens")

    async def courier_faults(self, name: str, *requests: Record) -> None:
        await self._ask("POST", f"couriers/{name}/faults", {"requests": list(requests)})

    async def clear_courier_faults(self, name: str) -> None:
        await self._ask("DELETE", f"couriers/{name}/faults")


def _faults(requests: list[Record] | None, webhooks: Record | None, seed: int | None) -> Record:
    body: Record = {}
    if requests is not None:
        body["requests"] = requests
    if webhooks is not None:
        body["webhooks"] = webhooks
    if seed is not None:
        body["seed"] = seed
    return body
