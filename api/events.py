"""Searching the history: by time, type, source, entity and outcome, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from api.entities import Entities
from api.errors import malformed
from api.services import Services
from api.shapes import Cursor, LiveEvent, live_event
from schemas.codec import decode
from schemas.feed import FeedLine
from streams.access import Role
from streams.database import Document
from streams.history import COLLECTION

PAGE = 50
MOST_FOUND = 50
"""Entities whose events a text finds."""
MOST_MS = 8_000
OUTCOMES: dict[str, tuple[str, ...]] = {
    "changed": ("changed", "deleted", "relinked", "unlinked"),
    "arrived": ("arrived",),
    "way": ("sent",),
    "failed": ("failed", "refused"),
    "decision": ("conflict", "resolved"),
    "message": ("effect",),
}
"""What a person filters by, to kinds of feed lines."""
PERSONAL = frozenset(
    "name firstName lastName email phone addresses address address1 address2 billing shipping "
    "whatsapp body note customer recipient company postcode".split()
)
MASK = "•••"
Place = tuple[int, int]
"""Time in ms and offset: where an event is in the history."""


@dataclass(frozen=True)
class Search:
    """What is looked for; what is empty is not asked for."""

    type: str = ""
    outcome: str = ""
    """Of OUTCOMES, or one kind of feed line."""
    replica: str = ""
    """That made it or received it."""
    entity: str = ""
    """An id, a SKU, an order's number, words of a name."""
    since_ms: int = 0
    until_ms: int = 0


@dataclass(frozen=True)
class Found:
    """One event and its place."""

    place: Place
    line: FeedLine

    @property
    def address(self) -> str:
        """Of its page."""
        return "/events/{}-{}".format(*self.place)

    def event(self, role: Role = Role.OWNER) -> LiveEvent:
        """As people see it; personal data is the owner's."""
        told = live_event(self.line, Cursor(0, self.place[1]))
        if role.may(Role.OWNER):
            return told
        personal = self.line.type in ("customer", "message")
        return live_event(_replaced(self.line, personal), Cursor(0, self.place[1]))


def _replaced(line: FeedLine, personal: bool) -> FeedLine:
    return structs.replace(
        line,
        fields=masked(line.fields, personal),
        previous=masked(line.previous, personal),
        label=MASK if personal and line.label else line.label,
    )


def masked(fields: Mapping[str, Any], personal: bool = False) -> dict[str, Any]:
    """Without names, numbers and addresses of people. `personal`: of a customer or a message;
    elsewhere `name` is a product's."""
    return {
        name: MASK
        if value not in (None, "") and name in PERSONAL and (personal or name != "name")
        else _inner(value)
        for name, value in fields.items()
    }


def _inner(value: Any) -> Any:
    if isinstance(value, Mapping):
        return masked(value)
    if isinstance(value, list):
        return [_inner(one) for one in value]
    return value


async def found_events(
    use: Services, organization_id: str, search: Search, cursor: str = "", limit: int = PAGE
) -> tuple[list[Found], str]:
    """A page, newest first, and the cursor behind it; "" at the end. Raises 400, PyMongoError."""
    match: Document = {"organizationId": organization_id}
    if search.type:
        match["type"] = search.type
    if search.outcome:
        match["kind"] = {"$in": list(OUTCOMES.get(search.outcome, (search.outcome,)))}
    clauses: list[Document] = []
    if search.replica:
        sources = ["mongodb", "web"] if search.replica == "mongodb" else [search.replica]
        clauses.append({"$or": [{"source": {"$in": sources}}, {"replica": {"$in": sources}}]})
    if search.entity:
        clauses.append(await _named(use, organization_id, search))
    at: Document = {}
    if search.since_ms:
        at["$gte"] = search.since_ms
    if search.until_ms:
        at["$lt"] = search.until_ms
    if cursor:
        at_ms, offset = read_place(cursor)
        clauses.append(
            {"$or": [{"atMs": {"$lt": at_ms}}, {"atMs": at_ms, "offset": {"$lt": offset}}]}
        )
        at["$lte"] = at_ms
    if at:
        match["atMs"] = at
    if clauses:
        match["$and"] = clauses
    rows = use.database[COLLECTION].find(match, {"atMs": 1, "offset": 1, "line": 1})
    ordered = rows.sort([("atMs", -1), ("offset", -1)]).limit(limit + 1).max_time_ms(MOST_MS)
    found = [_found(row) async for row in ordered]
    following = "{}-{}".format(*found[limit - 1].place) if len(found) > limit else ""
    return found[:limit], following


async def _named(use: Services, organization_id: str, search: Search) -> Document:
    """Events of everything that bears this name."""
    text = search.entity.strip()
    rows, _ = await Entities(use.database, use.directory).page(
        organization_id, "", text, "", MOST_FOUND
    )
    ids = [text, *dict.fromkeys(row.entity_id for row in rows)]
    return {"$or": [{"entityId": {"$in": ids}}, {"label": text}]}


async def event_at(use: Services, organization_id: str, cursor: str) -> Found | None:
    """The event at a place; None where the history has none (any more, or yet)."""
    at_ms, offset = read_place(cursor)
    row = await use.database[COLLECTION].find_one(
        {"organizationId": organization_id, "atMs": at_ms, "offset": offset}
    )
    return None if row is None else _found(row)


def read_place(cursor: str) -> Place:
    """`1795000000000-12` to its numbers. Raises 400."""
    at_ms, _, offset = cursor.partition("-")
    if not (at_ms.isdecimal() and offset.isdecimal() and len(cursor) < 40):
        raise malformed(f"{cursor!r} is not a cursor.", "Take `next` as it was given.")
    return int(at_ms), int(offset)


def _found(row: Document) -> Found:
    return Found((row["atMs"], row["offset"]), decode(row["line"], FeedLine))


def related(found: Sequence[Found], one: Found) -> list[Found]:
    """The other events of the same change: what caused it, and where it went."""
    cause, version = one.line.cause, one.line.version
    return [
        other
        for other in found
        if other.place != one.place
        and (other.line.version == version or (cause and other.line.cause == cause))
    ]
