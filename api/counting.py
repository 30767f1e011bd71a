"""What the api counts for Prometheus: its requests, and how every organisation stands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import MutableMapping
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from api.receive import App, Receive, Scope, Send
from api.services import Services
from schemas.envelope import epoch_ms
from streams import metrics, tracing
from streams.kafka.lag import LagUnknown

log = structlog.get_logger(__name__)

EVERY_S = 10.0
MOST_ORGANIZATIONS = 500
"""A series each; beyond that the first ones by name are told."""
WEBHOOKS = "/api/webhooks/"


class Counting:
    """Middleware, the outermost: how long each route took, what it answered, and the trace that it
    and its log lines belong to."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; count what is HTTP."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_s, status = time.perf_counter(), 500
        given = given_trace(scope)
        span = tracing.receive(scope["method"], given)
        trace = span.traceparent if span else tracing.enter(given)
        named = structlog.contextvars.bind_contextvars(trace=tracing.trace_id(trace))

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            took_s = time.perf_counter() - begun_s
            route = route_of(scope)
            metrics.REQUESTS.labels(scope["method"], route, str(status)).observe(took_s)
            structlog.contextvars.reset_contextvars(**named)
            if span is not None:
                told: tracing.Attributes = {
                    "http.route": route,
                    "http.response.status_code": status,
                }
                span.end(told, failed=str(status) if status >= 500 else "")


def given_trace(scope: Scope) -> str:
    """The request's own `traceparent`, or nothing."""
    for name, value in scope["headers"]:
        if name == b"traceparent":
            return str(value.decode("latin-1"))
    return ""


def route_of(scope: Scope) -> str:
    """The route's template: an address with ids in it would make a series for each id."""
    route = getattr(scope.get("route"), "path", None)
    if isinstance(route, str):
        return route
    path = str(scope["path"])
    if path.startswith(WEBHOOKS):  # answered before the framework
        return WEBHOOKS + path.removeprefix(WEBHOOKS).partition("/")[0][:32]
    return "other"


async def tell_metrics(use: Services) -> None:
    """Every ten seconds; ends with its task. What cannot be asked keeps its last value, and
    `smartstore_server_up` says so."""
    while True:
        try:
            await _servers(use)
            for organization_id in sorted(await use.directory.organizations())[:MOST_ORGANIZATIONS]:
                await _organization(use, organization_id)
        except PyMongoError as error:
            log.warning("no figures for Prometheus", error=repr(error))
        await asyncio.sleep(EVERY_S)


async def _servers(use: Services) -> None:
    names = ("mongodb", "redis", "kafka")
    asked = (use.checks.database(), use.checks.redis(), use.checks.kafka())
    for name, check in zip(names, await asyncio.gather(*asked), strict=True):
        metrics.SERVER_UP.labels(name).set(check.word == "healthy")
    metrics.CLIENTS.set(sum(use.feed.watching().values()))
    try:
        for topic, waiting in (await use.checks.waiting()).items():
            metrics.WAITING.labels(topic).set(waiting)
    except LagUnknown:
        return  # said by smartstore_server_up


async def _organization(use: Services, organization_id: str) -> None:
    status = await use.status.of(organization_id)
    metrics.OWED.labels(organization_id).set(status.owed)
    metrics.OLDEST_OWED.labels(organization_id).set(status.oldest_pending_s)
    metrics.CONFLICTS.labels(organization_id).set(status.open_conflicts)
    letters = await use.database["ss_deadletter"].count_documents(
        {"organizationId": organization_id, "state": "parked"}, limit=10_000
    )
    metrics.DEAD_LETTERS.labels(organization_id).set(letters)
    for replica in status.replicas:
        if replica.last_sync:
            heard = metrics.LAST_HEARD.labels(organization_id, replica.replica)
            heard.set(epoch_ms(replica.last_sync) / 1000)
