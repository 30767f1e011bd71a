"""A database of its own for each test, on the real server."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping

import pytest

from schemas.settings import Endpoints
from streams.database import Database, open_database


@pytest.fixture
async def database(servers: Mapping[str, str]) -> AsyncIterator[Database]:
    opened = open_database(Endpoints(DATABASE_URL=servers["DATABASE_URL"]))
    mine = opened.client[f"test_{secrets.token_hex(6)}"]
    yield mine
    await opened.client.drop_database(mine.name)
    await opened.client.close()
