"""Customers: e-mail is their key, and they cannot be trashed."""

from copy import deepcopy
from typing import Any

from sandbox.clock import parse_iso
from sandbox.woocommerce.digests import with_etag
from sandbox.woocommerce.errors import ShopError, missing_params
from sandbox.woocommerce.metadata import apply_meta, dates, links
from sandbox.woocommerce.shop import MARK_PREFIX, By, Changes, Item, Shop

Record = dict[str, Any]

SHIPPING: Record = {
    "first_name": "", "last_name": "", "company": "", "address_1": "", "address_2": "", "city": "",
    "state": "", "postcode": "", "country": "", "phone": "",
}  # fmt: skip
BILLING: Record = {**SHIPPING, "email": ""}
DEFAULTS: Record = {
    "email": "", "first_name": "", "last_name": "", "role": "customer", "username": "",
    "billing": BILLING, "shipping": SHIPPING, "is_paying_customer": False,
    "avatar_url": "https://secure.gravatar.com/avatar/?s=96&d=mm&r=g", "meta_data": [],
}  # fmt: skip


def apply_body(shop: Shop, item: Item, body: Record) -> Changes:
    email = body.get("email")
    if email is not None and _owner(shop, email) not in (None, item.id):
        raise ShopError(
            400,
            "registration-error-email-exists",
            "An account is already registered with your email address.",
        )
    changes: Changes = {}
    for name, value in body.items():
        if name in ("meta_data", "password"):
            continue
        before = item.fields.get(name)
        after = {**before, **value} if isinstance(before, dict) else value
        if isinstance(after, str):
            after = after.strip()
        if before != after:
            changes[name] = (before, after)
            item.fields[name] = after
    # Core's REST API passes hidden entries of a customer by.
    open_entries = [one for one in body.get("meta_data", ()) if not _hidden(one.get("key"))]
    return changes | apply_meta(shop, item, open_entries)


def _hidden(key: Any) -> bool:
    return str(key or "").startswith("_")


def _shows(shop: Shop, key: str) -> bool:
    """Core shows no hidden entry of a customer; the plugin puts its own in."""
    return not _hidden(key) or (shop.settings.plugin and key.startswith(MARK_PREFIX))


def _owner(shop: Shop, email: str) -> int | None:
    for item in shop.items["customer"].values():
        if item.fields["email"].lower() == email.lower():
            return item.id
    return None


def create(shop: Shop, body: Record, by: By) -> Item:
    if not body.get("email"):
        raise missing_params(["email"])
    item = Item(0, "customer", deepcopy(DEFAULTS), shop.clock.seconds(), None)
    changes = apply_body(shop, item, body)
    item.id = shop.new_id("user")
    if not item.fields["username"]:
        item.fields["username"] = item.fields["email"].partition("@")[0]
    shop.items["customer"][item.id] = item
    shop.touch(item, changes, by, modified=False)
    shop.fire("customer.created", item.id)
    return item


def update(shop: Shop, item: Item, body: Record, by: By) -> Changes:
    changes = apply_body(shop, item, body)
    shop.touch(item, changes, by)
    shop.fire("customer.updated", item.id)
    return changes


def remove(shop: Shop, item: Item) -> None:
    shop.items["customer"].pop(item.id, None)
    shop.fire("customer.deleted", item.id)


def load(shop: Shop, record: Record) -> Item:
    fields = deepcopy(DEFAULTS)
    fields.update({name: deepcopy(record[name]) for name in DEFAULTS if name in record})
    fields["billing"] = {**BILLING, **fields["billing"]}
    fields["shipping"] = {**SHIPPING, **fields["shipping"]}
    number = int(record.get("id") or shop.new_id("user"))
    shop.reserve_id("user", number)
    created, modified = record.get("date_created_gmt"), record.get("date_modified_gmt")
    item = Item(
        number,
        "customer",
        fields,
        parse_iso(created) if created else shop.clock.seconds(),
        parse_iso(modified) if modified else None,
    )
    shop.items["customer"][number] = item
    return item


def render(shop: Shop, item: Item) -> Record:
    if item.rendered is None:
        shown = {
            "id": item.id,
            **dates(shop, created=item.created, modified=item.modified),
            **item.fields,
            "meta_data": [
                entry for entry in item.fields["meta_data"] if _shows(shop, entry["key"])
            ],
            "_links": links(shop, "customers", item.id),
        }
        item.rendered = with_etag(shop, shown)
    return item.rendered
