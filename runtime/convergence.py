"""Judges whether all sides hold the same: looks into each store afresh and compares field by field.

It imports nothing of the streams and connectors, so that it does not share their mistakes: what it
knows of each store's own wording is in `runtime.holdings`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from runtime.holdings import (
    EXISTENCE,
    Holding,
    Key,
    Records,
    catalogue_holding,
    read_changelog,
    read_dump,
    read_mongodb,
    records_of,
    shop_holding,
)

CHANGELOG = "entities-changelog"
_SHOP_ORDER_WORDS = {
    "shipped": "processing",
    "out-for-delivery": "processing",
    "delivered": "completed",
    "returned": "refunded",
}
"""WooCommerce has no such statuses: what it shows instead."""
_LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class Difference:
    """One field of one item that is not the same everywhere. A side that lacks the item says
    `absent`."""

    type: str
    item: str
    field: str
    values: Mapping[str, Any]

    def __str__(self) -> str:
        told = ", ".join(f"{place} {value}" for place, value in self.values.items())
        return f"{self.type} {self.item} {self.field}: {told}"


@dataclass(frozen=True)
class Judgement:
    """`compared` counts fields looked at, `waiting` writes that are out."""

    differences: tuple[Difference, ...]
    compared: int
    contested: int
    waiting: int

    @property
    def converged(self) -> bool:
        """All sides hold the same (contested fields, which wait for a person, aside)."""
        return not self.differences and self.compared > 0


@dataclass(frozen=True)
class Places:
    """Where to look, for one organisation."""

    kafka: Mapping[str, str]
    """The KAFKA_… variables: a handle of a running demo carries them to other terminals."""
    database_url: str
    sandbox_url: str
    organization_id: str
    shop: str
    number: str = ""
    """WhatsApp number, where its catalogue is to be judged too."""


async def judge(places: Places) -> Judgement:
    """Look once."""
    changelog = await read_changelog(places.kafka, CHANGELOG)
    records = records_of(changelog.values(), places.organization_id)
    mongodb = await read_mongodb(
        places.database_url, places.organization_id, records.order_at("mongodb")
    )
    dump = await read_dump(places.sandbox_url, f"shops/{places.shop}/dump")
    shop = shop_holding(dump, records.order_at("woocommerce"))
    catalogue = None
    if places.number:
        items = await read_dump(places.sandbox_url, f"whatsapp/{places.number}/catalogue")
        catalogue = catalogue_holding(items)
    return compare(records, mongodb, shop, catalogue)


async def wait_until_same(places: Places, limit_s: float, *, twice: bool = True) -> Judgement:
    """Look until all sides hold the same (and, with `twice`, still do a moment later), at most so
    long; the last judgement either way. Raises what the last look raised where a store does not
    answer."""
    end_s = time.monotonic() + limit_s
    in_a_row = 0
    while True:
        try:
            found = await judge(places)
        except (KafkaError, PyMongoError, httpx.TransportError):
            if time.monotonic() > end_s:
                raise
            in_a_row = 0
        else:
            in_a_row = in_a_row + 1 if found.converged and not found.waiting else 0
            if in_a_row > twice or time.monotonic() > end_s:
                return found
        await asyncio.sleep(_LOOK_EVERY_S)


def compare(
    records: Records, mongodb: Holding, shop: Holding, catalogue: Holding | None = None
) -> Judgement:
    """Every item that any side knows, every field that a side can hold."""
    engine = records.holding
    places = (mongodb, shop, engine)
    differences: list[Difference] = []
    compared = 0
    for holding in places:
        differences += [
            Difference(*key, "twice", {holding.place: "twice"}) for key in holding.twice
        ]
    for key in sorted({key for holding in places for key in holding.items}):
        values = {holding.place: holding.items.get(key) for holding in places}
        absent = [place for place, fields in values.items() if fields is None]
        if absent and (key, EXISTENCE) in records.contested:
            continue
        if absent:
            told = {place: "absent" if place in absent else "held" for place in values}
            differences.append(Difference(*key, "exists", told))
            continue
        found, count = _compare_item(key, values, records.contested)
        differences += found
        compared += count
    if catalogue is not None:
        found, count = _compare_catalogue(records, catalogue)
        differences += found
        compared += count
    return Judgement(tuple(differences), compared, len(records.contested), records.waiting)


def _compare_item(
    key: Key, values: Mapping[str, Any], contested: set[tuple[Key, str]]
) -> tuple[list[Difference], int]:
    found, count = [], 0
    for name in values["engine"]:
        if (key, name) in contested:
            continue
        held = {place: fields[name] for place, fields in values.items() if name in fields}
        count += 1
        if not _same(key[0], held):
            found.append(Difference(*key, name, held))
    return found, count


def _same(kind: str, held: Mapping[str, Any]) -> bool:
    if kind != "order" or "woocommerce" not in held:
        return len(set(held.values())) <= 1
    agreed = held["engine"]
    shown = _SHOP_ORDER_WORDS.get(agreed, agreed)
    return bool(held["mongodb"] == agreed and held["woocommerce"] == shown)


def _compare_catalogue(records: Records, catalogue: Holding) -> tuple[list[Difference], int]:
    """What WhatsApp shows, against the engine: items with a price, and their stock."""
    found: list[Difference] = []
    count = 0
    for (kind, sku), fields in sorted(records.holding.items.items()):
        if kind not in ("product", "variation", "inventory"):
            continue
        if ((kind, sku), EXISTENCE) in records.contested:
            continue
        place: Key = ("inventory" if kind == "inventory" else "item", sku)
        shown = catalogue.items.get(place)
        if kind == "inventory":
            wanted = {"quantity": max(fields["quantity"] or 0, 0)}  # it knows no debt
        else:
            if fields["price"] is None:
                continue  # Meta takes no item without one
            wanted = {name: fields[name] for name in ("price", "salePrice")}
            if kind == "product":
                wanted["name"] = fields["name"]
        for name, value in wanted.items():
            if ((kind, sku), name) in records.contested:
                continue
            count += 1
            told = shown[name] if shown is not None else "absent"
            if told != value:
                found.append(Difference(kind, sku, name, {"engine": value, "whatsapp": told}))
    return found, count
