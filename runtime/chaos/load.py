"""People and programs at work on all sides. What was accepted goes into the journal."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from bson.decimal128 import Decimal128

from runtime.chaos import goods
from runtime.chaos.goods import Item
from runtime.chaos.hands import Absent, Hands
from runtime.chaos.journal import Entry, Journal, Subject
from runtime.chaos.plan import DOOMED, STABLE, Change
from runtime.demo.merchant import Merchant
from sandbox.client import SandboxError

T = TypeVar("T")

_NEXT = ("shipped", "out-for-delivery")
_SENT_TWICE_OF = 4
"""Every so many queued events is sent again with its id."""


@dataclass
class Order:
    """An order somebody placed; its note is its name on all sides."""

    note: str
    shop_id: int = 0
    ended: bool = False
    """The shopkeeper has completed or cancelled it."""


class Load:
    """One seed's people. `make` is called for each change, several at a time."""

    def __init__(self, merchant: Merchant, journal: Journal) -> None:
        self._merchant = merchant
        self._sandbox = merchant.sandbox
        self._shop = merchant.shop.name
        self._hands = Hands(merchant)
        self._journal = journal
        self._org = merchant.organization_id
        self.items = [
            goods.item(self._org, place, doomed=place >= STABLE) for place in range(STABLE + DOOMED)
        ]
        self._orders: list[Order] = []
        self._people: list[str] = []
        self._locks: dict[tuple[str, Subject], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._acts: dict[str, Callable[[Change], Awaitable[None]]] = {
            "app.price": self._app_price, "shop.price": self._shop_price,
            "event.price": self._event_price, "app.name": self._app_name,
            "shop.name": self._shop_name, "app.description": self._app_description,
            "shop.description": self._shop_description, "app.sale": self._app_sale,
            "shop.sale": self._shop_sale, "app.category": self._app_category,
            "shop.category": self._shop_category, "app.sell": self._app_sell,
            "event.stock": self._event_stock, "shop.order": self._shop_order,
            "app.order": self._app_order, "whatsapp.order": self._whatsapp_order,
            "app.status": self._app_status, "shop.complete": self._shop_complete,
            "shop.cancel": self._shop_cancel, "shop.customer": self._shop_customer,
            "app.phone": self._app_phone, "shop.phone": self._shop_phone,
            "app.person": self._app_person, "shop.person": self._shop_person,
            "whatsapp.message": self._whatsapp_message, "app.create": self._app_create,
            "shop.create": self._shop_create, "app.delete": self._app_delete,
            "shop.delete": self._shop_delete,
        }  # fmt: skip

    async def stock_up(self) -> None:
        """The same products in MongoDB and in the shop, announced."""
        products = [goods.resource(one) for one in self.items]
        next_ids = {"post": goods.FIRST_NUMBER + 1_000}
        await self._sandbox.load(self._shop, {"products": products, "next_ids": next_ids})
        for one in self.items:
            name = f"Item {one.sku}"
            document = goods.document(self._org, one, name, goods.PRICE)
            await self._hands.add("products", document)
            await self._hands.add("inventory", goods.stock_document(self._org, one))
        await self._sandbox.announce(self._shop)

    async def make(self, change: Change) -> None:
        """One change. What has nothing to act on (an order that is not there yet) is skipped."""
        try:
            await self._acts[change.act](change)
        except (Absent, SandboxError):
            self._journal.skipped += 1

    @asynccontextmanager
    async def _noted(
        self, change: Change, place: str, subject: Subject, field: str, value: Any
    ) -> AsyncIterator[None]:
        """The update inside goes into the journal once it is accepted. On one platform an item has
        one hand at a time, so the order of its updates there is known."""
        async with self._locks[place, subject]:
            sent_ms = time.time() * 1000
            yield
            accepted_ms = time.time() * 1000
            self._journal.entries.append(
                Entry(change.number, place, subject, field, value, sent_ms, accepted_ms)
            )

    # Who and what

    def _item(self, change: Change, *, known_at: str = "") -> Item:
        """One that lives through the seed, or one that the platform which acts has itself."""
        fit = [
            one
            for one in self.items
            if not one.gone and (one.app_id if known_at == "mongodb" else one.shop_id)
            and (known_at or (one.app_id and not one.doomed))
        ]  # fmt: skip
        return _pick(fit, change)

    def _doomed(self, change: Change) -> Item:
        return _pick([one for one in self.items if one.doomed and not one.gone], change)

    def _open_order(self, change: Change) -> Order:
        placed = [order for order in self._orders if order.shop_id and not order.ended]
        order = _pick(placed, change)
        order.ended = True
        return order

    # Products

    async def _app_set(self, change: Change, field: str, value: Any, stored: Any = None) -> None:
        one = self._item(change, known_at="mongodb")
        async with self._noted(change, "mongodb", ("product", one.sku), field, value):
            _refuse_gone(one)
            told = value if stored is None else stored
            await self._hands.change("products", one.app_id, {"$set": {field: told}})

    async def _shop_set(self, change: Change, field: str, value: Any, rest: str = "") -> None:
        one = self._item(change, known_at="woocommerce")
        async with self._noted(change, "woocommerce", ("product", one.sku), field, value):
            _refuse_gone(one)
            await self._sandbox.edit_product(self._shop, one.shop_id, **{rest or field: value})

    async def _app_price(self, change: Change) -> None:
        value = goods.price(change.number)
        await self._app_set(change, "price", value, Decimal128(value))

    async def _shop_price(self, change: Change) -> None:
        await self._shop_set(change, "price", goods.price(change.number), "regular_price")

    async def _app_sale(self, change: Change) -> None:
        value = goods.sale_price(change.number)
        await self._app_set(change, "salePrice", value, Decimal128(value))

    async def _shop_sale(self, change: Change) -> None:
        await self._shop_set(change, "salePrice", goods.sale_price(change.number), "sale_price")

    async def _app_name(self, change: Change) -> None:
        await self._app_set(change, "name", f"App name {change.number}")

    async def _shop_name(self, change: Change) -> None:
        await self._shop_set(change, "name", f"Shop name {change.number}")

    async def _app_description(self, change: Change) -> None:
        await self._app_set(change, "description", f"App words {change.number}")

    async def _shop_description(self, change: Change) -> None:
        await self._shop_set(change, "description", f"Shop words {change.number}")

    async def _event_price(self, change: Change) -> None:
        one, value = self._item(change), goods.price(change.number)
        async with self._noted(change, "event", ("product", one.sku), "price", value):
            await self._event(change, type="product", data={"sku": one.sku, "price": value})

    async def _app_category(self, change: Change) -> None:
        one = self._item(change)
        _, name = goods.category(change.number)
        async with self._noted(change, "mongodb", ("product", one.sku), "category", name):
            await self._hands.change("products", one.app_id, {"$addToSet": {"categories": name}})

    async def _shop_category(self, change: Change) -> None:
        """The shopkeeper makes a category and puts the product into it too."""
        one = self._item(change)
        number, name = goods.category(change.number)
        term = {"id": number, "name": name, "slug": f"category-{number}"}
        async with self._noted(change, "woocommerce", ("product", one.sku), "category", name):
            await self._sandbox.load(self._shop, {"categories": [term]})
            held = (await self._sandbox.product(self._shop, one.shop_id))["categories"]
            wanted = [{"id": known["id"]} for known in held] + [{"id": number}]
            await self._sandbox.edit_product(self._shop, one.shop_id, categories=wanted)

    async def _app_create(self, change: Change) -> None:
        one = Item(f"APP-{change.number}", f"{self._org}-p{change.number}")
        value = goods.price(change.number)
        document = goods.document(self._org, one, f"New {one.sku}", value)
        async with self._noted(change, "mongodb", ("product", one.sku), "created", value):
            await self._hands.add("products", document)
            await self._hands.add("inventory", goods.stock_document(self._org, one))
        self.items.append(one)

    async def _shop_create(self, change: Change) -> None:
        one = Item(f"SHOP-{change.number}")
        value = goods.price(change.number)
        async with self._noted(change, "woocommerce", ("product", one.sku), "created", value):
            made = await self._sandbox.create_product(
                self._shop, name=f"New {one.sku}", sku=one.sku, regular_price=value,
                manage_stock=True, stock_quantity=goods.START,
            )  # fmt: skip
        one.shop_id = str(made["id"])
        self.items.append(one)

    async def _app_delete(self, change: Change) -> None:
        one = self._doomed(change)
        one.gone = True
        async with self._noted(change, "mongodb", ("product", one.sku), "deleted", True):
            await self._hands.remove("products", one.app_id)
            await self._hands.remove("inventory", one.app_id)

    async def _shop_delete(self, change: Change) -> None:
        one = self._doomed(change)
        one.gone = True
        async with self._noted(change, "woocommerce", ("product", one.sku), "deleted", True):
            await self._sandbox.trash_product(self._shop, one.shop_id)

    # Stock: what the shop's orders take is in the shop's own log

    async def _app_sell(self, change: Change) -> None:
        one, count = self._item(change), 1 + change.pick % 3
        async with self._noted(change, "mongodb", ("product", one.sku), "stock", -count):
            unique = f"{self._org}-{change.number}"
            await self._hands.move_stock(one.app_id, -count, unique)

    async def _event_stock(self, change: Change) -> None:
        one, count = self._item(change), 1 + change.pick % 3
        async with self._noted(change, "event", ("product", one.sku), "stock", -count):
            await self._event(change, type="inventory", data={"sku": one.sku, "delta": -count})

    async def _event(self, change: Change, **event: Any) -> None:
        unique = f"{self._org}-{change.number}"
        await self._hands.event(id=unique, **event)
        if not change.number % _SENT_TWICE_OF:
            await self._hands.event(id=unique, **event)

    # Orders

    async def _shop_order(self, change: Change) -> None:
        one, note = self._item(change), f"order {change.number}"
        person = {"first_name": "Buyer", "last_name": str(change.number)}
        billing = {**person, "phone": goods.phone(5, change.number)}
        async with self._noted(change, "woocommerce", ("order", note), "created", "processing"):
            made = await self._sandbox.sell(
                self._shop, one.sku, 1 + change.pick % 3,
                order={"customer_note": note, "billing": billing},
            )  # fmt: skip
        self._orders.append(Order(note, int(made["id"])))

    async def _app_order(self, change: Change) -> None:
        one, note = self._item(change), f"order {change.number}"
        now = datetime.now(UTC)
        document = goods.order_document(self._org, change.number, one, note, now)
        async with self._noted(change, "mongodb", ("order", note), "created", "processing"):
            await self._hands.add("orders", document)
        async with self._noted(change, "mongodb", ("product", one.sku), "stock", -1):
            await self._hands.move_stock(one.app_id, -1, document["_id"])
        self._orders.append(Order(note))

    async def _whatsapp_order(self, change: Change) -> None:
        one, count, note = self._item(change), 1 + change.pick % 2, f"order {change.number}"
        line = {"sku": one.sku, "quantity": count, "item_price": goods.PRICE}
        sender = goods.phone(1, change.number).lstrip("+")
        async with (
            self._noted(change, "whatsapp", ("order", note), "created", "pending"),
            self._noted(change, "whatsapp", ("product", one.sku), "stock", -count),
        ):
            await self._sandbox.customer_orders(self._merchant.number, sender, [line], note)
        self._orders.append(Order(note))

    async def _app_status(self, change: Change) -> None:
        order = _pick(self._orders, change)
        status = _NEXT[change.number % 2]
        async with self._noted(change, "mongodb", ("order", order.note), "status", status):
            found = await self._hands.find("orders", note=order.note)
            if found is None:
                raise Absent(f"{order.note} has not arrived yet")
            # What an app takes back while nobody looks, nobody can have seen.
            if goods.RANK.get(found["status"], 0) >= goods.RANK[status]:
                raise Absent(f"{order.note} is {found['status']} already")
            await self._hands.change("orders", found["_id"], {"$set": {"status": status}})

    async def _shop_complete(self, change: Change) -> None:
        await self._end_order(change, "completed")

    async def _shop_cancel(self, change: Change) -> None:
        await self._end_order(change, "cancelled")

    async def _end_order(self, change: Change, status: str) -> None:
        order = self._open_order(change)
        async with self._noted(change, "woocommerce", ("order", order.note), "status", status):
            await self._sandbox.edit_order(self._shop, order.shop_id, status=status)

    # People

    async def _shop_customer(self, change: Change) -> None:
        email = f"person{change.number}@example.com"
        billing = {"phone": goods.phone(2, change.number), "email": email}
        async with self._noted(change, "woocommerce", ("customer", email), "created", email):
            await self._sandbox.create_customer(
                self._shop, email=email, first_name="Person", last_name=str(change.number),
                billing=billing,
            )  # fmt: skip
        self._people.append(email)

    async def _app_customer(self, change: Change, field: str, value: str) -> None:
        email = _pick(self._people, change)
        async with self._noted(change, "mongodb", ("customer", email), field, value):
            found = await self._hands.find("customers", email=email)
            if found is None:
                raise Absent(f"{email} has not arrived yet")
            await self._hands.change("customers", found["_id"], {"$set": {field: value}})

    async def _app_phone(self, change: Change) -> None:
        await self._app_customer(change, "phone", goods.phone(2, change.number))

    async def _app_person(self, change: Change) -> None:
        await self._app_customer(change, "name", f"App {change.number}")

    async def _shop_phone(self, change: Change) -> None:
        email, value = _pick(self._people, change), goods.phone(2, change.number)
        async with self._noted(change, "woocommerce", ("customer", email), "phone", value):
            await self._sandbox.edit_customer(self._shop, email, billing={"phone": value})

    async def _shop_person(self, change: Change) -> None:
        email, number = _pick(self._people, change), str(change.number)
        value = f"Shop {number}"
        async with self._noted(change, "woocommerce", ("customer", email), "name", value):
            await self._sandbox.edit_customer(
                self._shop, email, first_name="Shop", last_name=number
            )

    async def _whatsapp_message(self, change: Change) -> None:
        text = f"Is my parcel on its way? ({change.number})"
        sender = goods.phone(1, change.number).lstrip("+")
        async with self._noted(change, "whatsapp", ("message", text), "created", text):
            await self._sandbox.customer_writes(self._merchant.number, sender, text)


def _pick(fit: Sequence[T], change: Change) -> T:
    """The one this change is about. Raises Absent where there is none."""
    if not fit:
        raise Absent(f"nothing for {change.act} to act on")
    return fit[change.pick % len(fit)]


def _refuse_gone(one: Item) -> None:
    """Somebody deleted it while this hand waited for its turn."""
    if one.gone:
        raise Absent(f"{one.sku} is deleted")
