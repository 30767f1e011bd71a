"""Canonical values to catalogue items. Pure.

Product and inventory are two entities of ours that write one item, by its SKU: the first what it is
and costs, the second whether it can be had.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from babel.numbers import get_currency_precision

from connectors.whatsapp.settings import Account
from connectors.whatsapp.wire import Record
from schemas.command import Create, Delete, Read, Write
from schemas.money import minor_units

IN_STOCK, OUT_OF_STOCK, DISCONTINUED = "in stock", "out of stock", "discontinued"
ACTIVE = "active"
"""The status of what is for sale."""
MAX_TITLE, MAX_DESCRIPTION, MAX_SKU = 100, 5000, 100
_TAG = re.compile(r"<[^>]*>")
_BLANKS = re.compile(r"[ \t]+")


VARIABLE = "variable"


class Unfit(ValueError):
    """The item lacks what Meta requires; the text says what to set."""


class NotAnItem(Exception):
    """A product that is sold in variations: they are the items, and it is their group."""


@dataclass(slots=True)
class Item:
    """One request for one SKU, and the places of the commands that it answers."""

    sku: str
    method: str = "UPDATE"
    data: Record = field(default_factory=dict)
    places: list[int] = field(default_factory=list)
    sale: str = ""
    """What the product says of availability; nothing where it is not asked."""
    stock: str = ""

    def request(self) -> Record:
        """As `items_batch` takes it."""
        return {"method": self.method, "data": {"id": self.sku, **self.data}}

    def take(self, place: int, method: str, data: Record, *, stock: bool = False) -> None:
        """Add another command's fields, the newer last. A deletion outdoes all, a creation an
        update; what stock says of availability outdoes what the product says, whichever comes
        first; what is not for sale is not, however much of it there is."""
        said = data.get("availability", "")
        if stock and (self.sale or said != DISCONTINUED):
            said = ""  # the product itself knows better
        self._add(place, method, data, said, _stands(data) if stock and data else "")

    def join(self, newer: Item) -> None:
        """Add what is to be written of the same SKU later."""
        self._add(0, newer.method, newer.data, newer.sale, newer.stock)

    def _add(self, place: int, method: str, data: Record, sale: str, stock: str) -> None:
        self.places.append(place)
        if method == "DELETE" or self.method == "DELETE":
            self.method, self.data = "DELETE", {}
            return
        if method == "CREATE":
            self.method = "CREATE"
        self.data = {**self.data, **data}
        self.sale, self.stock = sale or self.sale, stock or self.stock
        if self.sale or self.stock:
            gone = self.sale == DISCONTINUED
            self.data["availability"] = DISCONTINUED if gone else self.stock or self.sale


def fields_of(
    command: Write | Create, sku: str, account: Account, group: str = "", *, sold: bool = True
) -> Record:
    """The item's fields that a command sets. `sold`: whether the product of a stock is for sale.
    Raises Unfit, NotAnItem."""
    if command.type == "inventory":
        return stock_fields(command.want, sold=sold)
    if isinstance(command, Create) and command.want.get("productType") == VARIABLE:
        raise NotAnItem
    data = _sale_fields(command.want, account)
    if isinstance(command, Create):
        data = _complete(command, data, sku, account)
        if group:
            data["item_group_id"] = group
    return data


def stock_fields(want: Mapping[str, Any], *, sold: bool = True) -> Record:
    """Availability, and the count where there is one."""
    if "quantity" not in want:
        return {}
    quantity = want["quantity"]
    data: Record = {}
    if isinstance(quantity, int):
        data["quantity_to_sell_on_facebook"] = max(quantity, 0)
    data["availability"] = _stands(data) if sold else DISCONTINUED
    return data


def _stands(stock: Record) -> str:
    """Of what nobody counts there is always some."""
    return IN_STOCK if stock.get("quantity_to_sell_on_facebook", 1) > 0 else OUT_OF_STOCK


def _sale_fields(want: Mapping[str, Any], account: Account) -> Record:
    data: Record = {}
    if want.get("name"):
        data["title"] = plain(want["name"], MAX_TITLE)
    if want.get("description"):
        data["description"] = plain(want["description"], MAX_DESCRIPTION)
    if want.get("price"):
        data["price"] = price_text(want["price"], account)
    if "salePrice" in want:
        sale = want["salePrice"]
        data["sale_price"] = price_text(sale, account) if sale else None
    pictures = [one.get("url") for one in want.get("images") or () if isinstance(one, Mapping)]
    if want.get("image"):
        pictures.insert(0, want["image"])
    pictures = [url for url in pictures if url]
    if pictures:
        data["image_link"] = pictures[0]
        if len(pictures) > 1:
            data["additional_image_link"] = pictures[1:11]
    if "status" in want:
        data["availability"] = IN_STOCK if want["status"] == ACTIVE else DISCONTINUED
    return data


def _complete(command: Create, data: Record, sku: str, account: Account) -> Record:
    """What a new item must have besides. Raises Unfit."""
    attributes = command.want.get("attributes")
    options = attributes if isinstance(attributes, Mapping) else {}
    if command.type == "variation":
        data["title"] = plain(" ".join([sku, *(str(one) for one in options.values())]), MAX_TITLE)
        if options:
            listed = (f"{name}:{value}" for name, value in options.items())
            data["additional_variant_attribute"] = ",".join(listed)
    title = data.get("title")
    short = command.want.get("shortDescription")
    filled = {
        "description": plain(short, MAX_DESCRIPTION) if short else title,
        "availability": IN_STOCK,
        "condition": "new",
        "link": account.link(sku),
        "brand": account.brand_name(),
        "image_link": account.image_link,
        **data,
    }
    needs = {
        "title": "a name",
        "price": "a price",
        "link": "the connection's site_url or link_template",
        "brand": "the connection's brand",
        "image_link": "a picture, or the connection's image_link",
    }
    missing = [words for name, words in needs.items() if not filled.get(name)]
    if missing:
        raise Unfit(f"the catalogue wants {'; '.join(missing)}")
    return {name: value for name, value in filled.items() if value is not None}


def price_text(amount: str, account: Account) -> str:
    """`4850.00 LKR`. Raises Unfit without a currency."""
    if len(account.currency) != 3:
        raise Unfit("the catalogue wants the connection's currency")
    return f"{minor_units(amount, get_currency_precision(account.currency))} {account.currency}"


def plain(text: str, limit: int) -> str:
    """Text without HTML, cut to the limit with an ellipsis."""
    bare = _BLANKS.sub(" ", html.unescape(_TAG.sub(" ", text))).strip() if "<" in text else text
    return bare if len(bare) <= limit else f"{bare[: limit - 1].rstrip()}…"


def merged(items: Iterable[tuple[int, str, str, Record, bool]]) -> list[Item]:
    """One request a SKU of (place, SKU, method, fields, whether they are stock's)."""
    found: dict[str, Item] = {}
    for place, sku, method, data, stock in items:
        found.setdefault(sku, Item(sku)).take(place, method, data, stock=stock)
    return list(found.values())


def method_of(command: Write | Create | Delete | Read) -> str:
    """Stock never makes an item: it would be one without a name."""
    if isinstance(command, Delete):
        return "DELETE"
    return "CREATE" if isinstance(command, Create) and command.type != "inventory" else "UPDATE"
