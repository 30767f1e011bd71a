"""What a person sees instead of a page: MongoDB is away, nobody has logged in, or what was asked
for cannot be done. The same errors leave as problem documents where a program asked."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from pymongo.errors import PyMongoError
from starlette.responses import RedirectResponse

from api.deps import UseServices
from api.pages.render import page
from api.pages.visiting import Stranger, login_address
from api.status import away_sentence

SEE_OTHER = 303


class Away(Exception):
    """Nothing can be shown now."""


async def _reachable(use: UseServices) -> None:
    if "mongodb" in use.servers.away:
        raise Away


REACHABLE = [Depends(_reachable)]
"""Dependencies of every router of pages: nobody waits for a server that is known to be away."""


def away(request: Request) -> Response:
    """The page that says so, and looks again by itself."""
    gone = request.app.state.services.servers.away
    told = [away_sentence(name, since_ms) for name, since_ms in sorted(gone.items())]
    return page(request, "away.html", 503, organization="", told=told)


def add_away(app: FastAPI) -> None:
    """After `add_problems`: errors in words for people, unchanged for programs."""

    async def gone(request: Request, _error: Exception) -> Response:
        return away(request)

    for kind, handler in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = _for_people(handler)

    async def unknown(request: Request, _error: Exception) -> Response:
        return RedirectResponse(login_address(request), SEE_OTHER)

    app.add_exception_handler(Away, gone)
    app.add_exception_handler(Stranger, unknown)


def _for_people(handler: Callable[..., Any]) -> Callable[..., Any]:
    async def answer(request: Any, error: Exception) -> Any:
        response = handler(request, error)
        if inspect.isawaitable(response):
            response = await response
        if not (isinstance(request, Request) and _by_a_person(request)):
            return response
        if isinstance(error, PyMongoError):
            return away(request)
        try:
            told = json.loads(response.body)
        except (ValueError, AttributeError):
            return response
        words = {name: str(told.get(name) or "") for name in ("title", "detail", "help")}
        return page(request, "problem.html", response.status_code, organization="", **words)

    return answer


def _by_a_person(request: Request) -> bool:
    wants = request.headers.get("accept", "")
    return "text/html" in wants and not request.url.path.startswith("/api/")
