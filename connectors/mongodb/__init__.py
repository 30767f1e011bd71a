"""The merchant's own database ("web") as a platform. See README.md for its limits and quirks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from connectors.errors import Forged, Paused
from connectors.mongodb.client import MongoDBClient
from connectors.mongodb.mapping import parse_event
from connectors.mongodb.profile import PROFILE
from connectors.mongodb.settings import shape_of
from connectors.protocol import Client, Connection, Parsed, Profile


class MongoDBConnector:
    """See `connectors.protocol.Connector`."""

    platform = "mongodb"

    def __init__(self) -> None:
        self._database: AsyncDatabase[dict[str, Any]] | None = None

    def bind(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        """The process's one handle on DATABASE_URL; needed before `client`."""
        self._database = database

    def profile(self, connection: Connection, capabilities: Mapping[str, str]) -> Profile:
        """It holds everything canonical, and compares."""
        return PROFILE

    def verify(
        self, connection: Connection, headers: Mapping[str, str], body: bytes, now_ms: int
    ) -> None:
        """Raises Forged: MongoDB calls no webhook; changes come by its change stream."""
        raise Forged("MongoDB sends no webhooks")

    def parse(
        self,
        connection: Connection,
        topic: str,
        headers: Mapping[str, str],
        body: bytes,
        now_ms: int,
    ) -> Parsed:
        """A change event. Raises Malformed."""
        return parse_event(shape_of(connection.settings), body)

    def client(self, connection: Connection) -> Client:
        """Writes to the merchant's collections. Raises Paused before `bind`."""
        if self._database is None:
            raise Paused("this process has opened no database")
        return MongoDBClient(connection, self._database)

    async def capabilities(self, connection: Connection) -> Mapping[str, str]:
        """Nothing differs from one MongoDB to the next that we use."""
        return {}


CONNECTOR = MongoDBConnector()
