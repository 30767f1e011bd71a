"""Shipments, as people ask for them: from orders, one or many; cancelled; put back on the shelf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi_problem.error import Problem
from pydantic import ValidationError

from api.couriers import CourierDesk, problem_of
from api.errors import conflict, invalid, not_found, unavailable
from api.services import Services
from connectors.couriers.asked import ShipmentRequest
from connectors.couriers.labels import Label
from connectors.errors import ConnectorError
from schemas.event import QueuedEvent
from streams.couriers.finding import find_order
from streams.couriers.following import Followed
from streams.couriers.jobs import KIND
from streams.couriers.orders import Incomplete, check_addresses, request_of, whole_name
from streams.couriers.places import WrongPlace
from streams.couriers.restock import restocking
from streams.couriers.shipments import Wanted, reference_of
from streams.couriers.shipping import NotCancelled
from streams.intake import Unavailable
from streams.queueing import event_record
from streams.sync.record import Record
from streams.upkeep.jobs import Job, Jobs


class ShippingDesk:
    """One organisation's. Errors: Problem, PyMongoError, PublishFailed."""

    def __init__(self, use: Services, organization_id: str) -> None:
        self._use = use
        self._organization_id = organization_id
        self._couriers = CourierDesk(use, organization_id)
        self.parts = self._couriers.parts

    async def get(self, shipment_id: str) -> Wanted:
        """Raises the 404 problem."""
        found = await self.parts.shipments.get(self._organization_id, shipment_id)
        if found is None:
            raise not_found(f"There is no shipment {shipment_id}.")
        return found

    async def row(self, shipment: Wanted) -> Followed | None:
        """How it is followed; None before it is made."""
        return await self.parts.following.of_shipment(self._organization_id, shipment.id)

    async def want(self, given: Mapping[str, Any], order_name: str, parcel: str) -> Wanted:
        """Check one request to its end and note it. Nothing is sent yet."""
        code = str(given["courierCode"])
        connection = await self._couriers.connection(code)
        order = await self._order(order_name)
        name = whole_name(order, order_name)
        whole = {
            **given,
            "orderId": reference_of(name, parcel),
            "organizationId": self._organization_id,
        }
        try:
            request = request_of(whole, order, connection.settings)
            client = await self.parts.lines.client(connection)
            if "create" not in client.traits.operations:
                raise Incomplete(f"{client.courier.name} makes no shipments by this way.")
        except (Incomplete, WrongPlace, ValidationError, ConnectorError) as error:
            raise problem_of(error) from error
        order_id = order.entity_id if order is not None else order_name
        return await self.parts.shipments.want(self._organization_id, order_id, parcel, request)

    async def want_all(
        self, common: Mapping[str, Any], orders: Sequence[str], parcel: str, *, alone: bool
    ) -> tuple[list[Wanted], list[dict[str, Any]]]:
        """(what is noted to be made, what cannot be: `orderId`, `detail`, `help`). `alone`: one
        order's trouble is the problem itself. Raises a 422 problem where none can be shipped."""
        made: list[Wanted] = []
        refused: list[dict[str, Any]] = []
        for name in dict.fromkeys(orders):
            try:
                made.append(await self.want(common, name, parcel))
            except Problem as error:
                if alone or error.status >= 500:
                    raise
                told = error.marshal()
                refused.append(
                    {"orderId": name, "detail": told["detail"], "help": told.get("help")}
                )
        if not made:
            raise invalid(
                f"None of the {len(refused)} orders can be shipped; the first: "
                f"{refused[0]['detail']}",
                "Correct them, then send them again.",
            )
        return made, refused

    async def queue(self, shipments: Sequence[Wanted]) -> Job:
        """Have them made, one after the other."""
        return await Jobs(self._use.database).queue(
            self._organization_id,
            KIND,
            shipments[0].replica,
            arguments={"shipments": [one.id for one in shipments]},
            total=len(shipments),
            alone=False,
        )

    async def ship_now(self, request: ShipmentRequest) -> Wanted:
        """At once. The order need not be known here."""
        connection = await self._couriers.connection(request.courier_code)
        try:
            await self.parts.lines.client(connection)
            check_addresses(request)
        except (ConnectorError, WrongPlace) as error:
            raise problem_of(error) from error
        order = await self._order(request.order_id)
        order_id = order.entity_id if order is not None else request.order_id
        wanted = await self.parts.shipments.want(self._organization_id, order_id, "1", request)
        return await self.parts.shipper.ship(wanted)

    async def cancel(self, shipment: Wanted) -> Wanted:
        """Take it back, where its courier allows."""
        try:
            return await self.parts.shipper.cancel(shipment)
        except NotCancelled as error:
            raise conflict(
                str(error), "Ask the courier where it cannot be done from here."
            ) from error

    async def settle(self, shipment: Wanted, number: str) -> Wanted:
        """What a person found in the courier's portal."""
        if shipment.state != "unknown":
            raise conflict(
                f"This shipment is {shipment.state}: there is nothing to settle.",
                "Only a shipment whose state is unknown can be settled.",
            )
        return await self.parts.shipper.settle(shipment, number)

    async def label(self, shipment: Wanted, place: int) -> Label:
        """Stored, else fetched now."""
        shipments = self.parts.shipments
        found = await shipments.label(self._organization_id, shipment.id, place)
        ours = shipment.ours and shipment.state == "created"
        if found is None and ours and not shipment.labels:
            try:
                await self.parts.shipper.relabel(shipment)
            except ConnectorError as error:
                raise problem_of(error) from error
            except ValueError as error:
                raise unlabelled(str(error)) from error
            found = await shipments.label(self._organization_id, shipment.id, place)
        if found is None:
            raise not_found(
                f"Shipment {shipment.id} has no label {place}.",
                "A label is there once the shipment is created.",
            )
        return found

    async def restock(
        self, shipment: Wanted, items: Sequence[Mapping[str, Any]] | None
    ) -> list[dict[str, Any]]:
        """What a returned parcel held is in stock again; what was added. Again: nothing more."""
        row = await self.row(shipment)
        if row is None or row.status != "returned":
            raise conflict(
                "This parcel has not come back: its courier has not said so.",
                "Restock when its status is Returned, or change the stock by hand.",
            )
        order = await self._order(shipment.order_id)
        others = await self.parts.shipments.newest(
            self._organization_id, order_id=shipment.order_id
        )
        alone = len([one for one in others if one.state != "cancelled"]) == 1
        try:
            events = restocking(shipment, order, items, alone, self._use.clock_ms())
        except Incomplete as error:
            raise problem_of(error) from error
        for event in events:
            await self._accept(event)
        return [
            {"entityId": event.data.get("entityId"), "sku": event.data.get("sku"),
             "quantity": event.data["delta"], "event": event.id}
            for event in events
        ]  # fmt: skip

    async def _accept(self, event: QueuedEvent) -> None:
        try:
            await self._use.intake.accept(event_record(event, self._use.clock_ms()))
        except Unavailable as error:
            raise unavailable("Neither Kafka nor MongoDB could take it.") from error

    async def _order(self, name: str) -> Record | None:
        return await find_order(self._use.database, self._organization_id, name)


def unlabelled(reason: str) -> Problem:
    """502: what came in place of a label is none."""
    return Problem(
        "No label", type_="no-label", status=502, detail=reason,
        help="Print it in the courier's own portal; the shipment itself stands.",
    )  # fmt: skip
