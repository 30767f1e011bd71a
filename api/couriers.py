"""Couriers for people and programs: connections, tracking, shipments, and errors in words."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi_problem.error import Problem
from pydantic import ValidationError

from api.errors import conflict, invalid, not_found
from api.services import Services
from connectors.couriers.errors import (
    AuthError,
    InvalidRequest,
    NotFound,
    RateLimited,
    Unsupported,
)
from connectors.couriers.generic import BadProfile
from connectors.couriers.model import Tracked, event_answer
from connectors.couriers.protocol import Courier
from connectors.couriers.registry import UnknownCourier, courier_of, couriers
from connectors.couriers.service import CourierToAdd, connection_of
from connectors.errors import ConnectorError, Paused, Retry
from connectors.protocol import Connection
from schemas.envelope import rfc3339
from streams.couriers.following import Followed, unlisted
from streams.couriers.orders import Incomplete
from streams.couriers.paces import NotNow, account_of
from streams.couriers.parts import CourierParts
from streams.couriers.places import WrongPlace
from streams.couriers.shipments import Wanted
from streams.directory import Integration
from streams.links import Links

PATIENCE_MS = 4_000
"""How long a person's question waits for the courier's pace."""
FRESH_MS = 20_000
"""So new an answer is given again instead of asking the courier."""
KEY_HELP = "Correct this courier's keys under /integrations; its own portal shows them."


def parts_of(use: Services) -> CourierParts:
    """What works on shipments, on this process's connections."""
    links = Links(use.database, use.cache)
    return CourierParts.of(
        use.database, use.directory, use.publisher, links, use.couriers, use.clock_ms
    )


def problem_of(error: Exception) -> Problem:
    """What a courier's refusal means to whoever asked."""
    match error:
        case NotFound():
            return not_found(
                str(error), "Check the number; a parcel is known once the courier has scanned it."
            )
        case RateLimited() | NotNow():
            return _wait(429, "rate-limited", "Too many questions", error, 60)
        case AuthError() | Paused():
            return Problem(
                "The courier refuses us",
                type_="courier-key",
                status=502,
                detail=str(error),
                help=KEY_HELP,
            )
        case InvalidRequest() | Unsupported():
            return invalid(str(error), "Correct what the courier names, then send it again.")
        case BadProfile():
            return bad_profile(error)
        case UnknownCourier():
            return not_found(str(error), "Connect it first: POST /api/couriers.")
        case ValidationError():
            return not_valid(error)
        case Incomplete() | WrongPlace():
            return invalid(str(error), "Correct it and send it again.")
        case Retry() | ConnectorError():
            return _wait(503, "courier-away", "The courier does not answer", error, 30)
    raise error


def _wait(status: int, kind: str, title: str, error: Exception, usual_s: int) -> Problem:
    given = getattr(error, "retry_after_s", None)
    wait_s = max(1, int(given)) if given else usual_s
    return Problem(
        title,
        type_=kind,
        status=status,
        detail=str(error),
        help=f"Nothing was done. Try again in {wait_s} seconds.",
        headers={"retry-after": str(wait_s)},
    )


def bad_profile(error: BadProfile) -> Problem:
    """422: every mistake with its line."""
    return Problem(
        "The courier's file has mistakes",
        type_="bad-profile",
        status=422,
        detail=str(error)[:2_000],
        help="Correct these lines of the file.",
        errors=[
            {"line": one.line, "where": one.where, "reason": one.reason} for one in error.mistakes
        ],
    )


def not_valid(error: ValidationError) -> Problem:
    """422 with every wrong field; the values sent are not repeated."""
    found = [
        {"loc": list(one["loc"]), "msg": one["msg"].removeprefix("Value error, ")}
        for one in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    where = ".".join(str(part) for part in found[0]["loc"])
    return Problem(
        "Not as expected",
        type_="request-validation-failed",
        status=422,
        detail=f"{where}: {found[0]['msg']}" if where else str(found[0]["msg"]),
        help="Correct the fields in `errors`.",
        errors=found,
    )


class CourierDesk:
    """One organisation's at a time. Errors: Problem, DirectoryError, PyMongoError."""

    def __init__(self, use: Services, organization_id: str) -> None:
        self._use = use
        self._organization_id = organization_id
        self.parts = parts_of(use)

    async def integrations(self) -> dict[str, Integration]:
        """By the courier's code."""
        found = await self._use.directory.integrations(self._organization_id)
        return {one.settings.get("courier", ""): one for one in found if one.platform == "courier"}

    async def connection(self, code: str) -> Connection:
        """Raises the 404 problem."""
        replica = f"courier:{code}"
        found = await self._use.directory.connection(self._organization_id, replica)
        if found is None:
            known = ", ".join(couriers())
            raise not_found(
                f"The courier {code!r} is not connected.",
                f"Connect it with POST /api/couriers. Ready to connect: {known}.",
            )
        return found

    async def add(self, given: CourierToAdd) -> Integration:
        """Checked and kept; the same code again changes it."""
        try:
            wanted = connection_of(given)
            self._checked(wanted)
        except (UnknownCourier, BadProfile, ConnectorError) as error:
            raise _refused(error) from error
        saved = await self._use.directory.connect(
            self._organization_id,
            "courier",
            wanted.settings,
            wanted.secrets,
            given.is_active,
            wanted.replica,
            first_sync="newest",
        )
        return await self._use.directory.integration(self._organization_id, saved.id)

    async def change(
        self,
        code: str,
        settings: Mapping[str, str],
        secrets: Mapping[str, str],
        active: bool | None,
    ) -> Integration:
        """Set what is given; what is empty is removed. Checked as a whole before it is kept."""
        held = await self.connection(code)
        if settings.get("courier", code) != code:
            raise invalid("A connection stays with its courier.", "Add the other one.")
        merged = Connection(
            held.id,
            held.organization_id,
            held.platform,
            held.replica,
            _without_empty({**held.settings, **settings}),
            _without_empty({**held.secrets, **secrets}),
        )
        try:
            self._checked(merged)
        except (UnknownCourier, BadProfile, ConnectorError) as error:
            raise _refused(error) from error
        return await self._use.directory.change(
            self._organization_id, held.id, settings=settings, secrets=secrets, active=active
        )

    def _checked(self, connection: Connection) -> Courier[Any]:
        allowed = connection.settings.get("allow_private_addresses") != "true"
        if self._use.settings.production and not allowed:
            raise invalid(
                "allow_private_addresses is for trials.",
                "In production couriers are called at public addresses only.",
            )
        found = courier_of(connection)
        found.account(connection)
        return found

    async def track(self, number: str, code: str) -> dict[str, Any]:
        """Where a shipment is: asked now, except where the answer is seconds old."""
        connection = await self.connection(code)
        if not connection.active:
            raise conflict(f"The courier {code} is paused.", "Resume it, then ask again.")
        following = self.parts.following
        row = await following.find(self._organization_id, connection.replica, number)
        if row is not None and self._use.clock_ms() - row.polled_ms < FRESH_MS:
            return answer_of(row)
        try:
            client = await self.parts.lines.client(connection)
            pace = client.traits.pace
            place = account_of(connection)
            slot = await self.parts.paces.reserve(place, pace, patience_ms=PATIENCE_MS)
            await asyncio.sleep(max(0, slot.at_ms - self._use.clock_ms()) / 1000)
            uses = {number: row.unique_id} if row is not None and row.unique_id else {}
            told = await client.track([number], uses)
            if told.failed:
                raise told.failed[0]
            if not told.found:
                raise NotFound(f"{client.courier.name} does not know {number} (yet).")
        except (NotNow, RateLimited) as error:
            if row is not None and row.events:
                return answer_of(row)  # what is known, rather than nothing
            raise problem_of(error) from error
        except ConnectorError as error:
            raise problem_of(error) from error
        if row is not None:
            await following.absorb(row, told.found[0])
        return told.found[0].answer()


def _refused(error: Exception) -> Problem:
    """What cannot be connected as it is."""
    if isinstance(error, BadProfile):
        return bad_profile(error)
    if isinstance(error, UnknownCourier):
        return invalid(str(error), "Choose one of them, or bring a file for it as `profile`.")
    return invalid(str(error), "GET /api/couriers tells the fields of each courier.")


def _without_empty(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def answer_of(row: Followed) -> dict[str, Any]:
    """What is known of a followed shipment, in the same shape as a fresh answer."""
    return Tracked(
        row.courier, row.number, row.status, row.events, estimated=row.estimated
    ).answer()


def courier_shape(code: str, connected: Integration | None) -> dict[str, Any]:
    """A courier as a page needs it: what it wants to know, what it can, whether it is connected."""
    profile = connected.settings.get("profile") if connected else None
    try:
        named = {"courier": code, "profile": profile or ""}
        found = courier_of(Connection("", "", "courier", "", named))
    except (UnknownCourier, BadProfile) as error:
        return {"code": code, "name": code, "connected": True, "trouble": str(error)}
    shape: dict[str, Any] = {
        "code": code,
        "name": found.name,
        "connected": connected is not None,
        "fromFile": bool(profile),
        "fields": [
            {
                "name": one.name,
                "label": one.label,
                "secret": one.secret,
                "required": one.required,
                "default": one.default,
                "help": one.help,
            }
            for one in found.fields
        ],
    }
    if connected is None:
        return shape
    return shape | {
        "id": connected.id,
        "active": connected.active,
        "settings": {name: v for name, v in connected.settings.items() if name != "profile"},
        "secrets": {
            name: {
                "set": True,
                "hint": f"••••{hint.hint}",
                "replacedAt": rfc3339(hint.replaced_at_ms) if hint.replaced_at_ms else None,
            }
            for name, hint in connected.secrets.items()
        },
        "fromEnvironment": connected.from_environment,
        "trouble": connected.trouble,
    }


def puzzle_shape(row: Followed) -> dict[str, Any]:
    """A parcel with codes that nobody has listed."""
    return {
        "trackingNumber": row.number,
        "courierCode": row.courier,
        "shipmentId": row.shipment_id,
        "orderId": row.order_id or None,
        "events": [event_answer(event) for event in unlisted(row)],
    }


def shipment_shape(found: Wanted, row: Followed | None = None) -> dict[str, Any]:
    """A shipment as clients see it."""
    shape: dict[str, Any] = {
        "id": found.id,
        "orderId": found.order_id,
        "orderNumber": found.order_name,
        "parcel": found.parcel,
        "courierCode": found.courier,
        "reference": found.reference,
        "state": found.state,
        "madeBy": "smartstore" if found.ours else "app",
        "reason": found.reason,
        "trackingNumber": found.number or None,
        "pieces": list(found.pieces),
        "labels": [f"/api/shipments/{found.id}/label?piece={n}" for n in range(found.labels)],
        "warnings": list(found.warnings),
        "weightKg": found.weight_kg,
        "cashOnDelivery": _cod(found.cod),
        "createdAt": rfc3339(found.created_ms),
        "shippedAt": rfc3339(found.shipped_ms) if found.shipped_ms else None,
    }
    if row is not None:
        shape["tracking"] = {**answer_of(row), "followed": row.live, "ended": row.ended or None}
    return shape


def _cod(cod: Mapping[str, Any]) -> dict[str, Any] | None:
    if not cod:
        return None
    return {name: cod.get(name) for name in ("amount", "currency", "state")}


def user_shape(found: Wanted) -> dict[str, Any]:
    """The answer of `POST /api/courier/track`, in the user's own names."""
    created = found.state == "created"
    return {
        "trackingNumber": found.number or None,
        "courierCode": found.courier,
        "orderId": found.order_name,
        "status": "Created" if created else found.state.capitalize(),
        "statusCode": "created" if created else None,
        "pieces": list(found.pieces),
        "labels": found.labels,
        "warnings": list(found.warnings),
        "shipmentId": found.id,
        "labelUrl": f"/api/shipments/{found.id}/label" if found.labels else None,
        "reason": found.reason,
    }
