"""Which body fields each resource takes, and of what type: refuses what WordPress's schema refuses.

A null at the top level is passed by, as WordPress skips validation and use of it.
"""

from dataclasses import dataclass
from typing import Any

from sandbox.woocommerce.errors import ShopError, invalid_params

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    type: str
    choices: tuple[str, ...] = ()
    inner: "dict[str, Rule] | None" = None


TEXT, WHOLE, YES_NO, ANY = Rule("string"), Rule("integer"), Rule("boolean"), Rule("any")
NUMBER = Rule("number")
META = Rule("array", inner={"id": WHOLE, "key": TEXT, "value": ANY})
IDS = Rule("array")
PRODUCT_STATUS = ("draft", "pending", "private", "publish", "future", "auto-draft", "trash")
STOCK_STATUS = ("instock", "outofstock", "onbackorder")
ORDER_STATUS = (
    "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed",
    "trash", "checkout-draft", "auto-draft",
)  # fmt: skip
TERM = Rule("array", inner={"id": WHOLE, "name": TEXT, "slug": TEXT})
IMAGE = {"id": WHOLE, "src": TEXT, "name": TEXT, "alt": TEXT, "position": WHOLE}
DIMENSIONS = Rule("object", inner={"length": TEXT, "width": TEXT, "height": TEXT})

_STOCK_AND_PRICE: dict[str, Rule] = {
    "sku": TEXT, "global_unique_id": TEXT, "regular_price": TEXT, "sale_price": TEXT,
    "date_on_sale_from": TEXT, "date_on_sale_from_gmt": TEXT, "date_on_sale_to": TEXT,
    "date_on_sale_to_gmt": TEXT, "stock_quantity": WHOLE,
    "inventory_delta": WHOLE, "stock_status": Rule("string", STOCK_STATUS),
    "backorders": Rule("string", ("no", "notify", "yes")), "low_stock_amount": WHOLE,
    "weight": TEXT, "dimensions": DIMENSIONS, "virtual": YES_NO, "downloadable": YES_NO,
    "downloads": Rule("array", inner={"id": TEXT, "name": TEXT, "file": TEXT}),
    "tax_class": TEXT, "shipping_class": TEXT, "description": TEXT, "menu_order": WHOLE,
    "meta_data": META,
}  # fmt: skip

PRODUCT: dict[str, Rule] = {
    **_STOCK_AND_PRICE,
    "name": TEXT, "slug": TEXT, "short_description": TEXT, "featured": YES_NO,
    "type": Rule("string", ("simple", "grouped", "external", "variable")),
    "status": Rule("string", PRODUCT_STATUS), "manage_stock": YES_NO,
    "catalog_visibility": Rule("string", ("visible", "catalog", "search", "hidden")),
    "tax_status": Rule("string", ("taxable", "shipping", "none")),
    "sold_individually": YES_NO, "reviews_allowed": YES_NO, "purchase_note": TEXT,
    "external_url": TEXT, "button_text": TEXT, "upsell_ids": IDS, "cross_sell_ids": IDS,
    "grouped_products": IDS, "parent_id": WHOLE, "categories": TERM, "tags": TERM,
    "images": Rule("array", inner=IMAGE),
    "attributes": Rule("array", inner={
        "id": WHOLE, "name": TEXT, "slug": TEXT, "position": WHOLE, "visible": YES_NO,
        "variation": YES_NO, "options": IDS,
    }),
    "default_attributes": Rule("array", inner={"id": WHOLE, "name": TEXT, "option": TEXT}),
}  # fmt: skip

VARIATION: dict[str, Rule] = {
    **_STOCK_AND_PRICE,
    "status": Rule("string", ("draft", "pending", "private", "publish")),
    "manage_stock": Rule("boolean or parent"), "tax_status": TEXT,
    "image": Rule("object", inner=IMAGE),
    "attributes": Rule("array", inner={
        "id": WHOLE, "name": TEXT, "slug": TEXT, "option": TEXT,
    }),
}  # fmt: skip

_SHIPPING: dict[str, Rule] = dict.fromkeys(
    ("first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode",
     "country", "phone"), TEXT,
)  # fmt: skip
BILLING = Rule("object", inner={**_SHIPPING, "email": TEXT})
SHIPPING = Rule("object", inner=_SHIPPING)
_LINE: dict[str, Rule] = {"id": WHOLE, "total": TEXT, "total_tax": TEXT, "taxes": IDS,
                          "meta_data": META}  # fmt: skip

ORDER: dict[str, Rule] = {
    "parent_id": WHOLE, "status": Rule("string", ORDER_STATUS), "currency": TEXT,
    "customer_id": WHOLE, "customer_note": TEXT, "billing": BILLING, "shipping": SHIPPING,
    "payment_method": TEXT, "payment_method_title": TEXT, "transaction_id": TEXT,
    "created_via": TEXT, "set_paid": YES_NO, "meta_data": META,
    "line_items": Rule("array", inner={
        **_LINE, "name": TEXT, "parent_name": TEXT, "product_id": WHOLE, "variation_id": WHOLE,
        "quantity": WHOLE, "tax_class": TEXT, "subtotal": TEXT, "subtotal_tax": TEXT, "sku": TEXT,
        "price": NUMBER,
    }),
    "shipping_lines": Rule("array", inner={
        **_LINE, "method_title": TEXT, "method_id": TEXT, "instance_id": TEXT,
    }),
    "fee_lines": Rule("array", inner={
        **_LINE, "name": TEXT, "tax_class": TEXT, "tax_status": TEXT, "amount": TEXT,
    }),
    "coupon_lines": Rule("array", inner={"id": WHOLE, "code": TEXT, "meta_data": META}),
}  # fmt: skip

CUSTOMER: dict[str, Rule] = {
    "email": TEXT, "first_name": TEXT, "last_name": TEXT, "username": TEXT, "password": TEXT,
    "billing": BILLING, "shipping": SHIPPING, "meta_data": META,
}  # fmt: skip
WEBHOOK: dict[str, Rule] = {
    "name": TEXT, "topic": TEXT, "delivery_url": TEXT, "secret": TEXT,
    "status": Rule("string", ("active", "paused", "disabled")),
}  # fmt: skip
NOTE: dict[str, Rule] = {"note": TEXT, "customer_note": YES_NO, "added_by_user": YES_NO}
REFUND: dict[str, Rule] = {
    "amount": TEXT, "reason": TEXT, "refunded_by": WHOLE, "api_refund": YES_NO,
    "api_restock": YES_NO, "meta_data": META,
    "line_items": Rule("array", inner={
        "id": WHOLE, "quantity": WHOLE, "refund_total": NUMBER, "refund_tax": IDS,
    }),
}  # fmt: skip
NEW_TERM: dict[str, Rule] = {"name": TEXT, "slug": TEXT, "parent": WHOLE, "description": TEXT}


def _fits(rule: Rule, value: Any) -> bool:
    match rule.type:
        case "string":
            return isinstance(value, str)
        case "integer":
            if isinstance(value, str):
                return value.lstrip("-").isdigit()
            if isinstance(value, float):
                return value.is_integer()
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, (int, float, str)) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "boolean or parent":
            return isinstance(value, bool) or value == "parent"
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
    return True


Problems = dict[str, tuple[str, str]]


def _check_value(rule: Rule, name: str, value: Any, strict: bool, problems: Problems) -> Any:
    if not _fits(rule, value):
        problems[name] = ("rest_invalid_type", f"{name} is not of type {rule.type}.")
        return None
    if rule.type == "integer":
        return int(value)
    if rule.choices and value not in rule.choices:
        listed = f"{', '.join(rule.choices[:-1])}, and {rule.choices[-1]}"
        problems[name] = ("rest_not_in_enum", f"{name} is not one of {listed}.")
        return None
    if rule.inner is None:
        return value
    if rule.type == "object":
        return _check_inner(rule.inner, name, value, strict, problems)
    return [
        _check_inner(rule.inner, f"{name}[{index}]", entry, strict, problems)
        for index, entry in enumerate(value)
    ]


def _check_inner(
    rules: dict[str, Rule], name: str, value: Any, strict: bool, problems: Problems
) -> Record:
    if not isinstance(value, dict):
        problems[name] = ("rest_invalid_type", f"{name} is not of type object.")
        return {}
    checked: Record = {}
    for key, entry in value.items():
        rule = rules.get(key)
        if rule is None:
            if strict:
                problems[f"{name}[{key}]"] = ("rest_unknown_field", f"{name}[{key}] is unknown.")
        elif entry is None and rule.type != "any":
            continue
        else:
            checked[key] = _check_value(rule, f"{name}[{key}]", entry, strict, problems)
    return checked


def checked_body(body: Record, rules: dict[str, Rule], strict: bool) -> Record:
    """The body's usable fields; `id` is passed by, since updates in a batch carry it."""
    problems: Problems = {}
    checked: Record = {}
    for name, value in body.items():
        if name == "id":
            continue
        rule = rules.get(name)
        if rule is None:
            if strict:
                problems[name] = ("rest_unknown_field", f"{name} is unknown or read-only.")
        elif value is not None:
            checked[name] = _check_value(rule, name, value, strict, problems)
    if problems:
        raise invalid_params(problems)
    return checked


def whole_number(text: str, error: ShopError) -> int:
    if not text.isdigit():
        raise error
    return int(text)
