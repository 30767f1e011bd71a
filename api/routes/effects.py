"""`/api/effects`: messages and parcels of which nobody knows whether they went out."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from api.deps import UseCaller, UseServices
from api.routes.integrations import as_json
from api.whatsapp import WhatsAppDesk, effect_shape, message_shape, problem_of
from streams.whatsapp.sends import attempt_of
from streams.whatsapp.service import REFUSALS

router = APIRouter(prefix="/api/effects", tags=["effects"])


@router.get("")
async def list_effects(
    caller: UseCaller,
    use: UseServices,
    state: Literal["unknown"] = "unknown",
    all: Annotated[bool, Query(description="those that may still be settled by evidence too")] = (
        False
    ),
    organizationId: str | None = None,
) -> Response:
    """Effects whose call was cut before its answer, and that nothing has settled for 15 minutes. A
    message may be sent again, or given up."""
    caller.check(organizationId)
    desk = WhatsAppDesk(use, caller.organization_id)
    found = await desk.service.ledger.unsettled(caller.organization_id, use.clock_ms())
    shown = []
    for one in found:
        if one.listed or all:
            key, _ = attempt_of(one.effect_key)
            row = await desk.service.sends.of_key(caller.organization_id, key)
            shown.append(effect_shape(one, row))
    return as_json({"state": state, "effects": shown})


@router.post("/{key:path}/resend")
async def resend(key: str, caller: UseCaller, use: UseServices) -> Response:
    """Send it again, knowing that the customer may get it twice. Once: 409 after that."""
    desk = WhatsAppDesk(use, caller.organization_id)
    try:
        row = await desk.service.resend(caller.organization_id, key, "a person")
    except REFUSALS as error:
        raise problem_of(error) from error
    return as_json(message_shape(row))


@router.post("/{key:path}/give-up", status_code=204)
async def give_up(key: str, caller: UseCaller, use: UseServices) -> Response:
    """Leave it as it is; it is not listed any more."""
    desk = WhatsAppDesk(use, caller.organization_id)
    try:
        await desk.service.give_up(caller.organization_id, key, "a person")
    except REFUSALS as error:
        raise problem_of(error) from error
    return Response(status_code=204)
