"""Control of shops: make and load them, act as their keeper and customers, read them."""

from typing import Any
from urllib.parse import urlsplit

from sandbox import data
from sandbox.http import Call
from sandbox.woocommerce import customers, hooks, orders, people, product_view, products
from sandbox.woocommerce.shop import MARK_PREFIX, REVISION_KEY, Item, Settings, Shop
from sandbox.world import ControlError, World, make_secret, settings_from

Record = dict[str, Any]

DEFAULT_TOPICS = (
    "product.created", "product.updated", "product.deleted", "product.restored", "order.created",
    "order.updated", "order.deleted", "customer.created", "customer.updated", "customer.deleted",
)  # fmt: skip


async def do(world: World, call: Call, parts: list[str]) -> Any:
    if not parts:
        if call.method == "POST":
            return await _create(world, call)
        return [_described(shop) for shop in world.shops.values()]
    shop = world.shops.get(parts[0])
    if shop is None:
        raise ControlError(404, f"no shop {parts[0]}")
    if len(parts) == 1:
        return _shop_itself(world, shop, call)
    if call.method == "GET":
        found = _read(world, shop, call, parts[1:])
    else:
        found = _act(shop, call, parts[1:])
    if found is None:
        raise ControlError(404, f"no action {call.method} {call.path}")
    return found


async def _create(world: World, call: Call) -> Record:
    body = call.json_object()
    name = str(body.pop("name", ""))
    keys, wanted = body.pop("keys", []), body.pop("webhooks", [])
    url, secret = body.pop("webhook_url", ""), body.pop("webhook_secret", "") or make_secret()
    topics, loaded = body.pop("topics", DEFAULT_TOPICS), body.pop("load", None)
    parsed = urlsplit(call.url)
    shop = world.create_shop(name, body, keys, f"{parsed.scheme}://{parsed.netloc}")
    if loaded is not None:
        load(shop, data.woocommerce() if loaded == "sri-lanka" else loaded)
    if url:
        wanted = [
            *wanted,
            *({"topic": topic, "delivery_url": url, "secret": secret} for topic in topics),
        ]
    for entry in wanted:
        # Without the ping: a receiver may not be up yet. A hook made by REST is pinged.
        hooks.create(shop, entry).pending_ping = False
    return {**_described(shop), "webhook_secret": secret if url else ""}


def _described(shop: Shop) -> Record:
    key = next(iter(shop.keys.values()))
    return {
        "name": shop.name,
        "url": shop.settings.home_url,
        "plugin": shop.settings.plugin,
        "consumer_key": key.consumer_key,
        "consumer_secret": key.consumer_secret,
        "webhooks": [hooks.render(shop, hook)["id"] for hook in shop.webhooks.values()],
    }


def _shop_itself(world: World, shop: Shop, call: Call) -> Record:
    if call.method == "PATCH":
        shop.settings = settings_from(Settings, call.json_object(), shop.settings)
        for held in shop.items.values():
            for item in held.values():
                item.rendered = None
    elif call.method == "DELETE":
        del world.shops[shop.name]
    return _described(shop)


def load(shop: Shop, records: Record) -> Record:
    """REST resources as they are; nothing is announced. `next_ids` sets the sequences."""
    unknown = sorted(
        set(records) - {"products", "variations", "orders", "customers", "categories", "next_ids"}
    )
    if unknown:
        raise ControlError(400, f"unknown: {', '.join(unknown)}")
    for term in records.get("categories", []):
        shop.terms["categories"][term["id"]] = dict(term)
        shop.reserve_id("term", term["id"])
    loaded = [products.load(shop, record) for record in records.get("products", [])]
    loaded += [
        products.load(shop, {**record, "type": "variation"})
        for record in records.get("variations", [])
    ]
    loaded += [orders.load(shop, record) for record in records.get("orders", [])]
    loaded += [customers.load(shop, record) for record in records.get("customers", [])]
    for item in loaded:
        _index_marks(shop, item)
    shop.next_ids |= records.get("next_ids", {})
    return {"loaded": len(loaded)}


def announce(shop: Shop) -> Record:
    """The keeper saves every item unchanged, as a bulk edit does: each sends its webhook."""
    items = shop.items
    saved = [
        *(("product.updated", number) for number in (*items["product"], *items["variation"])),
        *(("customer.updated", number) for number in items["customer"]),
    ]
    for topic, number in saved:
        shop.fire(topic, number)
    return {"announced": len(saved)}


def _index_marks(shop: Shop, item: Item) -> None:
    for entry in item.fields["meta_data"]:
        key, value = entry["key"], entry["value"]
        if key.startswith(MARK_PREFIX) and key != REVISION_KEY and isinstance(value, dict):
            shop.entities[key.removeprefix(MARK_PREFIX), value.get("entity", "")] = item.id


def dump(shop: Shop) -> Record:
    """The whole state, as REST shows it and with what REST hides."""
    items = shop.items
    return {
        "products": [product_view.render(shop, item) for item in items["product"].values()],
        "variations": [product_view.render(shop, item) for item in items["variation"].values()],
        "orders": [_order(shop, item) for item in items["order"].values()],
        "customers": [customers.render(shop, item) for item in items["customer"].values()],
        "webhooks": [
            {**hooks.render(shop, hook), "failure_count": hook.failure_count}
            for hook in shop.webhooks.values()
        ],
        "lost_edits": len(shop.lost_edits),
    }


def _order(shop: Shop, item: Item) -> Record:
    shown = orders.render(shop, item)
    return {**shown, "order_stock_reduced": item.stock_reduced, "notes": item.notes}


def _logged(entries: Any, query: dict[str, str]) -> list[Record]:
    """`since` (seconds), `kind`, `id`, `accepted`, `changed` and `by` narrow it."""
    chosen: list[Record] = list(entries)
    if "since" in query:
        chosen = [entry for entry in chosen if entry["at"] >= float(query["since"])]
    for name in ("kind", "by", "id", "accepted", "changed", "entity"):
        if name in query:
            chosen = [
                entry for entry in chosen if str(entry.get(name)).lower() == query[name].lower()
            ]
    return chosen


def _read(world: World, shop: Shop, call: Call, parts: list[str]) -> Any:
    match parts:
        case ["dump"]:
            return dump(shop)
        case ["writes"]:
            return _logged(shop.writes, call.query)
        case ["edits"]:
            return _logged(shop.edits, call.query)
        case ["losses"]:
            return {"lost_edits": len(shop.lost_edits), "edits": shop.lost_edits}
        case ["deliveries"]:
            return [entry for entry in world.sender.log if entry.get("shop") == shop.name]
        case ["products", reference]:
            return product_view.render(shop, people.product(shop, reference))
        case ["orders", reference]:
            return _order(shop, people.order(shop, reference))
        case ["customers", reference]:
            return customers.render(shop, people.customer(shop, reference))
    return None


def _act(shop: Shop, call: Call, parts: list[str]) -> Any:
    match (call.method, *parts):
        case ("POST", "load"):
            return load(shop, call.json_object())
        case ("POST", "announce"):
            return announce(shop)
        case ("POST", "faults"):
            shop.faults.configure(call.json_object())
            return {"requests": len(shop.faults.requests)}
        case ("DELETE", "faults"):
            shop.faults.clear()
            return {"requests": 0}
        case (_, "products", *rest):
            return _product_action(shop, call, rest)
        case (_, "orders", *rest):
            return _order_action(shop, call, rest)
        case (_, "customers", *rest):
            return _customer_action(shop, call, rest)
    return None


def _product_action(shop: Shop, call: Call, parts: list[str]) -> Any:
    if not parts and call.method == "POST":
        item = people.create_product(shop, call.json_object())
        return product_view.render(shop, item)
    if not parts:
        return None
    item = people.product(shop, parts[0])
    match (call.method, *parts[1:]):
        case ("PATCH",) if call.query.get("silent") == "true":
            people.write_database(shop, item, call.json_object())
        case ("PATCH",):
            people.edit_product(shop, item, call.json_object())
        case ("DELETE",):
            people.trash(shop, item, force=call.query.get("force") == "true")
        case ("POST", "restore"):
            products.restore(shop, item, "person")
        case _:
            return None
    return product_view.render(shop, item)


def _order_action(shop: Shop, call: Call, parts: list[str]) -> Any:
    if not parts and call.method == "POST":
        return _order(shop, people.sell(shop, call.json_object()))
    if not parts:
        return None
    order = people.order(shop, parts[0])
    match (call.method, *parts[1:]):
        case ("PATCH",):
            people.edit_order(shop, order, call.json_object())
        case ("POST", "cancel"):
            people.edit_order(shop, order, {"status": "cancelled"})
        case ("POST", "notes"):
            given = call.json_object()
            orders.add_note(shop, order, given, str(given.get("author") or "Kamala"))
        case ("DELETE",):
            people.trash(shop, order, force=call.query.get("force") == "true")
        case _:
            return None
    return _order(shop, order)


def _customer_action(shop: Shop, call: Call, parts: list[str]) -> Any:
    if not parts and call.method == "POST":
        return customers.render(shop, people.create_customer(shop, call.json_object()))
    if not parts:
        return None
    item = people.customer(shop, parts[0])
    match call.method:
        case "PATCH":
            people.edit_customer(shop, item, call.json_object())
        case "DELETE":
            people.trash(shop, item, force=True)
        case _:
            return None
    return customers.render(shop, item)
