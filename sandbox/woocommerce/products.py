"""Products and variations: what a write makes of them, how they go."""

import re
from copy import deepcopy
from typing import Any

from sandbox.clock import iso, parse_iso
from sandbox.woocommerce import stock
from sandbox.woocommerce.errors import ShopError, duplicate_sku, invalid_params
from sandbox.woocommerce.metadata import apply_meta, dates
from sandbox.woocommerce.product_view import decimal
from sandbox.woocommerce.shop import SITE_OFFSET_MINUTES, By, Changes, Item, Shop

Record = dict[str, Any]

DEFAULTS: Record = {
    "name": "", "slug": "", "type": "simple", "status": "publish", "featured": False,
    "catalog_visibility": "visible", "description": "", "short_description": "", "sku": "",
    "global_unique_id": "", "regular_price": "", "sale_price": "", "date_on_sale_from": None,
    "date_on_sale_from_gmt": None, "date_on_sale_to": None, "date_on_sale_to_gmt": None,
    "total_sales": 0, "virtual": False, "downloadable": False, "downloads": [],
    "download_limit": -1, "download_expiry": -1, "external_url": "", "button_text": "",
    "tax_status": "taxable", "tax_class": "", "manage_stock": False, "stock_quantity": None,
    "stock_status": "instock", "backorders": "no", "low_stock_amount": None,
    "sold_individually": False, "weight": "",
    "dimensions": {"length": "", "width": "", "height": ""}, "shipping_class": "",
    "shipping_class_id": 0, "reviews_allowed": True, "average_rating": "0.00", "rating_count": 0,
    "upsell_ids": [], "cross_sell_ids": [], "parent_id": 0, "purchase_note": "", "categories": [],
    "tags": [], "images": [], "attributes": [], "default_attributes": [], "grouped_products": [],
    "menu_order": 0, "price_html": "", "related_ids": [], "meta_data": [], "post_password": "",
    "brands": [],
}  # fmt: skip


def price_text(typed: str) -> str:
    """Prices stay as typed apart from what is not part of a number."""
    kept = re.sub(r"[^0-9.\-]", "", typed)
    return kept if decimal(kept) is not None else ""


def slug_of(name: str) -> str:
    return re.sub(r"[^\w]+", "-", name.lower()).strip("-")


def _images(shop: Shop, item: Item, wanted: list[Record]) -> list[Record]:
    held = {image["id"]: image for image in item.fields["images"]}
    images = []
    for entry in wanted:
        known = held.get(entry.get("id", 0))
        if known is None and not entry.get("src"):
            raise ShopError(
                400,
                "woocommerce_product_invalid_image_id",
                f"#{entry.get('id', 0)} is an invalid image ID.",
            )
        base = known or _uploaded(shop, entry["src"])
        images.append({**base, **{name: entry[name] for name in ("name", "alt") if name in entry}})
    return images


def _uploaded(shop: Shop, address: str) -> Record:
    """A copy in the shop's own library, under another address."""
    now, number = shop.clock.seconds(), shop.new_id("post")
    name = address.partition("?")[0].rsplit("/", 1)[-1]
    stem, _, ending = name.rpartition(".")
    return {
        "id": number,
        **dates(shop, created=now, modified=now),
        "src": f"{shop.settings.home_url}/wp-content/uploads/{stem}-{number}.{ending}",
        "name": name,
        "alt": "",
    }


def _terms(shop: Shop, taxonomy: str, wanted: list[Record]) -> list[Record]:
    """Only `id` counts on writing, as in the real shop."""
    terms = []
    for index, entry in enumerate(wanted):
        known = shop.terms[taxonomy].get(entry.get("id", 0))
        if known is None:
            name = f"{taxonomy}[{index}][id]"
            raise invalid_params({name: ("rest_invalid_param", f"{name} is not a known term.")})
        terms.append(known)
    return terms or ([shop.terms["categories"][15]] if taxonomy == "categories" else [])


def _attributes(shop: Shop, item: Item, wanted: list[Record]) -> list[Record]:
    """One that all products share is named by its id alone."""
    shown = []
    for position, entry in enumerate(wanted):
        known = shop.terms["attributes"].get(entry.get("id", 0), {})
        name = known.get("name") or entry.get("name", "")
        base: Record = {"id": entry.get("id", 0), "name": name, "slug": entry.get("slug", name)}
        if item.kind == "variation":
            shown.append({**base, "option": entry.get("option", "")})
        else:
            shown.append(
                {
                    **base,
                    "position": entry.get("position", position),
                    "visible": entry.get("visible", False),
                    "variation": entry.get("variation", False),
                    "options": list(entry.get("options", [])),
                }
            )
    return shown


def _description(shop: Shop, text: str) -> str:
    if shop.settings.wrap_html and text and not text.startswith("<p>"):
        return f"<p>{text}</p>\n"
    return text


def _planned_value(shop: Shop, item: Item, name: str, value: Any) -> Record:
    """The stored fields that one field of a body sets."""
    if name in ("regular_price", "sale_price"):
        return {name: price_text(value)}
    if name in ("name", "sku", "slug"):
        return {name: value.strip()}
    if name in ("description", "short_description"):
        return {name: _description(shop, value)}
    if name.startswith("date_on_sale"):
        stem = name.removesuffix("_gmt")
        offset = 0 if name.endswith("_gmt") else SITE_OFFSET_MINUTES
        moment = parse_iso(value, offset) if value else None
        return {
            stem: shop.site_time(moment),
            f"{stem}_gmt": None if moment is None else iso(moment),
        }
    if name == "images":
        return {name: _images(shop, item, value)}
    if name == "image":
        return {"images": _images(shop, item, [value])}
    if name in ("categories", "tags"):
        return {name: _terms(shop, name, value)}
    if name == "attributes":
        return {name: _attributes(shop, item, value)}
    if name == "dimensions":
        return {name: {**item.fields["dimensions"], **value}}
    return {name: value}


def apply_body(shop: Shop, item: Item, body: Record) -> Changes:
    """Set what a checked body asks for. Raises before anything is changed, or changes all."""
    sku = body.get("sku", "").strip()
    owner = shop.skus.get(sku) if sku else None
    if owner is not None and owner != item.id:
        raise duplicate_sku(sku, owner)
    if item.trashed and "status" in body:
        _refuse_taken_sku(shop, item)
    planned: Record = {}
    for name, value in body.items():
        if name not in ("meta_data", *stock.STOCK_FIELDS):
            planned |= _planned_value(shop, item, name, value)
    planned |= stock.planned(item, body)
    if body.get("virtual") is True:
        # Core: there is nothing to be sent.
        planned |= {"weight": "", "dimensions": {"length": "", "width": "", "height": ""}}
    if not planned.get("downloadable", item.fields["downloadable"]):
        planned.pop("downloads", None)
    changes: Changes = {}
    for name, value in planned.items():
        before = item.fields.get(name)
        if before != value:
            changes[name] = (before, value)
            item.fields[name] = value
    if "sku" in changes or "status" in changes:
        _index_sku(shop, item, changes.get("sku", (item.fields["sku"], ""))[0])
    if "name" in changes and not item.fields["slug"]:
        item.fields["slug"] = slug_of(item.fields["name"])
    return changes | apply_meta(shop, item, body.get("meta_data", []))


def _index_sku(shop: Shop, item: Item, before: str) -> None:
    if before and shop.skus.get(before) == item.id:
        del shop.skus[before]
    if item.fields["sku"] and not item.trashed:
        shop.skus[item.fields["sku"]] = item.id


def _refuse_taken_sku(shop: Shop, item: Item) -> None:
    """Out of the trash with an SKU that another item took meanwhile."""
    sku = item.fields["sku"]
    owner = shop.skus.get(sku) if sku else None
    if owner is not None and owner != item.id:
        raise duplicate_sku(sku, owner)


def create(shop: Shop, body: Record, by: By, parent_id: int = 0) -> Item:
    """A product, or with a parent a variation. The caller logs the write."""
    now = shop.clock.seconds()
    fields = deepcopy(DEFAULTS)
    kind = "variation" if parent_id else "product"
    item = Item(0, kind, fields, now, now, parent_id)  # type: ignore[arg-type]
    if kind == "variation":
        fields["type"], fields["parent_id"] = "variation", parent_id
    # Checked before a number is taken: a refused create leaves no gap.
    owner = shop.skus.get(body.get("sku", "").strip()) if body.get("sku") else None
    if owner is not None:
        raise duplicate_sku(body["sku"].strip(), owner)
    trial = dict(body)
    if kind == "product":
        trial.setdefault("categories", [])
        _terms(shop, "categories", trial["categories"])
        _terms(shop, "tags", trial.get("tags", []))
    item.id = shop.new_id("post")
    changes = apply_body(shop, item, trial)
    _register(shop, item)
    shop.touch(item, changes, by)
    announce(shop, item, "created")
    return item


def _register(shop: Shop, item: Item) -> None:
    shop.items[item.kind][item.id] = item
    if item.kind == "variation":
        siblings = shop.children.setdefault(item.parent_id, [])
        if item.id not in siblings:
            siblings.append(item.id)
        forget_parent(shop, item)
    if item.fields["sku"] and not item.trashed:
        shop.skus[item.fields["sku"]] = item.id


def forget_parent(shop: Shop, item: Item) -> None:
    """A variable product's shown price and stock come from its variations, and the reverse."""
    if item.kind == "variation":
        parent = shop.items["product"].get(item.parent_id)
        if parent is not None:
            parent.rendered = None
    for child in shop.children.get(item.id, ()):
        if child in shop.items["variation"]:
            shop.items["variation"][child].rendered = None


def update(shop: Shop, item: Item, body: Record, by: By, *, silent: bool = False) -> Changes:
    changes = apply_body(shop, item, body)
    if "inventory_delta" in body and by == "key":
        # A difference keeps what was sold since the key last read.
        item.edited.pop("stock_quantity", None)
    shop.touch(item, changes, by)
    forget_parent(shop, item)
    if not silent:
        announce(shop, item, "updated")
    return changes


def announce(shop: Shop, item: Item, event: str) -> None:
    shop.fire(f"product.{event}", item.id)


def trash(shop: Shop, item: Item, by: By) -> Changes:
    """To the trash, which frees the SKU and is the only deletion that sends a webhook."""
    if item.trashed:
        raise ShopError(
            410, "woocommerce_rest_already_trashed", "The Product has already been deleted."
        )
    before = item.fields["status"]
    item.fields["status"] = "trash"
    shop.set_meta(item, "_wp_trash_meta_status", before)
    if shop.skus.get(item.fields["sku"]) == item.id:
        del shop.skus[item.fields["sku"]]
    changes: Changes = {"status": (before, "trash")}
    shop.touch(item, changes, by)
    forget_parent(shop, item)
    announce(shop, item, "deleted")
    return changes


def restore(shop: Shop, item: Item, by: By) -> None:
    """Not in REST: only a person can do it."""
    _refuse_taken_sku(shop, item)
    before = shop.get_meta(item, "_wp_trash_meta_status") or "draft"
    item.fields["meta_data"] = [
        entry for entry in item.fields["meta_data"] if entry["key"] != "_wp_trash_meta_status"
    ]
    item.fields["status"] = before
    _register(shop, item)
    shop.touch(item, {"status": ("trash", before)}, by)
    announce(shop, item, "restored")


def remove(shop: Shop, item: Item) -> None:
    """For ever; the real shop tells nobody."""
    for child in shop.children.pop(item.id, []):
        held = shop.items["variation"].get(child)
        if held is not None:
            remove(shop, held)
    shop.items[item.kind].pop(item.id, None)
    if item.kind == "variation" and item.id in shop.children.get(item.parent_id, []):
        shop.children[item.parent_id].remove(item.id)
    if shop.skus.get(item.fields["sku"]) == item.id:
        del shop.skus[item.fields["sku"]]
    forget_parent(shop, item)


def load(shop: Shop, record: Record) -> Item:
    """Take a REST resource as it is, its number and dates included."""
    kind = "variation" if record.get("type") == "variation" else "product"
    fields = deepcopy(DEFAULTS)
    fields.update({name: deepcopy(record[name]) for name in DEFAULTS if name in record})
    number = int(record.get("id") or shop.new_id("post"))
    shop.reserve_id("post", number)
    now = shop.clock.seconds()
    created = record.get("date_created_gmt")
    modified = record.get("date_modified_gmt")
    item = Item(
        number,
        kind,  # type: ignore[arg-type]
        fields,
        parse_iso(created) if created else now,
        parse_iso(modified) if modified else now,
        int(record.get("parent_id") or 0),
    )
    for taxonomy in ("categories", "tags"):
        for term in fields[taxonomy]:
            shop.terms[taxonomy].setdefault(term["id"], term)
            shop.reserve_id("term", term["id"])
    for entry in fields["meta_data"]:
        entry.setdefault("id", shop.new_id("meta"))
        shop.reserve_id("meta", entry["id"])
    if not fields["slug"] and fields["name"] and "slug" not in record:
        fields["slug"] = slug_of(fields["name"])
    _register(shop, item)
    return item
