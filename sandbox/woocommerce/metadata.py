"""`meta_data` as WooCommerce merges it, and dates as it shows them."""

from typing import Any

from sandbox.clock import iso
from sandbox.woocommerce.shop import Changes, Item, Shop

Record = dict[str, Any]


def apply_meta(shop: Shop, item: Item, entries: list[Record]) -> Changes:
    """By `id`, else by `key`; a null value removes the entry."""
    changes: Changes = {}
    held: list[Record] = item.fields["meta_data"]
    for entry in entries:
        found = next(
            (
                old
                for old in held
                if (old["id"] == entry["id"] if "id" in entry else old["key"] == entry.get("key"))
            ),
            None,
        )
        key = str(entry.get("key", found["key"] if found else ""))
        value = entry.get("value")
        before = found["value"] if found else None
        if value is None and found is not None:
            held.remove(found)
        elif found is not None:
            found["key"], found["value"] = key, value
        elif value is not None:
            held.append({"id": shop.new_id("meta"), "key": key, "value": value})
        if before != value:
            changes[f"meta:{key}"] = (before, value)
    return changes


def dates(shop: Shop, **moments: int | None) -> Record:
    """Each as `date_x` in site time and `date_x_gmt`."""
    shown: Record = {}
    for name, epoch in moments.items():
        shown[f"date_{name}"] = shop.site_time(epoch)
        shown[f"date_{name}_gmt"] = None if epoch is None else iso(epoch)
    return shown


def links(shop: Shop, collection: str, number: int, up: str = "") -> Record:
    shown: Record = {
        "self": [{"href": shop.link(f"{collection}/{number}")}],
        "collection": [{"href": shop.link(collection)}],
    }
    if up:
        shown["up"] = [{"href": shop.link(up)}]
    return shown
