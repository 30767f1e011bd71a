"""A delivery of WooCommerce or of the plugin to what it says. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.errors import Malformed
from connectors.protocol import Parsed, Sighting
from connectors.woocommerce import wire
from connectors.woocommerce.mapping import seen_of
from connectors.woocommerce.marks import meta_key
from connectors.woocommerce.wire import Resource
from schemas.observation import Seen

UNFINISHED = frozenset(("checkout-draft", "auto-draft"))
"""Of a checkout that is still being filled in, and of an editor's window just opened."""
STOCK_KEYS = ("manage_stock", "stock_quantity")
FOLLOWED = frozenset(("product", "order", "customer"))
CUSTOMER = "customer"
"""The role of customers; core tells of everybody who registers, people who run the shop too."""


def parse_delivery(
    topic: str, headers: Mapping[str, str], body: bytes, country: str = "LK"
) -> Parsed:
    """Native (`x-wc-webhook-topic` and the resource) and the plugin's `{"topic", "data"}`.

    Raises Malformed for what is neither.
    """
    if body.startswith(b"webhook_id="):
        return Parsed(ignored="a ping")
    data = wire.decode_object(body)
    if isinstance(data.get("topic"), str) and isinstance(data.get("data"), dict):
        topic, data = data["topic"], data["data"]
    topic = topic or headers.get("x-wc-webhook-topic", "")
    kind, _, event = topic.partition(".")
    if kind not in FOLLOWED or not event:
        return Parsed(ignored=f"topic {topic or 'unknown'} is not followed")
    code = wire.error_code(data)
    if code:
        return Parsed(ignored=f"the shop sent an error instead of the item: {code}")
    if not wire.identifier(data.get("id")):
        raise Malformed(f"{topic}: the item has no id")
    if event == "deleted":
        kind, external_id, parent = _place(kind, data)
        return Parsed(sightings=_deleted(kind, external_id, parent))
    if data.get("status") in UNFINISHED:
        return Parsed(ignored=f"{kind} {data['id']} is a {data['status']}")
    if kind == "customer" and (data.get("role") or CUSTOMER) != CUSTOMER:
        return Parsed(ignored=f"user {data['id']} is no customer but {data['role']}")
    return Parsed(sightings=sightings_of(kind, data, country))


def _place(kind: str, data: Resource) -> tuple[str, str, str | None]:
    """(type, external id, parent) of a resource; a variation comes as a product. Raises
    Malformed."""
    external_id = wire.identifier(data.get("id"))
    if kind != "product" or data.get("type") != "variation":
        return kind, external_id, None
    parent = wire.identifier(data.get("parent_id"))
    if not parent:
        raise Malformed(f"variation {external_id} has no parent_id")
    return "variation", f"{parent}:{external_id}", parent


def _deleted(kind: str, external_id: str, parent: str | None = None) -> tuple[Sighting, ...]:
    """Only a notice: core sends product.deleted for any post that is trashed, orders too."""
    item = Sighting(type=kind, external_id=external_id, seen=None, parent=parent)
    if kind not in ("product", "variation"):
        return (item,)
    return (
        item,
        Sighting(type="inventory", external_id=external_id, seen=None, item_of=external_id),
    )


def sightings_of(kind: str, data: Resource, country: str = "LK") -> tuple[Sighting, ...]:
    """The entities in one resource: a product is itself and its stock. `kind` is the topic's."""
    kind, external_id, parent = _place(kind, data)
    if data.get("status") == "trash":
        # In the trash nothing of it counts, and it may be back by now: to be read by id.
        return _deleted(kind, external_id, parent)
    seen = seen_of(kind, external_id, data, country)
    sku = wire.text_of(data.get("sku")) if kind in ("product", "variation") else None
    keys = (f"sku:{sku}",) if sku else _person_keys(kind, seen)
    item = Sighting(type=kind, external_id=external_id, seen=seen, match_keys=keys, parent=parent)
    if kind not in ("product", "variation") or not _tells_stock(kind, data):
        return (item,)
    stock = Sighting(
        type="inventory",
        external_id=external_id,
        seen=seen_of("inventory", external_id, data, country),
        match_keys=keys,
        item_of=external_id,
    )
    return (item, stock)


def _person_keys(kind: str, seen: Seen) -> tuple[str, ...]:
    if kind != "customer":
        return ()
    return tuple(
        f"{name}:{seen.fields[name]}" for name in ("phone", "email") if seen.fields.get(name)
    )


def _tells_stock(kind: str, data: Resource) -> bool:
    """Whether the body says anything of stock worth a first sight.

    An unmanaged item which we have written but whose stock we have not is one that we have just
    made: its stock is still on the way, and a sighting would say that it can have none.
    """
    if not any(name in data for name in STOCK_KEYS):
        return False
    if data.get("manage_stock") is False and wire.meta_value(data, meta_key(kind)) is not None:
        return wire.meta_value(data, meta_key("inventory")) is not None
    return True
