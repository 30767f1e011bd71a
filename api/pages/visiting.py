"""Who looks at a page: somebody who has logged in; everybody else is asked to, and then comes to
what they wanted."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import Depends, Request
from pymongo.errors import PyMongoError

from api.deps import Caller, UseServices, find_caller
from api.pages.i18n import amounts_in
from api.services import Services

FRONT = "/sync"
LONGEST = 1_000


class Stranger(Exception):
    """Nobody has logged in here."""


async def visitor(request: Request, use: UseServices) -> Caller:
    """Who looks. Raises Stranger, which becomes a redirect to /login."""
    found = await find_caller(request, use)
    if found is None:
        raise Stranger
    await tell_amounts(use, found)
    return found


async def tell_amounts(use: Services, caller: Caller) -> None:
    """From here on amounts are shown in the currency of the organisation. Without MongoDB they are
    bare numbers: the page has more to tell then."""
    try:
        amounts_in(await use.currencies.of(use.database, use.directory, caller.organization_id))
    except PyMongoError:
        amounts_in("")


UseVisitor = Annotated[Caller, Depends(visitor)]


def login_address(request: Request) -> str:
    """`/login`, with where to go on; not for parts that a script asked for."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    by_script = request.headers.get("sec-fetch-mode", "navigate") != "navigate"
    if by_script or wanted == FRONT or len(wanted) > LONGEST:
        return "/login"
    return f"/login?{urlencode({'next': wanted})}"


def place_of(wanted: str) -> str:
    """Where to go on: a page of ours, whatever the address says."""
    parts = urlsplit(wanted)
    ours = not (parts.scheme or parts.netloc) and wanted.startswith("/")
    if not ours or wanted.startswith("//") or "\\" in wanted or not wanted.isprintable():
        return FRONT
    return FRONT if parts.path in ("/login", "/logout", "/password") else wanted[:LONGEST]
