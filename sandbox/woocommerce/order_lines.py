"""An order's lines and the totals that follow from them."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.woocommerce.errors import ShopError
from sandbox.woocommerce.product_view import decimal, render
from sandbox.woocommerce.shop import Item, Shop

Record = dict[str, Any]

ZERO_TOTALS: Record = {
    "discount_total": "0.00", "discount_tax": "0.00", "shipping_total": "0.00",
    "shipping_tax": "0.00", "cart_tax": "0.00", "total": "0.00", "total_tax": "0.00",
}  # fmt: skip


def money(shop: Shop, amount: Any) -> str:
    """Orders, unlike products, show the shop's decimals."""
    value = decimal(amount) or Decimal(0)
    unit = Decimal(1).scaleb(-shop.settings.decimals)
    return str(value.quantize(unit, rounding=ROUND_HALF_UP))


def _product_of(shop: Shop, line: Record, *, new: bool) -> Item | None:
    """As core looks it up: a number or SKU that is not there gives a line without a product."""
    if line.get("sku"):
        owner = shop.skus.get(line["sku"])
        return shop.find_product(owner) if owner is not None else None
    number = line.get("variation_id") or line.get("product_id") or 0
    if not number and new and shop.settings.require_product_reference:
        raise ShopError(
            400, "woocommerce_rest_required_product_reference", "Product ID or SKU is required."
        )
    return shop.find_product(number)


def _item_line(shop: Shop, held: Record | None, posted: Record) -> Record:
    line: Record = held or {
        "id": 0, "name": "", "product_id": 0, "variation_id": 0, "quantity": 1, "tax_class": "",
        "subtotal": "", "subtotal_tax": "0.00", "total": "", "total_tax": "0.00", "taxes": [],
        "meta_data": [], "sku": "", "global_unique_id": "", "price": 0,
        "image": {"id": "", "src": ""}, "parent_name": None,
    }  # fmt: skip
    line = dict(line)
    names = {"product_id", "variation_id", "sku"}
    item = (
        _product_of(shop, posted, new=held is None) if held is None or names & set(posted) else None
    )
    if item is not None:
        shown = render(shop, item)
        images = shown["images"]
        line |= {
            "name": shown["name"],
            "product_id": item.parent_id or item.id,
            "variation_id": item.id if item.kind == "variation" else 0,
            "sku": shown["sku"],
            "image": {key: str(images[0][key]) for key in ("id", "src")}
            if images
            else line["image"],
        }
    line |= {name: posted[name] for name in ("name", "quantity", "tax_class") if name in posted}
    _price_line(shop, line, posted, item)
    if "meta_data" in posted:
        line["meta_data"] = [
            {"id": shop.new_id("meta"), "key": entry["key"], "value": entry["value"],
             "display_key": entry["key"], "display_value": entry["value"]}
            for entry in posted["meta_data"]
        ]  # fmt: skip
    return line


def _price_line(shop: Shop, line: Record, posted: Record, item: Item | None) -> None:
    quantity = line["quantity"] or 1
    if "total" in posted or "subtotal" in posted:
        total = posted.get("total", posted.get("subtotal"))
        line["total"] = money(shop, total)
        line["subtotal"] = money(shop, posted.get("subtotal", total))
    elif item is not None:
        unit = decimal(render(shop, item)["price"]) or Decimal(0)
        line["total"] = line["subtotal"] = money(shop, unit * line["quantity"])
    elif not line["total"]:
        line["total"] = line["subtotal"] = money(shop, 0)
    price = float(Decimal(line["total"]) / quantity)
    line["price"] = int(price) if price.is_integer() else round(price, 6)


def _other_line(shop: Shop, name: str, held: Record | None, posted: Record) -> Record:
    empty: dict[str, Record] = {
        "shipping_lines": {
            "id": 0, "method_title": "", "method_id": "", "instance_id": "", "total": "0.00",
            "total_tax": "0.00", "tax_status": "taxable", "taxes": [], "meta_data": [],
        },
        "fee_lines": {
            "id": 0, "name": "", "tax_class": "", "tax_status": "taxable", "amount": "",
            "total": "0.00", "total_tax": "0.00", "taxes": [], "meta_data": [],
        },
        "coupon_lines": {
            "id": 0, "code": "", "discount": "0.00", "discount_tax": "0.00", "meta_data": [],
            "discount_type": "fixed_cart", "nominal_amount": 0, "free_shipping": False,
        },
    }  # fmt: skip
    line = {**(held or empty[name]), **{key: posted[key] for key in posted if key != "id"}}
    if "total" in posted:
        line["total"] = money(shop, posted["total"])
    return line


def merged(shop: Shop, name: str, held: list[Record], posted: list[Record]) -> list[Record]:
    """An entry with a known `id` changes that line, quantity 0 removes it, others are new."""
    lines = list(held)
    for entry in posted:
        place = None
        if entry.get("id"):
            place = next((at for at, old in enumerate(lines) if old["id"] == entry["id"]), None)
            if place is None:
                raise ShopError(
                    400, "woocommerce_rest_invalid_item_id", "Order item ID provided is not"
                    " associated with order.",
                )  # fmt: skip
        old = lines[place] if place is not None else None
        line = (
            _item_line(shop, old, entry)
            if name == "line_items"
            else _other_line(shop, name, old, entry)
        )
        if place is None:
            line["id"] = shop.new_id("item")
            lines.append(line)
        elif entry.get("quantity") == 0:
            del lines[place]
        else:
            lines[place] = line
    return lines


def totals(shop: Shop, fields: Record) -> Record:
    def added(name: str, key: str = "total") -> Decimal:
        return sum((Decimal(line[key]) for line in fields[name]), Decimal(0))

    goods, fees, shipping = added("line_items"), added("fee_lines"), added("shipping_lines")
    tax = added("line_items", "total_tax") + added("fee_lines", "total_tax")
    shipping_tax = added("shipping_lines", "total_tax")
    discount = added("line_items", "subtotal") - goods
    return {
        "discount_total": money(shop, discount),
        "discount_tax": money(shop, 0),
        "shipping_total": money(shop, shipping),
        "shipping_tax": money(shop, shipping_tax),
        "cart_tax": money(shop, tax),
        "total": money(shop, goods + fees + shipping + tax + shipping_tax),
        "total_tax": money(shop, tax + shipping_tax),
    }


def refunded(shop: Shop, held: list[Record], posted: list[Record]) -> list[Record]:
    """Read back with negative quantities and totals."""
    lines = []
    for entry in posted:
        line = next((old for old in held if old["id"] == entry.get("id")), None)
        if line is None:
            raise ShopError(400, "woocommerce_rest_invalid_order_refund", "Invalid refund line.")
        total = f"-{money(shop, entry.get('refund_total', 0))}"
        lines.append(
            {**line, "id": shop.new_id("item"), "quantity": -entry.get("quantity", 0),
             "subtotal": total, "total": total,
             "meta_data": [{
                 "id": shop.new_id("meta"), "key": "_refunded_item_id", "value": str(line["id"]),
                 "display_key": "_refunded_item_id", "display_value": str(line["id"]),
             }]}
        )  # fmt: skip
    return lines
