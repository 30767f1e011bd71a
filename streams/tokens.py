"""When a connection's access token ends, as its platform says, beside what else is known of the
connection:

    ss_capabilities  {_id: "org/replica", token: {of, endsAtMs, askedAtMs, reason}}

`of` is a digest of the token: of one that was replaced nothing is known until it was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connectors.protocol import Connection
from streams.apikeys import digest
from streams.database import Database

SECRET = "access_token"  # noqa: S105 - its name
DAY_MS = 86_400_000
SOON_MS = 14 * DAY_MS
"""Before the end people are told of it, and once more before the last days."""
LAST_MS = 3 * DAY_MS


@dataclass(frozen=True, slots=True)
class TokenEnd:
    """Times in ms since 1970."""

    ends_ms: int | None
    """0: never. None: nobody could say, for `reason`."""
    asked_ms: int
    reason: str = ""

    def is_soon(self, now_ms: int) -> bool:
        """Whether a new token is to be made now. One that has ended is soon, too."""
        return bool(self.ends_ms and now_ms >= self.ends_ms - SOON_MS)


class Tokens:
    """Errors: PyMongo's own."""

    def __init__(self, database: Database) -> None:
        self._rows = database["ss_capabilities"]

    async def known(self, connections: Iterable[Connection]) -> Mapping[str, TokenEnd]:
        """Replica to what is known of its token; absent where nothing is."""
        asked = {one.place: one for one in connections if SECRET in one.secrets}
        if not asked:
            return {}
        found = {}
        match = {"_id": {"$in": list(asked)}, "token": {"$exists": True}}
        async for row in self._rows.find(match, {"token": 1}):
            connection, held = asked[row["_id"]], row["token"]
            if held["of"] == _of(connection):
                found[connection.replica] = TokenEnd(
                    held["endsAtMs"], held["askedAtMs"], held["reason"]
                )
        return found

    async def keep(self, connection: Connection, end: TokenEnd) -> None:
        """What was told of it."""
        held = {
            "of": _of(connection),
            "endsAtMs": end.ends_ms,
            "askedAtMs": end.asked_ms,
            "reason": end.reason[:500],
        }
        place = {"_id": connection.place}
        await self._rows.update_one(place, {"$set": {"token": held}}, upsert=True)


def _of(connection: Connection) -> str:
    return digest(connection.secrets[SECRET])
