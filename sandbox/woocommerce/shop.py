"""One shop: what it holds, who may call it, and what was done to it."""

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.clock import Clock, iso
from sandbox.faults import Faults

Record = dict[str, Any]
Kind = Literal["product", "variation", "order", "customer"]
By = Literal["key", "route", "person", "order"]
Changes = dict[str, tuple[Any, Any]]

LOG_LENGTH = 200_000
REVISION_KEY = "_smartstore_revision"
MARK_PREFIX = "_smartstore_"
SITE_OFFSET_MINUTES = 330


@dataclass(slots=True)
class Key:
    consumer_key: str
    consumer_secret: str
    permissions: str = "read_write"

    @property
    def may_read(self) -> bool:
        return self.permissions != "write"

    @property
    def may_write(self) -> bool:
        return self.permissions != "read"


@dataclass(slots=True)
class Item:
    """A product, variation, order or customer: its stored REST fields and what REST hides."""

    id: int
    kind: Kind
    fields: Record
    created: int
    modified: int | None
    parent_id: int = 0
    edited: Record = field(default_factory=dict)
    """Fields a person or an order changed and the key has not read since."""
    stock_reduced: bool = False
    """An order's own flag: its stock has been taken."""
    reduced: dict[int, tuple[int, int]] = field(default_factory=dict)
    """An order's lines to (product, quantity) taken."""
    paid: int | None = None
    completed: int | None = None
    notes: list[Record] = field(default_factory=list)
    refunds: list[Record] = field(default_factory=list)
    rendered: Record | None = None

    @property
    def trashed(self) -> bool:
        return self.fields.get("status") == "trash"


@dataclass(slots=True)
class Webhook:
    id: int
    name: str
    status: str
    topic: str
    delivery_url: str
    secret: str
    created: int
    modified: int
    failure_count: int = 0
    pending_ping: bool = True


@dataclass
class Settings:
    """What a control request may choose about a shop."""

    plugin: bool = True
    currency: str = "LKR"
    decimals: int = 2
    home_url: str = ""
    strict: bool = True
    """Refuse unknown body fields, which the real shop passes by."""
    require_product_reference: bool = True
    """Refuse a new order line with neither product_id, variation_id nor sku, as core does."""
    wrap_html: bool = False
    """Rewrite a plain description as a paragraph, as an editor plugin does."""
    string_deleted_ids: bool = False
    php_notices: bool = False
    """Show PHP's notices in front of every answer, as a shop in debug mode does."""
    owner_lost_rights: bool = False
    """Deliver signed 401 error documents instead of resources."""
    plugin_delivery_url: str = ""
    """Where the plugin itself sends `{"topic","data"}`; empty: it does not."""
    plugin_delivery_secret: str = ""
    delivery_attempts: int = 5
    """Of the plugin's own deliveries; core's are never repeated."""


Fire = Callable[["Shop", str, int], None]


@dataclass
class Shop:
    name: str
    settings: Settings
    clock: Clock
    fire_to: Fire
    keys: dict[str, Key] = field(default_factory=dict)
    items: dict[Kind, dict[int, Item]] = field(
        default_factory=lambda: {"product": {}, "variation": {}, "order": {}, "customer": {}}
    )
    webhooks: dict[int, Webhook] = field(default_factory=dict)
    terms: dict[str, dict[int, Record]] = field(
        default_factory=lambda: {"categories": {}, "tags": {}, "attributes": {}}
    )
    skus: dict[str, int] = field(default_factory=dict)
    entities: dict[tuple[str, str], int] = field(default_factory=dict)
    """(kind of mark, entity) to item, for the plugin's look-up."""
    children: dict[int, list[int]] = field(default_factory=dict)
    next_ids: dict[str, int] = field(default_factory=dict)
    nonces: dict[tuple[str, str], int] = field(default_factory=dict)
    """(key, nonce) to the time it came with, oldest first."""
    faults: Faults = field(default_factory=Faults)
    writes: deque[Record] = field(default_factory=lambda: deque(maxlen=LOG_LENGTH))
    edits: deque[Record] = field(default_factory=lambda: deque(maxlen=LOG_LENGTH))
    lost_edits: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.terms["categories"][15] = {
            "id": 15,
            "name": "Uncategorised",
            "slug": "uncategorised",
        }

    def new_id(self, sequence: str) -> int:
        """Products, orders and refunds are posts and share a sequence."""
        first = {"post": 100, "term": 16, "item": 1, "meta": 1, "comment": 1, "user": 2}
        number = self.next_ids.get(sequence, first.get(sequence, 1))
        self.next_ids[sequence] = number + 1
        return number

    def reserve_id(self, sequence: str, number: int) -> None:
        if number >= self.next_ids.get(sequence, 0):
            self.next_ids[sequence] = number + 1

    def site_time(self, epoch: int | None) -> str | None:
        return None if epoch is None else iso(epoch, SITE_OFFSET_MINUTES)

    def link(self, path: str) -> str:
        return f"{self.settings.home_url}/wp-json/wc/v3/{path}"

    def find_product(self, number: int) -> Item | None:
        """A product or a variation, which share their ids."""
        return self.items["product"].get(number) or self.items["variation"].get(number)

    def fire(self, topic: str, number: int) -> None:
        self.fire_to(self, topic, number)

    # What was done

    def log_write(
        self,
        by: By,
        operation: str,
        kind: str,
        number: int,
        changes: Changes,
        *,
        reason: str = "",
        entity: str = "",
        op: Any = None,
    ) -> None:
        """Accepted when `reason` is empty."""
        self.writes.append(
            {
                "at": self.clock.now(),
                "by": by,
                "operation": operation,
                "kind": kind,
                "id": number,
                "entity": entity,
                "op": op,
                "fields": {name: {"from": old, "to": new} for name, (old, new) in changes.items()},
                "accepted": not reason,
                "changed": bool(changes),
                "reason": reason,
            }
        )

    def touch(self, item: Item, changes: Changes, by: By, *, modified: bool = True) -> None:
        """Account for changes already made: revision, dates, and what the key has not seen."""
        item.rendered = None
        if not changes:
            return
        if modified:
            item.modified = self.clock.seconds()
        if self.settings.plugin:
            self.raise_revision(item)
        if by in ("person", "order"):
            at = self.clock.now()
            for name, (old, new) in changes.items():
                item.edited[name] = new
                self.edits.append(
                    {"at": at, "kind": item.kind, "id": item.id, "field": name,
                     "from": old, "to": new, "by": by}
                )  # fmt: skip
        else:
            self._count_lost(item, changes, by)

    def _count_lost(self, item: Item, changes: Changes, by: By) -> None:
        for name, (old, new) in changes.items():
            if name in item.edited:
                self.lost_edits.append(
                    {"at": self.clock.now(), "kind": item.kind, "id": item.id, "field": name,
                     "lost": old, "written": new, "by": by}
                )  # fmt: skip

    def seen_by_key(self, item: Item, only: set[str] | None = None) -> None:
        """The key was answered with the item (or with `only` some of its fields)."""
        if not item.edited:
            return
        if only is None:
            item.edited.clear()
        else:
            for name in only & item.edited.keys():
                del item.edited[name]

    # Meta entries

    def raise_revision(self, item: Item) -> None:
        for entry in item.fields["meta_data"]:
            if entry["key"] == REVISION_KEY:
                entry["value"] += 1
                return
        self.set_meta(item, REVISION_KEY, 1)

    def set_meta(self, item: Item, key: str, value: Any) -> None:
        for entry in item.fields["meta_data"]:
            if entry["key"] == key:
                entry["value"] = value
                return
        item.fields["meta_data"].append({"id": self.new_id("meta"), "key": key, "value": value})

    def get_meta(self, item: Item, key: str) -> Any:
        for entry in item.fields["meta_data"]:
            if entry["key"] == key:
                return entry["value"]
        return None


def make_key(permissions: str = "read_write") -> Key:
    return Key(f"ck_{secrets.token_hex(20)}", f"cs_{secrets.token_hex(20)}", permissions)
