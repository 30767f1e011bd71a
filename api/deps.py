"""Who is calling, and whether they may: one dependency says so, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from fastapi import Depends
from starlette.requests import HTTPConnection

from api.access import SAFE, needed
from api.errors import forbidden, not_found, unauthorised
from api.login import COOKIE
from api.ratelimit import STRANGERS
from api.services import Services
from api.tokens import hashed
from streams.access import Role

CALLER = "smartstore.caller"
"""Where a request's scope has its caller, for what writes down who did what."""


@dataclass(frozen=True)
class Caller:
    """One organisation, and how it showed who it is: `key` or `session`."""

    organization_id: str
    by: str
    role: Role = Role.OWNER
    who: str = ""
    """For the record: an e-mail, `link`, or the beginning of a key. No secret."""
    credential: str = ""
    """`key:<id>`, `session:<hash>` or `cli:`: whether it still stands can be asked later."""

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
    found = await _known(connection, use)
    if found is not None and found.role is Role.PLUGIN and not found.role.may(_needed(connection)):
        return None  # a plugin's key opens no pages
    return found


async def caller(connection: HTTPConnection, use: UseServices) -> Caller:
    """The caller. Raises 401; 403 for a role that is not enough, and for a change by session that
    another site's page asked for; 429."""
    found = await _known(connection, use)
    if found is None:
        await use.limits.hit(STRANGERS, "stranger", address_of(connection))
        raise unauthorised()
    connection.scope[CALLER] = found
    await use.limits.hit(use.settings.rate_limit_item, "caller", found.credential)
    if not found.role.may(needed_role := _needed(connection)):
        raise forbidden(
            f"This is for the role {needed_role}; yours is {found.role}.",
            "Ask an owner of the organisation to do it, or for another role or key.",
        )
    if connection.scope.get("method", "GET") not in SAFE and found.by == "session":
        check_origin(connection, use)
    return found


async def _known(connection: HTTPConnection, use: Services) -> Caller | None:
    api_key = _api_key(connection)
    if api_key is not None:
        key = await use.directory.keys.find(api_key)
        if key is None:
            return None
        return Caller(key.organization_id, "key", key.role, key.prefix, f"key:{key.id}")
    cookie = connection.cookies.get(COOKIE, "")
    entry = await use.sessions.find(cookie) if cookie else None
    if entry is None:
        return None
    credential = f"session:{hashed(cookie)}"
    return Caller(entry.organization_id, "session", entry.role, entry.who, credential)


def ticket_for(caller: Caller) -> str:
    """What a WebSocket's ticket stands for."""
    return msgspec.json.encode(caller).decode()


def caller_of(ticket: str) -> Caller:
    """The other way round."""
    return msgspec.json.decode(ticket, type=Caller)


async def still_stands(use: Services, caller: Caller) -> bool:
    """Whether who came some time ago would still be let in, with the same role. Raises
    PyMongoError."""
    kind, _, credential = caller.credential.partition(":")
    if kind == "cli":  # whoever has the computer it runs on
        return True
    if kind == "key":
        return await use.directory.keys.stands(credential, caller.organization_id)
    entry = await use.sessions.find_hashed(credential)
    return entry is not None and entry.role == caller.role


def _needed(connection: HTTPConnection) -> Role:
    route = connection.scope.get("route")
    template = getattr(route, "path", None) or connection.scope["path"]
    return needed(connection.scope.get("method", "GET"), template)


def address_of(connection: HTTPConnection) -> str:
    """Who calls, by address; behind a proxy see SMARTSTORE_TRUSTED_PROXIES."""
    return connection.client.host if connection.client else "unknown"


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
