"""The product catalogue: batches are taken at once and done later; a handle tells how far."""

import re
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from sandbox.whatsapp.errors import GraphError

Record = dict[str, Any]

MAX_REQUESTS = 5000
MAX_BYTES = 28 * 1024 * 1024
REQUIRED = ("title", "description", "availability", "condition", "price", "link", "brand")
OPTIONAL = (
    "id", "image_link", "image", "sale_price", "item_group_id", "quantity_to_sell_on_facebook",
    "additional_image_link", "color", "size", "product_type", "additional_variant_attribute",
)  # fmt: skip
LIMITS = {"id": 100, "title": 100, "description": 5000}
CHOICES = {
    "availability": ("in stock", "out of stock", "available for order", "discontinued"),
    "condition": ("new", "refurbished", "used"),
}
PRICE = re.compile(r"\d+(\.\d{1,2})? [A-Z]{3}")
LIST_FIELDS = ("id", "retailer_id", "name", "availability", "price", "currency")


@dataclass(slots=True)
class Batch:
    handle: str
    requests: list[tuple[int, str, Record]]
    """(line, method, data) of those that were valid."""
    allow_upsert: bool
    status: str = "started"
    errors: list[Record] = field(default_factory=list)


@dataclass
class Catalogue:
    id: str
    items: dict[str, Record] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    """SKU to the catalogue's own product number."""
    batches: dict[str, Batch] = field(default_factory=dict)
    preset_handles: deque[str] = field(default_factory=deque)
    refused: dict[str, str] = field(default_factory=dict)
    """SKU to why the finished batch does not take it, which shows only then."""
    log: list[Record] = field(default_factory=list)


def _item_errors(method: str, data: Record) -> list[str]:
    sku = data["id"]
    errors = []
    if method == "CREATE":
        missing = [name for name in REQUIRED if data.get(name) in (None, "")]
        if not data.get("image_link") and not data.get("image"):
            missing.append("image_link")
        errors += [f"A request for item {sku} is missing required field: '{n}'" for n in missing]
    for name, limit in LIMITS.items():
        if len(str(data.get(name, ""))) > limit:
            errors.append(f"A request for item {sku} has '{name}' longer than {limit}")
    for name, choices in CHOICES.items():
        if name in data and data[name] not in choices:
            errors.append(f"A request for item {sku} has an invalid value for '{name}'")
    for name in ("price", "sale_price"):
        value = data.get(name)
        if value is not None and (not isinstance(value, str) or not PRICE.fullmatch(value)):
            errors.append(f"A request for item {sku} has an invalid value for '{name}'")
    return errors


def _validated(request: Any) -> tuple[str, Record, Record]:
    """(method, data, validation status); a status with errors keeps the item out."""
    method = request.get("method") if isinstance(request, dict) else None
    data = request.get("data") if isinstance(request, dict) else None
    if method not in ("CREATE", "UPDATE", "DELETE") or not isinstance(data, dict):
        raise GraphError(100, "Invalid parameter 'requests'")
    if not data.get("id"):
        given = str(data.get("retailer_id", ""))
        message = "A request is missing required field: 'id'"
        return method, data, {"retailer_id": given, "errors": [{"message": message}]}
    status: Record = {"retailer_id": data["id"]}
    if method == "DELETE":
        return method, data, status
    errors = _item_errors(method, data)
    unknown = [name for name in data if name not in REQUIRED + OPTIONAL]
    if errors:
        status["errors"] = [{"message": message} for message in errors]
    if unknown:
        prefix = f"Unrecognised field: A request for item {data['id']} contains unrecognised field"
        status["warnings"] = [{"message": f"{prefix}: '{name}'"} for name in unknown]
    return method, data, status


def take_batch(
    catalogue: Catalogue, body: Record, strict: bool, size: int
) -> tuple[Batch | None, Record]:
    """The batch to be done, none when nothing was valid, and the answer. `size` in bytes."""
    if size > MAX_BYTES:
        raise GraphError(1, message="Please reduce the amount of data you're asking for")
    unknown = sorted(set(body) - {"item_type", "allow_upsert", "requests", "access_token"})
    if unknown and strict:
        raise GraphError(100, f"Unexpected key(s): {', '.join(unknown)}")
    if body.get("item_type") != "PRODUCT_ITEM":
        raise GraphError(100, "Invalid parameter 'item_type'")
    requests = body.get("requests")
    if not isinstance(requests, list) or not requests or len(requests) > MAX_REQUESTS:
        raise GraphError(100, "Invalid parameter 'requests'")
    valid, statuses = [], []
    for line, request in enumerate(requests):
        method, data, status = _validated(request)
        if "errors" not in status:
            valid.append((line, method, data))
        if len(status) > 1:
            statuses.append(status)
    if not valid:
        return None, {"handles": [], "validation_status": statuses}
    preset = catalogue.preset_handles
    handle = preset.popleft() if preset else f"Acy_{secrets.token_urlsafe(36)}"
    batch = Batch(handle, valid, bool(body.get("allow_upsert", True)))
    catalogue.batches[handle] = batch
    return batch, {"handles": [handle], "validation_status": statuses}


def do_batch(catalogue: Catalogue, batch: Batch, at: float) -> None:
    if batch.status == "finished":
        return
    for line, method, data in batch.requests:
        problem = _do(catalogue, batch, method, data)
        catalogue.log.append(
            {"at": at, "handle": batch.handle, "method": method, "id": data["id"],
             "accepted": not problem, "reason": problem, "data": data}
        )  # fmt: skip
        if problem:
            batch.errors.append({"line": line, "id": data["id"], "message": problem})
    batch.status = "finished"


def _do(catalogue: Catalogue, batch: Batch, method: str, data: Record) -> str:
    sku = data["id"]
    held = catalogue.items.get(sku)
    if sku in catalogue.refused and method != "DELETE":
        return catalogue.refused[sku]
    if method == "DELETE":
        if held is None:
            return "Item to delete was not found"
        del catalogue.items[sku]
        return ""
    if method == "UPDATE" and held is None:
        if not batch.allow_upsert:
            return "Item to update was not found"
        errors = _item_errors("CREATE", data)
        if errors:
            return errors[0]
    if method == "CREATE" and held is not None and not batch.allow_upsert:
        return "Item to create already exists"
    known = {name: value for name, value in data.items() if name in REQUIRED + OPTIONAL}
    catalogue.items[sku] = {**(held or {}), **known}
    catalogue.numbers.setdefault(sku, str(7_000_000_000_000_000 + len(catalogue.numbers)))
    return ""


def batch_status(catalogue: Catalogue, query: dict[str, str]) -> Record:
    batch = catalogue.batches.get(query.get("handle", ""))
    if batch is None:
        raise GraphError(100, "Invalid parameter 'handle'")
    shown: Record = {
        "handle": batch.handle,
        "status": batch.status,
        "errors": batch.errors,
        "warnings": [],
        "errors_total_count": len(batch.errors),
    }
    if query.get("load_ids_of_invalid_requests") in ("true", "1"):
        shown["ids_of_invalid_requests"] = [error["id"] for error in batch.errors]
    return {"data": [shown]}


def _display(sku: str, item: Record, number: str) -> Record:
    amount, _, currency = item.get("price", "0.00 LKR").partition(" ")
    shown = {
        "id": number,
        "retailer_id": sku,
        "name": item.get("title", ""),
        "availability": item.get("availability", ""),
        "price": f"{currency} {float(amount):,.2f}",
        "currency": currency,
    }
    return {**item, **shown}


def _filtered(rows: list[Record], condition: Any) -> list[Record]:
    """Only what the contract names: equality, of any field."""
    if not isinstance(condition, dict):
        raise GraphError(100, "Invalid parameter 'filter'")
    for name, test in condition.items():
        if not isinstance(test, dict) or set(test) - {"eq", "is_any"}:
            raise GraphError(100, "Invalid parameter 'filter'")
        if "eq" in test:
            rows = [row for row in rows if row.get(name) == test["eq"]]
        if "is_any" in test:
            rows = [row for row in rows if row.get(name) in test["is_any"]]
    return rows


def list_items(
    catalogue: Catalogue, fields: list[str], condition: Any, limit: int, after: str
) -> Record:
    rows = [_display(sku, item, catalogue.numbers[sku]) for sku, item in catalogue.items.items()]
    if condition is not None:
        rows = _filtered(rows, condition)
    start = int(after) if after.isdigit() else 0
    page = rows[start : start + limit]
    names = list(dict.fromkeys(["id", *(fields or ["name", "retailer_id"])]))
    answer: Record = {"data": [{n: row[n] for n in names if n in row} for row in page]}
    if page:
        cursors = {"before": str(start), "after": str(start + len(page))}
        answer["paging"] = {"cursors": cursors}
        if start + len(page) < len(rows):
            answer["paging"]["next"] = f"?after={cursors['after']}"
    return answer
