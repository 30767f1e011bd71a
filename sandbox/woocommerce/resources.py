"""The resources that share create, read, update, delete, list and batch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.http import Answer, Call, json_answer
from sandbox.woocommerce import customers, fields, lists, orders, product_view, products
from sandbox.woocommerce.errors import ShopError, invalid_id, trash_not_supported
from sandbox.woocommerce.shop import Changes, Item, Kind, Shop

Record = dict[str, Any]

BATCH_LIMIT = 100


@dataclass(frozen=True)
class Resource:
    kind: Kind
    plural: str
    rules: dict[str, fields.Rule]
    create: Callable[[Shop, Record, int], Item]
    update: Callable[[Shop, Item, Record], Changes]
    trash: Callable[[Shop, Item], Changes] | None
    remove: Callable[[Shop, Item], None]
    render: Callable[[Shop, Item], Record]
    choose: Callable[[Shop, dict[str, str], int], list[Item]]


def _search(query: dict[str, str], items: list[Item], *names: str) -> list[Item]:
    text = query.get("search", "").lower()
    if not text:
        return items
    return [item for item in items if any(text in str(item.fields[name]).lower() for name in names)]


def _by_field(query: dict[str, str], items: list[Item], *names: str) -> list[Item]:
    for name in names:
        if query.get(name):
            items = [item for item in items if str(item.fields[name]) == query[name]]
    return items


def _choose_products(shop: Shop, query: dict[str, str], _parent: int) -> list[Item]:
    held = shop.items["product"].values()
    if query.get("sku"):
        wanted = set(query["sku"].split(","))
        every = [*held, *shop.items["variation"].values()]
        return lists.with_status(query, [item for item in every if item.fields["sku"] in wanted])
    chosen = lists.select(query, held, modified_known=True)
    chosen = lists.with_status(query, chosen)
    return _by_field(query, _search(query, chosen, "name", "sku"), "type", "stock_status")


def _choose_variations(shop: Shop, query: dict[str, str], parent: int) -> list[Item]:
    held = shop.items["variation"]
    children = [held[number] for number in shop.children.get(parent, ()) if number in held]
    chosen = lists.select(query, children, modified_known=True)
    return _by_field(query, lists.with_status(query, chosen), "sku", "stock_status")


def _choose_orders(shop: Shop, query: dict[str, str], _parent: int) -> list[Item]:
    chosen = lists.select(query, shop.items["order"].values(), modified_known=True)
    chosen = lists.with_status(query, chosen)
    if query.get("customer"):
        chosen = [item for item in chosen if str(item.fields["customer_id"]) == query["customer"]]
    return _search(query, chosen, "number", "billing", "line_items")


def _choose_customers(shop: Shop, query: dict[str, str], _parent: int) -> list[Item]:
    role = query.get("role", "customer")
    held = shop.items["customer"].values()
    of_role = [item for item in held if role in ("all", item.fields["role"])]
    chosen = lists.select(query, of_role, modified_known=False)
    return _by_field(query, _search(query, chosen, "first_name", "last_name", "email"), "email")


RESOURCES: dict[str, Resource] = {
    "products": Resource(
        "product", "Products", fields.PRODUCT,
        lambda shop, body, _parent: products.create(shop, body, "key"),
        lambda shop, item, body: products.update(shop, item, body, "key"),
        lambda shop, item: products.trash(shop, item, "key"),
        products.remove, product_view.render, _choose_products,
    ),
    "variations": Resource(
        "variation", "Variations", fields.VARIATION,
        lambda shop, body, parent: products.create(shop, body, "key", parent),
        lambda shop, item, body: products.update(shop, item, body, "key"),
        lambda shop, item: products.trash(shop, item, "key"),
        products.remove, product_view.render_variation, _choose_variations,
    ),
    "orders": Resource(
        "order", "Orders", fields.ORDER,
        lambda shop, body, _parent: orders.create(shop, body, "key"),
        lambda shop, item, body: orders.update(shop, item, body, "key"),
        lambda shop, item: orders.trash(shop, item, "key"),
        orders.remove, orders.render, _choose_orders,
    ),
    "customers": Resource(
        "customer", "Customers", fields.CUSTOMER,
        lambda shop, body, _parent: customers.create(shop, body, "key"),
        lambda shop, item, body: customers.update(shop, item, body, "key"),
        None, customers.remove, customers.render, _choose_customers,
    ),
}  # fmt: skip


def find(shop: Shop, resource: Resource, number: Any, status: int, parent: int = 0) -> Item:
    """`status` is 404 for reading and deleting, 400 for changing, as in core."""
    number = int(number) if str(number).isdigit() else 0
    item = shop.items[resource.kind].get(number)
    if item is None and resource.kind == "product":
        item = shop.items["variation"].get(number)
        if item is not None and status == 400:
            raise ShopError(
                400,
                "woocommerce_rest_invalid_product_id",
                "To manipulate product variations you should use the /products/"
                "&lt;product_id&gt;/variations/&lt;id&gt; endpoint.",
            )
    if item is None or (parent and item.parent_id != parent):
        raise invalid_id(resource.kind, status)
    return item


def listed(shop: Shop, resource: Resource, call: Call, collection: str, parent: int) -> Answer:
    query = call.query
    lists.page_of(query)
    chosen = lists.ordered(query, resource.choose(shop, query, parent))
    only = lists.chosen_fields(query)

    def shown(item: Item) -> Record:
        shop.seen_by_key(item, only)
        return lists.narrowed(resource.render(shop, item), only)

    return lists.paged(shop, call, collection, chosen, shown)


def read(shop: Shop, resource: Resource, call: Call, number: str, parent: int) -> Answer:
    item = find(shop, resource, number, 404, parent)
    only = lists.chosen_fields(call.query)
    shop.seen_by_key(item, only)
    shown = resource.render(shop, item)
    if resource.kind == "product" and call.query.get("context") == "edit":
        # What is stored, for editors: so core's route of products, its route of variations not.
        shown = {**shown, **product_view.own(item)}
    return json_answer(200, lists.narrowed(shown, only))


def create(shop: Shop, resource: Resource, body: Record, parent: int) -> Record:
    try:
        if body.get("id") and resource.kind == "product":
            raise ShopError(
                400, "woocommerce_rest_product_exists", "Cannot create existing product."
            )
        checked = fields.checked_body(body, resource.rules, shop.settings.strict)
        item = resource.create(shop, checked, parent)
    except ShopError as error:
        shop.log_write("key", "create", resource.kind, 0, {}, reason=error.code)
        raise
    changes: Changes = {name: (None, value) for name, value in checked.items()}
    shop.log_write("key", "create", resource.kind, item.id, changes)
    shop.seen_by_key(item)
    return resource.render(shop, item)


def update(shop: Shop, resource: Resource, number: Any, body: Record, parent: int) -> Record:
    try:
        item = find(shop, resource, number, 400, parent)
        checked = fields.checked_body(body, resource.rules, shop.settings.strict)
        changes = resource.update(shop, item, checked)
    except ShopError as error:
        at = int(number) if str(number).isdigit() else 0
        shop.log_write("key", "update", resource.kind, at, {}, reason=error.code)
        raise
    shop.log_write("key", "update", resource.kind, item.id, changes)
    shop.seen_by_key(item)
    return resource.render(shop, item)


def delete(shop: Shop, resource: Resource, number: Any, parent: int, *, force: bool) -> Record:
    try:
        item = find(shop, resource, number, 404, parent)
        if force:
            shown = resource.render(shop, item)
            resource.remove(shop, item)
        elif resource.trash is None:
            raise trash_not_supported(resource.plural)
        else:
            resource.trash(shop, item)
            shown = resource.render(shop, item)
    except ShopError as error:
        at = int(number) if str(number).isdigit() else 0
        shop.log_write("key", "delete", resource.kind, at, {}, reason=error.code)
        raise
    changes: Changes = {"status": (None, "gone" if force else "trash")}
    shop.log_write("key", "delete", resource.kind, item.id, changes)
    return shown


def batch(shop: Shop, resource: Resource, body: Record, parent: int) -> Record:
    """Each entry for itself; what fails is reported in its place. Deletes are for ever."""
    parts = {name: body[name] for name in ("create", "update", "delete") if name in body}
    if sum(len(entries) for entries in parts.values()) > BATCH_LIMIT:
        raise ShopError(
            413,
            "woocommerce_rest_request_entity_too_large",
            f"Unable to accept more than {BATCH_LIMIT} items for this request.",
        )

    def done(part: str, entry: Any) -> Record:
        number = (entry.get("id", 0) if isinstance(entry, dict) else entry) or 0
        try:
            if part == "create":
                return create(shop, resource, entry, parent)
            if part == "update":
                return update(shop, resource, number, entry, parent)
            return delete(shop, resource, number, parent, force=True)
        except ShopError as error:
            return {"id": 0 if part == "create" else number, "error": error.document()}

    return {part: [done(part, entry) for entry in entries] for part, entries in parts.items()}
