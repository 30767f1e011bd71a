"""`/api/shipments`: made from orders, looked at, printed, cancelled, put back in stock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from api.couriers import puzzle_shape, shipment_shape
from api.deps import UseCaller, UseServices
from api.errors import invalid
from api.imports import shape as job_shape
from api.routes.integrations import as_json
from api.shipping import ShippingDesk
from connectors.couriers.asked import Address, Amount, Goods, Package
from streams.couriers.manifest import as_csv, as_html, rows_of

router = APIRouter(prefix="/api/shipments", tags=["shipments"])

MOST_ORDERS = 500
MOST_A_DAY = 5_000
LOCKED = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}
"""What a courier, or a customer's address, brings must not act as a page of ours."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Parcel = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]?$")]


class Asked(BaseModel):
    """camelCase outside; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class NewShipments(Asked):
    """One order's shipment, or one for each of several orders. What is left out comes from the
    order (address, cash on delivery) and from the courier's settings (where it is collected)."""

    courier_code: Id
    order_id: Id | None = None
    orders: Annotated[list[Id], Field(max_length=MOST_ORDERS)] | None = None
    parcel: Parcel = "1"
    """Of an order that goes in several parcels, which one: each has a label of its own."""
    organization_id: str | None = None
    pickup_address: Address | None = None
    delivery_address: Address | None = None
    package: Package | None = None
    packages: list[Package] | None = None
    cash_on_delivery: Amount | None = None
    declared_value: Amount | None = None
    items: list[Goods] | None = None
    description: str | None = None
    service: str | None = None
    note: str | None = None
    invoice: str | None = None
    waybill_number: str | None = None
    lookup: dict[str, str | int] | None = None

    @model_validator(mode="after")
    def _one_or_many(self) -> NewShipments:
        if bool(self.order_id) == bool(self.orders):
            raise ValueError("give orderId, or orders for several")
        if self.orders and (self.delivery_address or self.waybill_number):
            raise ValueError("deliveryAddress and waybillNumber belong to one order: use orderId")
        return self


class Settlement(Asked):
    """What the courier's portal shows of a shipment whose answer was lost."""

    number: Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)] = ""
    made: bool = True

    @model_validator(mode="after")
    def _clear(self) -> Settlement:
        if self.made != bool(self.number):
            raise ValueError("give its number; or made: false where it is not there")
        return self


class Item(Asked):
    sku: Id
    quantity: Annotated[int, Field(ge=1, le=100_000)]


class Restock(Asked):
    """What was in the parcel; left out: all of the order."""

    items: Annotated[list[Item], Field(max_length=500)] | None = None


@router.post("", status_code=202)
async def make_shipments(given: NewShipments, caller: UseCaller, use: UseServices) -> Response:
    """Check everything, then make them in the background: follow `job`, or each shipment. The same
    order and parcel again is the same shipment."""
    caller.check(given.organization_id)
    desk = ShippingDesk(use, caller.organization_id)
    apart = {"order_id", "orders", "parcel", "organization_id"}
    common = given.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=apart)
    orders = given.orders or [given.order_id or ""]
    made, refused = await desk.want_all(common, orders, given.parcel, alone=given.orders is None)
    job = await desk.queue(made)
    body = {
        "job": job_shape(job),
        "shipments": [shipment_shape(one) for one in made],
        "refused": refused,
    }
    return as_json(body, 202)


@router.get("")
async def list_shipments(
    caller: UseCaller,
    use: UseServices,
    orderId: str = "",
    courier: str = "",
    state: Literal["", "waiting", "refused", "unknown", "created", "cancelled"] = "",
    q: Annotated[str, Query(max_length=100, description="a tracking or order number")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    organizationId: str | None = None,
) -> Response:
    """The newest first, each with where it is."""
    caller.check(organizationId)
    parts = ShippingDesk(use, caller.organization_id).parts
    found = await parts.shipments.newest(
        caller.organization_id,
        order_id=orderId,
        state=state,
        courier=courier,
        search=q.strip(),
        limit=limit,
    )
    rows = await parts.following.of_shipments(caller.organization_id, [one.id for one in found])
    return as_json({"shipments": [shipment_shape(one, rows.get(one.id)) for one in found]})


@router.get("/attention")
async def attention(
    caller: UseCaller, use: UseServices, organizationId: str | None = None
) -> Response:
    """Parcels of which the courier told something that no table lists: it changed no status."""
    caller.check(organizationId)
    parts = ShippingDesk(use, caller.organization_id).parts
    return as_json(
        {
            "parcels": [
                puzzle_shape(r) for r in await parts.following.puzzling(caller.organization_id)
            ]
        }
    )


@router.get("/manifest")
async def manifest(
    caller: UseCaller,
    use: UseServices,
    date: Annotated[str, Query(pattern=r"^\d{4}-\d\d-\d\d$")],
    courier: str = "",
    format: Literal["html", "csv"] = "html",
    timeZone: Annotated[str, Query(max_length=60)] = "Asia/Colombo",
    organizationId: str | None = None,
) -> Response:
    """What was handed over on one day, to print and to be signed."""
    caller.check(organizationId)
    try:
        begin = datetime.fromisoformat(date).replace(tzinfo=ZoneInfo(timeZone))
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:
        raise invalid(f"{date} in {timeZone} is no day.", "Send 2026-11-22.") from error
    shipments = ShippingDesk(use, caller.organization_id).parts.shipments
    rows = rows_of(
        await shipments.newest(
            caller.organization_id,
            courier=courier,
            from_ms=int(begin.timestamp() * 1000),
            to_ms=int((begin + timedelta(days=1)).timestamp() * 1000),
            limit=MOST_A_DAY,
        )
    )
    if format == "csv":
        name = {"content-disposition": f'attachment; filename="manifest-{date}.csv"'}
        return Response(as_csv(rows), media_type="text/csv; charset=utf-8", headers=name)
    title = f"Shipments of {date}{f', {courier}' if courier else ''}"
    return Response(as_html(rows, title), media_type="text/html; charset=utf-8", headers=LOCKED)


@router.get("/{shipment_id}")
async def get_shipment(shipment_id: str, caller: UseCaller, use: UseServices) -> Response:
    """How it stands, and where it is."""
    desk = ShippingDesk(use, caller.organization_id)
    found = await desk.get(shipment_id)
    return as_json(shipment_shape(found, await desk.row(found)))


@router.get("/{shipment_id}/label")
async def get_label(
    shipment_id: str,
    caller: UseCaller,
    use: UseServices,
    piece: Annotated[int, Query(ge=0, le=99, description="which of its labels, from 0")] = 0,
) -> Response:
    """What is to be printed: PDF, PNG, GIF or ZPL, as the courier gave it."""
    desk = ShippingDesk(use, caller.organization_id)
    label = await desk.label(await desk.get(shipment_id), piece)
    name = f'inline; filename="label-{shipment_id}-{piece}.{label.format}"'
    headers = {**LOCKED, "content-disposition": name, "cache-control": "private, no-store"}
    return Response(label.content, media_type=label.media_type, headers=headers)


@router.post("/{shipment_id}/cancel")
async def cancel_shipment(shipment_id: str, caller: UseCaller, use: UseServices) -> Response:
    """Take it back, where the courier allows."""
    desk = ShippingDesk(use, caller.organization_id)
    return as_json(shipment_shape(await desk.cancel(await desk.get(shipment_id))))


@router.post("/{shipment_id}/settle")
async def settle_shipment(
    shipment_id: str, given: Settlement, caller: UseCaller, use: UseServices
) -> Response:
    """A person has looked: it is there under this number, or it was not made (and is made now)."""
    desk = ShippingDesk(use, caller.organization_id)
    found = await desk.settle(await desk.get(shipment_id), given.number)
    return as_json(shipment_shape(found, await desk.row(found)))


@router.post("/{shipment_id}/restock", status_code=202)
async def restock(
    shipment_id: str, caller: UseCaller, use: UseServices, given: Restock | None = None
) -> Response:
    """A parcel came back: what it held is in stock again. Again: nothing more is added."""
    desk = ShippingDesk(use, caller.organization_id)
    items: list[dict[str, Any]] | None = None
    if given is not None and given.items is not None:
        items = [item.model_dump() for item in given.items]
    added = await desk.restock(await desk.get(shipment_id), items)
    return as_json({"restocked": added}, 202)
