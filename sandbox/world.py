"""Everything the sandbox holds, in memory."""

import dataclasses
import secrets
from typing import Any

import httpx

from sandbox.clock import Clock
from sandbox.couriers.api import Couriers
from sandbox.couriers.depot import Depot
from sandbox.sender import Sender
from sandbox.whatsapp.api import WhatsApp
from sandbox.whatsapp.catalogue import Catalogue
from sandbox.whatsapp.number import Number, Template
from sandbox.whatsapp.number import Settings as NumberSettings
from sandbox.whatsapp.outbound import Outbound
from sandbox.woocommerce.api import WooCommerce
from sandbox.woocommerce.hooks import Hooks
from sandbox.woocommerce.shop import Key, Shop, make_key
from sandbox.woocommerce.shop import Settings as ShopSettings

Record = dict[str, Any]


class ControlError(Exception):
    """A control request is wrong; its text says how."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def settings_from(kind: type[Any], record: Record, base: Any = None) -> Any:
    """A settings object with the record's values; a name it does not have is an error."""
    known = {entry.name for entry in dataclasses.fields(kind)}
    unknown = sorted(set(record) - known)
    if unknown:
        listed = ", ".join(sorted(known))
        raise ControlError(400, f"unknown settings: {', '.join(unknown)}; known: {listed}")
    return dataclasses.replace(base, **record) if base is not None else kind(**record)


class World:
    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.clock = Clock()
        self.sender = Sender(transport)
        self.hooks = Hooks(self.sender)
        self.outbound = Outbound(self.sender)
        self.shops: dict[str, Shop] = {}
        self.numbers: dict[str, Number] = {}
        self.catalogues: dict[str, Catalogue] = {}
        self.depots: dict[str, Depot] = {}
        self.woocommerce = WooCommerce(self.shops, self.hooks)
        self.whatsapp = WhatsApp(self.numbers, self.catalogues, self.outbound, self.sender)
        self.couriers = Couriers(self.depots)

    def create_shop(self, name: str, settings: Record, keys: list[Record], base_url: str) -> Shop:
        if not name or "/" in name or name in self.shops:
            raise ControlError(409 if name in self.shops else 400, f"shop name {name!r}")
        chosen = settings_from(ShopSettings, settings)
        chosen.home_url = chosen.home_url.rstrip("/") or f"{base_url}/shops/{name}"
        shop = Shop(name, chosen, self.clock, self.hooks.fire)
        for key in [Key(**entry) for entry in keys] or [make_key()]:
            shop.keys[key.consumer_key] = key
        self.shops[name] = shop
        return shop

    def create_number(self, number_id: str, settings: Record, templates: list[Record]) -> Number:
        if not number_id or number_id in self.numbers:
            raise ControlError(409 if number_id in self.numbers else 400, f"number {number_id!r}")
        number = Number(number_id, settings_from(NumberSettings, settings), self.clock)
        for entry in templates:
            self.add_template(number, entry)
        self.numbers[number_id] = number
        catalog_id = number.settings.catalog_id
        self.catalogues.setdefault(catalog_id, Catalogue(catalog_id))
        return number

    def add_template(self, number: Number, entry: Record) -> None:
        template: Template = settings_from(Template, entry)
        number.templates[template.name, template.language] = template

    async def reset(self) -> None:
        """As freshly started; what was on its way is dropped."""
        await self.sender.close()
        self.hooks.clear()
        self.sender.log.clear()
        self.shops.clear()
        self.numbers.clear()
        self.catalogues.clear()
        self.depots.clear()
        self.clock.reset()


def make_secret() -> str:
    """Letters and digits only: core HTML-decodes a secret before it signs with it."""
    return secrets.token_hex(20)
