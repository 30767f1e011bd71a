"""Orders: placing, changing and cancelling them, and the stock they take and give back."""

import secrets
from copy import deepcopy
from decimal import Decimal
from typing import Any

from sandbox.clock import parse_iso
from sandbox.woocommerce import order_lines, products, stock
from sandbox.woocommerce.digests import with_etag
from sandbox.woocommerce.errors import ShopError
from sandbox.woocommerce.metadata import apply_meta, dates, links
from sandbox.woocommerce.shop import By, Changes, Item, Shop

Record = dict[str, Any]

TAKES_STOCK = ("processing", "on-hold", "completed")
GIVES_STOCK_BACK = ("cancelled", "pending")
SYMBOLS = {"LKR": "රු", "USD": "$", "EUR": "€", "INR": "₹"}
ADDRESS: Record = {
    "first_name": "", "last_name": "", "company": "", "address_1": "", "address_2": "", "city": "",
    "state": "", "postcode": "", "country": "",
}  # fmt: skip
DEFAULTS: Record = {
    "parent_id": 0, "status": "pending", "currency": "", "version": "10.1.0",
    "prices_include_tax": False, "customer_id": 0, "order_key": "",
    "billing": {**ADDRESS, "email": "", "phone": ""}, "shipping": {**ADDRESS, "phone": ""},
    "payment_method": "", "payment_method_title": "", "transaction_id": "",
    "customer_ip_address": "", "customer_user_agent": "", "created_via": "rest-api",
    "customer_note": "", "cart_hash": "", "number": "", "meta_data": [], "line_items": [],
    "tax_lines": [], "shipping_lines": [], "fee_lines": [], "coupon_lines": [],
    **order_lines.ZERO_TOTALS,
}  # fmt: skip
LINES = ("line_items", "shipping_lines", "fee_lines", "coupon_lines")


# Stock


def _move(shop: Shop, item: Item, delta: int, by: By) -> int | None:
    """A webhook goes out; `date_modified` stays as it was. Answers whose stock it was."""
    keeper = stock.holder(shop, item)
    if keeper is None:
        return None
    fields = keeper.fields
    before = fields["stock_quantity"] or 0
    fields["stock_quantity"] = before + delta
    fields["stock_status"] = stock.status_of(before + delta, fields["backorders"])
    shop.touch(keeper, {"stock_quantity": (before, before + delta)}, by, modified=False)
    products.forget_parent(shop, keeper)
    products.announce(shop, keeper, "updated")
    return keeper.id


def take_stock(shop: Shop, order: Item, by: By) -> None:
    if order.stock_reduced:
        return
    order.stock_reduced = True
    for line in order.fields["line_items"]:
        item = shop.find_product(line["variation_id"] or line["product_id"])
        if item is not None and (keeper := _move(shop, item, -line["quantity"], by)) is not None:
            order.reduced[line["id"]] = (keeper, line["quantity"])


def give_stock_back(shop: Shop, order: Item, by: By) -> None:
    if not order.stock_reduced:
        return
    order.stock_reduced = False
    for product_id, quantity in order.reduced.values():
        item = shop.find_product(product_id)
        if item is not None:
            _move(shop, item, quantity, by)
    order.reduced.clear()


def _stock_author(by: By) -> By:
    """What the key's own order takes is no edit of a person that the key could lose."""
    return "key" if by in ("key", "route") else "order"


# Writing


def _set_status(shop: Shop, order: Item, status: str, by: By, *, move_stock: bool) -> None:
    order.fields["status"] = status
    now = shop.clock.seconds()
    if status == "completed" and order.completed is None:
        order.completed = now
    if status in ("processing", "completed") and order.paid is None:
        cash_not_yet = order.fields["payment_method"] == "cod" and status == "processing"
        order.paid = None if cash_not_yet else now
    if not move_stock:
        # The plugin's route: the flag keeps in step, the stock moved where it happened.
        if status in TAKES_STOCK:
            order.stock_reduced = True
        elif status in GIVES_STOCK_BACK:
            order.stock_reduced = False
            order.reduced.clear()
    elif status in TAKES_STOCK:
        take_stock(shop, order, _stock_author(by))
    elif status in GIVES_STOCK_BACK:
        give_stock_back(shop, order, _stock_author(by))


def _apply_plain(order: Item, body: Record) -> Changes:
    changes: Changes = {}
    for name, value in body.items():
        if name in (*LINES, "meta_data", "status", "set_paid"):
            continue
        before = order.fields[name]
        after = {**before, **value} if isinstance(before, dict) else value
        if before != after:
            changes[name] = (before, after)
            order.fields[name] = after
    return changes


def _apply_lines(shop: Shop, order: Item, body: Record) -> Changes:
    changes: Changes = {}
    for name in LINES:
        if name in body:
            before = order.fields[name]
            after = order_lines.merged(shop, name, before, body[name])
            if before != after:
                order.fields[name] = after
                changes[name] = (before, after)
    if changes:
        order.fields.update(order_lines.totals(shop, order.fields))
    return changes


def create(shop: Shop, body: Record, by: By, *, taken: bool = False) -> Item:
    """`taken`: placed as already taken, so that no stock moves (the plugin's route)."""
    now = shop.clock.seconds()
    order = Item(0, "order", deepcopy(DEFAULTS), now, now)
    order.fields["currency"] = shop.settings.currency
    changes = _apply_plain(order, body)
    changes |= _apply_lines(shop, order, body)
    changes |= apply_meta(shop, order, body.get("meta_data", []))
    order.id = shop.new_id("post")
    order.fields["number"] = str(order.id)
    order.fields["order_key"] = f"wc_order_{secrets.token_hex(7)}"
    order.fields.update(order_lines.totals(shop, order.fields))
    shop.items["order"][order.id] = order
    status = body.get("status", "pending")
    if body.get("set_paid"):
        status, order.paid = "processing", now
    order.stock_reduced = taken
    _set_status(shop, order, status, by, move_stock=not taken)
    order.stock_reduced = order.stock_reduced or taken
    changes["status"] = ("", status)
    shop.touch(order, changes, by)
    # Core saves an order several times while it is placed, so both go out.
    shop.fire("order.created", order.id)
    shop.fire("order.updated", order.id)
    return order


def update(shop: Shop, order: Item, body: Record, by: By, *, move_stock: bool = True) -> Changes:
    status = body.get("status")
    before = order.fields["status"]
    lines = _apply_lines(shop, order, body)
    changes = _apply_plain(order, body) | apply_meta(shop, order, body.get("meta_data", []))
    if body.get("set_paid") and order.paid is None:
        status, order.paid = "processing", shop.clock.seconds()
    if status is not None and status != before:
        changes["status"] = (before, status)
        _set_status(shop, order, status, by, move_stock=move_stock)
    # Edited lines alone do not touch date_modified (core issue 34798).
    shop.touch(order, changes | lines, by, modified=bool(changes))
    shop.fire("order.updated", order.id)
    return changes | lines


def trash(shop: Shop, order: Item, by: By) -> Changes:
    if order.trashed:
        raise ShopError(
            410, "woocommerce_rest_already_trashed", "The Order has already been deleted."
        )
    before = order.fields["status"]
    order.fields["status"] = "trash"
    shop.set_meta(order, "_wp_trash_meta_status", before)
    changes: Changes = {"status": (before, "trash")}
    shop.touch(order, changes, by)
    shop.fire("order.deleted", order.id)
    # Seen on a real shop: trashing any post also sends product.deleted with its number.
    shop.fire("product.deleted", order.id)
    return changes


def remove(shop: Shop, order: Item) -> None:
    shop.items["order"].pop(order.id, None)


SYSTEM = "WooCommerce"
"""Who wrote what WooCommerce and its keys add by themselves."""


def add_note(shop: Shop, order: Item, body: Record, author: str = SYSTEM) -> Record:
    """`author`: a person who typed it in the shop, which only the plugin tells of."""
    now = shop.clock.seconds()
    number = shop.new_id("comment")
    base = f"orders/{order.id}"
    note = {
        "id": number,
        "author": author,
        **dates(shop, created=now),
        "note": body["note"],
        "customer_note": body.get("customer_note", False),
        "_links": links(shop, f"{base}/notes", number, base),
    }
    order.notes.append(note)
    if shop.settings.plugin and author != SYSTEM:
        shop.raise_revision(order)
        order.rendered = None
        shop.fire("order.updated", order.id)
    return note


def _written(order: Item) -> list[Record]:
    """As the plugin shows what people wrote."""
    names = ("id", "note", "customer_note", "author", "date_created_gmt")
    return [
        {name: note[name] for name in names} for note in order.notes if note["author"] != SYSTEM
    ]


def refund(shop: Shop, order: Item, body: Record, by: By) -> Record:
    number = shop.new_id("post")
    now = shop.clock.seconds()
    lines = order_lines.refunded(shop, order.fields["line_items"], body.get("line_items", []))
    amount = order_lines.money(shop, body["amount"])
    left = Decimal(order.fields["total"]) - sum(Decimal(one["amount"]) for one in order.refunds)
    if not 0 < Decimal(amount) <= left:
        raise ShopError(
            500, "woocommerce_rest_cannot_create_order_refund", "Invalid refund amount."
        )
    base = f"orders/{order.id}"
    record = {
        "id": number,
        "parent_id": order.id,
        **dates(shop, created=now),
        "amount": amount,
        "reason": body.get("reason", ""),
        "refunded_by": body.get("refunded_by", 1),
        "refunded_payment": bool(body.get("api_refund", True)),
        "meta_data": [
            {"id": shop.new_id("meta"), "key": entry["key"], "value": entry["value"]}
            for entry in body.get("meta_data", ())
        ],
        "line_items": lines,
        "shipping_lines": [],
        "tax_lines": [],
        "fee_lines": [],
        "_links": links(shop, f"{base}/refunds", number, base),
    }
    order.refunds.append(record)
    if Decimal(amount) == left:
        order.fields["status"] = "refunded"  # and no stock is moved
    shop.touch(order, {"refunds": (len(order.refunds) - 1, len(order.refunds))}, by)
    shop.fire("order.updated", order.id)
    return record


def load(shop: Shop, record: Record) -> Item:
    fields = deepcopy(DEFAULTS)
    fields.update({name: deepcopy(record[name]) for name in DEFAULTS if name in record})
    number = int(record.get("id") or shop.new_id("post"))
    shop.reserve_id("post", number)
    fields["number"] = fields["number"] or str(number)
    moments = {
        name: parse_iso(record[f"date_{name}_gmt"]) if record.get(f"date_{name}_gmt") else None
        for name in ("created", "modified", "paid", "completed")
    }
    now = shop.clock.seconds()
    order = Item(number, "order", fields, moments["created"] or now, moments["modified"] or now)
    order.paid, order.completed = moments["paid"], moments["completed"]
    order.refunds = [
        {**entry, "amount": entry["total"].lstrip("-")} for entry in record.get("refunds", [])
    ]
    # A loaded order's stock was taken before the loaded quantities were counted.
    order.stock_reduced = fields["status"] in TAKES_STOCK
    if order.stock_reduced:
        order.reduced = {
            line["id"]: (line["variation_id"] or line["product_id"], line["quantity"])
            for line in fields["line_items"]
            if line["product_id"]
        }
    for name in LINES:
        for line in fields[name]:
            shop.reserve_id("item", line["id"])
    for entry in fields["meta_data"]:
        shop.reserve_id("meta", entry.setdefault("id", shop.new_id("meta")))
    shop.items["order"][number] = order
    return order


def render(shop: Shop, order: Item) -> Record:
    if order.rendered is None:
        fields = order.fields
        status = fields["status"]
        home = shop.settings.home_url
        key = fields["order_key"]
        shown = {
            "id": order.id,
            **fields,
            **dates(
                shop,
                created=order.created,
                modified=order.modified,
                paid=order.paid,
                completed=order.completed,
            ),
            "refunds": [
                {"id": entry["id"], "reason": entry["reason"], "total": f"-{entry['amount']}"}
                for entry in order.refunds
            ],
            "payment_url": f"{home}/checkout/order-pay/{order.id}/?pay_for_order=true&key={key}",
            "is_editable": status in ("pending", "on-hold", "auto-draft"),
            "needs_payment": status in ("pending", "failed") and fields["total"].strip("0.") != "",
            "needs_processing": status in ("pending", "processing", "on-hold"),
            "currency_symbol": SYMBOLS.get(fields["currency"], fields["currency"]),
            "_links": links(shop, "orders", order.id),
        }
        if shop.settings.plugin:
            shown["smartstore_notes"] = _written(order)
        order.rendered = with_etag(shop, shown)
    return order.rendered
