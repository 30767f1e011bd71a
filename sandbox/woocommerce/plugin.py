"""The SmartStore plugin's route: compare-and-set writes (docs/plugin-route.md).

One call runs without an await, so each operation compares and writes in one step, as the
real route does under the item's row lock.
"""

from collections.abc import Callable
from typing import Any

from sandbox.http import Call
from sandbox.woocommerce import customers, digests, fields, orders, product_view, products
from sandbox.woocommerce.errors import ShopError, missing_params
from sandbox.woocommerce.product_view import decimal
from sandbox.woocommerce.shop import MARK_PREFIX, Changes, Item, Shop

Record = dict[str, Any]

MAX_OPERATIONS = 100
DESCRIPTION: Record = {"plugin": "1.0.0", "protocol": 1, "max_operations": MAX_OPERATIONS}
KINDS = ("product", "variation", "stock", "order", "customer")
DOES = ("write", "create", "delete", "read")
OPERATION_FIELDS = frozenset(
    ("do", "resource", "entity", "id", "parent_id", "op", "after", "expected", "want", "totals")
)
PRICES = frozenset(("regular_price", "sale_price", "price", "total", "subtotal"))
COUNTERS = frozenset(("stock_quantity",))
STOCK_ONLY = frozenset(("stock_quantity", "manage_stock", "stock_status", "backorders",
                        "low_stock_amount"))  # fmt: skip


def run(shop: Shop, body: Record) -> Record:
    operations = body.get("operations")
    if not isinstance(operations, list):
        raise missing_params(["operations"])
    if len(operations) > MAX_OPERATIONS:
        raise ShopError(
            413,
            "woocommerce_rest_request_entity_too_large",
            f"Unable to accept more than {MAX_OPERATIONS} items for this request.",
        )
    return {"results": [_run_one(shop, operation) for operation in operations]}


def _run_one(shop: Shop, operation: Any) -> Record:
    if not isinstance(operation, dict):
        return _result({}, "invalid", "rest_invalid_param", message="Not an object.")
    try:
        _check(shop, operation)
        result = _DO[operation["do"]](shop, operation)
    except ShopError as error:
        result = _result(operation, "invalid", error.code, message=error.message)
    if operation.get("do") != "read" and result["result"] != "taken":
        number = operation.get("id")
        shop.log_write(
            "route",
            str(operation.get("do")),
            str(operation.get("resource")),
            number if isinstance(number, int) else 0,
            {},
            reason=result["reason"] or result["result"],
            entity=str(operation.get("entity", "")),
            op=operation.get("op"),
        )
    return result


def _is_op(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(part) is int for part in value)


def _check(shop: Shop, operation: Record) -> None:
    """Strict: a field that the route does not know, or lacks, is an error in the caller."""
    unknown = sorted(set(operation) - OPERATION_FIELDS)
    if unknown and shop.settings.strict:
        raise ShopError(400, "rest_invalid_param", f"Unknown field(s): {', '.join(unknown)}")
    do, resource = operation.get("do"), operation.get("resource")
    if do not in DOES or resource not in KINDS:
        raise ShopError(400, "rest_invalid_param", "Invalid parameter(s): do, resource")
    needed = {
        "read": ["id"],
        "write": ["id", "entity", "op", "want"],
        "create": ["entity", "op", "want"],
        "delete": ["id", "entity", "op"],
    }[do]
    # An empty `want` writes the mark alone.
    missing = [name for name in needed if operation.get(name) in (None, "", 0)]
    if resource == "variation" and do == "create" and not operation.get("parent_id"):
        missing.append("parent_id")
    if missing:
        raise missing_params(missing)
    if do != "read" and not _is_op(operation["op"]):
        raise ShopError(400, "rest_invalid_param", "Invalid parameter(s): op")
    if operation.get("after") is not None and not _is_op(operation["after"]):
        raise ShopError(400, "rest_invalid_param", "Invalid parameter(s): after")


def _result(
    operation: Record,
    result: str,
    reason: str = "",
    resource: Record | None = None,
    *,
    gone: bool = False,
    message: str = "",
) -> Record:
    answer: Record = {
        "op": operation.get("op"),
        "result": result,
        "reason": reason,
        "resource": resource,
        "gone": gone,
    }
    if message:
        answer["message"] = message
    return answer


# Items and their marks


def _find(shop: Shop, operation: Record) -> Item | None:
    number = operation["id"]
    match operation["resource"]:
        case "order":
            return shop.items["order"].get(number)
        case "customer":
            return shop.items["customer"].get(number)
        case "stock":
            return shop.find_product(number)
        case "variation":
            item = shop.items["variation"].get(number)
            parent = operation.get("parent_id")
            return item if item is None or not parent or item.parent_id == parent else None
    return shop.items["product"].get(number)


def _shown(shop: Shop, item: Item) -> Record:
    """What the answer holds, the key has seen."""
    shop.seen_by_key(item)
    if item.kind == "order":
        return orders.render(shop, item)
    if item.kind == "customer":
        return customers.render(shop, item)
    return product_view.as_stored(shop, item)


def _mark(shop: Shop, item: Item, resource: str) -> Record | None:
    mark = shop.get_meta(item, MARK_PREFIX + resource)
    return mark if isinstance(mark, dict) else None


def _set_mark(shop: Shop, item: Item, operation: Record) -> None:
    """Fields of earlier operations keep their entries."""
    held = _mark(shop, item, operation["resource"]) or {"fields": {}}
    op = operation["op"]
    item.rendered = None
    now = _render_uncounted(shop, item)
    entries: Record = dict(held["fields"])
    for name, wanted in operation.get("want", {}).items():
        if name == "meta_data":
            continue
        entry: Record = {"op": op, "value": now.get(name), "wanted": wanted}
        if name in COUNTERS or name in operation.get("totals", {}):
            entry["total"] = operation.get("totals", {}).get(name, 0)
        entries[name] = entry
    mark = {"entity": operation["entity"], "op": op, "fields": entries}
    shop.set_meta(item, MARK_PREFIX + operation["resource"], mark)
    shop.entities[operation["resource"], operation["entity"]] = item.id
    item.rendered = None


def _render_uncounted(shop: Shop, item: Item) -> Record:
    if item.kind == "order":
        return orders.render(shop, item)
    if item.kind == "customer":
        return customers.render(shop, item)
    return product_view.as_stored(shop, item)


# Comparing


def same(name: str, expected: Any, held: Any) -> bool:
    """As WooCommerce compares: prices as decimals, objects by the keys that are named."""
    if name in PRICES and isinstance(expected, str) and isinstance(held, str):
        left, right = decimal(expected), decimal(held)
        return left == right if left is not None and right is not None else expected == held
    if isinstance(expected, dict) and isinstance(held, dict):
        return all(key in held and same(key, value, held[key]) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(held, list):
        return len(expected) == len(held) and all(
            same(name, left, right) for left, right in zip(expected, held, strict=True)
        )
    if isinstance(expected, bool) or isinstance(held, bool):
        return expected is held
    return bool(expected == held)


def _objection(shop: Shop, item: Item, operation: Record) -> str:
    """Why the item may not be written now, or an empty text."""
    mark = _mark(shop, item, operation["resource"])
    last = mark["op"] if mark else None
    if last is not None and operation["op"] <= last:
        return "sequence"
    if operation.get("after") != last:
        return "after"
    held = _render_uncounted(shop, item)
    for name, value in operation.get("expected", {}).items():
        if name not in held or not same(name, value, held[name]):
            return "expected"
    return ""


# Operations


def _repeated(shop: Shop, item: Item, operation: Record) -> bool:
    mark = _mark(shop, item, operation["resource"])
    return mark is not None and mark["op"] == operation["op"]


def _read(shop: Shop, operation: Record) -> Record:
    item = _find(shop, operation)
    if item is None:
        return _result(operation, "missing", gone=True)
    return _result(operation, "taken", resource=_shown(shop, item), gone=item.trashed)


def _write(shop: Shop, operation: Record) -> Record:
    item = _find(shop, operation)
    if item is None:
        return _result(operation, "missing", gone=True)
    if _repeated(shop, item, operation):
        return _result(operation, "taken", resource=_shown(shop, item), gone=item.trashed)
    objection = _objection(shop, item, operation)
    if objection:
        shown = _shown(shop, item)
        return _result(operation, "refused", objection, shown, gone=item.trashed)
    # Whoever names the very value that he replaces knows it, be it from a webhook.
    shop.seen_by_key(item, set(operation.get("expected", {})))
    want = _checked_want(shop, item, operation)
    if item.kind == "order":
        changes = orders.update(shop, item, want, "route", move_stock=False)
    elif item.kind == "customer":
        changes = customers.update(shop, item, want, "route")
    else:
        changes = products.update(shop, item, want, "route")
    return _taken(shop, item, operation, changes)


def _checked_want(shop: Shop, item: Item | None, operation: Record) -> Record:
    resource = operation["resource"]
    if resource == "stock":
        rules = fields.VARIATION if item and item.kind == "variation" else fields.PRODUCT
        rules = {name: rule for name, rule in rules.items() if name in STOCK_ONLY}
    else:
        rules = {
            "product": fields.PRODUCT,
            "variation": fields.VARIATION,
            "order": fields.ORDER,
            "customer": fields.CUSTOMER,
        }[resource]
    return fields.checked_body(operation["want"], rules, shop.settings.strict)


def _taken(shop: Shop, item: Item, operation: Record, changes: Changes) -> Record:
    _set_mark(shop, item, operation)
    if not changes:
        # A new mark alone is new content too, and content orders by the revision.
        shop.raise_revision(item)
    shop.log_write(
        "route", operation["do"], operation["resource"], item.id, changes,
        entity=operation["entity"], op=operation["op"],
    )  # fmt: skip
    return _result(operation, "taken", resource=_shown(shop, item), gone=item.trashed)


def _create(shop: Shop, operation: Record) -> Record:
    resource = operation["resource"]
    if resource == "stock":
        raise ShopError(400, "rest_invalid_param", "Stock belongs to an item: write it.")
    own = _own_item(shop, operation)
    if own is not None:
        if own.trashed:
            return _result(operation, "refused", "removed", _shown(shop, own), gone=True)
        if _repeated(shop, own, operation):
            return _result(operation, "taken", resource=_shown(shop, own))
        return _result(operation, "refused", "after", _shown(shop, own))
    want = _checked_want(shop, None, operation)
    sku = want.get("sku", "").strip()
    owner = shop.find_product(shop.skus[sku]) if sku and sku in shop.skus else None
    if owner is not None and resource in ("product", "variation"):
        return _result(operation, "refused", "sku", _shown(shop, owner))
    if resource == "order":
        item = orders.create(shop, want, "route", taken=True)
    elif resource == "customer":
        item = customers.create(shop, want, "route")
    elif resource == "variation":
        if operation["parent_id"] not in shop.items["product"]:
            return _result(operation, "missing", gone=True)
        item = products.create(shop, want, "route", operation["parent_id"])
    else:
        item = products.create(shop, want, "route")
    changes: Changes = {name: (None, value) for name, value in want.items()}
    return _taken(shop, item, operation, changes)


def _own_item(shop: Shop, operation: Record) -> Item | None:
    """The item that carries this entity's mark, in the trash or not."""
    number = shop.entities.get((operation["resource"], operation["entity"]))
    return _find(shop, {**operation, "id": number}) if number is not None else None


def _delete(shop: Shop, operation: Record) -> Record:
    item = _find(shop, operation)
    if item is None:
        return _result(operation, "missing", gone=True)
    if _repeated(shop, item, operation):
        return _result(operation, "taken", resource=_shown(shop, item), gone=item.trashed)
    objection = _objection(shop, item, operation)
    if objection:
        shown = _shown(shop, item)
        return _result(operation, "refused", objection, shown, gone=item.trashed)
    if item.kind == "customer":
        raise ShopError(
            501, "woocommerce_rest_trash_not_supported", "Customers do not support trashing."
        )
    if item.trashed:
        changes: Changes = {}
    elif item.kind == "order":
        changes = orders.trash(shop, item, "route")
    else:
        changes = products.trash(shop, item, "route")
    return _taken(shop, item, operation, changes)


_DO = {"read": _read, "write": _write, "create": _create, "delete": _delete}
ROUTES: dict[tuple[str, str], Callable[[Shop, Call], Record]] = {
    ("GET", "sync"): lambda _shop, _call: DESCRIPTION,
    ("POST", "sync"): lambda shop, call: run(shop, call.json_object()),
    ("POST", "digest"): lambda shop, call: digests.digest(
        shop, call.json_object(), _render_uncounted
    ),
    ("GET", "items"): lambda shop, call: digests.items(shop, call.query),
}
