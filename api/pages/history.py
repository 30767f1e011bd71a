"""`/events`: searching what happened; one event with everything around it; `/orders/{id}`: one
timeline across shop, app, WhatsApp and couriers."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response
from fastapi_problem.error import Problem
from pymongo.errors import PyMongoError
from starlette.responses import RedirectResponse

from api.deps import Caller, UseServices
from api.entities import Entities
from api.events import Found, Results, Search, around, event_at, read_place, related, search_events
from api.orders import timeline
from api.pages.away import REACHABLE, away
from api.pages.i18n import zone
from api.pages.render import page
from api.pages.visiting import UseVisitor
from api.pages.words import OUTCOME_WORDS, TYPES
from api.services import Services
from api.shapes import LiveEvent, to_json
from api.steps import Step, steps_of
from api.tellings import Teller
from schemas.codec import encode
from streams.access import Role

router = APIRouter(include_in_schema=False, dependencies=REACHABLE)

SEE_OTHER = 303
ASKED = ("entity", "type", "outcome", "source", "since", "until")
SOON_MS = 600_000
"""An event as young as this may still be on its way into the history."""
AROUND = 120
"""Lines of the same entity that are looked through for what belongs to an event."""
TRIGGERS = {
    ("mongodb", "product"): "mongo.product.updated",
    ("woocommerce", "product"): "woo.product.updated",
    ("woocommerce", "order"): "woo.order.created",
    ("mongodb", "order"): "order.status",
    ("whatsapp", "message"): "whatsapp.message",
    ("whatsapp", "order"): "whatsapp.order",
}
"""(source, type) to what `smartstore trigger` calls the like of it."""

Short = Annotated[str, Query(max_length=60)]


@router.get("/events")
async def events_page(
    request: Request,
    caller: UseVisitor,
    use: UseServices,
    type: Short = "",
    outcome: Short = "",
    source: Short = "",
    entity: Annotated[str, Query(max_length=300)] = "",
    since: Short = "",
    until: Short = "",
    cursor: Short = "",
) -> Response:
    """What the filters of the address find, newest first: of the last 30 days, then of the
    archive."""
    search = Search(
        type, outcome, source, entity.strip(), since_ms=_moment(since), until_ms=_moment(until)
    )
    wrong = ""
    try:
        results = await search_events(use, caller.organization_id, search, cursor)
    except Problem as problem:
        results, wrong = Results([]), str(problem.marshal().get("detail", ""))
    except PyMongoError:
        return away(request)
    connections = await use.directory.connections(caller.organization_id)
    asked = [(name, text) for name, text in request.query_params.items() if name in ASKED]
    return page(
        request,
        "events.html",
        organization=await use.directory.name_of(caller.organization_id),
        results=replace(results, days=tuple(f"{day}T12:00:00Z" for day in results.days)),
        wrong=wrong,
        role=caller.role,
        search=search,
        since=since,
        until=until,
        asked=[(name, text) for name, text in asked if text],
        types=TYPES,
        outcomes=OUTCOME_WORDS,
        replicas=[connection.replica for connection in connections],
    )


@router.get("/events/{place}")
async def event_page(
    request: Request, place: str, caller: UseVisitor, use: UseServices
) -> Response:
    """One event: payload, headers, attempts, before and after, what caused it."""
    gone = {"soon": False, "away": False}
    try:
        at_ms, _offset = read_place(place)
        name = await use.directory.name_of(caller.organization_id)
        one = await event_at(use, caller.organization_id, place)
        if one is None:
            gone["soon"] = at_ms > use.clock_ms() - SOON_MS
            return page(request, "noevent.html", 404, organization=name, **gone)
        values = await _around(use, caller, one)
    except Problem:
        return RedirectResponse("/events", SEE_OTHER)
    except OSError:
        gone["away"] = True
        return page(request, "noevent.html", 503, organization=name, **gone)
    except PyMongoError:
        return away(request)
    return page(request, "event.html", organization=name, one=one, role=caller.role, **values)


@router.get("/orders/{order_id:path}")
async def order_page(
    request: Request, order_id: str, caller: UseVisitor, use: UseServices
) -> Response:
    """By our id, the shop's id or the number that the customer knows."""
    try:
        entities = Entities(use.database, use.directory)
        name = await use.directory.name_of(caller.organization_id)
        try:
            record = await entities.find(caller.organization_id, "order", order_id[:300])
        except Problem:
            rows, _more = await entities.page(
                caller.organization_id, "order", order_id[:100], "", 2
            )
            if len(rows) == 1:
                return RedirectResponse(f"/orders/{rows[0].entity_id}", SEE_OTHER)
            return page(request, "noorder.html", 404, organization=name, order_id=order_id)
        told = await timeline(use, record)
    except PyMongoError:
        return away(request)
    fields = {name: held.value for name, held in record.fields.items()}
    return page(
        request,
        "order.html",
        organization=name,
        order=fields,
        record=record,
        timeline=told,
        owner=caller.role.may(Role.OWNER),
    )


async def _around(use: Services, caller: Caller, one: Found) -> dict[str, Any]:
    others = await around(use, caller.organization_id, one, AROUND)
    event, chain = one.event(caller.role), _chain(others, one)
    told = {line.id for *_names, step in chain for line in (step.line, *step.deliveries) if line}
    beside = {other.place for other in related(others, one)}
    payload = json.dumps(json.loads(to_json(event)), ensure_ascii=False, indent=2)
    return {
        "event": event,
        "payload": payload,
        "headers": _headers(one),
        "changes": [(name, event.previous.get(name), value) for name, value in event.data.items()],
        "related": [
            other
            for other in others
            if other.place in beside or (other.line.id in told and other.place != one.place)
        ],
        "chain": chain,
        "curl": _curl(use.settings.base_url, event),
        "trigger": _trigger(event),
        "sees_all": caller.role.may(Role.OWNER),
    }


def _headers(one: Found) -> dict[str, str]:
    """What the record carries beside its value in topic `feed` (CloudEvents, binary mode)."""
    line = one.line
    return {
        "ce_specversion": "1.0",
        "ce_id": line.id,
        "ce_type": f"feed.{line.kind}",
        "ce_subject": f"{line.type}/{line.entity_id}",
        "organization": line.organization_id,
        "offset": str(one.place[1]),
        "cause": line.cause,
        "operation": json.dumps(json.loads(encode(line.op))) if line.op else "",
    }


def _chain(others: list[Found], one: Found) -> list[tuple[str, str, Step]]:
    """For each field of the event, the decision that it belongs to, in words."""
    line = one.line
    found = []
    for name in list(line.fields)[:6]:
        teller = Teller(line.type, name, line.at_ms, ZoneInfo(zone()))
        for step in steps_of([other.line for other in others], [], name):
            if step.line is not None and (
                step.line.id == line.id or line.id in {told.id for told in step.deliveries}
            ):
                found.append((name, teller.sentence(step), step))
                break
    return found


def _curl(base_url: str, event: LiveEvent) -> str:
    """The same as a call that anyone may make; the key is the reader's own."""
    body = {
        "id": f"again-{event.id}"[:200],
        "type": event.type,
        "action": event.action,
        "source": "web",
        "data": event.data,
        "timestamp": event.timestamp,
        "organizationId": event.organization_id,
    }
    told = shlex.quote(json.dumps(body, ensure_ascii=False))
    return (
        f"curl -X POST {base_url}/api/events -H 'Content-Type: application/json' "
        f'-H "Authorization: Bearer $SMARTSTORE_API_KEY" -d {told}'
    )


def _trigger(event: LiveEvent) -> str:
    """The like of it in the demo; empty where there is none."""
    name = TRIGGERS.get((event.source.partition(":")[0], event.type), "")
    if event.kind == "conflict":
        name = "conflict.price"
    if not name:
        return ""
    sku = event.data.get("sku")
    return f"./smartstore trigger {name}" + (f" --set sku={shlex.quote(str(sku))}" if sku else "")


def _moment(text: str) -> int:
    """A form's `2026-11-22T10:30`, by the shop's clock, in ms; 0 for none."""
    try:
        at = datetime.fromisoformat(text) if text else None
    except ValueError:
        return 0
    if at is None:
        return 0
    return int((at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone()))).timestamp() * 1000)
