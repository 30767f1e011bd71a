"""Pure: a queued event to the edits it asks for. Stock is split out of a product's data, because it
lives in `inventory` alone (DESIGN: rule 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.protocol import Sighting
from schemas.base import Fields
from schemas.canonical import canonical, count, word
from schemas.event import QueuedEvent
from schemas.fields import ENTITY_TYPES

STOCK = ("quantity", "stock", "stockQuantity", "stock_quantity")
DELTA = "delta"


class Unclear(ValueError):
    """The event cannot be applied. Its text says why, in the sender's words."""


@dataclass(frozen=True)
class Target:
    """Which entity: ours by id, or the platform's by its id, or whoever has the match key."""

    entity_id: str = ""
    external_id: str = ""
    match_keys: tuple[str, ...] = ()
    item_of: str | None = None

    def sighting(self, entity_type: str) -> Sighting:
        """As an item of the platform that speaks (only with an external id)."""
        return Sighting(
            type=entity_type,
            external_id=self.external_id,
            seen=None,
            match_keys=self.match_keys,
            item_of=self.item_of,
        )


@dataclass(frozen=True)
class Wanted:
    """One edit without its entity. `of` is the type whose entity it is: a product's, for the stock
    that came with it."""

    id: str
    type: str
    of: str
    target: Target
    action: str
    fields: Fields = field(default_factory=dict)
    deltas: dict[str, int] = field(default_factory=dict)


def wanted(event: QueuedEvent) -> list[Wanted]:
    """The edits. Raises Unclear."""
    target = _target(event)
    if event.action == "delete":
        return [Wanted(event.id, event.type, event.type, target, "delete")]
    fields = _fields(event.type, event.data)
    if event.action == "update" and not target.entity_id and not target.external_id:
        fields.pop("sku", None)  # here it only says which item is meant
    stock, deltas = _stock(event.type, event.data)
    if event.type == "inventory":
        fields = {**fields, **stock}
        if not fields and not deltas:
            raise Unclear("data holds no stock field we know")
        return [Wanted(event.id, "inventory", "inventory", target, event.action, fields, deltas)]
    found = []
    if fields:
        found.append(Wanted(event.id, event.type, event.type, target, event.action, fields))
    if stock or deltas:
        found.append(
            Wanted(
                f"{event.id}:inventory",
                "inventory",
                event.type,
                target,
                event.action,
                stock,
                deltas,
            )
        )
    if not found:
        raise Unclear(f"data holds no field of a {event.type} that we know")
    return found


def _fields(entity_type: str, data: Mapping[str, Any]) -> Fields:
    found: Fields = {}
    for name in ENTITY_TYPES[entity_type]:
        if name not in data or name in STOCK:
            continue
        try:
            found[name] = canonical(entity_type, name, data[name])
        except ValueError as error:
            raise Unclear(f"data.{name}: {error}") from error
    return found


def _stock(entity_type: str, data: Mapping[str, Any]) -> tuple[Fields, dict[str, int]]:
    """Stock by value and by change. Null says nothing: it must never become zero."""
    if entity_type not in ("product", "inventory"):
        return {}, {}
    told: dict[int, str] = {}
    for name in STOCK:
        number = _whole(name, data.get(name))
        if number is not None:
            told[number] = name
    if len(told) > 1:
        raise Unclear(f"data tells different stocks: {sorted(told.values())}")
    delta = _whole(DELTA, data.get(DELTA))
    if told and delta is not None:
        raise Unclear("data tells both a stock and a delta: give one of them")
    fields: Fields = {"quantity": next(iter(told))} if told else {}
    return fields, {} if delta is None else {"quantity": delta}


def _whole(name: str, value: Any) -> int | None:
    try:
        return count(value)
    except ValueError as error:
        raise Unclear(f"data.{name}: {error}") from error


def _text(data: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = data.get(name)
        if isinstance(value, Mapping) and isinstance(value.get("$oid"), str):
            return str(value["$oid"])
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return word(value) or ""
    return ""


def _target(event: QueuedEvent) -> Target:
    data = event.data
    keys = []
    if event.type in ("product", "inventory") and (sku := _text(data, "sku").strip()):
        keys.append(f"sku:{sku}")
    if event.type == "customer":
        if phone := _text(data, "phone").replace(" ", ""):
            keys.append(f"phone:{phone}")
        if email := _text(data, "email").strip().lower():
            keys.append(f"email:{email}")
    entity_id = _text(data, "entityId")
    external_id = _text(data, "_id", "id", *(("vendorId",) if event.type == "message" else ()))
    item_of = None
    if event.type == "inventory":
        item_of = _text(data, "productId") or external_id or None
        external_id = external_id or item_of or ""
    if not entity_id and not external_id and not keys:
        if event.action != "create":
            raise Unclear(f"data does not say which {event.type}: give id, entityId or a SKU")
        keys.append(f"event:{event.id}")
    return Target(entity_id, external_id, tuple(keys), item_of)
