"""Products and variations as the shop shows them."""

from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from sandbox.clock import parse_iso
from sandbox.woocommerce import stock
from sandbox.woocommerce.digests import ETAG, with_etag
from sandbox.woocommerce.metadata import dates, links
from sandbox.woocommerce.shop import Item, Shop

Record = dict[str, Any]
OWN = "smartstore_own"
NOTHING = ("", "0")
"""What PHP takes for empty."""

VARIATION_KEYS = (
    "id", "date_created", "date_created_gmt", "date_modified", "date_modified_gmt", "description",
    "permalink", "sku", "global_unique_id", "price", "regular_price", "sale_price",
    "date_on_sale_from", "date_on_sale_from_gmt", "date_on_sale_to", "date_on_sale_to_gmt",
    "on_sale", "status", "purchasable", "virtual", "downloadable", "downloads", "download_limit",
    "download_expiry", "tax_status", "tax_class", "manage_stock", "stock_quantity", "stock_status",
    "backorders", "backorders_allowed", "backordered", "low_stock_amount", "weight", "dimensions",
    "shipping_class", "shipping_class_id", "attributes", "menu_order", "meta_data",
)  # fmt: skip


def decimal(text: Any) -> Decimal | None:
    try:
        return Decimal(str(text))
    except InvalidOperation:
        return None


def _on_sale(shop: Shop, fields: Record) -> bool:
    sale, regular = decimal(fields["sale_price"]), decimal(fields["regular_price"])
    if sale is None or (regular is not None and sale >= regular):
        return False
    now = shop.clock.now()
    starts, ends = fields["date_on_sale_from_gmt"], fields["date_on_sale_to_gmt"]
    return not (starts and parse_iso(starts) > now) and not (ends and parse_iso(ends) < now)


def _variations(shop: Shop, item: Item) -> list[Item]:
    held = shop.items["variation"]
    found = [held[child] for child in shop.children.get(item.id, ()) if child in held]
    return [child for child in found if not child.trashed]


def _own_price(shop: Shop, item: Item) -> str:
    fields = item.fields
    price: str = fields["sale_price"] if _on_sale(shop, fields) else fields["regular_price"]
    return price


def _permalink(shop: Shop, item: Item) -> str:
    """A variation's is its parent's with the chosen attributes."""
    home, slug = shop.settings.home_url, item.fields["slug"]
    parent = shop.items["product"].get(item.parent_id)
    if item.kind == "variation" and parent is not None:
        chosen = {
            f"attribute_{attribute['slug']}".lower(): str(attribute["option"]).lower()
            for attribute in item.fields["attributes"]
        }
        return f"{home}/product/{parent.fields['slug']}/?{urlencode(chosen)}"
    if slug:
        return f"{home}/product/{slug}/"
    return f"{home}/?post_type=product&p={item.id}"


def _derived(shop: Shop, item: Item) -> Record:
    fields = item.fields
    price, on_sale = _own_price(shop, item), _on_sale(shop, fields)
    children = _variations(shop, item) if fields["type"] == "variable" else []
    if children:
        prices = [text for child in children if (text := _own_price(shop, child))]
        price = min(prices, key=Decimal, default="")
        on_sale = any(_on_sale(shop, child.fields) for child in children)
    shown = stock.shown(shop, item, children)
    return {
        "permalink": _permalink(shop, item),
        "price": price,
        "on_sale": on_sale,
        "purchasable": price != "" and fields["status"] == "publish",
        # Core keeps the files of what is no longer downloadable, and does not show them.
        "downloads": fields["downloads"] if fields["downloadable"] else [],
        "shipping_required": not fields["virtual"],
        "shipping_taxable": not fields["virtual"],
        "variations": [child.id for child in children],
        "has_options": fields["type"] == "variable",
        **shown,
    }


def render(shop: Shop, item: Item) -> Record:
    """As `/products/{id}` and webhooks show it, variations too. Never change the answer."""
    if item.rendered is None:
        up = f"products/{item.parent_id}" if item.kind == "variation" else ""
        shown = {
            "id": item.id,
            **item.fields,
            **_derived(shop, item),
            **dates(shop, created=item.created, modified=item.modified),
            "_links": links(shop, "products", item.id, up),
        }
        item.rendered = {**with_etag(shop, shown), **_inherited(shop, item)}
    return item.rendered


def own(item: Item) -> Record:
    """What a variation does not have from its product."""
    if item.kind != "variation":
        return {}
    return {name: item.fields[name] for name in ("weight", "dimensions")}


def _inherited(shop: Shop, item: Item) -> Record:
    """Core shows a product's weight and dimensions for those that its variation has not; the plugin
    tells the variation's own beside them."""
    parent = shop.items["product"].get(item.parent_id)
    stored = own(item)
    if parent is None or not stored:
        return {}
    theirs = parent.fields
    shown = {
        "weight": theirs["weight"] if stored["weight"] in NOTHING else stored["weight"],
        "dimensions": {
            side: theirs["dimensions"][side] if size in NOTHING else size
            for side, size in stored["dimensions"].items()
        },
    }
    return {**shown, OWN: stored} if shop.settings.plugin else shown


def as_stored(shop: Shop, item: Item) -> Record:
    """As the plugin's route shows it: a variation with what is its own."""
    return {**render(shop, item), **own(item)}


def render_variation(shop: Shop, item: Item) -> Record:
    """As `/products/{id}/variations/{id}` shows it: one image, neither name nor type."""
    whole = render(shop, item)
    images = whole["images"]
    return {
        **{name: whole[name] for name in (*VARIATION_KEYS, ETAG, OWN) if name in whole},
        "image": images[0] if images else None,
        "_links": links(
            shop,
            f"products/{item.parent_id}/variations",
            item.id,
            f"products/{item.parent_id}",
        ),
    }
