"""WooCommerce's webhooks: built when sent, never repeated, given up after seven failures."""

import asyncio
import base64
import hashlib
import hmac
from typing import Any

from sandbox.sender import Sender, escaped_json
from sandbox.woocommerce import customers, orders, product_view
from sandbox.woocommerce.errors import ShopError, invalid_id, missing_params
from sandbox.woocommerce.metadata import dates, links
from sandbox.woocommerce.shop import Shop, Webhook

Record = dict[str, Any]
Job = tuple[str, int, int]

USER_AGENT = "WooCommerce/10.1.0 Hookshot (WordPress/6.8.2)"
FAILURES_ALLOWED = 5
TOPIC_HOOKS: dict[str, list[str]] = {
    "product.created": ["woocommerce_process_product_meta", "woocommerce_new_product",
                        "woocommerce_new_product_variation"],
    "product.updated": ["woocommerce_process_product_meta", "woocommerce_update_product",
                        "woocommerce_update_product_variation"],
    "product.deleted": ["wp_trash_post"],
    "product.restored": ["untrashed_post"],
    "order.created": ["woocommerce_new_order"],
    "order.updated": ["woocommerce_update_order", "woocommerce_order_refunded"],
    "order.deleted": ["wp_trash_post"],
    "order.restored": ["untrashed_post"],
    "customer.created": ["user_register", "woocommerce_created_customer"],
    "customer.updated": ["profile_update", "woocommerce_update_customer"],
    "customer.deleted": ["delete_user"],
}  # fmt: skip


def signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def standard_signature(secret: str, message_id: str, stamp: int, body: bytes) -> str:
    """Standard Webhooks: a `whsec_` secret is base64, any other is taken as its bytes."""
    prefix = "whsec_"
    key = (
        base64.b64decode(secret.removeprefix(prefix))
        if secret.startswith(prefix)
        else secret.encode()
    )
    signed = f"{message_id}.{stamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


# The resource


def render(shop: Shop, hook: Webhook) -> Record:
    resource, _, event = hook.topic.partition(".")
    return {
        "id": hook.id,
        "name": hook.name,
        "status": hook.status,
        "topic": hook.topic,
        "resource": resource,
        "event": event,
        "hooks": TOPIC_HOOKS.get(hook.topic, [event]),
        "delivery_url": hook.delivery_url,
        **dates(shop, created=hook.created, modified=hook.modified),
        "_links": links(shop, "webhooks", hook.id),
    }


def _check_topic(topic: str) -> None:
    if topic not in TOPIC_HOOKS and not (topic.startswith("action.") and len(topic) > 7):
        raise ShopError(
            400, "woocommerce_rest_webhook_invalid_topic", "Webhook topic must be valid."
        )


def _check_url(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise ShopError(
            400,
            "woocommerce_rest_webhook_invalid_delivery_url",
            "Webhook delivery URL must be a valid URL starting with http:// or https://.",
        )


def create(shop: Shop, body: Record) -> Webhook:
    missing = [name for name in ("topic", "delivery_url") if not body.get(name)]
    if missing:
        raise missing_params(missing)
    _check_topic(body["topic"])
    _check_url(body["delivery_url"])
    now = shop.clock.seconds()
    number = shop.new_id("webhook")
    hook = Webhook(
        id=number,
        name=body.get("name", f"Webhook created on {shop.site_time(now)}"),
        status=body.get("status", "active"),
        topic=body["topic"],
        delivery_url=body["delivery_url"],
        secret=body.get("secret", f"invented-{number}-{now}"),
        created=now,
        modified=now,
    )
    shop.webhooks[number] = hook
    return hook


def update(shop: Shop, hook: Webhook, body: Record) -> None:
    """Making it active again does not reset its failures: the next one disables it."""
    if "topic" in body:
        _check_topic(body["topic"])
    if "delivery_url" in body:
        _check_url(body["delivery_url"])
    for name, value in body.items():
        setattr(hook, name, value)
    hook.modified = shop.clock.seconds()


def find(shop: Shop, number: int, status: int) -> Webhook:
    hook = shop.webhooks.get(number)
    if hook is None:
        raise invalid_id("webhook", status)
    return hook


# Delivery


def resource_body(shop: Shop, topic: str, number: int) -> Record:
    """The resource as it is now, or the error a signed delivery may carry instead."""
    resource, _, event = topic.partition(".")
    if event == "deleted":
        return {"id": str(number) if shop.settings.string_deleted_ids else number}
    if shop.settings.owner_lost_rights:
        return {
            "code": "woocommerce_rest_cannot_view",
            "message": "Sorry, you cannot view this resource.",
            "data": {"status": 401},
        }
    if resource == "product":
        product = shop.find_product(number)
        if product is not None:
            return product_view.render(shop, product)
        return invalid_id("product", 404).document()
    if resource == "order":
        order = shop.items["order"].get(number)
        return orders.render(shop, order) if order else invalid_id("order", 404).document()
    customer = shop.items["customer"].get(number)
    if customer is not None:
        return customers.render(shop, customer)
    return invalid_id("customer", 404).document()


def plugin_body(shop: Shop, topic: str, number: int) -> Record:
    """The same; of a variation that is gone the plugin tells whose it was."""
    data = resource_body(shop, topic, number)
    child = shop.items["variation"].get(number)
    if topic == "product.deleted" and child is not None:
        return {**data, "type": "variation", "parent_id": child.parent_id}
    return data


class Hooks:
    """Queues one job for each hook and resource; further changes until it runs coalesce."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._waiting: set[Job] = set()
        self._running: set[Job] = set()
        self._again: set[Job] = set()

    def clear(self) -> None:
        """Forget what waits: its tasks were cancelled."""
        self._waiting.clear()
        self._running.clear()
        self._again.clear()

    def fire(self, shop: Shop, topic: str, number: int) -> None:
        for hook in shop.webhooks.values():
            if hook.topic == topic and hook.status == "active":
                self._queue(shop, hook, number)
        if shop.settings.plugin and shop.settings.plugin_delivery_url:
            self._sender.start(self._send_by_plugin(shop, topic, number))

    def _queue(self, shop: Shop, hook: Webhook, number: int) -> None:
        job = (shop.name, hook.id, number)
        if job in self._waiting:
            return
        if job in self._running:
            self._again.add(job)
            return
        self._waiting.add(job)
        self._sender.start(self._run(shop, hook, number, job))

    async def _run(self, shop: Shop, hook: Webhook, number: int, job: Job) -> None:
        if shop.faults.webhooks.delay_s > 0:
            await asyncio.sleep(shop.faults.webhooks.delay_s)
        async with self._sender.slots:
            self._waiting.discard(job)
            self._running.add(job)
            try:
                if shop.webhooks.get(hook.id) is hook:
                    await self._deliver(shop, hook, number)
            finally:
                self._running.discard(job)
        if job in self._again:
            self._again.discard(job)
            self._queue(shop, hook, number)

    async def _deliver(self, shop: Shop, hook: Webhook, number: int) -> None:
        faults = shop.faults
        body = escaped_json(resource_body(shop, hook.topic, number))
        headers = self._headers(shop, hook, body)
        if faults.chance(faults.webhooks.lose_probability):
            self._note(shop, hook, number, "lost")
            return
        if faults.chance(faults.webhooks.reorder_probability):
            self._sender.start(self._later(shop, hook, number, body, headers))
            return
        await self._post(shop, hook, number, body, headers)
        if faults.chance(faults.webhooks.duplicate_probability):
            await self._post(shop, hook, number, body, headers)

    async def _later(
        self, shop: Shop, hook: Webhook, number: int, body: bytes, headers: dict[str, str]
    ) -> None:
        await asyncio.sleep(shop.faults.webhooks.reorder_delay_s)
        async with self._sender.slots:
            await self._post(shop, hook, number, body, headers)

    def _headers(self, shop: Shop, hook: Webhook, body: bytes) -> dict[str, str]:
        resource, _, event = hook.topic.partition(".")
        # Two deliveries of one hook within a second share this number, as in core.
        delivery = hashlib.md5(f"{hook.id}-{shop.clock.seconds()}".encode(), usedforsecurity=False)
        return {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "X-WC-Webhook-Source": f"{shop.settings.home_url}/",
            "X-WC-Webhook-Topic": hook.topic,
            "X-WC-Webhook-Resource": resource,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-Signature": signature(hook.secret, body),
            "X-WC-Webhook-ID": str(hook.id),
            "X-WC-Webhook-Delivery-ID": delivery.hexdigest(),
        }

    async def _post(
        self, shop: Shop, hook: Webhook, number: int, body: bytes, headers: dict[str, str]
    ) -> None:
        status = await self._sender.post(hook.delivery_url, body, headers)
        self._note(shop, hook, number, status)
        if status is not None and 200 <= status <= 302:
            hook.failure_count = 0
            return
        if hook.failure_count > FAILURES_ALLOWED:
            hook.status = "disabled"
        else:
            hook.failure_count += 1
        if hook.pending_ping:
            # Core saves the hook now, and saving one whose ping is open pings again.
            await self.ping(shop, hook)

    def _note(self, shop: Shop, hook: Webhook, number: int, status: Any) -> None:
        self._sender.note(
            at=shop.clock.now(), shop=shop.name, webhook=hook.id, topic=hook.topic, id=number,
            status=status,
        )  # fmt: skip

    async def ping(self, shop: Shop, hook: Webhook) -> None:
        status = await self._sender.post(
            hook.delivery_url,
            f"webhook_id={hook.id}".encode(),
            {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": USER_AGENT},
        )
        self._note(shop, hook, 0, status)
        hook.pending_ping = status != 200

    async def _send_by_plugin(self, shop: Shop, topic: str, number: int) -> None:
        """The plugin's outbox: `{"topic","data"}`, repeated until it is taken."""
        settings = shop.settings
        message_id = f"msg_{shop.name}_{shop.new_id('plugin delivery')}"
        body = b""
        for attempt in range(settings.delivery_attempts):
            if attempt:
                await asyncio.sleep(0.2 * 2**attempt)
            async with self._sender.slots:
                if not body:
                    data = plugin_body(shop, topic, number)
                    body = escaped_json({"topic": topic, "data": data})
                stamp = shop.clock.seconds()
                sent = standard_signature(settings.plugin_delivery_secret, message_id, stamp, body)
                status = await self._sender.post(
                    settings.plugin_delivery_url,
                    body,
                    {
                        "Content-Type": "application/json",
                        "webhook-id": message_id,
                        "webhook-timestamp": str(stamp),
                        "webhook-signature": sent,
                    },
                )
            self._sender.note(
                at=shop.clock.now(), shop=shop.name, webhook="plugin", topic=topic, id=number,
                status=status,
            )  # fmt: skip
            if status is not None and 200 <= status < 300:
                return
