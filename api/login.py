"""How a person gets in: a one-time link, exchanged for a session in a cookie."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from api.tokens import OneTime, hashed, new_token
from streams.database import Database
from streams.directory import DEFAULT_ORGANIZATION, Directory, ensure_default_organization
from streams.fresh import Fresh

LINK_S = 900
SESSION_S = 7 * 86_400
COOKIE = "smartstore_session"
CHECKED_S = 3.0
"""A session that was ended elsewhere works on this long."""


async def issue_login_link(
    database: Database,
    base_url: str,
    organization_id: str = DEFAULT_ORGANIZATION,
    life_s: float = LINK_S,
) -> str:
    """`<base_url>/login?token=…`, good once within `life_s`. Raises PyMongoError."""
    token = await OneTime(database, "login").issue(organization_id, life_s)
    return f"{base_url.rstrip('/')}/login?{urlencode({'token': token})}"


@dataclass(frozen=True)
class Welcome:
    """What a person who starts us is shown, once."""

    api_key: str | None
    """The default organisation's first key; None where it has one already."""
    link: str

    def lines(self) -> list[str]:
        """For a terminal."""
        shown = [f"Open {self.link} (works once, 15 minutes)"]
        if self.api_key is not None:
            shown.insert(0, f"API key of organisation default (shown once): {self.api_key}")
        return shown


async def welcome(directory: Directory, database: Database, base_url: str) -> Welcome:
    """The default organisation and a way in. Show its lines on a terminal, never in a log."""
    api_key = await ensure_default_organization(directory)
    return Welcome(api_key, await issue_login_link(database, base_url))


class Sessions:
    """Sessions in MongoDB by the hash of their cookie; known ones are kept for CHECKED_S."""

    def __init__(self, database: Database) -> None:
        self._links = OneTime(database, "login")
        self._sessions = database["ss_sessions"]
        self._known: Fresh[str | None] = Fresh(CHECKED_S, time.monotonic)

    async def open(self, token: str) -> str | None:
        """The cookie's value for a login token, or None when it was used, is too old or wrong."""
        organization_id = await self._links.take(token)
        if organization_id is None:
            return None
        cookie = new_token()
        expires = datetime.now(UTC) + timedelta(seconds=SESSION_S)
        await self._sessions.insert_one(
            {"_id": hashed(cookie), "organizationId": organization_id, "expiresAt": expires}
        )
        return cookie

    async def organization_of(self, cookie: str) -> str | None:
        """Whose session this is; None for one that ended or never was."""
        place = hashed(cookie)

        async def read() -> str | None:
            row = await self._sessions.find_one(
                {"_id": place, "expiresAt": {"$gt": datetime.now(UTC)}}
            )
            return None if row is None else str(row["organizationId"])

        return await self._known.get(place, read)

    async def close(self, cookie: str) -> None:
        """End the session."""
        await self._sessions.delete_one({"_id": hashed(cookie)})
        self._known.clear()
