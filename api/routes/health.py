"""`GET /api/health` in the user's shape, and `GET /api/health/live` for a supervisor."""

from __future__ import annotations

import asyncio
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import APIRouter, Request, Response

from api.checks import Check
from api.deps import UseServices, find_caller
from api.services import Services
from api.shapes import to_json
from schemas.envelope import rfc3339

router = APIRouter(prefix="/api/health", tags=["health"])

COURIER = "courier:"
"""Couriers' replicas are `courier:<carrier>`."""


@router.get("/live")
async def live() -> dict[str, str]:
    """This process answers. Asks nobody else."""
    return {"status": "healthy"}


@router.get("")
async def health(
    request: Request,
    use: UseServices,
    organizationId: str | None = None,
    detailed: bool = False,
) -> Response:
    """`services` holds words; `details` (with `detailed=true`) says what is behind them. An
    organisation's integrations and the details are told to that organisation only: others get the
    same shape without them. 503 only when nothing can be taken any more."""
    database, redis, websocket, kafka, archive = await asyncio.gather(
        use.checks.database(),
        use.checks.redis(),
        use.checks.websocket(),
        use.checks.kafka(),
        use.checks.archive(),
    )
    history = {} if archive is None else {"archive": archive}
    found = await find_caller(request, use)
    mine = found is not None and organizationId in (None, found.organization_id)
    platforms: dict[str, Check] = {}
    if found is not None and mine:
        platforms = await _platforms(use, found.organization_id)
    status = overall([database, kafka], [redis, websocket, *history.values(), *platforms.values()])
    body: dict[str, Any] = {
        "status": status,
        "timestamp": rfc3339(use.clock_ms()),
        "version": product_version(),
        "environment": use.settings.environment,
        "uptime": int(time.monotonic() - use.started_at_s),
        "services": {
            "database": database.word,
            "redis": redis.word,
            "websocket": websocket.word,
            "integrations": words(platforms),
        },
    }
    if detailed:
        servers = {"database": database, "redis": redis, "websocket": websocket, "kafka": kafka}
        body["details"] = {
            name: _detail(check, mine)
            for name, check in {**servers, **history, **platforms}.items()
        }
    return Response(
        to_json(body),
        status_code=503 if status == "unhealthy" else 200,
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )


def overall(durable: list[Check], others: list[Check]) -> str:
    """unhealthy: no store is left that could take a webhook; degraded: something is not well."""
    if all(check.word == "unhealthy" for check in durable):
        return "unhealthy"
    fine = ("healthy", "paused")
    return "healthy" if all(c.word in fine for c in (*durable, *others)) else "degraded"


def words(platforms: dict[str, Check]) -> dict[str, Any]:
    """`{"whatsapp": "healthy", ..., "couriers": {"aramex": "healthy"}}`."""
    plain = {name: c.word for name, c in platforms.items() if not name.startswith(COURIER)}
    couriers = {
        name.removeprefix(COURIER): check.word
        for name, check in platforms.items()
        if name.startswith(COURIER)
    }
    return {**plain, "couriers": couriers}


def product_version() -> str:
    """Of the installed distribution, else of the checkout."""
    try:
        return version("smartstore-sync")
    except PackageNotFoundError:
        return "0.1.0"


async def _platforms(use: Services, organization_id: str) -> dict[str, Check]:
    integrations = await use.directory.integrations(organization_id)
    names = {integration.replica for integration in integrations}
    connections = [
        found
        for found in await use.directory.connections(organization_id)
        if found.replica in names
    ]
    checks = await asyncio.gather(*(use.checks.probe(connection) for connection in connections))
    return {c.replica: check for c, check in zip(connections, checks, strict=True)}


def _detail(check: Check, told: bool) -> dict[str, Any]:
    """Strangers learn the word and the time, not addresses in an error's text."""
    detail = {"status": check.word, "latencyMs": round(check.latency_ms, 1)}
    return {**detail, "detail": check.detail} if told else detail
