"""`/shops/{shop}/wp-json/...`: faults, who calls, and which resource answers."""

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from sandbox.faults import RequestFault, proxy_page, retry_after, spoiled
from sandbox.http import Answer, Call, MalformedBody, html_answer, json_answer
from sandbox.woocommerce import fields, hooks, lists, orders, plugin, resources
from sandbox.woocommerce.auth import authentication_error, identify
from sandbox.woocommerce.errors import (
    ShopError,
    missing_params,
    no_route,
    trash_not_supported,
)
from sandbox.woocommerce.hooks import Hooks
from sandbox.woocommerce.resources import RESOURCES
from sandbox.woocommerce.shop import Item, Shop

Record = dict[str, Any]

NOTICE = (
    b"<br />\n<b>Deprecated</b>: Function get_page_by_title is deprecated since version 6.2.0! in "
    b"<b>/var/www/html/wp-includes/functions.php</b> on line <b>6121</b><br />\n"
)
WRITES = ("PUT", "PATCH", "POST")
ANONYMOUS: dict[str, tuple[str, str]] = {
    "list": ("cannot_view", "Sorry, you cannot list resources."),
    "GET": ("cannot_view", "Sorry, you cannot view this resource."),
    "create": ("cannot_create", "Sorry, you are not allowed to create resources."),
    "PUT": ("cannot_edit", "Sorry, you are not allowed to edit this resource."),
    "DELETE": ("cannot_delete", "Sorry, you are not allowed to delete this resource."),
    "batch": ("cannot_batch", "Sorry, you are not allowed to batch manipulate this resource."),
}


def _anonymous(method: str, parts: list[str]) -> ShopError:
    single = bool(parts) and parts[-1].isdigit()
    action = {"GET": "list", "POST": "create"}.get(method, method)
    if single:
        action = {"PATCH": "PUT", "POST": "PUT"}.get(method, method)
    elif parts and parts[-1] == "batch":
        action = "batch"
    code, message = ANONYMOUS.get(action, ANONYMOUS["list"])
    return ShopError(401, f"woocommerce_rest_{code}", message)


def failed(fault: RequestFault) -> Answer:
    """A document when the fault has a code, else the page of a proxy."""
    if fault.html or not fault.code:
        return proxy_page(fault)
    error = ShopError(fault.status, str(fault.code), fault.message)
    return json_answer(fault.status, error.document(), retry_after(fault))


class WooCommerce:
    """All shops."""

    def __init__(self, shops: dict[str, Shop], deliveries: Hooks) -> None:
        self._shops = shops
        self._hooks = deliveries

    async def handle(self, call: Call) -> Answer:
        parts = call.path.strip("/").split("/")
        shop = self._shops.get(parts[1]) if len(parts) > 1 else None
        if shop is None:
            return html_answer(404, "<html><head><title>404 Not Found</title></head></html>")
        fault = shop.faults.take(call.method, call.path) if shop.faults.requests else None
        if fault is not None:
            if fault.delay_s > 0:
                await asyncio.sleep(fault.delay_s)
            if fault.status:
                return failed(fault)
        try:
            answer = await self._answer(shop, call, parts[2:])
        except ShopError as error:
            answer = json_answer(error.status, error.document())
        except MalformedBody:
            answer = json_answer(
                400, ShopError(400, "rest_invalid_json", "Invalid JSON body passed.").document()
            )
        if shop.settings.php_notices:
            answer.content = NOTICE + answer.content
        return spoiled(answer, fault)

    async def _answer(self, shop: Shop, call: Call, parts: list[str]) -> Answer:
        if parts[:1] != ["wp-json"]:
            # `?rest_route=` addresses take no key (seen on a real shop).
            if "rest_route" in call.query:
                raise _anonymous(call.method, [])
            raise no_route()
        if len(parts) == 1 or parts[1:] == [""]:
            return _index(shop)
        if parts[1:3] == ["smartstore", "v1"] and len(parts) == 4:
            return self._plugin(shop, call, parts[3])
        if parts[1:3] != ["wc", "v3"] or len(parts) < 4:
            raise no_route()
        parts = parts[3:]
        handler = self._handler(parts)
        if handler is None:
            raise no_route()
        key = identify(shop, call)
        if key is None:
            raise _anonymous(call.method, parts)
        if call.method == "GET" and not key.may_read:
            raise authentication_error("The API key provided does not have read permissions.")
        if call.method != "GET" and not key.may_write:
            raise authentication_error("The API key provided does not have write permissions.")
        if parts[0] == "webhooks":
            return await self._webhooks(shop, call, parts)
        return handler(shop, call, parts)

    def _plugin(self, shop: Shop, call: Call, route: str) -> Answer:
        answers = plugin.ROUTES.get((call.method, route))
        if not shop.settings.plugin or answers is None:
            raise no_route()
        key = identify(shop, call)
        if key is None:
            raise _anonymous(call.method, [])
        if call.method == "POST" and not key.may_write:
            raise ShopError(401, "woocommerce_rest_cannot_edit", ANONYMOUS["PUT"][1])
        return json_answer(200, answers(shop, call))

    def _handler(self, parts: list[str]) -> Callable[[Shop, Call, list[str]], Answer] | None:
        match parts:
            case ["webhooks"] | ["webhooks", _]:
                return _generic  # never called: webhooks wait for their ping
            case ["products", ("categories" | "tags" | "attributes")]:
                return _terms
            case ["products", "attributes", number] if number.isdigit():
                return _attribute
            case ["products", number, "variations"] | ["products", number, "variations", _]:
                return _generic if number.isdigit() else None
            case ["orders", number, ("notes" | "refunds")] if number.isdigit():
                return _order_parts
            case [name] | [name, "batch"] if name in RESOURCES and name != "variations":
                return _generic
            case [name, number] if name in RESOURCES and name != "variations":
                return _generic if number.isdigit() else None
        return None

    async def _webhooks(self, shop: Shop, call: Call, parts: list[str]) -> Answer:
        if len(parts) == 1 and call.method == "GET":
            wanted = call.query.get("status", "all")
            chosen = [hook for hook in shop.webhooks.values() if wanted in ("all", hook.status)]
            chosen.sort(key=lambda hook: hook.id, reverse=call.query.get("order") != "asc")
            return lists.paged(
                shop, call, "webhooks", chosen, lambda hook: hooks.render(shop, hook)
            )
        if len(parts) == 1:
            body = fields.checked_body(call.json_object(), fields.WEBHOOK, shop.settings.strict)
            hook = hooks.create(shop, body)
            await self._hooks.ping(shop, hook)
            return json_answer(201, hooks.render(shop, hook))
        if parts[1] == "batch":
            gone = [shop.webhooks.pop(int(one), None) for one in call.json_object()["delete"]]
            shown = [hooks.render(shop, hook) for hook in gone if hook is not None]
            return json_answer(200, {"delete": shown})
        number = int(parts[1]) if parts[1].isdigit() else 0
        if call.method == "GET":
            return json_answer(200, hooks.render(shop, hooks.find(shop, number, 404)))
        if call.method == "DELETE":
            hook = hooks.find(shop, number, 404)
            if call.query.get("force") not in ("true", "1"):
                raise trash_not_supported("Webhooks")
            del shop.webhooks[number]
            return json_answer(200, hooks.render(shop, hook))
        hook = hooks.find(shop, number, 400)
        body = fields.checked_body(call.json_object(), fields.WEBHOOK, shop.settings.strict)
        hooks.update(shop, hook, body)
        return json_answer(200, hooks.render(shop, hook))


def _index(shop: Shop) -> Answer:
    """WordPress's own address list, which needs no key."""
    namespaces = ["oembed/1.0", "wc/v3", "wp/v2"]
    if shop.settings.plugin:
        namespaces.append("smartstore/v1")
    now = formatdate(shop.clock.now(), usegmt=True).encode()
    home = shop.settings.home_url
    record = {"name": shop.name, "description": "", "url": home, "home": home,
              "gmt_offset": "5.5", "namespaces": namespaces}  # fmt: skip
    return json_answer(200, record, [(b"date", now)])


def _generic(shop: Shop, call: Call, parts: list[str]) -> Answer:
    """A collection, an item of it, its batch, and the same of variations below a product."""
    parent, collection = 0, parts[0]
    resource = RESOURCES[collection]
    if len(parts) > 2 and parts[2] == "variations":
        parent = int(parts[1])
        resources.find(shop, resource, parent, 404)
        resource, collection = RESOURCES["variations"], f"products/{parent}/variations"
        parts = parts[2:]
    if len(parts) == 1:
        if call.method == "GET":
            return resources.listed(shop, resource, call, collection, parent)
        if call.method == "POST":
            shown = resources.create(shop, resource, call.json_object(), parent)
            return json_answer(201, shown)
        raise no_route()
    if parts[1] == "batch":
        if call.method not in WRITES:
            raise no_route()
        return json_answer(200, resources.batch(shop, resource, call.json_object(), parent))
    if call.method == "GET":
        return resources.read(shop, resource, call, parts[1], parent)
    if call.method in WRITES:
        body = call.json_object()
        return json_answer(200, resources.update(shop, resource, parts[1], body, parent))
    if call.method == "DELETE":
        force = call.query.get("force") in ("true", "1")
        return json_answer(200, resources.delete(shop, resource, parts[1], parent, force=force))
    raise no_route()


def _terms(shop: Shop, call: Call, parts: list[str]) -> Answer:
    held = shop.terms[parts[1]]
    if call.method == "GET":
        text = call.query.get("search", "").lower()
        chosen = [term for term in held.values() if text in term["name"].lower()]
        if "slug" in call.query:
            chosen = [term for term in chosen if term["slug"] == call.query["slug"]]
        return lists.paged(shop, call, "/".join(parts), chosen, dict)
    if call.method != "POST":
        raise no_route()
    body = fields.checked_body(call.json_object(), fields.NEW_TERM, shop.settings.strict)
    if not body.get("name"):
        raise missing_params(["name"])
    name = body["name"].strip()
    for term in held.values():
        if term["name"].lower() == name.lower():
            raise ShopError(
                400,
                "term_exists",
                "A term with the name provided already exists with this parent.",
                resource_id=term["id"],
            )
    number = shop.new_id("term")
    held[number] = {"id": number, "name": name, "slug": body.get("slug", name.lower())}
    return json_answer(201, held[number])


def _attribute(shop: Shop, call: Call, parts: list[str]) -> Answer:
    found = shop.terms["attributes"].get(int(parts[2]))
    if found is None:
        raise ShopError(404, "woocommerce_rest_taxonomy_invalid", "Resource does not exist.")
    if call.method == "DELETE":
        del shop.terms["attributes"][found["id"]]
    return json_answer(200, found)


def _order_parts(shop: Shop, call: Call, parts: list[str]) -> Answer:
    order: Item = resources.find(shop, RESOURCES["orders"], parts[1], 404)
    collection = "/".join(parts)
    if parts[2] == "notes":
        if call.method == "GET":
            wanted = call.query.get("type", "any")
            chosen = [
                note
                for note in order.notes
                if wanted == "any" or note["customer_note"] == (wanted == "customer")
            ]
            return lists.paged(shop, call, collection, chosen, dict)
        body = fields.checked_body(call.json_object(), fields.NOTE, shop.settings.strict)
        if not body.get("note"):
            raise missing_params(["note"])
        note = orders.add_note(shop, order, body)
        shop.log_write("key", "note", "order", order.id, {"note": (None, note["note"])})
        return json_answer(201, note)
    if call.method == "GET":
        return lists.paged(shop, call, collection, order.refunds, dict)
    body = fields.checked_body(call.json_object(), fields.REFUND, shop.settings.strict)
    if not body.get("amount"):
        raise missing_params(["amount"])
    record = orders.refund(shop, order, body, "key")
    shop.log_write("key", "refund", "order", order.id, {"amount": (None, record["amount"])})
    return json_answer(201, record)
