"""Who changed what: `ss_audit`, one row a change made by a person or a program over HTTP or the
WebSocket, and each login.

{organizationId, atMs, who, role, what ("POST /api/policies"), target (the address), status,
 address, expiresAt}
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from bson import ObjectId
from bson.errors import InvalidId
from pymongo import DESCENDING
from pymongo.errors import PyMongoError
from starlette.requests import HTTPConnection

from api.access import SAFE
from api.deps import CALLER, Caller, address_of
from api.receive import App, Receive, Scope, Send
from schemas.envelope import rfc3339
from streams.database import Database, Document

log = structlog.get_logger(__name__)

KEPT = timedelta(days=400)
NOT_AUDITED = frozenset({"/api/events", "/api/ws/ticket", "/language"})
"""Events are in the history with their source; the others change nothing."""
MAX_TARGET = 300


class Audit:
    """Writing never fails what is written about: without MongoDB that had failed before."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._rows = database["ss_audit"]
        self._clock_ms = clock_ms

    async def record(
        self, caller: Caller, what: str, target: str, status: int, address: str = ""
    ) -> None:
        """One change; `status` as HTTP would answer it."""
        now_ms = self._clock_ms()
        row: Document = {
            "organizationId": caller.organization_id,
            "atMs": now_ms,
            "who": caller.who or caller.by,
            "role": caller.role.value,
            "what": what,
            "target": target[:MAX_TARGET],
            "status": status,
            "address": address,
            "expiresAt": datetime.fromtimestamp(now_ms / 1000, UTC) + KEPT,
        }
        try:
            await self._rows.insert_one(row)
        except PyMongoError as error:
            log.warning("a change is not in the audit", what=what, error=repr(error))

    async def page(
        self, organization_id: str, limit: int, cursor: str = ""
    ) -> tuple[list[dict[str, Any]], str]:
        """(newest first, the cursor of the next page or ""). An unknown cursor begins anew."""
        where: Document = {"organizationId": organization_id}
        at_ms, _, last = cursor.partition(".")
        if at_ms.isdecimal():
            try:
                beyond = ObjectId(last)
            except InvalidId:
                beyond = ObjectId("f" * 24)
            same = {"atMs": int(at_ms), "_id": {"$lt": beyond}}
            where["$or"] = [{"atMs": {"$lt": int(at_ms)}}, same]
        order = [("atMs", DESCENDING), ("_id", DESCENDING)]
        rows = await self._rows.find(where).sort(order).limit(limit + 1).to_list()
        more = len(rows) > limit
        rows = rows[:limit]
        next_cursor = f"{rows[-1]['atMs']}.{rows[-1]['_id']}" if more else ""
        names = ("who", "role", "what", "target", "status", "address")
        return [
            {"at": rfc3339(row["atMs"]), **{name: row.get(name) for name in names}} for row in rows
        ], next_cursor


class Audited:
    """Middleware: each change by a known caller is written down, whatever came of it."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; the row is written once the answer is known."""
        if scope["type"] != "http" or scope["method"] in SAFE or scope["path"] in NOT_AUDITED:
            await self._app(scope, receive, send)
            return
        status = 500

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            caller = scope.get(CALLER)
            if isinstance(caller, Caller):
                template = getattr(scope.get("route"), "path", scope["path"])
                audit: Audit = scope["app"].state.services.audit
                what = f"{scope['method']} {template}"
                await audit.record(
                    caller, what, scope["path"], status, address_of(HTTPConnection(scope))
                )
