"""`POST /api/webhooks/courier/{organizationId}/{courier}`: what couriers send by themselves."""

from __future__ import annotations

import secrets

from fastapi import APIRouter, Request, Response

from api.deps import UseServices
from api.errors import bad_signature, malformed, not_found, unavailable
from api.receive import headers_of
from api.services import Services
from api.signing import with_either
from connectors.couriers.generic import BadProfile
from connectors.couriers.pushes import PUSHED
from connectors.couriers.registry import UnknownCourier, courier_of
from connectors.errors import ConnectorError, Forged, Malformed
from connectors.protocol import Connection
from schemas.envelope import Envelope
from schemas.topics import INBOUND
from streams import tracing
from streams.intake import Unavailable
from streams.kafka.records import Outgoing

router = APIRouter(prefix="/api/webhooks/courier", tags=["webhooks"])

FIX = "Set the key of its pushes under /integrations, and the address that the courier calls."


@router.post("/{organizationId}/{courier}")
async def pushed(organizationId: str, courier: str, request: Request, use: UseServices) -> Response:
    """News of parcels: 200 once they cannot be lost; 401 where they do not prove where they are
    from, 404 for a courier that is not connected or sends nothing, 503 when nothing could take
    them."""
    connection = await use.directory.connection(organizationId, f"courier:{courier}")
    if connection is None:
        raise not_found(f"There is no courier {courier} here.")
    body = await request.body()
    headers = headers_of(request.scope)
    try:
        found = courier_of(connection)
        account = found.account(connection)
        query = dict(request.query_params)
        if not found.traits(account).pushes:
            raise not_found(f"{found.name} sends nothing to this connection.", FIX)
        with_either(
            connection,
            lambda known: found.verify_push(found.account(known), headers, query, body),
        )
        handed = found.handshake(account, body)
    except Forged as error:
        raise bad_signature(f"This push is refused: {error}.", FIX) from error
    except Malformed as error:
        raise malformed(str(error), "Send it as the courier does.") from error
    except (ConnectorError, BadProfile, UnknownCourier) as error:
        raise not_found(f"The courier {courier} is not set up: {error}") from error
    if handed:
        await use.directory.change(organizationId, connection.id, secrets=dict(handed))
    else:
        await _accept(use, connection, body)
    status, text = found.push_answer()
    return Response(text, status_code=status, media_type="text/plain")


async def _accept(use: Services, connection: Connection, body: bytes) -> None:
    """All pushes of one courier have one key: they are taken one after the other."""
    organization_id, subject = connection.organization_id, "push"
    envelope = Envelope(
        id=secrets.token_hex(16),
        type=f"inbound.courier.{PUSHED}",
        source="api",
        organization_id=organization_id,
        subject=subject,
        time_ms=use.clock_ms(),
        traceparent=tracing.here(),
    )
    key = f"{organization_id}/{connection.replica}/{subject}".encode()
    try:
        await use.intake.accept(Outgoing(INBOUND, key, body, envelope.headers()))
    except Unavailable as error:
        raise unavailable("Neither Kafka nor MongoDB could take it.") from error
