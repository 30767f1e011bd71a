"""Who is calling: one dependency resolves the organisation, and nothing else may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.requests import HTTPConnection

from api.errors import forbidden, not_found, unauthorised
from api.login import COOKIE
from api.services import Services
from streams.organizations import KEY_PREFIX

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Caller:
    """One organisation, and how it showed who it is: `key` or `session`."""

    organization_id: str
    by: str

    def check(self, organization_id: str | None) -> None:
        """Another organisation's things are not there. Raises 404."""
        if organization_id is not None and organization_id != self.organization_id:
            raise not_found(
                f"There is no organisation {organization_id} for you.",
                "Use the API key of that organisation, or leave organizationId out.",
            )


def services(connection: HTTPConnection) -> Services:
    """What the lifespan opened."""
    found: Services = connection.app.state.services
    return found


UseServices = Annotated[Services, Depends(services)]


async def find_caller(connection: HTTPConnection, use: Services) -> Caller | None:
    """The caller, or None for a stranger. A wrong key is one, even with a session beside it."""
    api_key = _api_key(connection)
    if api_key is not None:
        if not api_key.startswith(KEY_PREFIX) or len(api_key) > 200:
            return None
        organization_id = await use.directory.organization_of_key(api_key)
        return None if organization_id is None else Caller(organization_id, "key")
    cookie = connection.cookies.get(COOKIE, "")
    if not cookie:
        return None
    organization_id = await use.sessions.organization_of(cookie)
    return None if organization_id is None else Caller(organization_id, "session")


async def caller(connection: HTTPConnection, use: UseServices) -> Caller:
    """The caller. Raises 401; 403 for a change by session that another site's page asked for."""
    found = await find_caller(connection, use)
    if found is None:
        raise unauthorised()
    if connection.scope.get("method", "GET") not in SAFE:
        if found.by == "session":
            check_origin(connection, use)
        elif not await use.directory.may_change(_api_key(connection) or ""):
            raise forbidden(
                "This API key may only read.", "Use a key of the organisation's own for changes."
            )
    return found


UseCaller = Annotated[Caller, Depends(caller)]


def check_origin(connection: HTTPConnection, use: Services) -> None:
    """A cookie is sent by any page that makes the browser call us, so the page must be ours.
    Browsers send Origin with every POST and every WebSocket. Raises 403."""
    origin = connection.headers.get("origin")
    if origin is None:
        if connection.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none"):
            return
    elif is_ours(origin, connection, use):
        return
    raise forbidden(
        f"The page at {origin} may not act with your session.",
        "Add its origin to SMARTSTORE_ALLOWED_ORIGINS, or use an API key.",
    )


def is_ours(origin: str, connection: HTTPConnection, use: Services) -> bool:
    """The host and port that was called, its pair (PORT and WEBSOCKET_PORT), or an allowed one."""
    if origin.rstrip("/") in use.settings.origins:
        return True
    try:
        parts = urlsplit(origin)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        called = urlsplit(f"//{connection.headers.get('host', '')}")
        called_port = called.port or (443 if connection.url.scheme in ("https", "wss") else 80)
    except ValueError:
        return False
    if not parts.hostname or parts.hostname != called.hostname:
        return False
    pair = {use.settings.port, use.settings.websocket_port}
    return port == called_port or {port, called_port} <= pair


def _api_key(connection: HTTPConnection) -> str | None:
    authorization = connection.headers.get("authorization", "")
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return connection.headers.get("x-api-key")
