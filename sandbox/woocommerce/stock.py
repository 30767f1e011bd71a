"""Stock: absolute on writing, taken and given back by orders."""

from collections.abc import Sequence
from typing import Any

from sandbox.woocommerce.shop import Item, Shop

Record = dict[str, Any]

STOCK_FIELDS = ("manage_stock", "stock_quantity", "stock_status", "backorders", "inventory_delta")


def status_of(quantity: int, backorders: str) -> str:
    if quantity > 0:
        return "instock"
    return "outofstock" if backorders == "no" else "onbackorder"


def planned(item: Item, body: Record) -> Record:
    """As core does: a quantity for an item that manages no stock is silently dropped."""
    if not any(name in body for name in STOCK_FIELDS):
        return {}
    fields = item.fields
    managed = body.get("manage_stock", fields["manage_stock"]) is True
    backorders = str(body.get("backorders", fields["backorders"]))
    if not managed:
        return {
            "manage_stock": False,
            "stock_quantity": None,
            "backorders": backorders,
            "stock_status": body.get("stock_status", fields["stock_status"]),
        }
    quantity = fields["stock_quantity"] or 0
    if "stock_quantity" in body:
        quantity = body["stock_quantity"]
    elif "inventory_delta" in body:
        quantity += body["inventory_delta"]
    return {
        "manage_stock": True,
        "stock_quantity": quantity,
        "backorders": backorders,
        "stock_status": status_of(quantity, backorders),
    }


def holder(shop: Shop, item: Item) -> Item | None:
    """The item whose stock counts: itself, for some variations the parent, or none."""
    if item.fields["manage_stock"]:
        return item
    if item.kind == "variation":
        parent = shop.items["product"].get(item.parent_id)
        if parent is not None and parent.fields["manage_stock"]:
            return parent
    return None


def shown(shop: Shop, item: Item, children: Sequence[Item]) -> Record:
    keeper = holder(shop, item)
    source = (keeper or item).fields
    status = source["stock_status"]
    if children and keeper is None:
        statuses = {child.fields["stock_status"] for child in children}
        status = "instock" if "instock" in statuses else min(statuses)
    backorders = source["backorders"]
    return {
        "manage_stock": item.fields["manage_stock"] if keeper in (item, None) else "parent",
        "stock_quantity": source["stock_quantity"],
        "stock_status": status,
        "backorders": backorders,
        "backorders_allowed": backorders != "no",
        "backordered": status == "onbackorder",
    }
