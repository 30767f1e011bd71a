"""Clients of couriers, kept open, so that tokens are fetched once and not by every request."""

from __future__ import annotations

from collections import deque
from typing import Any

import httpx

from connectors.couriers.client import CourierClient
from connectors.couriers.connector import opened
from connectors.protocol import Connection

MOST = 500
RETIRED = 8
"""Clients that were replaced are closed this many replacements later: a call may be under way."""


class CourierLines:
    """One a process. `transport` replaces the network in tests."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._kept: dict[tuple[str, str], tuple[Connection, CourierClient[Any]]] = {}
        self._retired: deque[CourierClient[Any]] = deque()

    async def client(self, connection: Connection) -> CourierClient[Any]:
        """The connection's client as it is now. Raises Paused where a setting is missing."""
        place = (connection.organization_id, connection.replica)
        held = self._kept.get(place)
        if held is not None and held[0] == connection:
            return held[1]
        client = opened(connection, self._transport)
        if held is None and len(self._kept) >= MOST:
            held = self._kept.pop(next(iter(self._kept)))
        self._kept[place] = (connection, client)
        if held is not None:
            self._retired.append(held[1])
        while len(self._retired) > RETIRED:
            await self._retired.popleft().close()
        return client

    async def close(self) -> None:
        """Let go of connections; the next call opens them again."""
        kept, self._kept = self._kept, {}
        retired, self._retired = self._retired, deque()
        for client in (*retired, *(client for _, client in kept.values())):
            await client.close()
