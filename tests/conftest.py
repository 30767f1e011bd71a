"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime.servers import LocalServers
from runtime.settings import RuntimeSettings


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """KAFKA_URL, DATABASE_URL and REDIS_URL of real servers, for tests marked `servers`: the
    configured ones, else local ones of this session in a folder of their own. They are shared:
    use topics, databases and keys of your own."""
    configured = RuntimeSettings.load().configured_endpoints()
    if len(configured) == 3:
        yield configured
        return
    with LocalServers(tmp_path_factory.mktemp("servers")) as local:
        yield local.environment()
