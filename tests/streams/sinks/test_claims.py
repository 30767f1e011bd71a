"""Claims on a real MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from uuid import uuid4

import pytest

from schemas.settings import Endpoints
from streams.database import Database, open_database
from streams.sinks.claims import FRESH_S, Claims

pytestmark = pytest.mark.servers
TOPIC = "commands.woocommerce"


@pytest.fixture
async def database(servers: Mapping[str, str]) -> AsyncIterator[Database]:
    opened = open_database(Endpoints(**servers))
    own = opened.client[f"claims_{uuid4().hex[:8]}"]
    yield own
    await opened.client.drop_database(own.name)
    await opened.client.close()


async def test_the_highest_epoch_outlives_its_reader(database: Database) -> None:
    now = [0.0]
    first = Claims(database, clock=lambda: now[0])
    assert await first.newest(TOPIC, 2) == 0
    await first.raise_to(TOPIC, 2, 7)
    await first.raise_to(TOPIC, 2, 5)
    assert await first.newest(TOPIC, 2) == 7
    assert await first.newest(TOPIC, 1) == 0

    elsewhere = Claims(database)
    assert await elsewhere.newest(TOPIC, 2) == 7
    await elsewhere.raise_to(TOPIC, 2, 9)
    assert await first.newest(TOPIC, 2) == 7
    now[0] += FRESH_S + 0.1
    assert await first.newest(TOPIC, 2) == 9
