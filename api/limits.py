"""No request is read without end: a body over its limit is answered 413, whoever sends it."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.exceptions import HTTPException

from api.errors import too_large
from api.receive import App, Receive, Scope, Send, answer_problem
from api.settings import MAX_BODY_BYTES

STRANGERS_BYTES = 16_384
"""Of the few routes that anybody may call."""
STRANGERS = frozenset(("/api/integrations/pair", "/api/integrations/woocommerce/callback"))


class BodyLimit:
    """Middleware: FastAPI reads a body whole before it asks who is calling."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is short enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = STRANGERS_BYTES if scope["path"] in STRANGERS else MAX_BODY_BYTES
        for name, value in scope["headers"]:
            if name == b"content-length" and (not value.isdigit() or int(value) > limit):
                await answer_problem(send, too_large(limit))
                return
        size = 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise HTTPException(413, f"A request may have {limit} bytes.")
            return message

        await self._app(scope, counted, send)
