"""`/api/couriers`: list, add, change, test, remove; `/api/courier/track`: where a shipment is, and
one made at once, in the user's own shapes."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from api.couriers import (
    CourierDesk,
    bad_profile,
    courier_shape,
    problem_of,
    user_shape,
)
from api.deps import Caller, UseCaller, UseServices
from api.errors import invalid, not_found
from api.routes.integrations import as_json, check_urls
from api.shipping import ShippingDesk
from connectors.couriers.asked import ShipmentRequest
from connectors.couriers.generic import BadProfile, load_profile
from connectors.couriers.registry import couriers
from connectors.couriers.service import CourierToAdd
from connectors.errors import ConnectorError
from streams.couriers.paces import NotNow, account_of

router = APIRouter(tags=["couriers"])

Text = Annotated[str, StringConstraints(max_length=250_000)]
Number = Annotated[str, Query(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][\w ./-]*$")]
Code = Annotated[str, Query(max_length=40)]


class CourierChange(BaseModel):
    """What to set; what is left out stays, an empty text removes."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    settings: Annotated[dict[str, Text], Field(max_length=60)] = {}
    secrets: Annotated[dict[str, SecretStr], Field(max_length=30)] = {}
    active: bool | None = None


class ProfileText(BaseModel):
    """A courier's file, to be looked at."""

    model_config = ConfigDict(extra="forbid")

    profile: Text


@router.get("/api/couriers")
async def list_couriers(
    caller: UseCaller, use: UseServices, organizationId: str | None = None
) -> Response:
    """Every courier there is, with the fields it needs, and how it is connected."""
    caller.check(organizationId)
    connected = await CourierDesk(use, caller.organization_id).integrations()
    codes = dict.fromkeys((*couriers(), *sorted(connected)))
    return as_json({"couriers": [courier_shape(code, connected.get(code)) for code in codes]})


@router.post("/api/couriers", status_code=201)
async def add_courier(given: CourierToAdd, caller: UseCaller, use: UseServices) -> Response:
    """Connect a courier: one of ours by its code, or any other by its file (`profile`)."""
    given = given.model_copy(update={"organization_id": _organization(given, caller)})
    check_urls(use, {**given.settings, "base_url": given.base_url})
    made = await CourierDesk(use, caller.organization_id).add(given)
    return as_json(courier_shape(given.code, made), 201)


@router.post("/api/couriers/check")
async def check_profile(given: ProfileText, caller: UseCaller) -> Response:
    """Look through a courier's file without connecting it: 422 with each mistake's line."""
    try:
        found = load_profile(given.profile)
    except BadProfile as error:
        raise bad_profile(error) from error
    return as_json({"ok": True, "code": found.slug, "name": found.display_name})


@router.patch("/api/couriers/{code}")
async def change_courier(
    code: str, change: CourierChange, caller: UseCaller, use: UseServices
) -> Response:
    """Change settings, replace secrets, pause (`active: false`) or go on."""
    check_urls(use, change.settings)
    secrets = {name: value.get_secret_value() for name, value in change.secrets.items()}
    desk = CourierDesk(use, caller.organization_id)
    await desk.change(code, change.settings, secrets, change.active)
    return as_json(courier_shape(code, (await desk.integrations()).get(code)))


@router.delete("/api/couriers/{code}", status_code=204)
async def remove_courier(code: str, caller: UseCaller, use: UseServices) -> Response:
    """Forget it and its secrets. Shipments stay; they are followed again when it is back."""
    found = (await CourierDesk(use, caller.organization_id).integrations()).get(code)
    if found is None:
        raise not_found(f"The courier {code!r} is not connected.")
    await use.directory.remove(caller.organization_id, found.id)
    return Response(status_code=204)


@router.post("/api/couriers/{code}/test")
async def test_courier(code: str, caller: UseCaller, use: UseServices) -> Response:
    """Ask the courier for a number that nobody has: its answer tells whether the keys are right."""
    desk = CourierDesk(use, caller.organization_id)
    connection = await desk.connection(code)
    begun = time.perf_counter()
    probe: dict[str, Any] = {"name": "The courier answers", "ok": True, "fix": None}
    try:
        client = await desk.parts.lines.client(connection)
        await desk.parts.paces.reserve(account_of(connection), client.traits.pace)
        probe["found"] = await client.probe()
    except (ConnectorError, NotNow) as error:
        told = problem_of(error).marshal()
        probe |= {"ok": False, "found": told["detail"], "fix": told["help"]}
    probe["durationMs"] = round((time.perf_counter() - begun) * 1000, 1)
    return as_json({"ok": probe["ok"], "durationMs": probe["durationMs"], "probes": [probe]})


@router.get("/api/courier/track")
async def track(
    caller: UseCaller,
    use: UseServices,
    trackingNumber: Number,
    courierCode: Code = "",
    organizationId: str | None = None,
) -> Response:
    """Where a shipment is, asked now. Without `courierCode`: of a shipment that is followed."""
    caller.check(organizationId)
    code = courierCode or await _courier_of(use, caller.organization_id, trackingNumber)
    return as_json(await CourierDesk(use, caller.organization_id).track(trackingNumber, code))


@router.post("/api/courier/track", status_code=201)
async def ship_now(given: ShipmentRequest, caller: UseCaller, use: UseServices) -> Response:
    """Make a shipment and wait for its number. 202 where the courier's answer is still owed:
    the same request again makes nothing twice."""
    given = given.model_copy(update={"organization_id": _organization(given, caller)})
    if not given.courier_code:
        raise invalid("courierCode is missing.", "Say which courier; GET /api/couriers lists them.")
    made = await ShippingDesk(use, caller.organization_id).ship_now(given)
    status = {"created": 201, "cancelled": 409, "refused": 422}.get(made.state, 202)
    if status in (409, 422):
        raise invalid(
            made.reason or "This parcel of the order was cancelled.",
            "Correct it and send it again; after a cancellation give it another orderId.",
        )
    return as_json(user_shape(made), status)


def _organization(given: CourierToAdd | ShipmentRequest, caller: Caller) -> str:
    """The caller's; another one in the body is refused."""
    if "organization_id" in given.model_fields_set:
        caller.check(given.organization_id)
    return caller.organization_id


async def _courier_of(use: Any, organization_id: str, number: str) -> str:
    row = await use.database["ss_tracking"].find_one(
        {"organizationId": organization_id, "number": number}, {"courier": 1}
    )
    if row is None:
        raise invalid("courierCode is missing.", "Say whose number it is: courierCode=aramex.")
    return str(row["courier"])
