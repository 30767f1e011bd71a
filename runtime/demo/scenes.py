"""What people do in the demo, each with what has to come of it on the other platforms."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from runtime.demo.merchant import Merchant
from runtime.demo.watch import Change, Expectation, Landing
from sandbox.data import PEOPLE, PRODUCTS, Product

SIMPLE = tuple(product for product in PRODUCTS if product.stock is not None)
_BY_SKU = {product.sku: product for product in SIMPLE}


class BadSetting(ValueError):
    """A value given to a scene cannot be used; the text says what can."""


@dataclass(frozen=True)
class Given:
    """What was asked for (`--set name=value`), the rest thrown with dice."""

    settings: Mapping[str, str] = field(default_factory=dict)
    dice: random.Random = field(default_factory=random.Random)

    def text(self, name: str, otherwise: str) -> str:
        """A setting as text."""
        return self.settings.get(name) or otherwise

    def number(self, name: str, otherwise: int) -> int:
        """A setting as a whole number over zero. Raises BadSetting."""
        value = self.settings.get(name, str(otherwise))
        if not value.isdigit() or not int(value):
            raise BadSetting(f"{name} must be a whole number over zero, not {value!r}")
        return int(value)

    def product(self) -> Product:
        """The product with the SKU asked for, else any."""
        sku = self.settings.get("sku")
        if sku is None:
            return self.dice.choice(SIMPLE)
        if sku not in _BY_SKU:
            raise BadSetting(f"no product {sku}; there are {', '.join(_BY_SKU)}")
        return _BY_SKU[sku]

    def price(self, product: Product) -> str:
        """The price asked for, else one near the product's."""
        given = self.settings.get("price") or self.settings.get("total")
        if given is None:
            near = Decimal(product.price) * self.dice.randint(85, 120) / 100
            return f"{near.quantize(Decimal('0.5')):f}"
        try:
            return f"{Decimal(given):f}"
        except InvalidOperation as error:
            raise BadSetting(f"price must be an amount, not {given!r}") from error


@dataclass
class Scene:
    """A change and how to make it."""

    change: Change
    act: Callable[[], Awaitable[None]]

    async def play(self) -> Change:
        """Make the change; the platform has acknowledged it when this returns."""
        self.change.began_ms = time.time() * 1000
        await self.act()
        self.change.acknowledged_ms = time.time() * 1000
        return self.change


Build = Callable[[Merchant, Given], Awaitable[Scene]]


# What is waited for


def _same(told: Any, wanted: Any) -> bool:
    try:
        return told is not None and Decimal(str(told)) == Decimal(str(wanted))
    except InvalidOperation:
        return bool(told == wanted)


def _field(place: str, kind: str, item: str, name: str, value: Any) -> Expectation:
    def test(landing: Landing) -> bool:
        same_item = (landing.kind, landing.item) == (kind, item)
        return same_item and name in landing.fields and _same(landing.fields[name], value)

    return Expectation(place, f"{kind} {name}", test)


def _prices(m: Merchant, product: Product, price: str, *, but: str = "") -> list[Expectation]:
    def shown(landing: Landing) -> bool:
        text = str(landing.fields.get("price", "")).partition(" ")[0]
        return (landing.kind, landing.item) == ("catalogue", product.sku) and _same(text, price)

    found = [
        _field("mongodb", "products", product.key, "price", price),
        _field("woocommerce", "product", str(product.number), "regular_price", price),
    ]
    if m.number:
        found.append(Expectation("whatsapp", "price", shown))
    return [one for one in found if one.place != but]


def _stock(m: Merchant, product: Product, quantity: int, *, but: str = "") -> list[Expectation]:
    found = [
        _field("mongodb", "inventory", product.key, "quantity", quantity),
        _field("woocommerce", "stock", str(product.number), "stock_quantity", quantity),
    ]
    if m.number:
        name = "quantity_to_sell_on_facebook"
        found.append(_field("whatsapp", "catalogue", product.sku, name, max(quantity, 0)))
    return [one for one in found if one.place != but]


async def _quantity(m: Merchant, product: Product) -> int:
    found = await m.collection("inventory").find_one(
        {"_id": product.key, "organizationId": m.organization_id}
    )
    return int((found or {}).get("quantity") or 0)


# Products


async def mongo_product_updated(m: Merchant, given: Given) -> Scene:
    """The price changes in the merchant's own app."""
    product = given.product()
    price = given.price(product)
    change = Change(f"{product.sku}: price {price}", "mongodb", _prices(m, product, price, but="mongodb"))  # noqa: E501 # fmt: skip
    return Scene(change, lambda: m.set_product(product.key, price=price))


async def woo_product_updated(m: Merchant, given: Given) -> Scene:
    """The shopkeeper renames a product in WooCommerce."""
    product = given.product()
    plain = product.name.partition(" (")[0]
    name = given.text("name", f"{plain} (lot {given.dice.randint(100, 999)})")
    expected = [_field("mongodb", "products", product.key, "name", name)]
    if m.number:
        expected.append(_field("whatsapp", "catalogue", product.sku, "title", name))

    async def act() -> None:
        await m.sandbox.edit_product(m.shop.name, product.sku, name=name)

    return Scene(Change(f"{product.sku}: name {name}", "woocommerce", expected), act)


async def mongo_product_created(m: Merchant, given: Given) -> Scene:
    """A new product in the merchant's own app."""
    number = given.dice.randint(10_000, 99_999)
    sku, price = given.text("sku", f"NEW-{number}"), given.text("price", "750")
    name = given.text("name", f"Hand-made soap no. {number}")

    def created(kind: str, title: str) -> Callable[[Landing], bool]:
        return lambda landing: landing.kind == kind and landing.fields.get(title) == name

    expected = [Expectation("woocommerce", "new product", created("product", "name"))]
    if m.number:
        expected.append(Expectation("whatsapp", "new item", created("catalogue", "title")))

    async def act() -> None:
        picture = [{"url": "https://cdn.example.com/p/new.jpg", "alt": name}]
        await m.add_product(f"n{number}", sku, 20, name=name, price=price, images=picture)

    return Scene(Change(f"{sku}: new product", "mongodb", expected), act)


async def event_product(m: Merchant, given: Given) -> Scene:
    """An application says by `queueEvent` what a product should cost."""
    product = given.product()
    price = given.price(product)

    async def act() -> None:
        await m.queue_event(type="product", data={"sku": product.sku, "price": price})

    change = Change(f"{product.sku}: price {price}", "queueEvent", _prices(m, product, price))
    return Scene(change, act)


# Stock and orders


async def stock_both(m: Merchant, given: Given) -> Scene:
    """The same item is sold in the app and in the shop at the same moment."""
    product = given.product()
    app, shop = given.number("app", 3), given.number("shop", 2)
    left = await _quantity(m, product) - app - shop

    async def act() -> None:
        buyer = given.dice.choice(PEOPLE)[2]
        sold = m.sandbox.sell(m.shop.name, product.sku, shop, customer=buyer, oversell=True)
        await asyncio.gather(m.take_stock(product.key, app), sold)

    title = f"{product.sku}: {app} sold in the app, {shop} in the shop at once, {left} left"
    return Scene(Change(title, "both", _stock(m, product, left)), act)


async def woo_order_created(m: Merchant, given: Given) -> Scene:
    """A customer orders in the shop."""
    product = given.product()
    quantity = given.number("quantity", 2)
    customer = given.text("customer", given.dice.choice(PEOPLE)[2])
    left = await _quantity(m, product) - quantity
    made: dict[str, str] = {}

    def copied(landing: Landing) -> bool:
        return landing.kind == "orders" and landing.fields.get("number") == made.get("number")

    async def act() -> None:
        order = await m.sandbox.sell(
            m.shop.name, product.sku, quantity, customer=customer, oversell=True
        )
        made["number"] = str(order["id"])

    expected = [Expectation("mongodb", "order", copied)]
    expected += _stock(m, product, left, but="woocommerce")
    return Scene(Change(f"order of {quantity} {product.sku}", "woocommerce", expected), act)


async def _an_order(m: Merchant, **narrowed: Any) -> dict[str, Any]:
    """The newest order in MongoDB that is being processed. Raises BadSetting."""
    wanted = {"organizationId": m.organization_id, "status": "processing", **narrowed}
    async for order in m.collection("orders").find(wanted).sort("createdAt", -1).limit(1):
        return order
    raise BadSetting("there is no such order yet; make one first: trigger woo.order.created")


async def woo_order_cancelled(m: Merchant, given: Given) -> Scene:
    """The newest order of the shop is cancelled there: its stock comes back."""
    order = await _an_order(m, placedOn="woocommerce")
    line = order["items"][0]
    product = _BY_SKU.get(line["sku"])
    expected = [_field("mongodb", "orders", str(order["_id"]), "status", "cancelled")]
    if product is not None:
        back = await _quantity(m, product) + int(line["quantity"])
        expected += _stock(m, product, back, but="woocommerce")

    async def act() -> None:
        await m.sandbox.cancel_order(m.shop.name, int(order["number"]))

    return Scene(Change(f"order {order['number']} cancelled", "woocommerce", expected), act)


async def order_status(m: Merchant, given: Given) -> Scene:
    """The app marks an order as shipped: its customer is told on WhatsApp."""
    status = given.text("status", "shipped")
    order = await _an_order(m, **{"billing.phone": {"$regex": "^[+]"}})
    phone = order["billing"]["phone"].lstrip("+")

    def told(landing: Landing) -> bool:
        return landing.kind == "message" and landing.item == phone

    expected = [Expectation("whatsapp", "notification", told)] if m.number else []

    async def act() -> None:
        await m.set_order(order["_id"], status=status)

    return Scene(Change(f"order {order.get('number')} {status}", "mongodb", expected), act)


# WhatsApp


async def whatsapp_message(m: Merchant, given: Given) -> Scene:
    """A customer writes."""
    sender = given.text("from", given.dice.choice(PEOPLE)[3])
    text = given.text("text", f"Is my parcel on its way? ({given.dice.randint(100, 999)})")

    def kept(landing: Landing) -> bool:
        return landing.kind == "messages" and landing.fields.get("body") == text

    async def act() -> None:
        await m.sandbox.customer_writes(m.number, sender.lstrip("+"), text)

    return Scene(Change(f"“{text}”", "whatsapp", [Expectation("mongodb", "message", kept)]), act)


async def whatsapp_order(m: Merchant, given: Given) -> Scene:
    """A customer orders from the catalogue on WhatsApp."""
    product = given.product()
    quantity = given.number("quantity", 1)
    sender = given.text("from", given.dice.choice(PEOPLE)[3])
    left = await _quantity(m, product) - quantity

    def in_mongodb(landing: Landing) -> bool:
        fields = landing.fields
        return landing.kind == "orders" and fields.get("placedOn") == "whatsapp"

    def in_shop(landing: Landing) -> bool:
        return landing.kind == "order" and landing.fields.get("operation") == "create"

    async def act() -> None:
        item = {"sku": product.sku, "quantity": quantity, "item_price": product.price}
        await m.sandbox.customer_orders(m.number, sender.lstrip("+"), [item])

    expected = [
        Expectation("mongodb", "order", in_mongodb),
        Expectation("woocommerce", "order", in_shop),
        *_stock(m, product, left, but="whatsapp"),
    ]
    return Scene(Change(f"order of {quantity} {product.sku}", "whatsapp", expected), act)


# Conflicts


async def conflict_price(m: Merchant, given: Given) -> Scene:
    """Two people set two prices at once; the organisation's rule asks a person."""
    product = given.product()
    here = given.price(product)
    there = f"{Decimal(here) + 150:f}"

    async def act() -> None:
        edited = m.sandbox.edit_product(m.shop.name, product.sku, regular_price=there)
        await asyncio.gather(m.set_product(product.key, price=here), edited)

    title = f"{product.sku}: price {here} in MongoDB and {there} in the shop at once"
    return Scene(Change(title, "both"), act)


EVENTS: dict[str, Build] = {
    "mongo.product.updated": mongo_product_updated,
    "mongo.product.created": mongo_product_created,
    "woo.product.updated": woo_product_updated,
    "event.product": event_product,
    "stock.both": stock_both,
    "woo.order.created": woo_order_created,
    "woo.order.cancelled": woo_order_cancelled,
    "order.status": order_status,
    "whatsapp.message": whatsapp_message,
    "whatsapp.order": whatsapp_order,
    "conflict.price": conflict_price,
}
"""What `trigger` can send. The demo plays all of them, in this order but for the conflict."""
