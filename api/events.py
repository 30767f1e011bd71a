"""Searching the history: by time, type, source, entity and outcome, newest first. The last 30 days
are in MongoDB; what is older is read from the archive, and follows without seam."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec import structs

from api.entities import Entities
from api.errors import malformed
from api.older import Place, Wanted, older
from api.shapes import Cursor, LiveEvent, live_event
from schemas.codec import decode
from schemas.feed import FeedLine
from streams.access import Role
from streams.archive.joined import Sources
from streams.database import Database, Document
from streams.directory import Directory
from streams.history import COLLECTION, KEPT_MS, lines_of

PAGE = 50
MOST_FOUND = 50
"""Entities whose events a text finds."""
MOST_MS = 8_000
AFTER_MS = 600_000
BEFORE_MS = 86_400_000
"""Within which an old event's neighbours are looked for."""
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
OLDER = "archive-"
"""How a cursor begins that goes on in the archive."""


class Holds(Protocol):
    """Where events are: what `Services` has of it, or a command."""

    @property
    def database(self) -> Database: ...
    @property
    def directory(self) -> Directory: ...
    @property
    def history(self) -> Sources | None: ...
    @property
    def clock_ms(self) -> Callable[[], int]: ...


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


@dataclass(frozen=True)
class Results:
    """A page, newest first."""

    found: list[Found]
    next: str = ""
    """The cursor behind it; "" at the end."""
    days: tuple[str, ...] = ()
    """That were read from the archive, newest first: 2026-11-22."""
    away: bool = False
    """The archive did not answer; what is older is missing."""


async def search_events(
    use: Holds, organization_id: str, search: Search, cursor: str = "", limit: int = PAGE
) -> Results:
    """MongoDB's part, then the archive's. Raises 400, PyMongoError."""
    horizon_ms = use.clock_ms() - KEPT_MS
    found: list[Found] = []
    if not cursor.startswith(OLDER):
        found, following = await found_events(use, organization_id, search, cursor, limit)
        if following or use.history is None or search.since_ms >= horizon_ms:
            return Results(found, following)
    behind = read_place(cursor.removeprefix(OLDER)) if cursor.startswith(OLDER) else None
    wanted = await _wanted(use, organization_id, search, horizon_ms)
    if use.history is None:
        return Results(found)
    try:
        page = await older(use.history, wanted, behind, limit - len(found) or 1)
    except OSError:
        return Results(found, away=True)
    following = OLDER + "{}-{}".format(*page.next) if page.next else ""
    found += [Found(place, line) for place, line in page.found]
    return Results(found, following, page.days)


async def _wanted(use: Holds, organization_id: str, search: Search, horizon_ms: int) -> Wanted:
    sources = (search.replica,) if search.replica else ()
    return Wanted(
        organization_id,
        min(search.until_ms or horizon_ms, horizon_ms),
        search.since_ms,
        search.type,
        frozenset(OUTCOMES.get(search.outcome, (search.outcome,)) if search.outcome else ()),
        frozenset(("mongodb", "web") if search.replica == "mongodb" else sources),
        frozenset(await _ids(use, organization_id, search.entity) if search.entity else ()),
    )


async def found_events(
    use: Holds, organization_id: str, search: Search, cursor: str = "", limit: int = PAGE
) -> tuple[list[Found], str]:
    """Of the last 30 days: a page, newest first, and the cursor behind it; "" at the end. Raises
    400, PyMongoError."""
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
        ids = await _ids(use, organization_id, search.entity)
        clauses.append({"$or": [{"entityId": {"$in": ids}}, {"label": search.entity.strip()}]})
    since_ms = search.since_ms
    if use.history is not None:  # what is older is the archive's to tell
        since_ms = max(since_ms, use.clock_ms() - KEPT_MS)
    at: Document = {"$gte": since_ms}
    if search.until_ms:
        at["$lt"] = search.until_ms
    if cursor:
        at_ms, offset = read_place(cursor)
        clauses.append(
            {"$or": [{"atMs": {"$lt": at_ms}}, {"atMs": at_ms, "offset": {"$lt": offset}}]}
        )
        at["$lte"] = at_ms
    match["atMs"] = at
    if clauses:
        match["$and"] = clauses
    rows = use.database[COLLECTION].find(match, {"atMs": 1, "offset": 1, "line": 1})
    ordered = rows.sort([("atMs", -1), ("offset", -1)]).limit(limit + 1).max_time_ms(MOST_MS)
    found = [_found(row) async for row in ordered]
    following = "{}-{}".format(*found[limit - 1].place) if len(found) > limit else ""
    return found[:limit], following


async def _ids(use: Holds, organization_id: str, name: str) -> list[str]:
    """Of everything that bears this name."""
    text = name.strip()
    rows, _ = await Entities(use.database, use.directory).page(
        organization_id, "", text, "", MOST_FOUND
    )
    return [text, *dict.fromkeys(row.entity_id for row in rows)]


async def event_at(use: Holds, organization_id: str, cursor: str) -> Found | None:
    """The event at a place; None where the history has none (any more, or yet). Raises 400,
    OSError, PyMongoError."""
    at_ms, offset = read_place(cursor)
    row = await use.database[COLLECTION].find_one(
        {"organizationId": organization_id, "atMs": at_ms, "offset": offset}
    )
    if row is not None:
        return _found(row)
    if use.history is None or at_ms > use.clock_ms() - KEPT_MS:
        return None
    wanted = Wanted(organization_id, at_ms + 1, at_ms, offset=offset)
    page = await older(use.history, wanted, None, 1)
    return Found(*page.found[0]) if page.found else None


async def around(use: Holds, organization_id: str, one: Found, limit: int) -> list[Found]:
    """Lines of the same entity at about the same time, newest first. Raises OSError,
    PyMongoError."""
    line, until_ms = one.line, one.place[0] + AFTER_MS
    if use.history is None or one.place[0] > use.clock_ms() - KEPT_MS:
        held = await lines_of(
            use.database,
            organization_id,
            line.type,
            line.entity_id,
            before=(until_ms, 0),
            limit=limit,
        )
        return [Found(place, told) for place, told in held]
    wanted = Wanted(
        organization_id,
        until_ms,
        one.place[0] - BEFORE_MS,
        line.type,
        entities=frozenset({line.entity_id}),
    )
    page = await older(use.history, wanted, None, limit)
    return [Found(place, told) for place, told in page.found]


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
