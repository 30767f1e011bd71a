"""`/events/{place}/then`: the item of an event as the event left it, beside what stands now."""

from __future__ import annotations

from typing import Any

from aiokafka.errors import KafkaError
from fastapi import APIRouter, Request, Response
from fastapi_problem.error import Problem
from pymongo.errors import PyMongoError
from starlette.responses import RedirectResponse

from api.deps import Caller, UseServices
from api.events import Found, event_at, masked, read_place
from api.older import LATE_MS
from api.pages.away import REACHABLE, away
from api.pages.render import page
from api.pages.visiting import UseVisitor
from api.services import Services
from api.timetravel import past_of
from schemas.base import Fields
from schemas.feed import FeedLine
from streams.access import Role
from streams.entities import find_record
from streams.sync.record import Record
from streams.timetravel import Then, TimeTravel

router = APIRouter(include_in_schema=False, dependencies=REACHABLE)

SEE_OTHER = 303
UNREAD = (KafkaError, OSError, TimeoutError)


@router.get("/events/{place}/then")
async def then_page(request: Request, place: str, caller: UseVisitor, use: UseServices) -> Response:
    """Every field: what was agreed, what each platform held, and what is agreed now."""
    one: Found | None = None
    values: dict[str, Any]
    try:
        read_place(place)
        one = await event_at(use, caller.organization_id, place)
        if one is None:
            return RedirectResponse(f"/events/{place}", SEE_OTHER)
        values = await _values(use, caller, one)
    except Problem:
        return RedirectResponse("/events", SEE_OTHER)
    except UNREAD:
        if one is None:
            return RedirectResponse(f"/events/{place}", SEE_OTHER)
        values = {"away": True}
    except PyMongoError:
        return away(request)
    return page(
        request,
        "then.html",
        organization=await use.directory.name_of(caller.organization_id),
        line=one.line,
        label=one.event(caller.role).label,
        address=one.address,
        **values,
    )


async def _values(use: Services, caller: Caller, one: Found) -> dict[str, Any]:
    line = one.line
    then = await as_left_by(past_of(use, caller.organization_id).travel, line)
    now = await find_record(use.database, caller.organization_id, line.type, line.entity_id)
    personal = line.type in ("customer", "message")

    def shown(fields: Fields) -> Fields:
        return fields if caller.role.may(Role.OWNER) else masked(fields, personal)

    agreed, current = shown(_agreed(then.record)), shown(_agreed(now))
    replicas = then.record.replicas if then.record else {}
    copies = {
        name: shown({field: shadow.seen for field, shadow in held.shadow.items()})
        for name, held in replicas.items()
    }
    return {
        "away": False,
        "known": then.record is not None,
        "complete": then.complete,
        "deleted": bool(then.record and then.record.tombstone),
        "contested": list(then.record.conflicts) if then.record else [],
        "copies": list(copies),
        "currency": agreed.get("currency"),
        "rows": [
            (name, value, [held.get(name) for held in copies.values()], current.get(name))
            for name, value in agreed.items()
        ],
    }


async def as_left_by(travel: TimeTravel, line: FeedLine) -> Then:
    """The record of the line's own version: by the clock it is a little later than the line. Where
    that is not kept, what stood at its time. Raises what reading history raises."""
    versions = await travel.versions(line.organization_id, line.type, line.entity_id)
    for found in versions:
        late_ms = found.event.at_ms - line.at_ms
        if found.version == line.version and abs(late_ms) < LATE_MS:
            return Then(found.record(), found.event.at_ms)
    return await travel.at(line.organization_id, line.type, line.entity_id, line.at_ms)


def _agreed(record: Record | None) -> Fields:
    return {name: held.value for name, held in record.fields.items()} if record else {}
