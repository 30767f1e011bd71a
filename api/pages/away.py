"""When MongoDB is away a page can show nothing: it says so at once, and looks again by itself."""

from __future__ import annotations

from fastapi import Depends, FastAPI, Request, Response

from api.deps import UseServices
from api.pages.render import page
from api.status import away_sentence


class Away(Exception):
    """Nothing can be shown now."""


async def _reachable(use: UseServices) -> None:
    if "mongodb" in use.servers.away:
        raise Away


REACHABLE = [Depends(_reachable)]
"""Dependencies of every router of pages: nobody waits for a server that is known to be away."""


def away(request: Request) -> Response:
    """The page that says so."""
    gone = request.app.state.services.servers.away
    told = [away_sentence(name, since_ms) for name, since_ms in sorted(gone.items())]
    return page(request, "away.html", 503, organization="", told=told)


def add_away(app: FastAPI) -> None:
    """Pages that cannot be shown are answered with that page."""

    async def answer(request: Request, _error: Exception) -> Response:
        return away(request)

    app.add_exception_handler(Away, answer)
