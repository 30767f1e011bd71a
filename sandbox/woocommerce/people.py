"""What people do in a shop: its keeper edits, its customers buy. Webhooks follow as they would."""

from typing import Any

from sandbox.woocommerce import customers, fields, orders, products
from sandbox.woocommerce.errors import ShopError, invalid_id
from sandbox.woocommerce.shop import Item, Shop

Record = dict[str, Any]

RULES: dict[str, dict[str, fields.Rule]] = {
    "product": fields.PRODUCT,
    "variation": fields.VARIATION,
    "order": fields.ORDER,
    "customer": fields.CUSTOMER,
}


def product(shop: Shop, reference: str) -> Item:
    """By number, else by SKU (the trash included)."""
    found = shop.find_product(int(reference)) if reference.isdigit() else None
    if found is None and reference in shop.skus:
        found = shop.find_product(shop.skus[reference])
    if found is None:
        every = [*shop.items["product"].values(), *shop.items["variation"].values()]
        found = next((item for item in every if item.fields["sku"] == reference), None)
    if found is None:
        raise invalid_id("product", 404)
    return found


def order(shop: Shop, reference: str) -> Item:
    found = shop.items["order"].get(int(reference)) if reference.isdigit() else None
    if found is None:
        raise invalid_id("order", 404)
    return found


def customer(shop: Shop, reference: str) -> Item:
    if reference.isdigit() and int(reference) in shop.items["customer"]:
        return shop.items["customer"][int(reference)]
    for item in shop.items["customer"].values():
        if item.fields["email"] == reference:
            return item
    raise invalid_id("customer", 404)


def create_product(shop: Shop, body: Record) -> Item:
    """With `parent_id` a variation."""
    parent = int(body.get("parent_id") or 0)
    rules = fields.VARIATION if parent else fields.PRODUCT
    rest = {name: value for name, value in body.items() if name != "parent_id"}
    return products.create(shop, fields.checked_body(rest, rules, True), "person", parent)


def edit_product(shop: Shop, item: Item, body: Record) -> None:
    checked = fields.checked_body(body, RULES[item.kind], True)
    products.update(shop, item, checked, "person")


def write_database(shop: Shop, item: Item, body: Record) -> None:
    """Straight into the shop's tables, as an import plugin does: neither a webhook nor a time nor
    a revision tells of it."""
    checked = fields.checked_body(body, RULES[item.kind], True)
    for name, (_old, new) in products.apply_body(shop, item, checked).items():
        item.edited[name] = new
    item.rendered = None
    products.forget_parent(shop, item)


def sell(shop: Shop, body: Record) -> Item:
    """A customer checks out: the lines' stock is taken, three kinds of webhook go out."""
    lines = body.get("lines") or [{"sku": body.get("sku", ""), "quantity": body.get("quantity", 1)}]
    for line in lines:
        item = product(shop, str(line["sku"]))
        held = item.fields["stock_quantity"]
        short = item.fields["manage_stock"] and (held or 0) < line.get("quantity", 1)
        if short and item.fields["backorders"] == "no" and not body.get("oversell"):
            raise ShopError(409, "sandbox_out_of_stock", f"Only {held} of {line['sku']} left.")
    posted: Record = {
        "status": body.get("status", "processing"),
        "created_via": "checkout",
        "payment_method": body.get("payment_method", "cod"),
        "payment_method_title": "Cash on delivery",
        "line_items": [{"sku": line["sku"], "quantity": line.get("quantity", 1)} for line in lines],
        **body.get("order", {}),
    }
    buyer = body.get("customer")
    if buyer:
        known = customer(shop, str(buyer))
        posted["customer_id"] = known.id
        posted.setdefault("billing", known.fields["billing"])
        posted.setdefault("shipping", known.fields["shipping"])
    return orders.create(shop, fields.checked_body(posted, fields.ORDER, True), "person")


def edit_order(shop: Shop, item: Item, body: Record) -> None:
    orders.update(shop, item, fields.checked_body(body, fields.ORDER, True), "person")


def edit_customer(shop: Shop, item: Item, body: Record) -> None:
    customers.update(shop, item, fields.checked_body(body, fields.CUSTOMER, True), "person")


def create_customer(shop: Shop, body: Record) -> Item:
    return customers.create(shop, fields.checked_body(body, fields.CUSTOMER, True), "person")


def trash(shop: Shop, item: Item, *, force: bool) -> None:
    """`force` deletes for ever, which tells nobody."""
    if item.kind == "order":
        orders.remove(shop, item) if force else orders.trash(shop, item, "person")
    elif item.kind == "customer":
        customers.remove(shop, item)
    elif force:
        products.remove(shop, item)
    else:
        products.trash(shop, item, "person")
