"""What a customer may be told, read from the view of all entities. Errors: PyMongoError."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from schemas.codec import decode
from schemas.phone import NotANumber, e164_of
from streams.database import Database, Document
from streams.entities import COLLECTION, find_record, person_key, search_of, word_of
from streams.sync.record import Record
from streams.whatsapp.answering import MOST_ITEMS, ItemFact, OrderFact
from streams.whatsapp.conversations import Conversation

LOOKED_AT = 50
GONE = ("draft", "archived", "private")
"""Statuses of products that are not for sale."""


class Facts:
    """Of one organisation at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = database[COLLECTION]

    async def orders(self, conversation: Conversation, number: str = "") -> list[OrderFact]:
        """This customer's, newest first; with a number only that one. An order of somebody else is
        not there, whoever names its number."""
        people = [one for one in (conversation.phone, conversation.user_id) if one]
        match: Document = {
            "organizationId": conversation.organization_id,
            "type": "order",
            "people": {"$in": [person_key(one) for one in people]},
        }
        if number:
            match["words"] = word_of(number.lstrip("#"))
        rows = self._rows.find(match, {"record": 1}).sort("atMs", -1).limit(LOOKED_AT)
        found = [decode(row["record"], Record) async for row in rows]
        theirs = [one for one in found if one.tombstone is None and belongs(one, conversation)]
        theirs.sort(key=lambda one: str(value_of(one, "createdAt") or ""), reverse=True)
        return [_order(one) for one in theirs]

    async def products(
        self, organization_id: str, words: Sequence[str], replica: str, currency: str
    ) -> list[ItemFact]:
        """Those that bear most of the words; those in stock first. Without words none."""
        if not words:
            return []
        match: Document = {
            "organizationId": organization_id,
            "type": "product",
            "$or": [search_of(word) for word in words],
        }
        shown = {"record": 1, "label": 1, "sku": 1}
        rows = [row async for row in self._rows.find(match, shown).limit(4 * LOOKED_AT)]
        hits = {row["_id"]: _hits(row, words) for row in rows}
        best = max(hits.values(), default=0)
        records = [decode(row["record"], Record) for row in rows if hits[row["_id"]] == best]
        sold = [one for one in records if one.tombstone is None and on_sale(one)]
        sold.sort(key=lambda one: str(value_of(one, "name") or ""))
        items = await self._items(sold[: 2 * MOST_ITEMS], replica, currency)
        items.sort(key=lambda one: one.quantity is not None and one.quantity <= 0)
        return items[:MOST_ITEMS]

    async def item(
        self, organization_id: str, sku: str, replica: str, currency: str
    ) -> ItemFact | None:
        """The product or variation of this SKU."""
        record = await self.by_sku(organization_id, sku)
        return None if record is None else (await self._items([record], replica, currency))[0]

    async def by_sku(self, organization_id: str, sku: str) -> Record | None:
        """The record of the product or variation that bears it."""
        match: Document = {
            "organizationId": organization_id,
            "type": {"$in": ["product", "variation"]},
            "words": word_of(sku),
            "sku": sku,
        }
        async for row in self._rows.find(match, {"record": 1}).limit(LOOKED_AT):
            record = decode(row["record"], Record)
            if record.tombstone is None:
                return record
        return None

    async def stock(self, organization_id: str, entity_id: str) -> Record | None:
        """The stock of a product or variation."""
        return await find_record(self._database, organization_id, "inventory", entity_id)

    async def _items(
        self, records: Iterable[Record], replica: str, currency: str
    ) -> list[ItemFact]:
        records = list(records)
        keys = [f"{one.organization_id}/inventory/{one.entity_id}" for one in records]
        stock = {
            row["entityId"]: decode(row["record"], Record)
            async for row in self._rows.find({"_id": {"$in": keys}})
        }
        return [_item(one, stock.get(one.entity_id), replica, currency) for one in records]


def value_of(record: Record, field: str) -> Any:
    """The agreed value, or None."""
    agreed = record.fields.get(field)
    return None if agreed is None else agreed.value


def price_of(record: Record) -> str | None:
    """What a piece costs now."""
    price = value_of(record, "salePrice") or value_of(record, "price")
    return price if isinstance(price, str) else None


def on_sale(record: Record) -> bool:
    """Whether customers may see it."""
    return value_of(record, "status") not in GONE


def belongs(order: Record, conversation: Conversation) -> bool:
    """Whether the order names this very person: their whole number, or WhatsApp's own id."""
    for name in ("billing", "shipping"):
        person = value_of(order, name)
        if not isinstance(person, Mapping):
            continue
        if conversation.user_id and person.get("whatsapp") == conversation.user_id:
            return True
        phone = person.get("phone")
        if conversation.phone and phone and _e164(str(phone), person) == conversation.phone:
            return True
    return False


def _e164(phone: str, person: Mapping[str, Any]) -> str:
    country = person.get("country")
    try:
        known = isinstance(country, str) and len(country) == 2
        return e164_of(phone, str(country)) if known else e164_of(phone)
    except NotANumber:
        return ""


def _order(record: Record) -> OrderFact:
    parcels = value_of(record, "shipments")
    held = [one for one in parcels or () if isinstance(one, Mapping)]
    return OrderFact(
        number=str(value_of(record, "number") or record.entity_id),
        status=str(value_of(record, "status") or "pending"),
        total=value_of(record, "total"),
        currency=str(value_of(record, "currency") or ""),
        parcels=tuple(
            (str(one["trackingNumber"]), str(one.get("courierCode") or one.get("courier") or "-"))
            for one in held
            if one.get("trackingNumber")
        ),
    )


def _item(record: Record, stock: Record | None, replica: str, currency: str) -> ItemFact:
    held = record.replicas.get(replica)
    quantity = None if stock is None else value_of(stock, "quantity")
    sku = str(value_of(record, "sku") or "")
    return ItemFact(
        sku=sku,
        name=str(value_of(record, "name") or sku),
        price=price_of(record),
        currency=str(value_of(record, "currency") or currency),
        quantity=quantity if isinstance(quantity, int) else None,
        in_catalogue=bool(sku and held is not None and held.exists and not held.rejected),
    )


def _hits(row: Document, words: Sequence[str]) -> int:
    said = f"{row['label']} {row['sku']}".casefold()
    return sum(word in said for word in words)
