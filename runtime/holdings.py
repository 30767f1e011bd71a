"""What each store holds, read afresh: the merchant's MongoDB, the sandbox's shop, WhatsApp's
catalogue and the engine's record in Kafka. For the judge (`runtime.convergence`) alone.

Nothing of the product's own reading is used here: a judge that shared it would share its mistakes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer
from aiokafka.helpers import create_ssl_context
from pymongo import AsyncMongoClient

Document = Mapping[str, Any]
Key = tuple[str, str]
"""Type and what names the item on all sides: its SKU; for an order the engine's id."""

PRODUCT_TEXTS = ("sku", "name", "description", "shortDescription", "status")
PRODUCT_AMOUNTS = ("price", "salePrice", "weight")
VARIATION_AMOUNTS = ("price", "salePrice")
EXISTENCE = "existence"
"""Contested under this name where an item was deleted on one side and changed on another."""
_CLAIM = b"\x00claim/"
_SHOP_STATUS = {"publish": "active", "pending": "draft", "future": "draft", "private": "archived"}
_TIMEOUT_S = 60.0


@dataclass
class Holding:
    """One store's items; `fields` holds only what the store can hold of that item."""

    place: str
    items: dict[Key, dict[str, Any]] = field(default_factory=dict)
    twice: list[Key] = field(default_factory=list)
    """Items that are there more than once under one name."""

    def add(self, key: Key, fields: dict[str, Any]) -> None:
        """Note an item."""
        if key in self.items:
            self.twice.append(key)
        self.items[key] = fields


@dataclass
class Records:
    """What the engine's changelog says of one organisation; deleted items are not in it."""

    holding: Holding
    contested: set[tuple[Key, str]] = field(default_factory=set)
    """Fields that wait for a person: they may differ."""
    waiting: int = 0
    """Writes that are out and not yet answered."""
    orders: dict[str, dict[str, str]] = field(default_factory=dict)
    """Order to its id at each platform."""

    def order_at(self, place: str) -> dict[str, str]:
        """A platform's order id to the engine's."""
        return {ids[place]: order for order, ids in self.orders.items() if place in ids}


def amount(value: Any) -> Decimal | str | None:
    """A number however it is written; None for none; what is no number as the text it is."""
    if value is None or value == "":
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return str(value)


def text(value: Any) -> str:
    """Text; none and empty are the same for a shop, which knows no null."""
    return "" if value is None else str(value)


def _product(source: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {name: text(source.get(name)) for name in PRODUCT_TEXTS}
    fields["description"] = _paragraph(source.get("description"))
    fields["shortDescription"] = _paragraph(source.get("shortDescription"))
    return fields | {name: amount(source.get(name)) for name in PRODUCT_AMOUNTS}


def _paragraph(value: Any) -> str:
    shown = text(value).strip()
    if shown.startswith("<p>") and shown.endswith("</p>") and shown.count("<") == 2:
        return shown[3:-4]
    return shown


# MongoDB


async def read_mongodb(
    database_url: str, organization_id: str, orders: Mapping[str, str]
) -> Holding:
    """The merchant's collections; `orders`: MongoDB's order ids to the engine's."""
    held = Holding("mongodb")
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(database_url, tz_aware=True)
    try:
        database = client.get_default_database("smartstore")
        mine = {"organizationId": organization_id}
        async for document in database["products"].find(mine):
            held.add(("product", text(document.get("sku"))), _product(document))
            for variant in document.get("variants") or []:
                held.add(("variation", text(variant.get("sku"))), _variation(variant))
        async for document in database["inventory"].find(mine):
            key = ("inventory", text(document.get("sku")))
            held.add(key, {"quantity": amount(document.get("quantity"))})
        async for document in database["orders"].find(mine):
            number = str(document["_id"])
            key = ("order", orders.get(number, f"mongodb {number}"))
            held.add(key, {"status": text(document.get("status"))})
    finally:
        await client.close()
    return held


def _variation(source: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {"sku": text(source.get("sku"))}
    return fields | {name: amount(source.get(name)) for name in VARIATION_AMOUNTS}


# The shop


async def read_dump(sandbox_url: str, path: str) -> Any:
    """A dump of the sandbox by its control address."""
    async with httpx.AsyncClient(base_url=sandbox_url, timeout=_TIMEOUT_S, trust_env=False) as web:
        answer = await web.get(f"/sandbox/{path}")
        answer.raise_for_status()
        return answer.json()


def shop_holding(dump: Mapping[str, Any], orders: Mapping[str, str]) -> Holding:
    """The shop's items outside the trash; `orders`: the shop's order ids to the engine's."""
    held = Holding("woocommerce")
    for kind, found in (("product", dump["products"]), ("variation", dump["variations"])):
        for item in found:
            if item.get("status") != "trash":
                _shop_item(held, kind, item)
    for order in dump["orders"]:
        if order.get("status") != "trash":
            number = str(order["id"])
            key = ("order", orders.get(number, f"woocommerce {number}"))
            held.add(key, {"status": text(order.get("status"))})
    return held


def _shop_item(held: Holding, kind: str, item: Mapping[str, Any]) -> None:
    sku = text(item.get("sku"))
    told = {
        **item,
        "price": item.get("regular_price"),
        "salePrice": item.get("sale_price"),
        "shortDescription": item.get("short_description"),
        "status": _SHOP_STATUS.get(str(item.get("status")), item.get("status")),
    }
    fields = _product(told) if kind == "product" else _variation(told)
    if item.get("type") in ("variable", "grouped"):
        fields = {name: value for name, value in fields.items() if name not in VARIATION_AMOUNTS}
    held.add((kind, sku), fields)
    if item.get("manage_stock") is True:
        held.add(("inventory", sku), {"quantity": amount(item.get("stock_quantity"))})


# WhatsApp


def catalogue_holding(catalogue: Mapping[str, Mapping[str, Any]]) -> Holding:
    """Items by SKU: each is a product's or variation's, and its stock's."""
    held = Holding("whatsapp")
    for sku, item in catalogue.items():
        fields = {"name": text(item.get("title")), "price": _price(item.get("price"))}
        held.add(("item", sku), {**fields, "salePrice": _price(item.get("sale_price"))})
        quantity = item.get("quantity_to_sell_on_facebook")
        if quantity is not None:
            held.add(("inventory", sku), {"quantity": amount(quantity)})
    return held


def _price(value: Any) -> Decimal | str | None:
    return amount(text(value).partition(" ")[0])


# The engine


@dataclass
class Changelog:
    """Key to the last record. What a former owner wrote behind its successor's claim does not
    count."""

    found: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    _claims: dict[int, int] = field(default_factory=dict)

    def take(self, message: Any) -> None:
        """One message of the topic, in the order of its partition."""
        key = message.key or b""
        if key.startswith(_CLAIM):
            self._claims[message.partition] = message.offset + 1
            return
        if not message.value:
            self.found.pop(key, None)
            return
        record = json.loads(message.value)
        if record.get("epoch", 0) >= self._claims.get(message.partition, 0):
            self.found[key] = record


async def read_changelog(kafka: Mapping[str, str], topic: str) -> dict[bytes, dict[str, Any]]:
    """The changelog from its beginning to its present end."""
    changelog = Changelog()
    async with Tape(kafka, f"{kafka.get('KAFKA_TOPIC_PREFIX', '')}{topic}") as tape:
        await tape.read(changelog.take)
    return changelog.found


class Tape:
    """Topics from their beginning, each time to their present end. Use as a context manager."""

    def __init__(self, kafka: Mapping[str, str], *topics: str) -> None:
        """`kafka`: the KAFKA_… variables."""
        self._consumer = AIOKafkaConsumer(
            *topics,  # without a group it is given all partitions
            **_client_settings(kafka),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )

    async def __aenter__(self) -> Tape:
        try:
            await self._consumer.start()
        except BaseException:
            await self._consumer.stop()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._consumer.stop()

    async def read(self, take: Callable[[Any], None]) -> None:
        """Everything new, to the present end at least. Raises KafkaError without a broker."""
        partitions = sorted(self._consumer.assignment())
        ends = await self._consumer.end_offsets(partitions)
        open_ones = {partition for partition, end in ends.items() if end > 0}
        while open_ones:
            for messages in (await self._consumer.getmany(timeout_ms=500)).values():
                for message in messages:
                    take(message)
            for partition in list(open_ones):
                if await self._consumer.position(partition) >= ends[partition]:
                    open_ones.discard(partition)


def _client_settings(kafka: Mapping[str, str]) -> dict[str, Any]:
    """Read by own eyes, as all here."""
    protocol = kafka.get("KAFKA_SECURITY_PROTOCOL") or "PLAINTEXT"
    found: dict[str, Any] = {
        "bootstrap_servers": [part.removeprefix("kafka://") for part in
                              kafka["KAFKA_URL"].split(",")],
        "security_protocol": protocol,
    }  # fmt: skip
    if protocol.endswith("SSL"):
        found["ssl_context"] = create_ssl_context(
            cafile=kafka.get("KAFKA_TLS_CA"),
            certfile=kafka.get("KAFKA_TLS_CERTIFICATE"),
            keyfile=kafka.get("KAFKA_TLS_KEY"),
        )
    if protocol.startswith("SASL"):
        found |= {
            "sasl_mechanism": kafka.get("KAFKA_SASL_MECHANISM") or "SCRAM-SHA-512",
            "sasl_plain_username": kafka["KAFKA_USERNAME"],
            "sasl_plain_password": kafka["KAFKA_PASSWORD"],
        }
    return found


def records_of(changelog: Iterable[dict[str, Any]], organization_id: str) -> Records:
    """One organisation's records as a holding, with what is contested, gone and under way."""
    records = Records(Holding("engine"))
    for record in changelog:
        if record["organization_id"] != organization_id:
            continue
        fields = {name: stamped[0] for name, stamped in record.get("fields", {}).items()}
        replicas = record.get("replicas", {})
        records.waiting += sum(1 for replica in replicas.values() if replica.get("flight"))
        kind, key = record["type"], (record["type"], text(fields.get("sku")))
        if kind == "order":
            key = (kind, record["entity_id"])
            ids = {name: at.get("external_id") for name, at in replicas.items()}
            records.orders[record["entity_id"]] = {name: i for name, i in ids.items() if i}
        shown = None if record.get("tombstone") else _engine_fields(kind, fields)
        if shown is None:
            continue  # deleted, or nothing that all sides hold
        records.contested |= {(key, name) for name in record.get("conflicts", {})}
        if kind == "product" and (key, EXISTENCE) in records.contested:
            records.contested.add((("inventory", key[1]), EXISTENCE))  # it lives in the product
        records.holding.add(key, shown)
    return records


def _engine_fields(kind: str, fields: Mapping[str, Any]) -> dict[str, Any] | None:
    if kind == "product":
        return _product(fields)
    if kind == "variation":
        return _variation(fields)
    if kind == "inventory":
        # Stock that nobody manages is known only by what it is not.
        return {"quantity": amount(fields["quantity"])} if "quantity" in fields else None
    return {"status": text(fields.get("status"))} if kind == "order" else None
