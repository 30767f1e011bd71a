"""`/shipments`: parcels and where they are, labels, what needs a person, cash on delivery, and
trying out a courier's file. Plain forms: all of it works without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request, Response
from fastapi_problem.error import Problem
from pydantic import ValidationError
from starlette.responses import RedirectResponse

from api.couriers import answer_of
from api.deps import Caller, UseCaller, UseServices
from api.imports import shape as job_shape
from api.pages.away import REACHABLE
from api.pages.i18n import N_, _
from api.pages.integrating import said
from api.pages.render import page
from api.pages.visiting import UseVisitor
from api.routes.cod import Payout, shown
from api.services import Services
from api.shipping import ShippingDesk
from connectors.couriers.generic import BadProfile, load_profile
from connectors.couriers.status import STATUSES
from streams.couriers.cod import Paid
from streams.couriers.following import Followed, unlisted
from streams.couriers.jobs import KIND
from streams.couriers.shipments import Wanted
from streams.upkeep.jobs import Jobs

router = APIRouter(include_in_schema=False, dependencies=REACHABLE)

SEE_OTHER = 303
A_PAGE = 50
MOST_ORDERS = 500
STATES = {
    "waiting": (N_("Waiting"), "clock", "info"),
    "refused": (N_("Refused"), "cross", "bad"),
    "unknown": (N_("No answer yet"), "clock", "ask"),
    "created": (N_("Label made"), "check", "good"),
    "cancelled": (N_("Cancelled"), "cross", "quiet"),
}
STATUS_LOOKS = {
    "created": (N_("Label made"), "check", "info"),
    "picked_up": (N_("Picked up"), "send", "info"),
    "in_transit": (N_("On the way"), "send", "info"),
    "out_for_delivery": (N_("Out for delivery"), "send", "good"),
    "delivered": (N_("Delivered"), "check", "good"),
    "exception": (N_("Trouble on the way"), "clock", "ask"),
    "returned": (N_("Came back"), "again", "bad"),
    "cancelled": (N_("Cancelled"), "cross", "quiet"),
}
CASH = {
    "expected": N_("To be collected"),
    "collected": N_("Collected by the courier"),
    "paid": N_("Paid out to you"),
    "returned": N_("Came back"),
    "cancelled": N_("Cancelled"),
}
NOTES = {
    "cancelled": N_("The shipment is cancelled."),
    "restocked": N_("What the parcel held is in stock again."),
    "settled": N_("Noted. Look at its state below."),
}
_LINE = re.compile(r"^\s*(\S+?)[\s,;:]+([0-9][0-9,]*(?:\.[0-9]+)?)\s*$")


@router.get("/shipments")
async def shipments_page(
    request: Request,
    caller: UseVisitor,
    use: UseServices,
    state: str = "",
    status: str = "",
    courier: str = "",
    q: str = "",
    sheet: int = 1,
    job: str = "",
) -> Response:
    """The newest first, by what the address asks for."""
    asked = {"state": state, "status": status, "courier": courier, "q": q.strip()[:100]}
    return await _listed(request, use, caller, asked, max(1, sheet), job[:64])


@router.post("/shipments")
async def make(
    request: Request,
    caller: UseCaller,
    use: UseServices,
    orders: Annotated[str, Form(max_length=60_000)],
    courier: Annotated[str, Form(max_length=40)],
    weight: Annotated[str, Form(max_length=20)] = "",
    unit: Annotated[str, Form(max_length=2)] = "kg",
) -> Response:
    """One label for each order that is named; the same order again makes nothing twice."""
    desk = ShippingDesk(use, caller.organization_id)
    names = orders.replace(",", " ").split()
    common: dict[str, Any] = {"courierCode": courier}
    if weight.strip():
        common["package"] = {"weight": weight.strip(), "weightUnit": unit}
    refused: list[dict[str, Any]] = []
    wrong, job_id = "", ""
    if not names or len(names) > MOST_ORDERS:
        wrong = _("Name between 1 and %(most)s orders.") % {"most": MOST_ORDERS}
    else:
        try:
            made, refused = await desk.want_all(common, names, "1", alone=len(names) == 1)
            job_id = (await desk.queue(made)).id
        except Problem as error:
            wrong = said(error)
    if job_id and not refused:
        return RedirectResponse(f"/shipments?job={job_id}", SEE_OTHER)
    return await _listed(
        request, use, caller, {}, 1, job_id, refused=refused, wrong=wrong, typed=orders
    )


@router.get("/shipments/cod")
async def cash_page(
    request: Request, caller: UseVisitor, use: UseServices, courier: str = ""
) -> Response:
    """Expected, collected, paid out, and what differs."""
    return await _cash(request, use, caller, courier)


@router.post("/shipments/cod")
async def note_payout(
    request: Request,
    caller: UseCaller,
    use: UseServices,
    courier: Annotated[str, Form(max_length=40)],
    payout: Annotated[str, Form(max_length=100)],
    lines: Annotated[str, Form(max_length=400_000)],
) -> Response:
    """A courier's statement: a tracking number and an amount in each line."""
    told, unread = statement(lines)
    if unread:
        wrong = _("These lines have no number and amount: %(lines)s") % {"lines": unread[0]}
        return await _cash(request, use, caller, courier, wrong=wrong, typed=lines)
    try:
        given = Payout.model_validate(
            {"courierCode": courier, "payoutId": payout.strip(), "lines": told}
        )
    except ValidationError as error:
        return await _cash(request, use, caller, courier, wrong=said(error), typed=lines)
    paid = [Paid(line.tracking_number, line.amount) for line in given.lines]
    cash = ShippingDesk(use, caller.organization_id).parts.cash
    found = await cash.pay_out(caller.organization_id, courier, given.payout_id, paid)
    return await _cash(request, use, caller, courier, noted=found)


@router.get("/shipments/profile")
async def profile_page(request: Request, caller: UseVisitor, use: UseServices) -> Response:
    """A courier's file, to be tried out before it is connected."""
    return await _profile(request, use, caller, "", (), "")


@router.post("/shipments/profile")
async def try_profile(
    request: Request,
    caller: UseCaller,
    use: UseServices,
    profile: Annotated[str, Form(max_length=250_000)],
) -> Response:
    """Every mistake with its line."""
    try:
        found = load_profile(profile)
    except BadProfile as error:
        return await _profile(request, use, caller, profile, error.mistakes, "")
    return await _profile(request, use, caller, profile, (), found.display_name)


@router.get("/shipments/{shipment_id}")
async def shipment_page(
    request: Request, shipment_id: str, caller: UseVisitor, use: UseServices, note: str = ""
) -> Response:
    """One: where it is, its labels, what can be done."""
    return await _one(
        request, use, caller, shipment_id, note=_(NOTES[note]) if note in NOTES else ""
    )


@router.post("/shipments/{shipment_id}/cancel")
async def cancel(
    request: Request, shipment_id: str, caller: UseCaller, use: UseServices
) -> Response:
    """Take it back, where the courier allows."""
    desk = ShippingDesk(use, caller.organization_id)
    try:
        await desk.cancel(await desk.get(shipment_id))
    except Problem as error:
        return await _one(request, use, caller, shipment_id, wrong=said(error))
    return RedirectResponse(f"/shipments/{shipment_id}?note=cancelled", SEE_OTHER)


@router.post("/shipments/{shipment_id}/restock")
async def restock(
    request: Request, shipment_id: str, caller: UseCaller, use: UseServices
) -> Response:
    """A parcel came back: all it held is in stock again, in one step."""
    desk = ShippingDesk(use, caller.organization_id)
    try:
        await desk.restock(await desk.get(shipment_id), None)
    except Problem as error:
        return await _one(request, use, caller, shipment_id, wrong=said(error))
    return RedirectResponse(f"/shipments/{shipment_id}?note=restocked", SEE_OTHER)


@router.post("/shipments/{shipment_id}/settle")
async def settle(
    request: Request,
    shipment_id: str,
    caller: UseCaller,
    use: UseServices,
    number: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """What the courier's portal shows: its number, or nothing where it was not made."""
    desk = ShippingDesk(use, caller.organization_id)
    try:
        await desk.settle(await desk.get(shipment_id), number.strip())
    except Problem as error:
        return await _one(request, use, caller, shipment_id, wrong=said(error))
    return RedirectResponse(f"/shipments/{shipment_id}?note=settled", SEE_OTHER)


def statement(text: str) -> tuple[list[dict[str, str]], list[str]]:
    """(lines as a payout takes them, lines that cannot be read): `5041000001 4,500.00` or CSV. A
    heading is passed by. Pure."""
    told, unread = [], []
    for place, line in enumerate(text.splitlines()):
        found = _LINE.match(line)
        if found:
            amount = found.group(2).replace(",", "")
            told.append({"trackingNumber": found.group(1), "amount": amount})
        elif line.strip() and (place or any(char.isdigit() for char in line)):
            unread.append(line.strip()[:80])
    return told, unread


async def _listed(
    request: Request,
    use: Services,
    caller: Caller,
    asked: dict[str, str],
    sheet: int,
    job_id: str,
    *,
    refused: Sequence[dict[str, Any]] = (),
    wrong: str = "",
    typed: str = "",
) -> Response:
    org, desk = caller.organization_id, ShippingDesk(use, caller.organization_id)
    shipments, following = desk.parts.shipments, desk.parts.following
    ids = None
    if asked.get("status") in STATUSES:
        ids = await following.standing(org, asked["status"], A_PAGE * 20)
    found = await shipments.newest(
        org,
        state=asked.get("state", ""),
        courier=asked.get("courier", ""),
        search=asked.get("q", ""),
        ids=ids,
        skip=A_PAGE * (sheet - 1),
        limit=A_PAGE + 1,
    )
    rows = await following.of_shipments(org, [one.id for one in found])
    job = await Jobs(use.database).get(org, job_id) if job_id else None
    attention = await shipments.newest(org, state="unknown", limit=20)
    attention += await shipments.newest(org, state="refused", limit=20)
    return page(
        request,
        "shipments.html",
        422 if wrong else 200,
        organization=await use.directory.name_of(org),
        shipments=[line_of(one, rows.get(one.id)) for one in found[:A_PAGE]],
        more=sheet + 1 if len(found) > A_PAGE else 0,
        asked={"state": "", "status": "", "courier": "", "q": "", **asked},
        filtered=any(asked.values()),
        couriers=await _couriers(use, org),
        attention=[line_of(one, None) for one in attention],
        puzzling=[
            {"number": row.number, "courier": row.courier, "shipment": row.shipment_id,
             "said": unlisted(row)[-1]}
            for row in await following.puzzling(org)
        ],
        states=STATES,
        statuses=STATUS_LOOKS,
        job=job_shape(job) if job is not None and job.kind == KIND else None,
        refused=refused,
        wrong=wrong,
        typed=typed,
        today=datetime.now(ZoneInfo(use.settings.time_zone)).date().isoformat(),
    )  # fmt: skip


def line_of(one: Wanted, row: Followed | None) -> dict[str, Any]:
    """A shipment as a line of the list. Pure."""
    status = row.status if row is not None else None
    look = STATUS_LOOKS[status] if status and one.state == "created" else STATES[one.state]
    return {
        "one": one,
        "look": look,
        "to": one.request.get("deliveryAddress", {}),
        "at": datetime.fromtimestamp(one.created_ms / 1000, UTC).isoformat(),
        "where": answer_of(row) if row is not None else None,
        "back": status == "returned",
    }


async def _couriers(use: Services, organization_id: str) -> list[str]:
    found = await use.directory.connections(organization_id)
    return sorted(one.settings.get("courier", "") for one in found if one.platform == "courier")


async def _one(
    request: Request,
    use: Services,
    caller: Caller,
    shipment_id: str,
    *,
    note: str = "",
    wrong: str = "",
) -> Response:
    desk = ShippingDesk(use, caller.organization_id)
    found = await desk.get(shipment_id)
    return page(
        request,
        "shipment.html",
        409 if wrong else 200,
        organization=await use.directory.name_of(caller.organization_id),
        line=line_of(found, await desk.row(found)),
        statuses=STATUS_LOOKS,
        cash=CASH,
        note=note,
        wrong=wrong,
    )


async def _cash(
    request: Request,
    use: Services,
    caller: Caller,
    courier: str,
    *,
    noted: Any = None,
    wrong: str = "",
    typed: str = "",
) -> Response:
    org = caller.organization_id
    cash = ShippingDesk(use, org).parts.cash
    rows = [shown(row) for row in await cash.listed(org, courier)]
    return page(
        request,
        "cod.html",
        422 if wrong else 200,
        organization=await use.directory.name_of(org),
        totals=await cash.totals(org, courier),
        differing=[row for row in rows if row["difference"] != "0"],
        rows=rows,
        courier=courier,
        couriers=await _couriers(use, org),
        words=CASH,
        noted=noted,
        wrong=wrong,
        typed=typed,
    )


async def _profile(
    request: Request, use: Services, caller: Caller, text: str, mistakes: Any, name: str
) -> Response:
    return page(
        request,
        "courierfile.html",
        422 if mistakes else 200,
        organization=await use.directory.name_of(caller.organization_id),
        text=text,
        mistakes=mistakes,
        name=name,
    )
