"""`/api/cod`: cash on delivery expected, collected and paid out, and where it differs."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from api.couriers import parts_of
from api.deps import UseCaller, UseServices
from api.routes.integrations import as_json
from schemas.envelope import rfc3339
from schemas.money import money
from streams.couriers.cod import Paid, difference

router = APIRouter(prefix="/api/cod", tags=["cash on delivery"])

MOST_LINES = 5_000


class Line(BaseModel):
    """One shipment of a courier's statement."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    tracking_number: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    amount: Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=3)]
    """As text, so that no digit is lost."""


class Payout(BaseModel):
    """A courier's statement of what it pays out."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    courier_code: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    payout_id: Annotated[str, StringConstraints(pattern=r"^[\w.-]{1,100}$")]
    """The statement's own number: noted once."""
    lines: Annotated[list[Line], Field(min_length=1, max_length=MOST_LINES)]


@router.get("")
async def list_cash(
    caller: UseCaller,
    use: UseServices,
    courier: str = "",
    state: Literal["", "expected", "collected", "paid", "returned", "cancelled"] = "",
    differing: Annotated[bool, Query(description="only where what was paid differs")] = False,
    limit: Annotated[int, Query(ge=1, le=2_000)] = 500,
    organizationId: str | None = None,
) -> Response:
    """By courier and currency in sums, and each shipment; a difference below zero is missing."""
    caller.check(organizationId)
    cash = parts_of(use).cash
    rows = await cash.listed(caller.organization_id, courier, state, limit)
    found = [shown(row) for row in rows]
    return as_json(
        {
            "totals": await cash.totals(caller.organization_id, courier),
            "shipments": [one for one in found if not differing or one["difference"] != "0"],
        }
    )


@router.post("/payouts")
async def note_payout(given: Payout, caller: UseCaller, use: UseServices) -> Response:
    """Note what a courier paid out. The same statement again changes nothing."""
    lines = [Paid(one.tracking_number, one.amount) for one in given.lines]
    found = await parts_of(use).cash.pay_out(
        caller.organization_id, given.courier_code, given.payout_id, lines
    )
    return as_json(
        {
            "payoutId": found.payout_id,
            "matched": found.matched,
            "paid": money(found.paid),
            "unknown": list(found.unknown),
            "paidBefore": list(found.again),
            "partlyPaid": list(found.partly),
            "differences": list(found.differing),
        }
    )


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """One shipment's books as clients see them."""
    cod = row["cod"]
    return {
        "shipmentId": row["_id"],
        "orderId": row["orderId"],
        "orderNumber": row["orderName"],
        "courierCode": row["courier"],
        "trackingNumber": row["number"] or None,
        "currency": cod["currency"],
        "expected": cod["amount"],
        "state": cod["state"],
        "collectedAt": rfc3339(cod["collectedAtMs"]) if cod.get("collectedAtMs") else None,
        "paid": cod.get("paid"),
        "paidAt": rfc3339(cod["paidAtMs"]) if cod.get("paidAtMs") else None,
        "payoutIds": [one["id"] for one in cod.get("payouts", [])],
        "difference": difference(cod),
    }
