"""`GET /api/entities`: what there is, what stands, what happened to it, and why."""

from __future__ import annotations

import re
from datetime import UTC, tzinfo
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Query, Response

from api.deps import UseCaller, UseServices
from api.entities import Entities, type_with
from api.errors import invalid, malformed
from api.explained import Explained, shown_event, shown_row
from api.shapes import Cursor, to_json
from streams.history import lines_of

router = APIRouter(prefix="/api/entities", tags=["entities"])

PLACE = re.compile(r"([0-9]{1,15})-([0-9]{1,18})")

By = Annotated[
    Literal["", "id", "sku", "external"],
    Query(description="what the id is; empty: ours, else the SKU, else a platform's"),
]


@router.get("")
async def list_entities(
    caller: UseCaller,
    use: UseServices,
    type: Annotated[str, Query(max_length=40, description="product, inventory, ...")] = "",
    q: Annotated[str, Query(max_length=200, description="words of name, SKU or ids")] = "",
    cursor: Annotated[str, Query(max_length=1_000)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    organizationId: str | None = None,
) -> Response:
    """By type and id; every word of `q` is looked for from its beginning."""
    caller.check(organizationId)
    entities = Entities(use.database, use.directory)
    found, following = await entities.page(caller.organization_id, type, q, cursor, limit)
    body = {"entities": [shown_row(row) for row in found], "next": following}
    return Response(to_json(body), media_type="application/json")


@router.get("/{type}/{entity_id:path}/history")
async def get_history(
    type: str,
    entity_id: str,
    caller: UseCaller,
    use: UseServices,
    by: By = "",
    field: Annotated[str, Query(max_length=100, description="only of this field")] = "",
    cursor: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    organizationId: str | None = None,
) -> Response:
    """What happened to it in the last 30 days, newest first; `next` is empty at the end."""
    caller.check(organizationId)
    before = _place(cursor)
    entities = Entities(use.database, use.directory)
    record = await entities.find(caller.organization_id, type, entity_id, by)
    lines = await lines_of(
        use.database,
        caller.organization_id,
        record.type,
        record.entity_id,
        field=field,
        before=before,
        limit=limit + 1,
    )
    partition = use.feed.ring_of(caller.organization_id).partition
    shown = [shown_event(line, Cursor(partition, offset)) for (_, offset), line in lines[:limit]]
    following = "{}-{}".format(*lines[limit - 1][0]) if len(lines) > limit else ""
    return Response(to_json({"events": shown, "next": following}), media_type="application/json")


@router.get("/{type}/{entity_id:path}/why")
async def get_why(
    type: str,
    entity_id: str,
    caller: UseCaller,
    use: UseServices,
    field: Annotated[str, Query(max_length=100)],
    by: By = "",
    timeZone: Annotated[str, Query(max_length=60, description="of times in sentences")] = "UTC",
    organizationId: str | None = None,
) -> Response:
    """Why this field has its value: every decision with its cause, rule and deliveries, newest
    first, and where the field stands on each platform."""
    caller.check(organizationId)
    zone = _zone(timeZone)
    explained = Explained(use.database, use.directory, use.clock_ms)
    asked = type_with(field, type)
    record = await explained.entities.find(caller.organization_id, asked, entity_id, by)
    answer = await explained.why(record, field, zone)
    return Response(to_json(answer), media_type="application/json")


@router.get("/{type}/{entity_id:path}")
async def get_entity(
    type: str,
    entity_id: str,
    caller: UseCaller,
    use: UseServices,
    by: By = "",
    organizationId: str | None = None,
) -> Response:
    """What all agree on, with who said so when; open conflicts; and what each platform holds."""
    caller.check(organizationId)
    explained = Explained(use.database, use.directory, use.clock_ms)
    record = await explained.entities.find(caller.organization_id, type, entity_id, by)
    return Response(to_json(await explained.entity(record)), media_type="application/json")


def _place(cursor: str) -> tuple[int, int] | None:
    if not cursor:
        return None
    found = PLACE.fullmatch(cursor)
    if found is None:
        raise malformed(f"{cursor!r} is not a cursor.", "Take `next` as it was given.")
    return int(found[1]), int(found[2])


def _zone(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise invalid(
            f"{name!r} is not a time zone.", "Use a name such as Asia/Colombo, or UTC."
        ) from error
