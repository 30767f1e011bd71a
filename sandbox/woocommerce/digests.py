"""The plugin's etags, digests and lists of ids (docs/plugin-route.md, "Etags and digests")."""

import json
from hashlib import sha256
from typing import Any

from sandbox.woocommerce.errors import ShopError, missing_params
from sandbox.woocommerce.shop import MARK_PREFIX, Item, Kind, Shop

Record = dict[str, Any]

ETAG = "smartstore_etag"
MOST = 500
KINDS: dict[str, Kind] = {
    "product": "product",
    "variation": "variation",
    "order": "order",
    "customer": "customer",
}
NOT_CONTENT = frozenset(
    (ETAG, "_links", "permalink", "price_html", "related_ids", "total_sales", "average_rating",
     "rating_count")
)  # fmt: skip
UNLISTED = frozenset(("trash", "auto-draft", "checkout-draft"))


def with_etag(shop: Shop, record: Record) -> Record:
    """The REST resource with its etag, where the plugin is there to make one."""
    if shop.settings.plugin:
        record[ETAG] = _etag(record)
    return record


def _etag(record: Record) -> str:
    content = {
        name: value
        for name, value in record.items()
        if name not in NOT_CONTENT and not name.startswith("date_")
    }
    content["meta_data"] = [
        entry for entry in record["meta_data"] if not entry["key"].startswith(MARK_PREFIX)
    ]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return sha256(text.encode()).hexdigest()[:16]


def _listed(shop: Shop, resource: Any) -> list[Item]:
    if resource not in KINDS:
        raise ShopError(400, "rest_invalid_param", "Invalid parameter(s): resource")
    items = shop.items[KINDS[resource]].values()
    return [item for item in items if item.fields.get("status") not in UNLISTED]


def _name(item: Item) -> str:
    return f"{item.parent_id}:{item.id}" if item.kind == "variation" else str(item.id)


def digest(shop: Shop, body: Record, shown: Any) -> Record:
    """`shown` renders an item."""
    ids = body.get("ids")
    if not isinstance(ids, list):
        raise missing_params(["ids"])
    if len(ids) > MOST:
        raise ShopError(
            413,
            "woocommerce_rest_request_entity_too_large",
            f"Unable to accept more than {MOST} items for this request.",
        )
    held = {_name(item): item for item in _listed(shop, body.get("resource"))}
    etags = {name: shown(shop, held[name])[ETAG] for name in ids if name in held}
    if body.get("each"):
        return {"items": etags}
    lines = "".join(f"{name}:{etags.get(name, '-')}\n" for name in ids)
    return {"digest": sha256(lines.encode()).hexdigest(), "count": len(etags)}


def items(shop: Shop, query: dict[str, str]) -> Record:
    found = sorted(_listed(shop, query.get("resource")), key=lambda item: item.id)
    after, limit = query.get("after", "0").rpartition(":")[2], query.get("limit", str(MOST))
    if not after.isdigit() or not limit.isdigit() or not 1 <= int(limit) <= MOST:
        raise ShopError(400, "rest_invalid_param", "Invalid parameter(s): after, limit")
    rest = [item for item in found if item.id > int(after)]
    page = [_name(item) for item in rest[: int(limit)]]
    more = len(rest) > len(page)
    return {"ids": page, "next": page[-1] if more else "", "total": len(found)}
