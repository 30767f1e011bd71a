"""Collections: filters, order, pages, `_fields` and the paging headers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.clock import parse_iso
from sandbox.http import Answer, Call, json_answer
from sandbox.woocommerce.errors import invalid_params
from sandbox.woocommerce.shop import SITE_OFFSET_MINUTES, Item, Shop

Record = dict[str, Any]
ORDER_BY = ("date", "id", "include", "title", "slug", "modified", "price", "popularity")


@dataclass(frozen=True, slots=True)
class Page:
    number: int
    size: int
    offset: int


def _bounded(query: dict[str, str], name: str, default: int, low: int, high: int | None) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not text.lstrip("-").isdigit():
        raise invalid_params({name: ("rest_invalid_type", f"{name} is not of type integer.")})
    value = int(text)
    if value < low or (high is not None and value > high):
        limits = (
            f"{name} must be between {low} (inclusive) and {high} (inclusive)"
            if high is not None
            else f"{name} must be greater than or equal to {low}"
        )
        raise invalid_params({name: ("rest_out_of_bounds", limits)})
    return value


def page_of(query: dict[str, str]) -> Page:
    size = _bounded(query, "per_page", 10, 1, 100)
    number = _bounded(query, "page", 1, 1, None)
    offset = _bounded(query, "offset", (number - 1) * size, 0, None)
    return Page(number, size, offset)


def _choice(query: dict[str, str], name: str, default: str, choices: tuple[str, ...]) -> str:
    value = query.get(name, default)
    if value not in choices:
        raise invalid_params(
            {name: ("rest_not_in_enum", f"{name} is not one of {', '.join(choices)}.")}
        )
    return value


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part.strip().isdigit()]


def _moment(query: dict[str, str], name: str) -> int | None:
    text = query.get(name)
    if not text:
        return None
    offset = 0 if query.get("dates_are_gmt") in ("true", "1") else SITE_OFFSET_MINUTES
    try:
        return parse_iso(text, offset)
    except ValueError as error:
        raise invalid_params({name: ("rest_invalid_date", "Invalid date.")}) from error


def select(query: dict[str, str], items: Iterable[Item], *, modified_known: bool) -> list[Item]:
    """The filters that every resource has. Customers know no `modified_after`."""
    chosen = list(items)
    if query.get("include"):
        wanted = set(numbers(query["include"]))
        chosen = [item for item in chosen if item.id in wanted]
    if query.get("exclude"):
        unwanted = set(numbers(query["exclude"]))
        chosen = [item for item in chosen if item.id not in unwanted]
    after, before = _moment(query, "after"), _moment(query, "before")
    if after is not None:
        chosen = [item for item in chosen if item.created > after]
    if before is not None:
        chosen = [item for item in chosen if item.created < before]
    if modified_known:
        since, until = _moment(query, "modified_after"), _moment(query, "modified_before")
        if since is not None:
            chosen = [item for item in chosen if (item.modified or 0) > since]
        if until is not None:
            chosen = [item for item in chosen if (item.modified or 0) < until]
    return chosen


def with_status(query: dict[str, str], items: Iterable[Item]) -> list[Item]:
    """`any`, the default, leaves the trash out."""
    wanted = set(query.get("status", "any").split(","))
    if "any" in wanted:
        return [item for item in items if not item.trashed]
    return [item for item in items if item.fields.get("status") in wanted]


def ordered(query: dict[str, str], items: list[Item]) -> list[Item]:
    order = _choice(query, "order", "desc", ("asc", "desc"))
    by = _choice(query, "orderby", "date", ORDER_BY)
    keys: dict[str, Callable[[Item], Any]] = {
        "date": lambda item: (item.created, item.id),
        "id": lambda item: item.id,
        "modified": lambda item: (item.modified or 0, item.id),
        "title": lambda item: (item.fields.get("name", ""), item.id),
        "slug": lambda item: (item.fields.get("slug", ""), item.id),
    }
    if by == "include":
        places = {number: place for place, number in enumerate(numbers(query.get("include", "")))}
        return sorted(items, key=lambda item: places.get(item.id, len(places)))
    return sorted(items, key=keys.get(by, keys["date"]), reverse=order == "desc")


def chosen_fields(query: dict[str, str]) -> set[str] | None:
    """Top-level names; nested names as `billing.email` keep their whole parent."""
    text = query.get("_fields")
    if not text:
        return None
    return {part.strip().split(".")[0] for part in text.split(",") if part.strip()}


def narrowed(record: Record, only: set[str] | None) -> Record:
    if only is None:
        return record
    return {name: value for name, value in record.items() if name in only}


def paged(shop: Shop, call: Call, collection: str, records: list[Any], shown: Any) -> Answer:
    """`shown` renders one entry of the page; only those of the page are rendered."""
    page = page_of(call.query)
    total = len(records)
    pages = -(-total // page.size)
    body = [shown(record) for record in records[page.offset : page.offset + page.size]]
    links = []
    # The link names page and size alone, as in the contract's sample: filters are the caller's.
    address = f"{shop.link(collection)}?per_page={page.size}&page="
    if page.number > 1:
        links.append(f'<{address}{min(page.number - 1, max(pages, 1))}>; rel="prev"')
    if page.number < pages:
        links.append(f'<{address}{page.number + 1}>; rel="next"')
    headers = [
        (b"x-wp-total", str(total).encode()),
        (b"x-wp-totalpages", str(pages).encode()),
    ]
    if links:
        headers.append((b"link", ", ".join(links).encode()))
    return json_answer(200, body, headers)
