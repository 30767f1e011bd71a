"""How a person gets in: a password, or a one-time link; both become a session in a cookie."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import msgspec

from api.tokens import OneTime, hashed, new_token
from streams.access import Role
from streams.database import Database
from streams.directory import DEFAULT_ORGANIZATION, Directory, ensure_default_organization
from streams.fresh import Fresh

LINK_S = 900
INVITATION_S = 7 * 86_400
SESSION_S = 7 * 86_400
COOKIE = "smartstore_session"
CHECKED_S = 2.0
"""A session that was ended elsewhere works on this long."""


class Entry(msgspec.Struct, frozen=True):
    """Who a session or a link is for. `person_id` is empty for whoever has the computer it runs on:
    the link that `smartstore status` prints."""

    organization_id: str
    role: Role = Role.OWNER
    person_id: str = ""
    who: str = "link"
    """An e-mail, or `link`."""


async def issue_login_link(
    database: Database,
    base_url: str,
    organization_id: str = DEFAULT_ORGANIZATION,
    life_s: float = LINK_S,
) -> str:
    """`<base_url>/login?token=…`, good once within `life_s`. Raises PyMongoError."""
    token = await OneTime(database, "login").issue(_kept(Entry(organization_id)), life_s)
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
        self._invitations = OneTime(database, "invitation")
        self._sessions = database["ss_sessions"]
        self._known: Fresh[Entry | None] = Fresh(CHECKED_S, time.monotonic)

    async def open(self, token: str) -> str | None:
        """The cookie's value for a login token, or None when it was used, is too old or wrong."""
        payload = await self._links.take(token)
        return None if payload is None else await self.begin(_read(payload))

    async def begin(self, entry: Entry) -> str:
        """A session for somebody who has shown who they are: the cookie's value."""
        cookie = new_token()
        expires = datetime.now(UTC) + timedelta(seconds=SESSION_S)
        await self._sessions.insert_one(
            {
                "_id": hashed(cookie),
                "organizationId": entry.organization_id,
                "role": entry.role.value,
                "personId": entry.person_id,
                "who": entry.who,
                "expiresAt": expires,
            }
        )
        return cookie

    async def find(self, cookie: str) -> Entry | None:
        """Whose session this is; None for one that ended or never was."""
        return await self.find_hashed(hashed(cookie))

    async def find_hashed(self, place: str) -> Entry | None:
        """The same by the cookie's hash, for what goes on without the cookie."""

        async def read() -> Entry | None:
            row = await self._sessions.find_one(
                {"_id": place, "expiresAt": {"$gt": datetime.now(UTC)}}
            )
            if row is None:
                return None
            role = Role(row.get("role", "owner"))
            return Entry(
                row["organizationId"], role, row.get("personId", ""), row.get("who", "link")
            )

        return await self._known.get(place, read)

    async def close(self, cookie: str) -> None:
        """End the session."""
        await self._sessions.delete_one({"_id": hashed(cookie)})
        self._known.clear()

    async def close_all(self, person_id: str) -> None:
        """End every session of a person whose role or password has changed, or who has gone."""
        await self._sessions.delete_many({"personId": person_id})
        self._known.clear()

    async def invite(self, entry: Entry) -> str:
        """A token that lets this person set a password, once, within a week."""
        return await self._invitations.issue(_kept(entry), INVITATION_S)

    async def invited(self, token: str) -> Entry | None:
        """Who this invitation is for; it stays good."""
        payload = await self._invitations.peek(token)
        return None if payload is None else _read(payload)

    async def take_invitation(self, token: str) -> Entry | None:
        """The same, and it is used up."""
        payload = await self._invitations.take(token)
        return None if payload is None else _read(payload)


def _kept(entry: Entry) -> str:
    return msgspec.json.encode(entry).decode()


def _read(payload: str) -> Entry:
    return msgspec.json.decode(payload, type=Entry)
